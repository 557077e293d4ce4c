//! The command line, as a person runs it.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// The program, in the repository's folder, with nothing said in the environment.
fn trailbell(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailbell"));
    command.current_dir(support::root()).args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRAILBELL_")) {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str]) -> Output {
    trailbell(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn create_group(event_id: &str, group: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateGroup",
        "eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "eventID": event_id,
        "recipientAccountId": "111122223333", "requestParameters": {"groupName": group},
        "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice"}})
}

/// A folder of log files: two findings in `a.json.gz` (records 0 and 2), one in each of `b.ndjson`
/// and `c.json`.
fn logs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let records = json!({"Records": [create_group("a1", "one"), {"eventName": "ListUsers"}, create_group("a2", "two")]});
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(records.to_string().as_bytes()).unwrap();
    fs::write(folder.path().join("a.json.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(folder.path().join("b.ndjson"), format!("{}\n", create_group("b1", "three")))
        .unwrap();
    fs::write(folder.path().join("c.json"), json!([create_group("c1", "four")]).to_string())
        .unwrap();
    folder
}

fn path(folder: &tempfile::TempDir) -> String {
    folder.path().to_str().unwrap().to_owned()
}

fn samples() -> Vec<PathBuf> {
    let folder = support::root().join("events");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

#[test]
fn the_first_command_of_the_readme_shows_both_alerts() {
    let output = run(&["invoke", "events/s3-put.json"]);
    assert!(output.status.success(), "{}", err(&output));
    let shown = out(&output);
    assert!(
        shown.contains("Subject: [low] IAM group billing-admins created by alice in 111122223333"),
        "{shown}"
    );
    assert!(
        shown.contains(
            "Subject: [low] bob added to IAM group billing-admins by alice in 111122223333"
        ),
        "{shown}"
    );
    assert!(shown.lines().last().unwrap().contains("alerted)"), "{shown}");
}

/// How many alerts the samples' own page says a sample rings: `one alert`, `two alerts` …; none
/// where it says nothing.
fn promised(sample: &str) -> usize {
    let page = fs::read_to_string(support::root().join("events/README.md")).unwrap();
    let row = page
        .lines()
        .find(|line| line.starts_with(&format!("| `{sample}` |")))
        .unwrap_or_else(|| {
            panic!("events/README.md does not tell of {sample}") //
        });
    let what = row.split(" | ").last().unwrap();
    let words =
        ["one alert", "two alerts", "three alerts", "four alerts", "five alerts", "six alerts"];
    let said = |word: &&str| what.starts_with(*word) || what.contains(&format!("the {word}"));
    words.iter().position(said).map_or(0, |at| at + 1)
}

#[test]
fn every_sample_rings_as_its_page_says() {
    let samples = samples();
    assert!(samples.len() > 20);
    for sample in samples {
        let name = sample.file_name().unwrap().to_str().unwrap();
        let output = run(&["invoke", sample.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", err(&output));
        let shown = out(&output);
        assert_eq!(shown.matches("\nSubject: [").count(), promised(name), "{name}: {shown}");
        // An object that is gone or skipped, and a payload that asks for nothing, say so by name.
        let silent = [
            "gone",
            "test-event",
            "validation",
            "control",
            "digest",
            "insight",
            "foreign",
            "other-region",
        ];
        if silent.iter().any(|word| name.contains(word)) {
            assert!(shown.contains("ignored: ") || shown.contains("s3://"), "{name}: {shown}");
        }
    }
}

#[test]
fn a_payload_can_come_from_standard_input() {
    let payload = fs::File::open(support::root().join("events/s3-put.json")).unwrap();
    let output = trailbell(&["invoke", "-"]).stdin(payload).output().unwrap();
    assert!(output.status.success() && out(&output).contains("Subject: "), "{}", err(&output));
}

#[test]
fn alerts_can_go_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("dir:{}/outbox", path(&folder));
    let output = trailbell(&["invoke", "events/s3-put.json"])
        .env("TRAILBELL_ALERTS", place)
        .output()
        .unwrap();
    assert!(output.status.success() && !out(&output).contains("Subject:"), "{}", out(&output));
    let files: Vec<PathBuf> =
        fs::read_dir(folder.path().join("outbox")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(
        files.len() >= 4 && files.len().is_multiple_of(2),
        "a mail and a document for each: {files:?}"
    );
    let document = files
        .iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .unwrap();
    let envelope: Value = serde_json::from_str(&fs::read_to_string(document).unwrap()).unwrap();
    assert_eq!(envelope["MessageAttributes"]["severity"]["Value"], "low");
    assert!(envelope["Message"]["email"].as_str().unwrap().contains("WHAT TO CHECK"));
}

#[test]
fn an_unwritable_place_fails_the_alert_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let place = format!("dir:{}", file.display());
    let output = trailbell(&["invoke", "events/s3-put.json"])
        .env("TRAILBELL_ALERTS", place)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("a-file") && err(&output).contains("(retried)"),
        "{}",
        err(&output)
    );
}

#[test]
fn settings_that_are_wrong_are_told_all_at_once() {
    let mut command = trailbell(&["invoke", "events/s3-put.json"]);
    let output =
        command.env("TRAILBELL_ALERTS", "nowhere").env("TRAILBELL_STROE", "s3").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = err(&output);
    assert!(
        told.contains("TRAILBELL_ALERTS is \"nowhere\"")
            && told.contains("TRAILBELL_STROE: no such setting"),
        "{told}"
    );
}

#[test]
fn a_rule_with_a_typo_stops_the_start_by_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let broken = "[rule]\nname = \"x\"\nrule_id = \"x\"\ndescription = \"x\"\ntype = \"query\"\nseverity = \"low\"\n\
                  risk_score = 21\nquery = \"event.action: (CreateGroup\"\n";
    fs::write(folder.path().join("broken.toml"), broken).unwrap();
    fs::write(folder.path().join("worse.toml"), "[rule\n").unwrap();
    let output = run(&["scan", "events/store", "--rules", &path(&folder)]);
    assert_eq!(output.status.code(), Some(2));
    let told = err(&output);
    assert!(told.contains("broken.toml:8:") && told.contains("worse.toml:1:"), "{told}");
}

#[test]
fn no_rule_at_all_is_an_error() {
    let output = run(&["scan", "events/store", "--no-default-rules"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("there is no rule to run"), "{}", err(&output));
}

#[test]
fn a_scan_prints_a_line_of_json_for_each_finding() {
    let folder = logs();
    let output = run(&["scan", &path(&folder), "--format", "ndjson"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let lines: Vec<Value> =
        out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let brief: Vec<(String, u64, String)> = lines
        .iter()
        .map(|line| {
            let source = Path::new(line["trailbell"]["source"].as_str().unwrap())
                .file_name()
                .unwrap()
                .to_str()
                .unwrap();
            (
                source.to_owned(),
                line["trailbell"]["record"].as_u64().unwrap(),
                line["event"]["id"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [
        ("a.json.gz", 0, "a1"),
        ("a.json.gz", 2, "a2"),
        ("b.ndjson", 0, "b1"),
        ("c.json", 0, "c1"),
    ];
    assert_eq!(brief, expected.map(|(file, record, id)| (file.to_owned(), record, id.to_owned())));
    let first = &lines[0];
    assert_eq!(first["rule"]["id"], "169f3a93-efc7-4df2-94d6-0d9438c310d1");
    assert_eq!(first["rule"]["name"], "AWS IAM Group Creation");
    assert_eq!(
        (&first["event"]["action"], &first["event"]["outcome"]),
        (&json!("CreateGroup"), &json!("success"))
    );
    assert!(err(&output).contains("4 findings in 5 records of 3 files"), "{}", err(&output));
}

#[test]
fn a_scan_prints_one_array_or_a_table() {
    let folder = logs();
    let all: Value =
        serde_json::from_slice(&run(&["scan", &path(&folder), "--format", "json"]).stdout).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 4);
    let none = tempfile::tempdir().unwrap();
    fs::write(none.path().join("quiet.json"), r#"{"Records":[]}"#).unwrap();
    assert_eq!(out(&run(&["scan", &path(&none), "--format", "json"])), "[]\n");
    let table = out(&run(&["scan", &path(&folder)]));
    assert!(table.contains("2026-03-01 10:00:00") && table.contains("a.json.gz#2"), "{table}");
}

#[test]
fn hostile_names_cannot_break_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let log = json!([create_group("e1", "x\u{1b}[2J\r\n\u{202e}evil")]);
    fs::write(folder.path().join("a.json"), log.to_string()).unwrap();
    let table = out(&run(&["scan", &path(&folder)]));
    assert!(
        !table.contains('\u{1b}') && !table.contains('\r') && !table.contains('\u{202e}'),
        "{table:?}"
    );
}

#[test]
fn exit_codes_tell_what_happened() {
    let folder = logs();
    let code = |args: &[&str]| run(args).status.code();
    let logs = path(&folder);
    assert_eq!(code(&["scan", &logs]), Some(0));
    assert_eq!(code(&["scan", &logs, "--fail-on", "low"]), Some(1));
    assert_eq!(code(&["scan", &logs, "--fail-on", "high"]), Some(0));
    assert_eq!(code(&["scan", &logs, "--fail-on", "severe"]), Some(2), "wrong usage");
    assert_eq!(code(&["scan"]), Some(2), "wrong usage");
    assert_eq!(code(&["scan", &format!("{logs}/missing")]), Some(2));
    fs::write(folder.path().join("z.json.gz"), "not gzip").unwrap();
    let output = run(&["scan", &logs, "--fail-on", "low", "--format", "ndjson"]);
    assert_eq!(output.status.code(), Some(2), "2 wins over 1");
    assert_eq!(out(&output).lines().count(), 4, "the rest is still scanned");
    assert!(
        err(&output).contains("z.json.gz: at byte 0 of the inflated text: expected gzip or JSON"),
        "{}",
        err(&output)
    );
}

#[test]
fn other_files_are_named_and_skipped() {
    let folder = logs();
    fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let output = run(&["scan", &path(&folder)]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        err(&output).contains("notes.txt: skipped: not named as a log file"),
        "{}",
        err(&output)
    );
    let only = tempfile::tempdir().unwrap();
    fs::write(only.path().join("notes.txt"), "hello").unwrap();
    let output = run(&["scan", &path(&only)]);
    assert_eq!(output.status.code(), Some(2), "nothing was looked at");
    assert!(err(&output).contains("there was no log file to read"), "{}", err(&output));
}

#[test]
fn rules_are_added_replaced_and_left_out() {
    let folder = logs();
    let rules = tempfile::tempdir().unwrap();
    let rule = |id: &str, name: &str| {
        format!(
            "[rule]\nname = \"{name}\"\nrule_id = \"{id}\"\ndescription = \"x\"\ntype = \"query\"\nlanguage = \"kuery\"\n\
             severity = \"high\"\nrisk_score = 73\nquery = \"event.action: CreateGroup and group.name: two\"\n"
        )
    };
    fs::write(rules.path().join("own.toml"), rule("own-1", "Own")).unwrap();
    let names = |extra: &[&str]| {
        let folder = path(&folder);
        let rules = path(&rules);
        let mut args = vec!["scan", &folder, "--format", "ndjson", "--rules", &rules];
        args.extend(extra);
        let lines = out(&run(&args));
        lines.lines().filter(|line| line.contains("\"Own\"")).count()..lines.lines().count()
    };
    assert_eq!(names(&[]), 1..5, "added");
    assert_eq!(names(&["--no-default-rules"]), 1..1, "alone");
    fs::write(rules.path().join("own.toml"), rule("169f3a93-efc7-4df2-94d6-0d9438c310d1", "Own"))
        .unwrap();
    assert_eq!(names(&[]), 1..1, "replaced");
}

#[test]
fn a_limit_on_inflated_bytes_is_kept() {
    let folder = logs();
    let output = run(&["scan", &path(&folder), "--max-object-bytes", "100"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("inflates to more than the 100 bytes"), "{}", err(&output));
}

/// `invoke` with a ledger and an outbox in folders.
fn invoke(folder: &tempfile::TempDir, sample: &str) -> Command {
    let mut command = trailbell(&["invoke", sample]);
    command.env("TRAILBELL_LEDGER", format!("dir:{}/state", path(folder)));
    command.env("TRAILBELL_ALERTS", format!("dir:{}/alerts", path(folder)));
    command
}

fn alerts(folder: &tempfile::TempDir) -> usize {
    fs::read_dir(folder.path().join("alerts")).unwrap().count()
}

#[test]
fn with_a_ledger_the_second_run_says_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let first = invoke(&folder, "events/s3-put.json").output().unwrap();
    let told = out(&first);
    assert!(first.status.success() && told.contains("(3 alerted)"), "{told} {}", err(&first));
    let told = out(&invoke(&folder, "events/s3-put.json").output().unwrap());
    assert!(told.contains("(3 duplicate)"), "{told}");
    assert_eq!(alerts(&folder), 6, "a mail and a document for each");
}

#[test]
fn a_sweep_needs_a_ledger_and_says_what_it_listed() {
    let folder = tempfile::tempdir().unwrap();
    for sample in ["events/sweep/sweep.json", "events/sweep/eventbridge-scheduled.json"] {
        let refused = run(&["invoke", sample]);
        assert_eq!(refused.status.code(), Some(2), "{sample}");
        assert!(err(&refused).contains("TRAILBELL_LEDGER=none"), "{sample}: {}", err(&refused));
        let swept = invoke(&folder, sample)
            .env("TRAILBELL_TRAILS", "s3://example-trail-logs")
            .output()
            .unwrap();
        // The samples are older than an hour.
        let told = out(&swept);
        assert!(
            swept.status.success() && told.contains("sweep: 0 log objects listed"),
            "{sample}: {told} {}",
            err(&swept)
        );
    }
}

#[test]
fn processes_at_once_tell_a_finding_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = |_| invoke(&folder, "events/s3-put.json").stdout(Stdio::piped()).spawn().unwrap();
    let all: Vec<_> = (0..8).map(start).collect();
    let told: Vec<String> =
        all.into_iter().map(|child| out(&child.wait_with_output().unwrap())).collect();
    let alerted = told.iter().filter_map(|told| {
        told.split_once(" alerted")?.0.rsplit(['(', ' ']).next()?.parse::<u32>().ok()
    });
    assert_eq!(alerted.sum::<u32>(), 3, "{told:#?}");
}
