//! `trailbell invoke`.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{TestDir, command, trailbell};

fn samples() -> Vec<PathBuf> {
    let files = fs::read_dir(support::root().join("events")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

#[test]
fn the_first_command_of_the_readme_prints_both_alerts() {
    let (code, out, err) = trailbell(&["invoke", "events/s3-put.json"], &[]);
    assert_eq!(code, 0, "{err}");
    for subject in [
        "Subject: [low] IAM group billing-admins created by alice in 111122223333",
        "Subject: [low] bob added to IAM group billing-admins by alice in 111122223333",
    ] {
        assert!(out.contains(subject), "{out}");
    }
    assert!(out.lines().last().unwrap().contains("alerted)"), "{out}");
}

/// How many alerts `events/README.md` says that a sample sends.
fn documented_alerts(sample: &str) -> usize {
    let page = fs::read_to_string(support::root().join("events/README.md")).unwrap();
    let mut rows = page.lines();
    let row = rows.find(|line| line.starts_with(&format!("| `{sample}` |")));
    let row = row.unwrap_or_else(|| panic!("events/README.md does not mention {sample}"));
    let outcome = row.split(" | ").last().unwrap();
    let counts =
        ["one alert", "two alerts", "three alerts", "four alerts", "five alerts", "six alerts"];
    let is_named =
        |count: &&str| outcome.starts_with(*count) || outcome.contains(&format!("the {count}"));
    counts.iter().position(is_named).map_or(0, |at| at + 1)
}

#[test]
fn every_sample_sends_the_documented_alerts() {
    let samples = samples();
    assert!(samples.len() > 20);
    for sample in samples {
        let name = sample.file_name().unwrap().to_str().unwrap();
        let (code, out, err) = trailbell(&["invoke", sample.to_str().unwrap()], &[]);
        assert_eq!(code, 0, "{name}: {err}");
        let alerts = out.matches("\nSubject: [").count();
        assert_eq!(alerts, documented_alerts(name), "{name}: {out}");
        // What is not processed is named.
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
            assert!(out.contains("ignored: ") || out.contains("s3://"), "{name}: {out}");
        }
    }
}

#[test]
fn the_event_can_come_from_standard_input() {
    let event = fs::File::open(support::root().join("events/s3-put.json")).unwrap();
    let output = command(&["invoke", "-"]).stdin(event).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && out.contains("Subject: "), "{out}");
}

#[test]
fn an_event_that_cannot_be_read_is_an_error() {
    let dir = TestDir::new();
    let cases = [
        (dir.text("missing.json"), "cannot read "),
        (dir.write("bad.json", "{"), "bad.json is not JSON: EOF"),
    ];
    for (event, message) in cases {
        let (code, out, err) = trailbell(&["invoke", &event], &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{event}");
        assert!(err.contains(message), "{event}: {err}");
    }
}

#[test]
fn alerts_can_be_written_to_a_directory() {
    let dir = TestDir::new();
    let vars = [("TRAILBELL_ALERTS", dir.dir("alerts"))];
    let vars = vars.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (code, out, err) = trailbell(&["invoke", "events/s3-put.json"], &vars);
    assert!(code == 0 && !out.contains("Subject:"), "{out}{err}");
    let documents = dir.alert_files("json");
    assert_eq!((dir.alert_files("txt").len(), documents.len()), (3, 3));
    let message: Value = serde_json::from_str(&documents[0]).unwrap();
    assert_eq!(message["MessageAttributes"]["severity"]["Value"], "low");
    assert!(message["Message"]["email"].as_str().unwrap().contains("\nCHECK\n"));
}

#[test]
fn an_alert_that_cannot_be_written_fails_by_name() {
    let dir = TestDir::new();
    let place = format!("dir:{}", dir.write("a-file", ""));
    let (code, _, err) =
        trailbell(&["invoke", "events/s3-put.json"], &[("TRAILBELL_ALERTS", &place)]);
    assert_eq!(code, 2);
    assert!(err.contains("a-file") && err.contains("(retried)"), "{err}");
}

#[test]
fn all_wrong_settings_are_reported_at_once() {
    let vars = [("TRAILBELL_ALERTS", "nowhere"), ("TRAILBELL_STROE", "s3")];
    let (code, _, err) = trailbell(&["invoke", "events/s3-put.json"], &vars);
    assert_eq!(code, 2);
    for problem in ["TRAILBELL_ALERTS is \"nowhere\"", "TRAILBELL_STROE: no such setting"] {
        assert!(err.contains(problem), "{err}");
    }
}

#[test]
fn with_a_ledger_the_second_run_finds_duplicates() {
    let dir = TestDir::new();
    let (code, out, err) = dir.run(&["invoke", "events/s3-put.json"]);
    assert!(code == 0 && out.contains("(3 alerted)"), "{out}{err}");
    let (_, out, _) = dir.run(&["invoke", "events/s3-put.json"]);
    assert!(out.contains("(3 duplicate)"), "{out}");
    assert_eq!(dir.subjects().len(), 3);
}

#[test]
fn a_sweep_needs_a_ledger_and_prints_what_it_listed() {
    let dir = TestDir::new();
    for sample in ["events/sweep/sweep.json", "events/sweep/eventbridge-scheduled.json"] {
        let (code, _, err) = trailbell(&["invoke", sample], &[]);
        assert!(code == 2 && err.contains("TRAILBELL_LEDGER=none"), "{sample}: {err}");
        let trails = [("TRAILBELL_TRAILS", "s3://example-trail-logs")];
        let (code, out, err) = dir.run_with(&["invoke", sample], &trails);
        // The samples are older than an hour.
        assert!(code == 0 && out.contains("sweep: 0 log objects listed"), "{sample}: {out}{err}");
    }
}

#[test]
fn concurrent_processes_alert_each_finding_once() {
    let dir = TestDir::new();
    let start = |_| {
        let mut command = command(&["invoke", "events/s3-put.json"]);
        command.env("TRAILBELL_LEDGER", dir.dir("state"));
        command.env("TRAILBELL_ALERTS", dir.dir("alerts"));
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..8).map(start).collect();
    let outputs: Vec<String> = processes
        .into_iter()
        .map(|process| String::from_utf8(process.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    let alerted = outputs.iter().filter_map(|out| {
        out.split_once(" alerted")?.0.rsplit(['(', ' ']).next()?.parse::<usize>().ok()
    });
    assert_eq!(alerted.sum::<usize>(), 3, "{outputs:#?}");
    assert_eq!(dir.subjects().len(), 3);
}
