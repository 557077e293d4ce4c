//! What is measured of whole processes, on files.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::measure::Task;
use crate::work::Work;

/// `gzip -dc` and `trailbell scan --threads 1`, over the same files, and the folder that these are
/// in; none where the program is not built along with the benchmark.
pub fn tasks(work: &Work) -> Option<(TempDir, Vec<Task<'static>>)> {
    let program = option_env!("CARGO_BIN_EXE_trailbell")?;
    let folder = tempfile::tempdir().expect("a folder for the corpus");
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).expect("a folder for the corpus");
    for (at, object) in work.objects.iter().enumerate() {
        fs::write(logs.join(format!("{at:05}.json.gz")), object).expect("room for the corpus");
    }
    let rules = folder.path().join("rules");
    more_rules(&rules);
    let files = fs::read_dir(&logs).expect("the corpus").map(|file| file.expect("a file").path());
    let gzip = command("gzip", ["-dc".into()].into_iter().chain(files.map(Into::into)));
    let scan = ["scan".into(), "--threads".into(), "1".into(), logs.into_os_string()];
    let more = scan.iter().cloned().chain(["--rules".into(), rules.into_os_string()]);
    let hundred = command(program, more);
    let tasks = vec![
        process("gzip -dc, whole process", gzip),
        process("scan --threads 1, whole process", command(program, scan.clone())),
        process("scan --threads 1 --rules (100 more)", hundred),
    ];
    Some((folder, tasks))
}

fn more_rules(folder: &std::path::Path) {
    fs::create_dir(folder).expect("a folder for rules");
    for n in 0..100 {
        let rule = format!(
            "[metadata]\ncreation_date = \"2026-03-01\"\nupdated_date = \"2026-03-01\"\nmaturity = \"production\"\n\
             integration = [\"aws\"]\n\n[rule]\nauthor = [\"bench\"]\nname = \"Made {n}\"\nrule_id = \"made-{n}\"\n\
             description = \"Made up\"\ntype = \"query\"\nlanguage = \"kuery\"\nseverity = \"low\"\nrisk_score = 21\n\
             license = \"Apache-2.0\"\n\
             query = \"event.provider: service{n}.amazonaws.com and event.action: (DeleteThing{n} or PutThing{n})\"\n"
        );
        fs::write(folder.join(format!("made-{n}.toml")), rule).expect("room for rules");
    }
}

fn command(program: &str, arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn process(name: &'static str, mut command: Command) -> Task<'static> {
    let run = move |_| {
        let status = command.status().expect("the program starts");
        assert!(status.success(), "{command:?}: {status}");
    };
    Task { name, run: Box::new(run) }
}
