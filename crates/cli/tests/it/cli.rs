//! The command line as people run it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Exit code, standard output, standard error.
pub fn trailbell(args: &[&str], vars: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailbell"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRAILBELL_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(support::root()).envs(vars.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A folder of one test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A log of these records.
    pub fn log(&self, records: &[Value]) -> PathBuf {
        self.write("log.json", &json!({"Records": records}).to_string())
    }
}

/// A group made by alice.
pub fn create_group(group: &str) -> Value {
    json!({"eventSource": "iam.amazonaws.com", "eventName": "CreateGroup", "eventID": group,
        "eventTime": "2026-03-01T10:00:00Z", "requestParameters": {"groupName": group},
        "userIdentity": {"type": "IAMUser", "userName": "alice"}})
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
