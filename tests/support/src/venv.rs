//! The Python packages of the tests, in a virtual environment of their own: `target/moto-venv`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("../../tools/requirements.txt");

/// The Python of a virtual environment with the packages of `tests/tools/requirements.txt`, made
/// when there is none.
pub fn python_with_moto() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    // Test programs and benchmarks are built to `target/PROFILE/deps`.
    let target = program.ancestors().nth(3).ok_or("no target folder")?;
    let venv = target.join("moto-venv");
    // Tests of several processes start at once; the first makes the environment and the others
    // wait.
    let lock = target.join("moto-venv.lock");
    let _lock =
        lock_file(&lock).map_err(|error| format!("cannot lock {}: {error}", lock.display()))?;
    let python = venv.join("bin/python");
    // Written last, so that half an environment is never taken for one. It says what is in there.
    let marker = venv.join("complete");
    if !python.exists() || fs::read_to_string(&marker).ok().as_deref() != Some(REQUIREMENTS) {
        eprintln!("making {} for the tests, once: this takes a minute", venv.display());
        make_venv(&venv)?;
        fs::write(&marker, REQUIREMENTS)
            .map_err(|error| format!("cannot write {}: {error}", marker.display()))?;
    }
    Ok(python)
}

fn lock_file(path: &Path) -> std::io::Result<File> {
    let file = File::create(path)?;
    file.lock()?;
    Ok(file)
}

fn make_venv(venv: &Path) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/requirements.txt");
    run(Command::new(venv.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(requirements))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{command:?}: {}: {}",
            output.status,
            last_line(&output.stderr, &output.stdout)
        )),
    }
}

/// The last line of a program's complaint: `venv` writes its own to standard output.
fn last_line(stderr: &[u8], stdout: &[u8]) -> String {
    let text =
        String::from_utf8_lossy(if stderr.is_empty() { stdout } else { stderr }).into_owned();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message").to_owned()
}
