//! Rule files and folders, their problems and warnings.

mod correlations;
mod elastic;
mod eql;
mod keys;
mod over_time;
mod severity;
mod unsupported;

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rule::{Position, Rule, Severity};

const HEAD: &str = r#"[rule]
name = "A group"
rule_id = "r-1"
description = "Detects what it detects."
type = "query"
severity = "low"
risk_score = 21
"#;

/// A valid rule file with these lines after its head.
fn with(lines: &str) -> String {
    format!("{HEAD}{lines}\nquery = 'event.action: CreateGroup'\n")
}

fn load(text: &str) -> LoadedRules {
    LoadedRules::from_texts([("a.toml", text)].into_iter())
}

fn to_strings<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn the_embedded_rules_have_no_problems_and_are_complete() {
    let load = LoadedRules::all_embedded();
    assert_eq!(to_strings(&load.problems), [""; 0]);
    assert_eq!(to_strings(&load.warnings), [""; 0]);
    assert_eq!(to_strings(&load.unsupported), [""; 0]);
    let ten = Duration::from_secs(600);
    let sixty = Duration::from_secs(3600);
    let mut facts = Vec::new();
    let reads_records = |rule: &&Rule| rule.origin.embedded_set() != Some(EmbeddedSet::Integrity);
    for rule in load.rules.iter().filter(reads_records) {
        let info = &rule.info;
        assert_eq!(
            (rule.interval, rule.from, rule.max_signals),
            (ten, sixty, 100),
            "{}",
            info.name
        );
        let set = rule.origin.embedded_set();
        let is_iam = matches!(set, Some(EmbeddedSet::IamGroups | EmbeddedSet::IamPrincipals));
        let requires_iam = rule.query.source().contains("event.provider: iam.amazonaws.com");
        assert_eq!(requires_iam, is_iam, "{}", info.name);
        let complete =
            info.note.is_some() && !info.references.is_empty() && !info.false_positives.is_empty();
        assert!(complete && !info.threat.is_empty(), "{}", info.name);
        facts.push((info.name.as_str(), info.severity, info.risk_score));
    }
    let expected = [
        ("AWS IAM Administrator Policy Attached to Group", Severity::Medium, 47),
        ("AWS IAM Group Change Denied", Severity::Low, 21),
        ("AWS IAM Group Creation", Severity::Low, 21),
        ("AWS IAM Group Deletion", Severity::Low, 21),
        ("AWS IAM Inline Policy Deleted from Group", Severity::Low, 21),
        ("AWS IAM Inline Policy Written to Group", Severity::Medium, 47),
        ("AWS IAM Policy Attached to Group", Severity::Low, 21),
        ("AWS IAM Policy Detached from Group", Severity::Low, 21),
        ("AWS IAM Group Update", Severity::Low, 21),
        ("AWS IAM Policy Version Raises the Power of Groups", Severity::High, 73),
        ("AWS IAM User Addition to Group", Severity::Low, 21),
        ("AWS IAM User Removal from Group", Severity::Low, 21),
        ("AWS IAM Credentials Created for Another User", Severity::High, 73),
        ("AWS IAM Permissions Boundary Removed", Severity::High, 73),
        ("AWS IAM Role Given Powerful Policy", Severity::Medium, 47),
        ("AWS IAM Role Opened to Other Accounts", Severity::High, 73),
        ("AWS IAM User Given Powerful Policy", Severity::High, 73),
        ("Trailbell Bucket Changed", Severity::Medium, 47),
        ("Trailbell Function Changed", Severity::High, 73),
        ("AWS CloudTrail Trail Stopped or Deleted", Severity::High, 73),
        ("Trailbell Queue Changed", Severity::Medium, 47),
        ("Trailbell Topic Changed", Severity::Medium, 47),
        ("AWS CloudTrail Trail Changed", Severity::Medium, 47),
        ("AWS Identity Center Group Creation", Severity::Low, 21),
        ("AWS Identity Center Group Deletion", Severity::Low, 21),
        ("AWS Identity Center User Addition to Group", Severity::Low, 21),
        ("AWS Identity Center User Removal from Group", Severity::Low, 21),
    ];
    assert_eq!(facts, expected);
    let ids: Vec<_> = load.rules.iter().map(|rule| rule.info.id.as_str()).collect();
    assert_eq!(
        (ids[2], ids[10]),
        ("169f3a93-efc7-4df2-94d6-0d9438c310d1", "333de828-8190-4cf5-8d7c-7575846f6fe0")
    );
}

#[test]
fn a_file_with_every_key_loads() {
    let text = r#"
[metadata]
creation_date = "2026/01/02"
updated_date = "2026/01/03"
maturity = "production"
integration = ["aws"]
min_stack_version = "8.3.0"

[transform]
[[transform.osquery]]
label = "anything"

[rule]
author = ["Someone"]
name = "A group is created"
rule_id = "r-1"
description = """
Two
lines."""
type = "query"
language = "kuery"
severity = "high"
risk_score = 73
index = ["logs-aws.cloudtrail-*"]
from = "now-9m"
interval = "1h"
max_signals = 7
note = "Look."
setup = "Set up."
tags = ["Domain: Cloud"]
references = ["https://example.com"]
false_positives = ["It is planned."]
timestamp_override = "event.ingested"
license = "Apache-2.0"
query = '''
event.provider: iam.amazonaws.com
  and event.action: CreateGroup
'''

[[rule.threat]]
framework = "MITRE ATT&CK"
[[rule.threat.technique]]
id = "T1136"
name = "Create Account"
reference = "https://attack.mitre.org/techniques/T1136/"
[[rule.threat.technique.subtechnique]]
id = "T1136.003"
name = "Cloud Account"
reference = "https://attack.mitre.org/techniques/T1136/003/"
[rule.threat.tactic]
id = "TA0003"
name = "Persistence"
reference = "https://attack.mitre.org/tactics/TA0003/"
[[rule.threat]]
framework = "MITRE ATT&CK"
[rule.threat.tactic]
id = "TA0006"
name = "Credential Access"
reference = "https://attack.mitre.org/tactics/TA0006/"

[rule.investigation_fields]
field_names = ["user.name"]
[rule.alert_suppression]
group_by = ["user.name"]
"#;
    let load = load(text);
    assert_eq!(to_strings(&load.problems), [""; 0]);
    assert_eq!(to_strings(&load.warnings), [""; 0]);
    let rule = &load.rules[0];
    assert_eq!(rule.info.description, "Two\nlines.");
    assert_eq!(rule.info.severity, Severity::High);
    assert_eq!(rule.info.note.as_deref(), Some("Look."));
    assert_eq!(rule.info.tags, ["Domain: Cloud"]);
    assert_eq!(rule.info.references, ["https://example.com"]);
    assert_eq!(rule.info.false_positives, ["It is planned."]);
    assert_eq!(rule.info.threat[0].technique[0].subtechnique[0].id, "T1136.003");
    assert_eq!(rule.info.threat[1].technique, []);
    assert_eq!((rule.interval.as_secs(), rule.from.as_secs(), rule.max_signals), (3600, 540, 7));
    assert_eq!(rule.origin.to_string(), "a.toml");
}

#[test]
fn absent_keys_have_elastics_defaults() {
    let load = load(&with(""));
    let rule = &load.rules[0];
    assert_eq!((rule.interval.as_secs(), rule.from.as_secs(), rule.max_signals), (300, 360, 100));
    assert_eq!((to_strings(&load.problems), to_strings(&load.warnings)), (vec![], vec![]));
}

#[test]
fn rules_of_other_types_are_unsupported() {
    let cases = [
        ("type = 'esql'", "its type is `esql`, which cannot run here"),
        ("type = 'machine_learning'", "its type is `machine_learning`, which cannot run here"),
        ("type = 'threat_match'", "its type is `threat_match`, which cannot run here"),
        (
            "type = 'query'\nlanguage = 'lucene'",
            "its language is `lucene`, of type `query` only `kuery` can run",
        ),
        (
            "type = 'query'\nlanguage = 'eql'",
            "its language is `eql`, of type `query` only `kuery` can run",
        ),
        ("type = 'query'\nfilters = [{}]", "it has `filters`, which would not be applied"),
        (
            "type = 'eql'\nexceptions_list = [{id = 'x'}]",
            "it has `exceptions_list`, which would not be applied",
        ),
    ];
    for (lines, reason) in cases {
        let load = load(&format!("[rule]\nname = 'Odd'\n{lines}\n"));
        assert_eq!(
            to_strings(&load.unsupported),
            [format!("a.toml: unsupported rule \"Odd\": {reason}")],
            "{lines}"
        );
        assert!(load.rules.is_empty() && load.problems.is_empty(), "{lines}");
    }
}

#[test]
fn problems_are_reported_with_their_place() {
    let cases = [
        ("", "a.toml:1:1: there is no [rule] table"),
        ("rule = 1", "a.toml:1:8: `rule` must be a table, found integer"),
        (
            &with("max_signals = 0"),
            "a.toml:8:15: `max_signals` must be a whole number from 1 to 4294967295",
        ),
        (
            &with("interval = 10"),
            "a.toml:8:12: in `interval`: expected a string, found the number `10`",
        ),
        (
            &with("interval = '10 m'"),
            "a.toml:8:12: `interval` must be a time such as `10m`, found `10 m`",
        ),
        (
            &with("from = '60m'"),
            "a.toml:8:8: `from` must be a time back such as `now-60m`, found `60m`",
        ),
        (&with("tags = 'one'"), "a.toml:8:8: in `tags`: expected a list, found string \"one\""),
        (
            &with("tags = ['one', 2]"),
            "a.toml:8:16: in `tags`: expected a string, found the number `2`",
        ),
        (
            &with("").replace("21", "101"),
            "a.toml:7:14: `risk_score` must be a whole number from 0 to 100",
        ),
        (
            &with("").replace("21", "2.5"),
            "a.toml:7:14: `risk_score` must be a whole number from 0 to 100",
        ),
        (
            &with("").replace("\"low\"", "\"hihg\""),
            "a.toml:6:12: in `severity`: unknown value `hihg`, expected one of `low`, \
             `medium`, `high`, `critical`",
        ),
        (
            &with("").replace("\"query\"", "\"qeury\""),
            "a.toml:5:8: `type` must be `query`, `eql`, `threshold`, `new_terms` or `correlation`, found `qeury`",
        ),
        (&with("").replace("A group", " "), "a.toml:2:8: `name` must not be empty"),
        (HEAD, "a.toml:1:2: `query` is missing in [rule]"),
        (&with("").replace("rule_id", "rule-id"), "a.toml:1:2: `rule_id` is missing in [rule]"),
        (&with("threat = [{ framework = 'x' }]"), "a.toml:8:11: in `threat`: `tactic` is missing"),
    ];
    for (text, expected) in cases {
        let load = load(text);
        assert_eq!(to_strings(&load.problems), [expected], "{text}");
        assert!(load.rules.is_empty(), "{text}");
    }
}

#[test]
fn syntax_errors_are_reported_with_their_place() {
    let load = load("[rule]\nname = \"unclosed\nrule_id = 'r'\n");
    let first = load.problems[0].to_string();
    assert!(first.starts_with("a.toml:2:") && first.contains("not TOML"), "{first}");
}

#[test]
fn only_the_first_syntax_errors_are_reported() {
    let text = "# A page\n".to_owned() + &"some words of it\n".repeat(100);
    assert_eq!(load(&text).problems.len(), 5);
}

#[test]
fn all_problems_are_reported_at_once() {
    let load = load(
        "[rule]\ntype = 'query'\nseverity = 'low'\nrisk_score = 500\ninterval = 'soon'\n\
         query = '('\n",
    );
    let places: Vec<_> =
        load.problems.iter().map(|problem| problem.position.unwrap().line).collect();
    assert_eq!(places, [1, 1, 1, 4, 6, 5], "{:?}", to_strings(&load.problems));
}

#[test]
fn an_error_in_the_query_is_shown_at_its_place_in_the_file() {
    let query = "event.provider: iam.amazonaws.com and\n  event.action: )";
    let cases = [
        (format!("{HEAD}query = '''\n{query}\n'''"), (10, 17)),
        (format!("{HEAD}query = '''\n{query}\n'''").replace('\n', "\r\n"), (10, 17)),
        (format!("{HEAD}query = '''{query}'''"), (9, 17)),
        (format!("{HEAD}query = \"\"\"\n{query}\"\"\""), (10, 17)),
        (format!("{HEAD}query = 'event.action: )'"), (8, 24)),
        // With escapes only the beginning of the text has a place.
        (format!("{HEAD}query = \"event.action: \\t )\""), (8, 10)),
    ];
    for (text, (line, column)) in cases {
        let load = load(&text);
        let problem = &load.problems[0];
        assert_eq!(problem.position, Some(Position { line, column }), "{text}");
        let excerpt = problem.excerpt.as_deref().unwrap();
        let caret = excerpt.lines().nth(1).and_then(|line| line.split_once(" | ")).unwrap().1;
        assert!(excerpt.starts_with(&format!("{line} | ")), "{text}\n{excerpt}");
        let (_, shown) = excerpt.lines().next().unwrap().split_once(" | ").unwrap();
        assert_eq!(shown.chars().nth(caret.len() - 1), Some(')'));
    }
}

#[test]
fn unknown_keys_are_warnings() {
    let cases = [
        (
            "[metadata]\nmaturty = 'x'\n",
            "a.toml:2:1: unknown key `maturty` in [metadata]; did you mean `maturity`?",
        ),
        ("[colour]\n", "a.toml:1:2: unknown key `colour` in the file"),
    ];
    for (head, warning) in cases {
        let load = load(&format!("{head}{}", with("")));
        assert_eq!(to_strings(&load.warnings), [warning], "{head}");
        assert_eq!(load.rules.len(), 1, "{head}");
    }
    let unknown = load(&with("serverity = 'low'"));
    assert_eq!(
        to_strings(&unknown.warnings),
        ["a.toml:8:1: unknown key `serverity` in [rule]; did you mean `severity`?"]
    );
}

#[test]
fn unknown_fields_are_warnings() {
    let cases: [(&str, &[&str]); 6] = [
        (
            "event.actoin: X",
            &["a.toml:8:10: no record has the field `event.actoin`; did you mean `event.action`?"],
        ),
        (
            "user.name: a and not source.as.number: 1",
            &["a.toml:8:31: no record has the field `source.as.number`"],
        ),
        ("user: * and user.*: a", &[]),
        ("user: a", &["a.toml:8:10: no record has the field `user`"]),
        ("aws.cloudtrail.flattened.request_parameters.any-thing: a", &[]),
        (
            "aws.cloudtrail.resources: { arn: a and arm: b }",
            &["a.toml:8:49: no record has the field `aws.cloudtrail.resources.arm`; did you \
                 mean `aws.cloudtrail.resources.arn`?"],
        ),
    ];
    for (query, warnings) in cases {
        let load = load(&format!("{HEAD}query = '{query}'\n"));
        assert_eq!(to_strings(&load.warnings), *warnings, "{query}");
        assert_eq!(load.rules.len(), 1, "{query}");
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn rule_with_id(id: &str) -> String {
    with("").replace("r-1", id)
}

#[test]
fn a_folder_is_read_recursively_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("b.toml", rule_with_id("b")),
        ("a/z.toml", rule_with_id("z")),
        ("notes.md", "no rule".to_owned()),
        ("_deprecated/old.toml", rule_with_id("old")),
        ("..data/b.toml", rule_with_id("b")),
        ("c.toml", "[rule".to_owned()),
        ("d.toml", format!("# {}", " ".repeat(1 << 20))),
    ] {
        write(folder.path(), name, &text);
    }
    fs::write(folder.path().join("e.toml"), b"[rule]\nname = \"\xff\"").unwrap();
    let load = LoadedRules::from_path(folder.path());
    let ids: Vec<_> = load.rules.iter().map(|rule| rule.info.id.as_str()).collect();
    assert_eq!(ids, ["z", "b"]);
    let problems = to_strings(&load.problems).join("\n");
    assert_eq!(load.problems.len(), 3, "{problems}");
    for part in ["c.toml:1:", "d.toml: is larger than 1 MiB", "e.toml: is not UTF-8 from byte 15"] {
        assert!(problems.contains(part), "{part} in {problems}");
    }
    assert_eq!(LoadedRules::from_path(&folder.path().join("_deprecated")).rules.len(), 1);
    assert_eq!(LoadedRules::from_path(&folder.path().join("b.toml")).rules.len(), 1);
}

#[test]
fn an_empty_or_missing_folder_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        to_strings(&LoadedRules::from_path(folder.path()).problems)[0]
            .ends_with("there is no .toml file in it")
    );
    assert!(
        to_strings(&LoadedRules::from_path(&folder.path().join("gone")).problems)[0]
            .contains("cannot be read")
    );
}

#[test]
fn a_repeated_id_is_a_problem_that_names_both_files() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.toml", &rule_with_id("same"));
    write(folder.path(), "b.toml", &rule_with_id("same"));
    let problems = to_strings(&LoadedRules::from_path(folder.path()).problems);
    let a = folder.path().join("a.toml");
    let b = folder.path().join("b.toml");
    assert_eq!(
        problems,
        [format!("{}: rule_id `same` is also used by {}", b.display(), a.display())]
    );
}

#[test]
fn a_later_source_replaces_rules_with_the_same_id() {
    let source = |ids: &[(&str, &str)]| {
        let texts: Vec<String> = ids
            .iter()
            .map(|(id, action)| rule_with_id(id).replace("CreateGroup", action))
            .collect();
        let names = ["x.toml", "y.toml"];
        LoadedRules::from_texts(names.into_iter().zip(texts.iter().map(String::as_str)))
    };
    let mut loaded = source(&[("a", "A"), ("b", "A")]);
    loaded.add_source(LoadedRules::default());
    loaded.add_source(source(&[("b", "B"), ("c", "B")]));
    let rules = loaded.into_rule_set().unwrap();
    let rules: Vec<_> =
        rules.rules().iter().map(|rule| (&*rule.info.id, rule.query.source())).collect();
    assert_eq!(
        rules,
        [("a", "event.action: A"), ("b", "event.action: B"), ("c", "event.action: B")]
    );
    let error = LoadedRules::default().into_rule_set().unwrap_err();
    assert!(matches!(error, RulesError::NoRules(NoRules)));
}

proptest! {
    #[test]
    fn any_text_gives_a_rule_or_a_problem(
        head in prop::sample::select(vec!["", "[rule]\n", HEAD]),
        tail in "(?s)([a-z_]{1,9} = )?[\"'(]{0,4}.{0,40}",
    ) {
        let load = load(&format!("{head}{tail}"));
        prop_assert!(load.rules.len() + load.unsupported.len() + load.problems.len() > 0);
    }
}
