//! A bucket in a folder, with a ledger and an outbox beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::trailbell;

/// `logs/`, `state/` (the ledger) and `alerts/` of one test.
pub struct Bucket(tempfile::TempDir);

impl Bucket {
    pub fn new() -> Bucket {
        Bucket(tempfile::tempdir().unwrap())
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

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Puts a log object that was delivered in a minute of 2026-03-01, e.g. `1005`.
    pub fn put(&self, minute: &str, records: &[Value]) -> String {
        self.write(&format!("logs/{}", key(minute)), &json!({ "Records": records }).to_string())
    }

    /// The program, with this ledger and outbox.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.run_with(args, &[])
    }

    pub fn run_with(&self, args: &[&str], vars: &[(&str, &str)]) -> (i32, String, String) {
        let (ledger, alerts) = (self.dir("state"), self.dir("alerts"));
        let own = [("TRAILBELL_LEDGER", ledger.as_str()), ("TRAILBELL_ALERTS", &alerts)];
        trailbell(args, &[&own[..], vars].concat())
    }

    /// Everything in the bucket, alerted and in the ledger.
    pub fn publish(&self) {
        let (exit, out, err) = self.run(&["replay", &self.text("logs"), "--publish"]);
        assert_eq!(exit, 0, "{out}{err}");
    }

    /// The subjects of the alerts that were sent, sorted.
    pub fn subjects(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("alerts")) else { return Vec::new() };
        let files = entries.map(|entry| entry.unwrap().path());
        let mails =
            files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
        let subject =
            |path: PathBuf| fs::read_to_string(path).unwrap().lines().next().unwrap().to_owned();
        let mut subjects: Vec<String> = mails.map(subject).collect();
        subjects.sort();
        subjects
    }

    /// Every file below a folder: its bytes, and when it was written.
    pub fn snapshot(&self, name: &str) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
        let mut all = BTreeMap::new();
        collect(&self.path(name), &mut all);
        all
    }

    /// The files of the ledger below a folder of it, as keys.
    pub fn keys(&self, folder: &str) -> Vec<String> {
        let root = self.path("state/ledger");
        let all = self.snapshot(&format!("state/ledger/{folder}"));
        all.keys()
            .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
            .collect()
    }
}

fn collect(folder: &Path, all: &mut BTreeMap<PathBuf, (Vec<u8>, SystemTime)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, all);
        } else {
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            all.insert(path.clone(), (fs::read(&path).unwrap(), modified));
        }
    }
}

/// The key of a log object that was delivered in a minute of 2026-03-01.
pub fn key(minute: &str) -> String {
    format!(
        "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
         111122223333_CloudTrail_us-east-1_20260301T{minute}Z_a1B2c3D4e5F6g7H8.json.gz"
    )
}

/// A group made at a time of 2026-03-01, e.g. `10:00:00`.
pub fn create_group(group: &str, user: &str, time: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateGroup",
        "eventTime": format!("2026-03-01T{time}Z"), "awsRegion": "us-east-1", "eventID": format!("event-{group}"),
        "recipientAccountId": "111122223333", "requestParameters": {"groupName": group},
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}")}})
}

/// An exception for everything that a user does.
pub fn exception(user: &str) -> String {
    format!(
        "[[exception]]\nname = \"{user}-may\"\nrules = [\"169f3a93-efc7-4df2-94d6-0d9438c310d1\"]\n\
         query = 'aws.cloudtrail.user_identity.arn: \"arn:aws:iam::111122223333:user/{user}\"'\n\
         reason = \"it is right\"\nowner = \"bob\"\nexpires = 2099-01-01\n"
    )
}
