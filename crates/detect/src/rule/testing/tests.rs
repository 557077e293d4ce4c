//! Tests of the tests.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn shown<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn the_embedded_rules_stand_their_tests() {
    let tested = test_embedded_rules(NOW);
    assert_eq!((shown(&tested.problems), shown(&tested.unsupported)), (vec![], vec![]));
    assert!(tested.results.len() >= 11);
    for outcome in &tested.results {
        assert_eq!(shown(&outcome.failures), [""; 0], "{}", outcome.rule.info.name);
        let enough = outcome.must_match >= 8 && outcome.must_not_match >= 8;
        assert!(enough, "{}: too few records to trust it", outcome.rule.info.name);
    }
}

/// What a test file must not lack, because each has fooled a rule before.
#[test]
fn the_embedded_tests_hold_what_looks_alike() {
    for file in crate::rule::embedded::FILES {
        let TestCases { must_match, must_not_match } =
            TestCases::parse(file.name, file.tests).unwrap();
        let service = is(&["userIdentity", "type"], "AWSService");
        assert!(
            must_not_match.iter().any(|case| !is(&["eventSource"], "iam.amazonaws.com")(case)),
            "{}",
            file.name
        );
        assert!(
            must_not_match.iter().any(&service) && must_match.iter().any(&service),
            "{}",
            file.name
        );
        for region in ["us-east-1", "cn-north-1", "us-gov-west-1"] {
            assert!(must_match.iter().any(is(&["awsRegion"], region)), "{} in {region}", file.name);
        }
    }
}

/// Whether a case's record has a text at a path.
fn is(path: &'static [&'static str], wanted: &'static str) -> impl Fn(&TestCase) -> bool {
    move |case| case.record.text(path) == Some(wanted)
}

fn parse(text: &str) -> Result<TestCases, String> {
    TestCases::parse("a.tests.json", text).map_err(|problem| problem.to_string())
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
        let file = json!({"base": {"a": {"b": 1, "c": 2}, "d": [1]}, "must_match": [{"name": "n", "change": change}]});
        let cases = parse(&file.to_string()).unwrap();
        assert_eq!(
            Value::Object(cases.must_match[0].record.fields().clone()),
            expected,
            "{change}"
        );
    }
}

#[test]
fn what_is_wrong_in_a_file_is_told() {
    let cases = [
        ("{", "a.tests.json:1:1: EOF while parsing an object"),
        (
            "{\n  \"must_mach\": []}",
            "a.tests.json:2:13: unknown field `must_mach`, expected one of `base`, `must_match`, `must_not_match`",
        ),
        (
            r#"{"must_match": [{"name": "n"}]}"#,
            "a.tests.json: case `n` must have either a `record` or a `change`",
        ),
        (
            r#"{"must_match": [{"name": "n", "record": {}, "change": {}}]}"#,
            "a.tests.json: case `n` must have either a `record` or a `change`",
        ),
        (
            r#"{"must_match": [{"name": "n", "change": {}}]}"#,
            "a.tests.json: case `n` has a `change`, but there is no `base`",
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
        "[rule]\nname = '{id}'\nrule_id = '{id}'\ndescription = 'd'\ntype = 'query'\nseverity = 'low'\nrisk_score = 1\n\
         query = 'event.action: CreateGroup'\n"
    )
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

#[test]
fn a_rule_passes_only_with_both_kinds_and_right_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let matching = r#"{"name": "made", "record": {"eventName": "CreateGroup"}}"#;
    let silent = r#"{"name": "gone", "record": {"eventName": "DeleteGroup"}}"#;
    let cases = [
        ("a", format!(r#"{{"must_match": [{matching}], "must_not_match": [{silent}]}}"#), vec![]),
        ("b", format!(r#"{{"must_match": [{matching}]}}"#), vec![TestFailure::LacksSilence]),
        ("c", format!(r#"{{"must_not_match": [{silent}]}}"#), vec![TestFailure::LacksMatch]),
        (
            "d",
            format!(r#"{{"must_match": [{silent}], "must_not_match": [{matching}]}}"#),
            vec![TestFailure::Silent("gone".to_owned()), TestFailure::Matched("made".to_owned())],
        ),
        ("e", String::new(), vec![TestFailure::Untested]),
    ];
    for (id, tests, _) in &cases {
        write(folder.path(), &format!("{id}.toml"), &rule(id));
        if !tests.is_empty() {
            write(folder.path(), &format!("{id}.tests.json"), tests);
        }
    }
    let tested = super::test_rules_in(folder.path(), NOW);
    assert_eq!(shown(&tested.problems), [""; 0]);
    let failures: Vec<_> = tested
        .results
        .into_iter()
        .map(|outcome| (outcome.rule.info.id.clone(), outcome.failures))
        .collect();
    assert_eq!(failures, cases.map(|(id, _, failures)| (id.to_owned(), failures)));
}

#[test]
fn broken_and_lonely_files_are_problems_and_foreign_rules_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.toml", &rule("a"));
    write(folder.path(), "a.tests.json", "[]");
    write(folder.path(), "b.toml", "[rule");
    write(folder.path(), "eql.toml", &rule("eql").replace("query'", "eql'"));
    write(folder.path(), "lonely.tests.json", "{}");
    let tested = super::test_rules_in(folder.path(), NOW);
    let problems = shown(&tested.problems).join("\n");
    for part in ["a.tests.json:1:", "b.toml:1:", "lonely.tests.json: there is no rule beside it"] {
        assert!(problems.contains(part), "{part} in {problems}");
    }
    assert_eq!(
        (tested.problems.len(), tested.unsupported.len(), tested.results.len()),
        (3, 1, 0),
        "{problems}"
    );
}
