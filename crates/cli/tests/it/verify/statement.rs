//! Statements: what an auditor keeps, and what is compared with it later.

use serde_json::Value;
use support::trail::gzip;

use super::world::{KEYS, end, log_text, trail};
use crate::program::{TestDir, trailbell};

#[test]
fn a_statement_is_canonical_and_holds_as_long_as_nothing_changes() {
    let original = trail();
    let dir = TestDir::new();
    original.write_to(&dir.path("trail-logs"));
    let path = dir.text("trail-logs");
    let until = end(5).to_string();
    let args = ["verify", &path, "--public-keys", KEYS];
    let make = [&args[..], &["--statement", "--until", &until]].concat();
    let (code, out, err) = trailbell(&make, &[]);
    assert_eq!(code, 0, "{err}");
    let statement: Value = serde_json::from_str(&out).unwrap();
    let chain = &statement["chains"][0];
    assert_eq!(chain["head"]["key"], original.digest_key(end(5)).as_str());
    assert_eq!(chain["days"]["2026-03-12"]["digests"], 6);
    assert_eq!(chain["days"]["2026-03-12"]["log_files"], 10);
    let keys: Vec<&String> = statement.as_object().unwrap().keys().collect();
    assert!(keys.is_sorted() && !out.trim_end().contains(['\n', '\t']), "{out}");

    let file = dir.write("statement.json", &out);
    let against = [&args[..], &["--against", &file]].concat();
    let (code, _, err) = trailbell(&against, &[]);
    assert_eq!((code, err.contains("differs")), (0, false), "{err}");

    // A digest and its log files, taken away together with all that came later.
    for hour in 5..8 {
        dir.write(&format!("trail-logs/{}", original.digest_key(end(hour))), "junk");
    }
    let (code, _, err) = trailbell(&against, &[]);
    assert_eq!(code, 1);
    let expected = "differs from the statement: account 111122223333, us-east-1, trail trail: the \
                    last valid digest was AWSLogs/";
    assert!(err.contains(expected), "{err}");
}

#[test]
fn what_is_not_valid_is_in_the_statement() {
    let original = trail();
    let mut tampered = original.clone();
    let log = original.logs()[3].clone();
    tampered.put(&log, gzip(log_text(9, 9).as_bytes()), Default::default());
    tampered.objects.remove(&original.digest_key(end(4)));
    let dir = TestDir::new();
    tampered.write_to(&dir.path("trail-logs"));
    let path = dir.text("trail-logs");
    let (code, out, _) = trailbell(&["verify", &path, "--public-keys", KEYS, "--statement"], &[]);
    assert_eq!(code, 1);
    let statement: Value = serde_json::from_str(&out).unwrap();
    let chain = &statement["chains"][0];
    let not_valid = chain["not_valid"].as_array().unwrap();
    let statuses: Vec<&str> = not_valid.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["invalid", "missing"]);
    assert_eq!(chain["gaps"].as_array().unwrap().len(), 1);
    assert_eq!(statement["unverified_log_files"], 2);
}

#[test]
fn another_file_is_no_statement() {
    let dir = TestDir::new();
    for (text, expected) in
        [("", "not a statement of `trailbell verify`: EOF"), ("{}", "missing field")]
    {
        let file = dir.write("statement.json", text);
        let (code, _, err) = trailbell(&["verify", "events/store", "--against", &file], &[]);
        assert_eq!(code, 2);
        assert!(err.contains(expected), "{err}");
    }
}
