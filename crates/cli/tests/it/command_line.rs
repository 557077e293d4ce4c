//! What all commands have in common: formats, standard input, names of rules, quiet, colours,
//! widths.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{command, trailbell};

/// A sample log file, and a record in it that a rule matches.
const LOG: &str = "events/store/example-trail-logs/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/12/\
                   111122223333_CloudTrail_us-east-1_20260312T0930Z_Qm3xT7vLk2PzR8aD.json.gz";
const EXCEPTIONS: &str = "docs/exceptions-example.toml";
const RULE: &str = "rules/aws-iam-group-creation.toml";

/// Runs the program with a file as its standard input.
fn with_input(args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(support::root().join(path)).unwrap()
}

#[test]
fn json_is_one_document_and_ndjson_one_a_line() {
    for args in [
        &["rules", "list"][..],
        &["rules", "show", "group creation"],
        &["rules", "check", "rules"],
        &["rules", "test", "rules"],
        &["exceptions", "check", EXCEPTIONS],
        &["explain", LOG, "--record", "2"],
        &["explain", LOG, "--record", "2", "--rule", "group creation"],
        &["scan", LOG],
        &["replay", "events/store/example-trail-logs/AWSLogs/111122223333"],
        &["canary", "--alerts", "dir:/dev/null/none", "--ledger", "none"],
        &["policy", "check", "events/store/policy.json"],
    ] {
        let with = |format| [args, &["--format", format]].concat();
        let (_, json, error) = trailbell(&with("json"), &[]);
        if json.is_empty() {
            assert!(!error.is_empty(), "{args:?}");
            continue;
        }
        let json: Value = serde_json::from_str(&json).expect(&json);
        let (_, lines, _) = trailbell(&with("ndjson"), &[]);
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        match json {
            Value::Array(all) => assert_eq!(all.len(), lines.len(), "{args:?}"),
            _ => assert!(!lines.is_empty(), "{args:?}"),
        }
    }
}

#[test]
fn two_formats_and_unknown_ones_are_refused_by_name() {
    for (formats, expected) in [
        (&["--format", "json", "--format", "table"][..], "'--format <FORMAT>' cannot be used"),
        (&["--format", "yaml"], "[possible values: table, json, ndjson]"),
    ] {
        let (code, _, error) = trailbell(&[&["rules", "list"], formats].concat(), &[]);
        assert_eq!(code, 2);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_dash_is_standard_input() {
    for (args, file, expected) in [
        (&["explain", "-", "--record", "2"][..], LOG, "✓ AWS IAM User Addition to Group"),
        (&["scan", "-"], LOG, "IAM Group Creation"),
        (&["rules", "check", "-"], RULE, "-: runs: AWS IAM Group Creation"),
        (&["exceptions", "check", "-"], EXCEPTIONS, "active"),
    ] {
        let (code, out, error) = with_input(args, &read(file));
        assert!(out.contains(expected), "{args:?}: {code} {out}{error}");
    }
}

#[test]
fn a_rule_is_named_by_a_part_of_its_name_or_the_start_of_its_id() {
    let id = "333de828-8190-4cf5-8d7c-7575846f6fe0";
    for wanted in [id, &id[..8], "user addition", "AWS IAM User Addition to Group"] {
        let (code, out, _) = trailbell(&["rules", "show", wanted], &[]);
        assert_eq!(code, 0, "{wanted}");
        assert!(out.starts_with("AWS IAM User Addition to Group\n"), "{wanted}: {out}");
    }
    for (wanted, expected) in [("iam group", "rules: AWS IAM Group"), ("nothing", "rules list")] {
        let (code, _, error) = trailbell(&["rules", "show", wanted], &[]);
        assert!(code == 2 && error.contains(expected), "{error}");
    }
}

#[test]
fn quiet_prints_results_and_errors_alone() {
    let (_, loud, notes) = trailbell(&["scan", LOG], &[]);
    assert!(!notes.is_empty());
    let (code, out, error) = trailbell(&["--quiet", "scan", LOG], &[]);
    assert_eq!((code, out, error.as_str()), (0, loud, ""));
    let (code, _, error) = trailbell(&["rules", "show", "nothing", "-q"], &[]);
    assert!(code == 2 && error.contains("no rule"), "{error}");
}

#[test]
fn severities_have_colours_if_wanted() {
    let is_colored = |args: &[&str], vars: &[(&str, &str)]| {
        trailbell(&[&["rules", "list"], args].concat(), vars).1.contains("\u{1b}[")
    };
    // Standard output is no terminal here.
    assert!(!is_colored(&[], &[]));
    assert!(is_colored(&["--color", "always"], &[]));
    assert!(is_colored(&["--color=always"], &[("NO_COLOR", "1")]));
    assert!(!is_colored(&["--color", "never"], &[]));
}

#[test]
fn a_piped_table_has_the_width_of_columns() {
    let width = |columns: &str| {
        let (_, out, _) = trailbell(&["rules", "list"], &[("COLUMNS", columns)]);
        out.lines().map(|line| line.chars().count()).max().unwrap()
    };
    for (columns, limit) in [("80", 80), ("100", 100), ("", 120), ("wide", 120)] {
        assert!(width(columns) <= limit, "{columns}: {}", width(columns));
    }
}

#[test]
fn an_equals_sign_in_a_query_gets_a_hint() {
    for query in [
        "event.action = CreateGroup",
        "event.action == CreateGroup",
        "event.action=x",
        "not (event.action = \"CreateGroup\")",
    ] {
        let (_, _, error) = trailbell(&["scan", "--query", query, LOG], &[]);
        assert!(error.contains("KQL compares with `:`"), "{query}: {error}");
    }
    let (_, _, error) = trailbell(&["scan", "--query", "event.action: \"a=b\"", LOG], &[]);
    assert!(!error.contains("compares"), "{error}");
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, _) = trailbell(&["completions", shell], &[]);
        assert!(code == 0 && out.contains("exceptions"), "{shell}: {out}");
    }
}

#[test]
fn doctor_says_how_to_describe_a_stack() {
    let (code, _, error) = trailbell(&["doctor", "--stack", "trailbell-stack"], &[]);
    let expected = "aws cloudformation describe-stacks --stack-name=trailbell-stack | trailbell \
                    doctor --stack -";
    assert!(code == 2 && error.contains(expected), "{error}");
}
