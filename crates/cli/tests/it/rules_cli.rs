//! `trailbell rules`, as a person runs it. What it prints is in `tests/golden/rules/<case>.txt`,
//! with the exit code.
//!
//! After a wanted change, `TRAILBELL_WRITE_GOLDEN=1 cargo test --test rules_cli` writes the files
//! anew; read the difference before you commit it.
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use serde_json::Value;

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailbell"));
    command.current_dir(support::root()).arg("rules").args(args).stdin(Stdio::null());
    command.output().unwrap()
}

/// What a person sees and a script gets.
fn page(args: &[&str]) -> String {
    let output = run(args);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    let errors =
        text(&output.stderr).lines().map(|line| format!("(stderr) {line}\n")).collect::<String>();
    format!(
        "$ trailbell rules {}\n{}{errors}(exit code {code})\n",
        args.join(" "),
        text(&output.stdout)
    )
}

#[test]
fn what_is_printed_is_as_in_the_golden_files() {
    let cases: [(&str, &[&str]); 12] = [
        ("list", &["list"]),
        (
            "list-of-others",
            &["list", "--no-default-rules", "--rules", "tests/data/rules/exact.toml"],
        ),
        ("show", &["show", "169f3a93-efc7-4df2-94d6-0d9438c310d1"]),
        ("show-by-name", &["show", "denied"]),
        ("show-which", &["show", "attached to group"]),
        ("show-none", &["show", "no such rule"]),
        ("check", &["check", "tests/data/rules"]),
        ("check-odd", &["check", "tests/data/odd-rules"]),
        ("check-ours", &["check", "--strict", "rules"]),
        ("check-strict", &["check", "--strict", "tests/data/rules/unpinned.toml"]),
        ("test", &["test"]),
        ("test-without-tests", &["test", "tests/data/rules"]),
    ];
    let mut different = Vec::new();
    for (name, args) in cases {
        let (page, golden) =
            (page(args), Path::new("tests/golden/rules").join(name).with_extension("txt"));
        if env::var_os("TRAILBELL_WRITE_GOLDEN").is_some() {
            fs::write(&golden, &page).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != page {
            different.push(format!("{}:\n{page}", golden.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_list_as_json_has_what_the_table_has() {
    let list: Value = serde_json::from_slice(&run(&["list", "--format", "json"]).stdout).unwrap();
    let creation = list
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["name"] == "AWS IAM Group Creation")
        .unwrap();
    assert_eq!(creation["rule_id"], "169f3a93-efc7-4df2-94d6-0d9438c310d1");
    assert_eq!(
        (creation["severity"].as_str(), creation["risk_score"].as_u64()),
        (Some("low"), Some(21))
    );
    assert_eq!(creation["providers"], serde_json::json!(["iam.amazonaws.com"]));
    assert_eq!(creation["actions"], serde_json::json!(["CreateGroup"]));
    assert_eq!(creation["origin"], "embedded:aws-iam-group-creation.toml");
}

#[test]
fn exit_codes_are_as_the_help_says() {
    let cases: [(&[&str], i32); 9] = [
        (&["check", "tests/data/rules/exact.toml"], 0),
        (&["check", "tests/data/rules/unpinned.toml"], 0),
        (&["check", "--strict", "tests/data/rules/unpinned.toml"], 1),
        (&["check", "tests/data/rules/exact.toml", "tests/data/rules/eql.toml"], 1),
        (&["check", "tests/data/rules/eql.toml", "tests/data/odd-rules/not-kql.toml"], 2),
        (&["check", "tests/data/no-such-folder"], 2),
        (&["test", "rules"], 0),
        (&["test", "rules/aws-iam-group-creation.toml"], 0),
        (&["test", "tests/data/odd-rules"], 2),
    ];
    for (args, code) in cases {
        assert_eq!(run(args).status.code(), Some(code), "{args:?}");
    }
}
