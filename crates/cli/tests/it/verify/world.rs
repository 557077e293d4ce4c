//! A trail of eight hours, and what the program says about it.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use support::trail::SignedTrail;

use crate::program::{TestDir, documents, trailbell};

pub const KEYS: &str = "events/keys/public-keys.json";

/// The first digest ends then.
const FIRST: &str = "2026-03-12T01:17:05Z";

pub const HOURS: usize = 8;

/// The end of an hour, from 0.
pub fn end(hour: usize) -> Timestamp {
    FIRST.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour as i64)
}

/// The text of a log file.
pub fn log_text(hour: usize, index: usize) -> String {
    format!(r#"{{"Records":[{{"eventID":"{hour}-{index}","eventSource":"s3.amazonaws.com"}}]}}"#)
}

/// Eight digests; each hour but the first has two log files.
pub fn trail() -> SignedTrail {
    let mut trail = SignedTrail::new("trail-logs");
    for hour in 0..HOURS {
        add_hour(&mut trail, hour);
    }
    trail
}

pub fn add_hour(trail: &mut SignedTrail, hour: usize) {
    let texts = match hour {
        0 => Vec::new(),
        _ => (0..2).map(|index| log_text(hour, index)).collect(),
    };
    trail.add_hour(end(hour), &texts);
}

/// The name of an object in tables: `digest 3`, `log 3.1` (its hour, and which).
pub fn label(trail: &SignedTrail, key: &str) -> String {
    for hour in 0..HOURS + 8 {
        if key == trail.digest_key(end(hour)) {
            return format!("digest {hour}");
        }
    }
    let logs = trail.logs();
    match logs.iter().position(|log| log == key) {
        Some(index) => format!("log {}.{}", index / 2 + 1, index % 2),
        None => key.to_owned(),
    }
}

/// What the program says: the exit code, the objects that are not valid, and the summary.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    /// By label: status and reason.
    pub bad: BTreeMap<String, (String, String)>,
    pub valid: usize,
    pub summary: Value,
    pub err: String,
}

/// Verifies a folder that holds the objects of a trail. Keys are those of `original`.
pub fn verify(tampered: &SignedTrail, original: &SignedTrail, args: &[&str]) -> Said {
    let dir = TestDir::new();
    tampered.write_to(&dir.path("trail-logs"));
    verify_path(&dir.path("trail-logs"), original, args, &[])
}

pub fn verify_path(
    path: &Path,
    original: &SignedTrail,
    args: &[&str],
    vars: &[(&str, &str)],
) -> Said {
    let path = path.to_str().unwrap();
    let args = [&["verify", path, "--format", "ndjson"], args].concat();
    let (code, out, err) = trailbell(&args, vars);
    let mut said =
        Said { code, bad: BTreeMap::new(), valid: 0, summary: Value::Null, err: err.clone() };
    for document in documents(&out) {
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        match (text("kind").as_str(), text("status").as_str()) {
            ("summary", _) => said.summary = document,
            (_, "valid") => {
                assert_eq!(document["reason"], Value::Null);
                said.valid += 1;
            }
            (_, status) => {
                let outcome = (status.to_owned(), text("reason"));
                let twice = said.bad.insert(label(original, &text("key")), outcome);
                assert!(twice.is_none(), "{document} is listed twice");
            }
        }
    }
    said
}
