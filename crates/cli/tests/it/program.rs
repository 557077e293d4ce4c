//! The program, a directory to run it in, and log records.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};

/// Runs the program. Returns its exit code, standard output and standard error.
pub fn trailbell(args: &[&str], vars: &[(&str, &str)]) -> (i32, String, String) {
    let output = command(args).envs(vars.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The program in the repository's directory, without settings from the environment.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailbell"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRAILBELL_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(support::root());
    command
}

/// The JSON documents of an output, one per line.
pub fn documents(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns true if a terminal would obey something in the text.
pub fn is_hostile(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
}

/// A temporary directory, with `logs/` (a bucket), `state/` (a ledger) and `alerts/` in it.
pub struct TestDir(tempfile::TempDir);

impl TestDir {
    pub fn new() -> TestDir {
        TestDir(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path in it as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// `dir:` and a path in it.
    pub fn dir(&self, name: &str) -> String {
        format!("dir:{}", self.text(name))
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a log file of these records and returns its path.
    pub fn log(&self, records: &[Value]) -> String {
        self.write("log.json", log_text(records))
    }

    /// Adds a log object to the bucket, delivered in a minute of 2026-03-01, e.g. `1005`.
    pub fn put(&self, minute: &str, records: &[Value]) {
        self.write(&format!("logs/{}", key(minute)), log_text(records));
    }

    /// Runs the program with this ledger and these alerts.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.run_with(args, &[])
    }

    pub fn run_with(&self, args: &[&str], vars: &[(&str, &str)]) -> (i32, String, String) {
        let [ledger, alerts] = ["state", "alerts"].map(|name| self.dir(name));
        let places = [("TRAILBELL_LEDGER", ledger.as_str()), ("TRAILBELL_ALERTS", &alerts)];
        trailbell(args, &[&places[..], vars].concat())
    }

    /// Alerts on everything in the bucket.
    pub fn publish(&self, vars: &[(&str, &str)]) {
        let (code, out, err) = self.run_with(&["replay", &self.text("logs"), "--publish"], vars);
        assert_eq!(code, 0, "{out}{err}");
    }

    /// The subjects of the alerts, sorted.
    pub fn subjects(&self) -> Vec<String> {
        let first_line = |mail: String| mail.lines().next().unwrap().to_owned();
        let mut subjects: Vec<String> =
            self.alert_files("txt").into_iter().map(first_line).collect();
        subjects.sort();
        subjects
    }

    /// The contents of the alert files with this extension.
    pub fn alert_files(&self, extension: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("alerts")) else { return Vec::new() };
        let files = entries.map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|actual| actual == extension))
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    }

    /// All files in a directory: their bytes, and when they were written.
    pub fn snapshot(&self, name: &str) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
        let mut files = BTreeMap::new();
        add_files(&self.path(name), &mut files);
        files
    }

    /// The keys of the ledger that begin with a directory.
    pub fn keys(&self, directory: &str) -> Vec<String> {
        let root = self.path("state/ledger");
        let key = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        self.snapshot(&format!("state/ledger/{directory}")).keys().map(key).collect()
    }
}

fn add_files(directory: &Path, files: &mut BTreeMap<PathBuf, (Vec<u8>, SystemTime)>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            add_files(&path, files);
        } else {
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            files.insert(path.clone(), (fs::read(&path).unwrap(), modified));
        }
    }
}

pub fn log_text(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}

/// The key of a log object that was delivered in a minute of 2026-03-01.
pub fn key(minute: &str) -> String {
    format!(
        "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
         111122223333_CloudTrail_us-east-1_20260301T{minute}Z_a1B2c3D4e5F6g7H8.json.gz"
    )
}

/// A call at a time of 2026-03-01, e.g. `10:00:00`, with the id `event-GROUP`.
pub fn create_group(group: &str, user: &str, time: &str) -> Value {
    json!({
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateGroup",
        "eventTime": format!("2026-03-01T{time}Z"),
        "awsRegion": "us-east-1",
        "eventID": format!("event-{group}"),
        "recipientAccountId": "111122223333",
        "requestParameters": {"groupName": group},
        "userIdentity": {
            "type": "IAMUser",
            "userName": user,
            "arn": format!("arn:aws:iam::111122223333:user/{user}"),
        },
    })
}

/// An exception file for all rules.
pub fn exception(name: &str, query: &str, expires: &str) -> String {
    format!(
        "[[exception]]\nname = '{name}'\nrules = ['*']\nquery = '{query}'\nreason = 'x'\n\
         owner = 'platform'\nexpires = {expires}\n"
    )
}

/// A rule file.
pub fn rule(id: &str, name: &str, query: &str) -> String {
    format!(
        "[rule]\nname = \"{name}\"\nrule_id = \"{id}\"\ndescription = \"d\"\ntype = \"query\"\n\
         language = \"kuery\"\nseverity = \"high\"\nrisk_score = 73\nquery = '{query}'\n"
    )
}

/// A rule of low severity in EQL; its id is its name.
pub fn eql_rule(id: &str, query: &str) -> String {
    let text = rule(id, id, query).replace("high", "low").replace("kuery", "eql");
    text.replace("type = \"query\"", "type = \"eql\"")
}
