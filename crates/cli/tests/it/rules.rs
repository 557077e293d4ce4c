//! `trailbell rules`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use detect::rule::{LoadedRules, guide_page};
use serde_json::{Value, json};

use crate::program::{TestDir, trailbell};

fn rules(args: &[&str]) -> (i32, String, String) {
    trailbell(&[&["rules"], args].concat(), &[])
}

/// What a person sees.
fn page(args: &[&str]) -> String {
    let (code, out, err) = rules(args);
    let errors: String = err.lines().map(|line| format!("(stderr) {line}\n")).collect();
    format!("$ trailbell rules {}\n{out}{errors}(exit code {code})\n", args.join(" "))
}

#[test]
fn pages() {
    let cases: [(&str, &[&str]); 12] = [
        ("list", &["list"]),
        (
            "list-of-others",
            &["list", "--rule-sets", "none", "--rules", "tests/data/rules/exact.toml"],
        ),
        ("show", &["show", "169f3a93-efc7-4df2-94d6-0d9438c310d1"]),
        ("show-by-name", &["show", "denied"]),
        ("show-ambiguous", &["show", "attached to group"]),
        ("show-unknown", &["show", "no such rule"]),
        ("check", &["check", "tests/data/rules"]),
        ("check-odd", &["check", "tests/data/odd-rules"]),
        ("check-built-in", &["check", "--strict", "rules"]),
        ("check-strict", &["check", "--strict", "tests/data/rules/unpinned.toml"]),
        ("test", &["test"]),
        ("test-without-tests", &["test", "tests/data/rules"]),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots/rules");
    settings.bind(|| {
        for (name, args) in cases {
            insta::assert_snapshot!(name, page(args));
        }
    });
}

/// `cargo run -- rules pages docs/rules` writes them.
#[test]
fn the_pages_in_the_documentation_are_those_of_the_rules() {
    let dir = TestDir::new();
    let (code, out, err) = rules(&["pages", &dir.text("pages")]);
    assert_eq!((code, err.as_str()), (0, ""));
    let documentation = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules");
    let [written, shown] = [dir.path("pages"), documentation].map(|folder| {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let page = |path: PathBuf| {
            let text = fs::read_to_string(&path).unwrap();
            (path.file_name().unwrap().to_owned(), text)
        };
        files.map(page).collect::<BTreeMap<_, _>>()
    });
    assert_eq!(out, format!("{} pages written to {}\n", written.len(), dir.text("pages")));
    assert!(written.keys().eq(shown.keys()), "{:?}", written.keys());
    for (name, text) in &written {
        assert!(shown[name] == *text, "{} is out of date", name.display());
    }
    for info in LoadedRules::embedded().rules.iter().map(|rule| &rule.info) {
        let page = format!("{}.md", guide_page(&info.id).unwrap());
        assert!(written[OsStr::new(&page)].starts_with(&format!("# {}\n", info.name)), "{page}");
    }
}

#[test]
fn the_json_list_contains_what_the_table_contains() {
    let (_, out, _) = rules(&["list", "--format", "json"]);
    let list: Value = serde_json::from_str(&out).unwrap();
    let rule = |name| list.as_array().unwrap().iter().find(|rule| rule["name"] == name).unwrap();
    let creation = rule("AWS IAM Group Creation");
    assert_eq!(creation["rule_id"], "169f3a93-efc7-4df2-94d6-0d9438c310d1");
    assert_eq!((&creation["severity"], &creation["risk_score"]), (&"low".into(), &21.into()));
    assert_eq!(creation["providers"], json!(["iam.amazonaws.com"]));
    assert_eq!(creation["actions"], json!(["CreateGroup"]));
    assert_eq!(
        (&creation["version"], &creation["tags"][0]),
        (&212.into(), &"Domain: Cloud".into())
    );
    assert_eq!(creation["threat"][0]["tactic"]["id"], "TA0003");
    assert!(creation["setup"].as_str().unwrap().contains("CloudTrail trail"));
    assert_eq!(creation["origin"], "embedded:aws-iam-group-creation.toml");
    let burst = &rule("Many users added to one IAM group")["correlation"];
    assert_eq!((&burst["type"], &burst["timespan_seconds"]), (&"event_count".into(), &600.into()));
}

/// What several calls decide is in the page and in the document.
#[test]
fn rules_over_several_calls_say_what_they_find() {
    let file = |name: &str| format!("tests/data/rules/{name}.toml");
    let cases = [
        (
            "threshold",
            "Type      threshold",
            "Finds     8 or more events with 2 or more values of source.ip within 6 minutes, with \
             the same cloud.account.id; only with a ledger",
            json!({"threshold": {
                "fields": ["cloud.account.id"],
                "value": 8,
                "cardinality": {"field": "source.ip", "value": 2},
                "timespan_seconds": 360,
            }}),
        ),
        (
            "eql-sequence",
            "Type      eql, a sequence",
            "Finds     2 calls one after another within 10 minutes, with the same user.name; only \
             with a ledger",
            json!({"sequence": {
                "condition": "2 calls one after another within 10 minutes",
                "group_by": ["user.name"],
                "timespan_seconds": 600,
            }}),
        ),
        (
            "new-terms",
            "Type      new_terms",
            "not seen together for 10 days; recorded only while it is learning",
            json!({"new_terms": {
                "fields": ["user.id", "aws.cloudtrail.request_parameters"],
                "window_seconds": 864_000,
                "alerts_while_learning": false,
            }}),
        ),
    ];
    for (name, rule_type, finds, expected) in cases {
        let path = file(name);
        let args = ["--rule-sets", "none", "--rules", &path];
        let (_, out, err) = rules(&[&["list", "--format", "json"][..], &args].concat());
        let list: Value = serde_json::from_str(&out).unwrap_or_else(|it| panic!("{it}: {err}"));
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&list[0][key], value, "{name}");
        }
        assert!(rule_type.contains(list[0]["type"].as_str().unwrap()), "{name}: {out}");
        let id = list[0]["rule_id"].as_str().unwrap();
        let (_, out, _) = rules(&[&["show", id][..], &args].concat());
        assert!(out.contains(rule_type) && out.contains(finds), "{out}");
        assert!(!out.contains("Runs "), "no search is run in intervals: {out}");
    }
}

#[test]
fn exit_codes_match_the_help() {
    let cases: [(&[&str], i32); 10] = [
        (&["check", "tests/data/rules/exact.toml"], 0),
        (&["check", "tests/data/rules/unpinned.toml"], 0),
        (&["check", "--strict", "tests/data/rules/unpinned.toml"], 1),
        (&["check", "tests/data/rules/exact.toml", "tests/data/rules/esql.toml"], 1),
        (&["check", "tests/data/rules/esql.toml", "tests/data/odd-rules/not-kql.toml"], 2),
        (&["check", "tests/data/no-such-folder"], 2),
        (&["test", "rules"], 0),
        (&["test", "rules/aws-iam-group-creation.toml"], 0),
        (&["test", "tests/data/odd-rules"], 2),
        // Nothing in it can be tested.
        (&["test", "tests/data/rules/esql.toml"], 1),
    ];
    for (args, code) in cases {
        assert_eq!(rules(args).0, code, "{args:?}");
    }
}
