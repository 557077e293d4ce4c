//! `trailbell scan`.

mod query;
mod s3;
mod threads;

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::program::{
    TestDir, create_group, documents, eql_rule, is_hostile, log_text, rule, trailbell,
};

fn scan(args: &[&str]) -> (i32, String, String) {
    trailbell(&[&["scan"], args].concat(), &[])
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Two findings in `a.json.gz` (records 0 and 2), and one each in `b.ndjson` and `c.json`.
fn logs() -> (TestDir, String) {
    let dir = TestDir::new();
    let group = |name| create_group(name, "alice", "10:00:00");
    let records = [group("one"), json!({"eventName": "ListUsers"}), group("two")];
    dir.write("logs/a.json.gz", gzip(&log_text(&records)));
    dir.write("logs/b.ndjson", format!("{}\n", group("three")));
    dir.write("logs/c.json", json!([group("four")]).to_string());
    let logs = dir.text("logs");
    (dir, logs)
}

#[test]
fn a_broken_rule_file_stops_the_scan_with_file_line_and_reason() {
    let dir = TestDir::new();
    dir.write("rules/broken.toml", rule("x", "x", "event.action: (CreateGroup"));
    dir.write("rules/worse.toml", "[rule\n");
    let (code, _, err) = scan(&["events/store", "--rules", &dir.text("rules")]);
    assert_eq!(code, 2);
    assert!(err.contains("broken.toml:9:") && err.contains("worse.toml:1:"), "{err}");
}

#[test]
fn a_scan_without_rules_is_an_error() {
    let (code, _, err) = scan(&["events/store", "--rule-sets", "none"]);
    assert_eq!(code, 2);
    assert!(err.contains("there is no rule to run"), "{err}");
}

#[test]
fn ndjson_has_one_document_per_finding() {
    let (_dir, logs) = logs();
    let (code, out, err) = scan(&[&logs, "--format", "ndjson"]);
    assert_eq!(code, 0, "{err}");
    let findings = documents(&out);
    let origin = |finding: &Value| {
        let origin = &finding["trailbell"]["origin"];
        let path = Path::new(origin["path"].as_str().unwrap());
        let file = path.file_name().unwrap().to_str().unwrap();
        let record = origin["record"].as_u64().unwrap();
        format!("{file}#{record} {}", finding["event"]["id"].as_str().unwrap())
    };
    assert_eq!(
        findings.iter().map(origin).collect::<Vec<_>>(),
        [
            "a.json.gz#0 event-one",
            "a.json.gz#2 event-two",
            "b.ndjson#0 event-three",
            "c.json#0 event-four",
        ]
    );
    let first = &findings[0];
    assert_eq!(first["rule"]["id"], "169f3a93-efc7-4df2-94d6-0d9438c310d1");
    assert_eq!(first["rule"]["name"], "AWS IAM Group Creation");
    assert_eq!(first["event"]["action"], "CreateGroup");
    assert_eq!(first["event"]["outcome"], "success");
    assert!(err.contains("4 findings in 5 records of 3 files"), "{err}");
}

#[test]
fn each_line_of_ndjson_follows_the_schema_of_alerts() {
    let (_dir, logs) = logs();
    let (_, out, _) = scan(&[&logs, "events/store", "--format", "ndjson"]);
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    let path = support::root().join("docs/schema/alert.schema.json");
    let schema = compiler.compile(path.to_str().unwrap(), &mut schemas).unwrap();
    let findings = documents(&out);
    assert!(findings.len() > 10, "{}", findings.len());
    for finding in findings {
        let valid = schemas.validate(&finding, schema);
        assert!(valid.is_ok(), "{}\n{finding:#}", valid.unwrap_err());
    }
}

#[test]
fn findings_are_printed_as_one_array_or_as_a_table() {
    let (_dir, logs) = logs();
    let (_, out, _) = scan(&[&logs, "--format", "json"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&out).unwrap().len(), 4);
    let quiet = TestDir::new();
    let (_, out, _) = scan(&[&quiet.log(&[]), "--format", "json"]);
    assert_eq!(out, "[]\n");
    let (_, out, _) = scan(&[&logs]);
    assert!(out.contains("2026-03-01 10:00:00") && out.contains("a.json.gz#2"), "{out}");
}

#[test]
fn hostile_names_cannot_break_the_table() {
    let dir = TestDir::new();
    let log = dir.log(&[create_group("x\u{1b}[2J\r\n\u{202e}evil", "alice", "10:00:00")]);
    let (code, out, _) = scan(&[&log]);
    assert!(code == 0 && !is_hostile(&out), "{out:?}");
}

#[test]
fn exit_codes_match_the_help() {
    let (dir, logs) = logs();
    let missing = format!("{logs}/missing");
    let cases: [(&[&str], i32); 6] = [
        (&[&logs], 0),
        (&[&logs, "--fail-on", "low"], 1),
        (&[&logs, "--fail-on", "high"], 0),
        (&[&logs, "--fail-on", "severe"], 2),
        (&[], 2),
        (&[&missing], 2),
    ];
    for (args, expected) in cases {
        let (code, out, err) = scan(args);
        assert_eq!(code, expected, "{args:?}: {out}{err}");
    }
    dir.write("logs/z.json.gz", "not gzip");
    let (code, out, err) = scan(&[&logs, "--fail-on", "low", "--format", "ndjson"]);
    assert_eq!(code, 2, "2 wins over 1");
    assert_eq!(out.lines().count(), 4, "the rest is still scanned");
    let message = "z.json.gz: at byte 0 of the inflated text: expected gzip or JSON";
    assert!(err.contains(message), "{err}");
}

#[cfg(unix)]
#[test]
fn a_file_whose_name_is_not_utf_8_is_named_and_fails_the_command() {
    use std::os::unix::ffi::OsStrExt;
    let (_dir, logs) = logs();
    let name = std::ffi::OsStr::from_bytes(b"odd\xff.json");
    std::fs::write(std::path::Path::new(&logs).join(name), "{}").unwrap();
    let (code, out, err) = scan(&[&logs, "--format", "ndjson"]);
    assert_eq!((code, out.lines().count()), (2, 4), "the rest is still scanned: {err}");
    assert!(err.contains("odd\\u{fffd}.json") && err.contains("its name is not UTF-8"), "{err}");
}

#[test]
fn other_files_are_skipped_by_name() {
    let (dir, logs) = logs();
    dir.write("logs/notes.txt", "hello");
    let (code, _, err) = scan(&[&logs]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("notes.txt: skipped: not named like a log file"), "{err}");
    let (code, _, err) = scan(&[&dir.write("other/notes.txt", "hello")]);
    assert_eq!(code, 2, "nothing was scanned");
    assert!(
        err.contains("0 findings in 0 records of 0 files; 1 skipped; no log files found"),
        "{err}"
    );
}

#[test]
fn rules_are_added_replaced_and_left_out() {
    let (dir, logs) = logs();
    let rules = dir.text("rules");
    let query = "event.action: CreateGroup and group.name: two";
    // How many findings there are of the own rule, and of all.
    let count = |id: &str, extra: &[&str]| {
        dir.write("rules/own.toml", rule(id, "Own", query));
        let args = [&[&logs, "--format", "ndjson", "--rules", &rules], extra].concat();
        let findings = documents(&scan(&args).1);
        let own = findings.iter().filter(|finding| finding["rule"]["name"] == "Own").count();
        (own, findings.len())
    };
    assert_eq!(count("own-1", &[]), (1, 5), "added");
    assert_eq!(count("own-1", &["--rule-sets", "none"]), (1, 1), "alone");
    assert_eq!(count("169f3a93-efc7-4df2-94d6-0d9438c310d1", &[]), (1, 1), "replaced");
}

#[test]
fn max_object_bytes_limits_the_inflated_bytes() {
    let (_dir, logs) = logs();
    let (code, _, err) = scan(&[&logs, "--max-object-bytes", "100"]);
    assert_eq!(code, 2);
    assert!(err.contains("inflates to more than the 100 bytes"), "{err}");
}

/// A rule that looks at several records, of groups that users create.
fn rule_over_time(id: &str, rule_type: &str, lines: &str) -> String {
    let text = rule(id, id, "event.provider: iam.amazonaws.com and event.action: CreateGroup");
    let text = text.replace("type = \"query\"", &format!("type = \"{rule_type}\""));
    assert!(text.contains(rule_type), "{text}");
    format!("{text}\n{lines}\n")
}

/// The third column of a table, unwrapped: the cells of others are removed.
fn one_line(table: &str) -> String {
    let is_text = |word: &&str| !word.starts_with('/') && !word.starts_with("2026");
    table.split_whitespace().filter(is_text).collect::<Vec<_>>().join(" ")
}

/// The calls that a finding is about: their event ids and times.
fn members(fields: &Value) -> Vec<String> {
    let members = fields["members"].as_array().unwrap();
    let text = |member: &Value, name: &str| member[name].as_str().unwrap().to_owned();
    let brief = |it: &Value| format!("{} {}", text(it, "event_id"), &text(it, "time")[11..19]);
    members.iter().map(brief).collect()
}

#[test]
fn rules_over_time_are_evaluated_in_the_order_of_the_events() {
    let dir = TestDir::new();
    let new_terms = "new_terms_fields = ['user.name']\nhistory_window_start = 'now-1d'";
    dir.write("rules/new.toml", rule_over_time("new", "new_terms", new_terms));
    let threshold = "[rule.threshold]\nfield = ['user.name']\nvalue = 3";
    dir.write("rules/many.toml", rule_over_time("many", "threshold", threshold));
    let create = |name: &str, user: &str, time: &str| create_group(name, user, time);
    // The file that is read first has what happened last.
    let late = [create("d", "alice", "10:04:00"), create("c", "alice", "10:02:00")];
    dir.write("logs/a.json", log_text(&late));
    let early = [
        create("b", "bob", "10:01:00"),
        create("a", "alice", "10:00:00"),
        create("e", "alice", "11:00:00"),
    ];
    dir.write("logs/b.json", log_text(&early));
    let rules = dir.text("rules");
    let args = [&dir.text("logs"), "--rules", &rules, "--rule-sets", "none"];
    let (code, out, err) = scan(&[&args[..], &["--format", "ndjson"]].concat());
    assert_eq!(code, 0, "{err}");
    let found: Vec<String> = documents(&out)
        .iter()
        .map(|it| format!("{} {}", it["rule"]["id"].as_str().unwrap(), it["event"]["id"]))
        .collect();
    let expected = ["new \"event-a\"", "new \"event-b\"", "many \"event-d\""].map(str::to_owned);
    assert_eq!(found, expected, "{out}");
    let reached = &documents(&out)[2]["trailbell"];
    assert_eq!(members(reached), ["event-a 10:00:00", "event-c 10:02:00", "event-d 10:04:00"]);
    assert_eq!(reached["correlation"]["condition"], "3 or more events within 6 minutes");
    let (_, out, err) = scan(&args);
    let line = "3 or more events within 6 minutes: 10:00:00 IAM group a created, \
                10:02:00 IAM group c created, 10:04:00 IAM group d created";
    assert!(one_line(&out).contains(line), "{out}");
    assert!(err.contains("3 findings in 5 records of 2 files"), "{err}");
}

#[test]
fn sequences_are_found_in_the_order_of_the_events() {
    let dir = TestDir::new();
    let query = "sequence by user.name with maxspan=10m [iam where event.action == \"CreateGroup\"] \
                 with runs=2 [iam where event.action == \"CreateGroup\" and group.name == \"c\"]";
    dir.write("rules/s.toml", eql_rule("s", query));
    let create = |name: &str, user: &str, time: &str| create_group(name, user, time);
    // The file that is read first has what happened last.
    let late = [create("c", "alice", "10:09:00"), create("b", "alice", "10:02:00")];
    dir.write("logs/a.json", log_text(&late));
    let early = [
        create("x", "bob", "10:01:00"),
        create("a", "alice", "10:00:00"),
        create("y", "bob", "10:05:00"),
    ];
    dir.write("logs/b.json", log_text(&early));
    let rules = dir.text("rules");
    let args = [&dir.text("logs"), "--rules", &rules, "--rule-sets", "none"];
    let (code, out, err) = scan(&[&args[..], &["--format", "ndjson"]].concat());
    assert_eq!(code, 0, "{err}");
    let found = documents(&out);
    assert_eq!(found.len(), 1, "{out}");
    assert_eq!(found[0]["event"]["id"], "event-c");
    assert_eq!(found[0]["user"]["name"], "alice");
    let completed = &found[0]["trailbell"];
    assert_eq!(members(completed), ["event-a 10:00:00", "event-b 10:02:00", "event-c 10:09:00"]);
    assert_eq!(completed["count"], 3);
    assert_eq!(completed["members"][0]["action"], "CreateGroup");
    let condition = "3 calls one after another within 10 minutes";
    assert_eq!(completed["correlation"]["condition"], condition);
    let (_, out, err) = scan(&args);
    let calls =
        "10:00:00 IAM group a created, 10:02:00 IAM group b created, 10:09:00 IAM group c created";
    assert!(one_line(&out).contains(&format!("{condition}: {calls}")), "{out}");
    assert!(err.contains("1 finding in 5 records of 2 files"), "{err}");
    let (code, ..) = scan(&[&args[..], &["--fail-on", "low"]].concat());
    assert_eq!(code, 1);
}
