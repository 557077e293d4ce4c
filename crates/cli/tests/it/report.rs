//! `trailbell report`.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::program::{TestDir, create_group, exception, key, log_text, trailbell};

const KEYS: &str = "events/keys/public-keys.json";

/// A call on a group at a time of 2026-03-01.
fn call(action: &str, group: &str, time: &str, parameters: Value) -> Value {
    let mut record = create_group(group, "mallory", time);
    record["eventName"] = json!(action);
    record["eventID"] = json!(format!("{action}-{group}"));
    for (name, value) in parameters.as_object().unwrap() {
        record["requestParameters"][name] = value.clone();
    }
    record
}

fn staged() -> [Value; 3] {
    let admin = json!({"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"});
    [
        create_group("ops", "mallory", "10:00:00"),
        call("AttachGroupPolicy", "ops", "10:01:00", admin),
        call("AddUserToGroup", "ops", "10:02:00", json!({"userName": "eve"})),
    ]
}

fn json_report(dir: &TestDir, args: &[&str]) -> (i32, Value) {
    let (code, out, err) = dir.run(&[&["report", "--format", "json"], args].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
}

#[test]
fn the_page_of_a_ledger_names_changes_incidents_and_owners() {
    let dir = TestDir::new();
    let suppressed = create_group("built", "robot", "11:00:00");
    dir.put("1005", &[&staged()[..], &[suppressed]].concat());
    let exceptions =
        dir.write("exceptions.toml", exception("robots", "user.name: robot", "'never'"));
    dir.publish(&[("TRAILBELL_EXCEPTIONS", &exceptions)]);
    let file = dir.text("report.html");
    let args = ["report", "--since", "2026-03-01", "--until", "2026-03-01", "-o", &file];
    let (code, out, err) = dir.run(&[&args[..], &["--exceptions", &exceptions]].concat());
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("4 changes to 2 groups; 1 to answer: "), "{err}");
    let page = fs::read_to_string(&file).unwrap();
    for part in [
        "4 changes to 2 groups; 1 needs an answer.",
        "IAM group staged for privilege escalation",
        "AdministratorAccess attached to ops",
        "eve added to ops",
        "did not exist",
        "allows everything",
        "<td>platform</td>",
        "1 March 2026",
        "Not verified.",
        "No sweep has finished so far",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let (_, report) = json_report(&dir, &["--group", "BUILT"]);
    assert_eq!(report["verdict"]["changes"], 1);
    assert_eq!(report["incidents"], json!([]));
    assert_eq!(report["suppressed"][0]["exception"], "robots");
    let (_, report) = json_report(&dir, &["--account", "444455556666"]);
    assert_eq!(report["events"], json!([]));
}

#[test]
fn log_files_alone_give_the_same_events_and_incidents() {
    let dir = TestDir::new();
    dir.put("1005", &staged());
    dir.publish(&[]);
    let (_, from_ledger) = json_report(&dir, &[]);
    let (code, from_logs) = json_report(&dir, &[&dir.text("logs")]);
    assert_eq!(code, 0);
    let comparable = |report: &Value| {
        let sentences: Vec<_> =
            report["events"].as_array().unwrap().iter().map(|it| it["findings"].clone()).collect();
        let incidents = &report["incidents"];
        json!([sentences, report["verdict"], incidents[0]["severity"], incidents[0]["id"]])
    };
    assert_eq!(comparable(&from_logs), comparable(&from_ledger));
    assert_eq!(from_logs["events"][0]["delivery"], "found");
    assert_eq!(from_ledger["events"][0]["delivery"], "folded");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_reported() {
    let dir = TestDir::new();
    dir.put("1005", &staged());
    dir.publish(&[]);
    let id = "ab".repeat(32);
    dir.write(&format!("state/ledger/entries/{id}"), "{");
    let (code, report) = json_report(&dir, &[]);
    assert_eq!(report["verdict"]["changes"], 3, "{report:#}");
    assert_eq!(code, 1, "{}", report["unreadable"]);
    let name = report["unreadable"][0]["name"].as_str().unwrap();
    assert!(name.contains(&id), "{name}");

    dir.write(&format!("logs/{}", key("1105")), "{");
    let (code, report) = json_report(&dir, &[&dir.text("logs")]);
    assert_eq!((code, &report["verdict"]["changes"]), (1, &json!(3)));
    assert!(report["unreadable"][0]["name"].as_str().unwrap().contains("T1105Z"));
}

#[test]
fn the_proof_is_that_of_verify() {
    let args = ["report", "events/store", "--format", "json"];
    let (code, out, err) = trailbell(&args, &[]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["proof"]), (0, &Value::Null), "{err}");
    let verify = ["--verify", "events/store", "--public-keys", KEYS];
    let (code, out, err) = trailbell(&[&args[..], &verify].concat(), &[]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let counts = json!({"valid_digests": 5, "digests": 5, "valid_logs": 6, "logs": 6});
    assert_eq!(report["proof"]["counts"], counts);
    assert_eq!(report["proof"]["accounts"][0]["gaps"], json!([]));
    assert_ne!(report["proof"]["accounts"][0]["verified"], 0);
}

#[test]
fn the_statements_of_a_ledger_are_its_proof_until_someone_verifies() {
    let dir = TestDir::new();
    dir.put("1005", &staged());
    dir.publish(&[]);
    let verify = ["verify", "events/store", "--public-keys", KEYS, "--statement"];
    let (_, statement, err) = trailbell(&verify, &[]);
    assert!(statement.starts_with('{'), "{err}");
    dir.write("state/ledger/statements/2026-03-12.json", &statement);
    dir.write("state/ledger/statements/2026-03-13.json", "{");
    let (code, report) = json_report(&dir, &[]);
    assert_eq!(code, 1, "the second is damaged");
    assert_eq!(report["unreadable"][0]["name"], "statements/2026-03-13.json");
    let proof = &report["proof"];
    assert_eq!((&proof["stated"], &proof["counts"]["valid_logs"]), (&json!(true), &json!(6)));
    assert_eq!(proof["statements"][0]["name"], "2026-03-12");
    assert_eq!(proof["statements"][0]["sha256"], sha256(statement.as_bytes()));
    let (_, report) = json_report(&dir, &["--verify", "events/store", "--public-keys", KEYS]);
    let proof = &report["proof"];
    assert_eq!((&proof["stated"], &proof["counts"]["digests"]), (&json!(false), &json!(5)));
    assert_eq!(proof["statements"].as_array().unwrap().len(), 2);
    let (_, report) = json_report(&dir, &["--account", "444455556666"]);
    assert_eq!(report["proof"]["counts"]["logs"], 0, "those of another account");
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn csv_is_safe_in_spreadsheets() {
    let dir = TestDir::new();
    let name = "=HYPERLINK(\"http://192.0.2.1\")";
    let log = dir.write("log.json", log_text(&[create_group(name, name, "10:00:00")]));
    let (code, out, err) = dir.run(&["report", &log, "--format", "csv"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.contains("\"'=HYPERLINK(\"\"http://192.0.2.1\"\")\""), "{out}");
}

#[test]
fn a_report_of_nothing_is_a_usage_error() {
    let dir = TestDir::new();
    let (code, _, err) = dir.run(&["report"]);
    assert!(code == 2 && err.contains("there is no ledger in"), "{err}");
    let (code, _, err) = trailbell(&["report"], &[]);
    assert!(code == 2 && err.contains("no ledger: add --ledger"), "{err}");
    let (code, _, err) = dir.run(&["report", "s3://example-trail-logs"]);
    assert!(code == 2 && err.contains("a time range is needed"), "{err}");
    let (code, report) = json_report(&dir, &["no/such/file.json"]);
    assert_eq!((code, report["unreadable"].as_array().unwrap().len()), (1, 1));
}

#[test]
fn the_page_of_an_alert_has_what_happened_around_it() {
    let dir = TestDir::new();
    dir.put("1005", &staged());
    dir.publish(&[]);
    let (_, report) = json_report(&dir, &[]);
    let id = |value: &Value| value["id"].as_str().unwrap()[..10].to_owned();
    let incident = id(&report["incidents"][0]);
    let (code, mail, err) = dir.run(&["show", &incident]);
    assert!(code == 0 && mail.starts_with("Subject: [critical] "), "{mail}{err}");
    for id in [incident, id(&report["events"][0])] {
        let file = dir.text("alert.html");
        let (code, out, err) = dir.run(&["show", &id, "--html", "-o", &file]);
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
        let page = fs::read_to_string(&file).unwrap();
        for part in [
            "AdministratorAccess attached to ops",
            "eve added to ops",
            "allows everything",
            "aws iam remove-user-from-group",
            "default-src",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
    let (code, _, err) = dir.run(&["show", "0123456789abcdef0", "--html"]);
    assert!(code == 2 && err.contains("no entry has an id that begins with"), "{err}");
}
