//! Whole processes, measured on files.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use tempfile::TempDir;

use crate::measure::Task;

const TRAILBELL: &str = env!("CARGO_BIN_EXE_trailbell");

/// `gzip -dc` and `trailbell scan --threads 1` on the same files, and the directory of these.
pub fn tasks(objects: &[Bytes]) -> (TempDir, Vec<Task<'static>>) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let logs = directory.path().join("logs");
    fs::create_dir(&logs).expect("a directory can be made");
    let mut gzip: Vec<OsString> = vec!["-dc".into()];
    for (index, object) in objects.iter().enumerate() {
        let path = logs.join(format!("{index:05}.json.gz"));
        fs::write(&path, object).expect("a file can be written");
        gzip.push(path.into());
    }
    let rules = directory.path().join("rules");
    write_rules(&rules);
    let scan: Vec<OsString> =
        vec!["scan".into(), "--threads".into(), "1".into(), logs.into_os_string()];
    let more_rules = [&scan[..], &["--rules".into(), rules.into_os_string()]].concat();
    let tasks = vec![
        process_task("gzip -dc, whole process", "gzip", &gzip),
        process_task("scan --threads 1, whole process", TRAILBELL, &scan),
        process_task("scan --threads 1 --rules (100 more)", TRAILBELL, &more_rules),
    ];
    (directory, tasks)
}

/// Writes 100 rules whose calls are not in the corpus.
fn write_rules(directory: &Path) {
    fs::create_dir(directory).expect("a directory can be made");
    for n in 0..100 {
        let rule = format!(
            "[rule]\nname = \"Rule {n}\"\nrule_id = \"rule-{n}\"\ndescription = \"Made up\"\n\
             type = \"query\"\nlanguage = \"kuery\"\nseverity = \"low\"\nrisk_score = 21\n\
             query = \"event.provider: service{n}.amazonaws.com and \
             event.action: (DeleteThing{n} or PutThing{n})\"\n"
        );
        fs::write(directory.join(format!("rule-{n}.toml")), rule).expect("a file can be written");
    }
}

fn process_task(name: &'static str, program: &str, args: &[OsString]) -> Task<'static> {
    let mut command = Command::new(program);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    Task::new(name, move |_| {
        let status = command.status().expect("the program starts");
        assert!(status.success(), "{command:?}: {status}");
    })
}
