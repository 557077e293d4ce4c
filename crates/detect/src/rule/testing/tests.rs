//! Test files, and what testing rules reports.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::rule::{EmbeddedSet, LoadedRules};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn to_strings<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn the_embedded_rules_pass_their_tests() {
    let report = test_rules(None, NOW);
    // The records that they match are not of callers of AWS.
    let integrity = LoadedRules::embedded_integrity();
    assert_eq!(to_strings(&report.problems), [""; 0]);
    assert_eq!(to_strings(&report.unsupported), [""; 0]);
    assert_eq!(report.results.len(), LoadedRules::all_embedded().rules.len());
    for result in &report.results {
        assert_eq!(result.failures, [""; 0], "{}", result.rule.name);
        let has_enough_cases = result.must_match >= 8 && result.must_not_match >= 8;
        let is_made_by_us = integrity.rules.iter().any(|rule| rule.info.id == result.rule.id);
        assert!(has_enough_cases || is_made_by_us, "{}", result.rule.name);
    }
}

/// Each of these cases has misled a rule before.
#[test]
fn the_embedded_tests_have_cases_that_look_alike() {
    for rule in LoadedRules::all_embedded().rules {
        if rule.origin.embedded_set() == Some(EmbeddedSet::Integrity) {
            continue;
        }
        let RuleTests { must_match, must_not_match, own: _ } =
            RuleTests::for_origin(&rule.origin).unwrap();
        let name = &rule.info.name;
        let is_service = has_text(&["userIdentity", "type"], "AWSService");
        let provider = must_match[0].records[0].text(&["eventSource"]);
        let is_other = |case: &TestCase| case.records[0].text(&["eventSource"]) != provider;
        assert!(must_not_match.iter().any(is_other), "{name}");
        assert!(must_not_match.iter().any(&is_service), "{name}");
        assert!(must_match.iter().any(&is_service), "{name}");
        let set = rule.origin.embedded_set();
        let is_iam = matches!(set, Some(EmbeddedSet::IamGroups | EmbeddedSet::IamPrincipals));
        for region in ["us-east-1", "cn-north-1", "us-gov-west-1"] {
            let is_there = has_text(&["awsRegion"], region);
            assert!(!is_iam || must_match.iter().any(is_there), "{name} in {region}");
        }
    }
}

fn has_text(path: &'static [&'static str], text: &'static str) -> impl Fn(&TestCase) -> bool {
    move |case| case.records[0].text(path) == Some(text)
}

fn parse(text: &str) -> Result<RuleTests, String> {
    RuleTests::parse("a.tests.json", text).map_err(|problem| problem.to_string())
}

#[test]
fn a_change_is_a_merge_patch() {
    let cases = [
        (json!({}), json!({"a": {"b": 1, "c": 2}, "d": [1]})),
        (json!({"a": {"b": null}}), json!({"a": {"c": 2}, "d": [1]})),
        (json!({"a": null, "e": "x"}), json!({"d": [1], "e": "x"})),
        (json!({"d": {"x": null, "y": 1}}), json!({"a": {"b": 1, "c": 2}, "d": {"y": 1}})),
        (json!({"a": 7, "d": [2]}), json!({"a": 7, "d": [2]})),
    ];
    for (change, expected) in cases {
        let file = json!({
            "base": {"a": {"b": 1, "c": 2}, "d": [1]},
            "must_match": [{"name": "n", "change": change}],
        });
        let cases = parse(&file.to_string()).unwrap();
        assert_eq!(
            Value::Object(cases.must_match[0].records[0].fields().clone()),
            expected,
            "{change}"
        );
    }
}

#[test]
fn problems_of_a_test_file_are_reported() {
    let cases = [
        ("{", "a.tests.json:1:1: EOF while parsing an object"),
        (
            "{\n  \"must_mach\": []}",
            "a.tests.json:2:13: unknown field `must_mach`, expected one of `base`, `must_match`, \
             `must_not_match`, `own`",
        ),
        (
            r#"{"must_match": [{"name": "n"}]}"#,
            "a.tests.json: `n` must have either a `record` or a `change`",
        ),
        (
            r#"{"must_match": [{"name": "n", "record": {}, "change": {}}]}"#,
            "a.tests.json: `n` must have either a `record` or a `change`",
        ),
        (
            r#"{"must_match": [{"name": "n", "change": {}}]}"#,
            "a.tests.json: `n` has a `change`, but there is no `base`",
        ),
        (
            r#"{"must_match": [{"name": "n", "record": []}]}"#,
            "a.tests.json:1:40: invalid type: sequence, expected a map",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).unwrap_err(), expected, "{text}");
    }
}

fn rule(id: &str) -> String {
    format!(
        "[rule]\nname = '{id}'\nrule_id = '{id}'\ndescription = 'd'\ntype = 'query'\n\
         severity = 'low'\nrisk_score = 1\n\
         query = 'event.action: CreateGroup'\n"
    )
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

#[test]
fn a_rule_passes_only_with_tests_of_both_kinds_that_hold() {
    let folder = tempfile::tempdir().unwrap();
    let matching = r#"{"name": "made", "record": {"eventName": "CreateGroup"}}"#;
    let silent = r#"{"name": "gone", "record": {"eventName": "DeleteGroup"}}"#;
    let cases = [
        ("a", format!(r#"{{"must_match": [{matching}], "must_not_match": [{silent}]}}"#), vec![]),
        (
            "b",
            format!(r#"{{"must_match": [{matching}]}}"#),
            vec!["has no test that it must not match"],
        ),
        (
            "c",
            format!(r#"{{"must_not_match": [{silent}]}}"#),
            vec!["has no test that it must match"],
        ),
        (
            "d",
            format!(r#"{{"must_match": [{silent}], "must_not_match": [{matching}]}}"#),
            vec!["does not match, but must: gone", "matches, but must not: made"],
        ),
        ("e", String::new(), vec!["has no tests"]),
    ];
    for (id, tests, _) in &cases {
        write(folder.path(), &format!("{id}.toml"), &rule(id));
        if !tests.is_empty() {
            write(folder.path(), &format!("{id}.tests.json"), tests);
        }
    }
    let report = test_rules(Some(folder.path()), NOW);
    assert_eq!(to_strings(&report.problems), [""; 0]);
    for (result, (id, _, failures)) in report.results.iter().zip(&cases) {
        assert_eq!(
            (result.rule.id.as_str(), &result.failures[..]),
            (*id, &to_strings(failures)[..])
        );
    }
    assert_eq!(report.results.len(), cases.len());
}

#[test]
fn broken_files_and_tests_without_rule_are_problems_and_unsupported_rules_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.toml", &rule("a"));
    write(folder.path(), "a.tests.json", "[]");
    write(folder.path(), "b.toml", "[rule");
    write(folder.path(), "esql.toml", &rule("esql").replace("query'", "esql'"));
    write(folder.path(), "orphan.tests.json", "{}");
    let report = test_rules(Some(folder.path()), NOW);
    let problems = to_strings(&report.problems).join("\n");
    for part in ["a.tests.json:1:", "b.toml:1:", "orphan.tests.json: there is no rule next to it"] {
        assert!(problems.contains(part), "{part} in {problems}");
    }
    assert_eq!(
        (report.problems.len(), report.unsupported.len(), report.results.len()),
        (3, 1, 0),
        "{problems}"
    );
}

#[test]
fn the_tests_of_a_sequence_are_of_several_records() {
    let folder = tempfile::tempdir().unwrap();
    let query = "'sequence by user.name [any where event.action == \"A\"] \
                 [any where event.action == \"B\"]'";
    let text = rule("s").replace("'query'", "'eql'").replace("'event.action: CreateGroup'", query);
    write(folder.path(), "s.toml", &text);
    let record = |action: &str, time: &str, user: &str| {
        let time = format!("2026-03-01T10:{time}Z");
        let user = json!({"type": "IAMUser", "userName": user});
        json!({"eventName": action, "eventTime": time, "userIdentity": user})
    };
    let [a, b] = [record("A", "00:00", "alice"), record("B", "06:00", "alice")];
    let case = |records: &[&Value]| {
        let records: Vec<Value> =
            records.iter().map(|it| json!({"name": "r", "record": it})).collect();
        json!({"name": "n", "records": records})
    };
    let by_another = record("B", "01:00", "bob");
    let too_late = record("B", "06:01", "alice");
    let unmatched = [&[&a][..], &[&b], &[&a, &by_another], &[&a, &too_late]].map(case);
    let tests = json!({
        "must_match": [case(&[&a, &b]), case(&[&b, &a])],
        "must_not_match": unmatched,
    });
    write(folder.path(), "s.tests.json", &tests.to_string());
    let report = test_rules(Some(folder.path()), NOW);
    assert_eq!(to_strings(&report.problems), [""; 0]);
    assert_eq!(report.results[0].failures, [""; 0]);
    let wrong =
        json!({"must_match": [case(&[&a, &too_late])], "must_not_match": [case(&[&a, &b])]});
    write(folder.path(), "s.tests.json", &wrong.to_string());
    let report = test_rules(Some(folder.path()), NOW);
    assert_eq!(
        report.results[0].failures,
        ["does not match, but must: n", "matches, but must not: n"]
    );
}

#[test]
fn the_tests_of_a_threshold_are_of_as_many_records_as_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let threshold = "[rule.threshold]\nfield = 'user.name'\nvalue = 2\n";
    let text = rule("t").replace("'query'", "'threshold'") + threshold;
    write(folder.path(), "t.toml", &text);
    let record = |action: &str, second: u32, user: &str| {
        let time = format!("2026-03-01T10:00:{second:02}Z");
        let user = json!({"type": "IAMUser", "userName": user});
        let record = json!({"eventName": action, "eventTime": time, "userIdentity": user});
        json!({"name": "r", "record": record})
    };
    let case = |records: &[&Value]| json!({"name": "n", "records": records});
    let first = record("CreateGroup", 0, "alice");
    let [second, by_another] = ["alice", "bob"].map(|user| record("CreateGroup", 1, user));
    let of_another_call = record("DeleteGroup", 1, "alice");
    let unmatched = [&[&first][..], &[&first, &by_another], &[&first, &of_another_call]];
    let tests = json!({
        "must_match": [case(&[&first, &second])],
        "must_not_match": unmatched.map(case),
    });
    write(folder.path(), "t.tests.json", &tests.to_string());
    let report = test_rules(Some(folder.path()), NOW);
    assert_eq!(to_strings(&report.problems), [""; 0]);
    assert_eq!(report.results[0].failures, [""; 0]);
}

#[test]
fn a_building_block_is_never_alerted() {
    let folder = tempfile::tempdir().unwrap();
    let text = rule("b") + "building_block_type = 'default'\n";
    write(folder.path(), "b.toml", &text);
    let record = json!({"eventName": "CreateGroup"});
    let case =
        |name: &str, alerted: bool| json!({"name": name, "record": record, "alerted": alerted});
    let other = json!({"name": "other", "record": {"eventName": "DeleteGroup"}});
    let tests =
        json!({"must_match": [case("no", false), case("yes", true)], "must_not_match": [other]});
    write(folder.path(), "b.tests.json", &tests.to_string());
    let report = test_rules(Some(folder.path()), NOW);
    assert_eq!(report.results[0].failures, ["is not alerted, but must be: yes"]);
}
