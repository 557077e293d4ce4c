//! `trailbell explain`: what is printed, and the exit codes.

use crate::cli::{Folder, create_group, text, trailbell};
use serde_json::{Value, json};

#[test]
fn a_record_is_shown_as_the_rules_see_it_with_those_that_match() {
    let folder = Folder::new();
    let log = folder.log(&[json!({"eventName": "ListGroups"}), create_group("app\u{202e}\u{9b}")]);
    let (exit, out, err) = trailbell(&["explain", text(&log), "--record", "1"], &[]);
    assert_eq!((exit, err.as_str()), (0, ""), "{out}");
    let (document, rules) = out.split_once("\n\n").unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(
        (&document["event"]["action"], &document["group"]["name"]),
        (&json!("CreateGroup"), &json!("app\u{202e}\u{9b}"))
    );
    assert!(!out.contains(['\u{202e}', '\u{9b}']), "{out}");
    assert_eq!(rules, "✓ AWS IAM Group Creation (169f3a93-efc7-4df2-94d6-0d9438c310d1), low\n");

    let (exit, out, _) = trailbell(&["explain", text(&log), "--record", "0"], &[]);
    assert_eq!(exit, 0);
    assert!(out.contains("no rule matches this record"), "{out}");
}

#[test]
fn a_rule_is_taken_apart_by_its_id_or_its_name() {
    let folder = Folder::new();
    let log = folder.log(&[create_group("app")]);
    for rule in ["AWS IAM User Addition to Group", "333de828-8190-4cf5-8d7c-7575846f6fe0"] {
        let (exit, out, err) =
            trailbell(&["explain", text(&log), "--record", "0", "--rule", rule], &[]);
        assert_eq!((exit, err.as_str()), (0, ""), "{out}");
        for line in [
            "AWS IAM User Addition to Group (333de828-8190-4cf5-8d7c-7575846f6fe0) does not match this record:\n✗ all of\n",
            "  ✗ event.action: AddUserToGroup  (the record has CreateGroup)\n",
            "  ✓ event.provider: iam.amazonaws.com  (the record has iam.amazonaws.com)\n",
        ] {
            assert!(out.contains(line), "{line}\n{out}");
        }
    }
}

#[test]
fn an_exception_is_a_reason_for_silence() {
    let folder = Folder::new();
    let log = folder.log(&[create_group("app")]);
    let file = folder.write(
        "e.toml",
        "[[exception]]\nname = 'ci'\nrules = '*'\nquery = 'user.name: alice'\nreason = 'x'\nowner = 'x'\nexpires = 'never'",
    );
    let args = ["explain", text(&log), "--record", "0", "--exceptions", text(&file)];
    let told = "not alerted by AWS IAM Group Creation because of exception `ci`\n";
    for (rule, suppressed) in [
        (None, true),
        (Some("AWS IAM Group Creation"), true),
        (Some("AWS IAM User Addition to Group"), false),
    ] {
        let rule: Vec<&str> = rule.into_iter().flat_map(|rule| ["--rule", rule]).collect();
        let (exit, out, err) = trailbell(&[&args[..], &rule].concat(), &[]);
        assert_eq!((exit, out.ends_with(told)), (0, suppressed), "{rule:?}: {out}{err}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let folder = Folder::new();
    let log = folder.log(&[create_group("app"), json!("no object")]);
    let missing = folder.write("bad.json", "{\"Records\": [");
    let cases: [(&[&str], &str); 5] = [
        (&[text(&log), "--record", "2"], "no record 2: they are numbered from 0 to 1"),
        (&[text(&log), "--record", "1"], "record 1 at byte"),
        (
            &[text(&log), "--record", "0", "--rule", "x"],
            "no rule has the id or the name `x`; there are:\n  AWS IAM ",
        ),
        (&[text(&missing), "--record", "0"], "bad.json: at byte"),
        (&["/no/such/file.json", "--record", "0"], "/no/such/file.json: "),
    ];
    for (args, complaint) in cases {
        let (exit, out, err) = trailbell(&[&["explain"], args].concat(), &[]);
        assert_eq!((exit, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(complaint), "{args:?}: {err}");
    }
}
