//! What changes the severity of findings: what is read, what it does, and what is refused.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{load, to_strings, with};
use crate::finding::FactDocument;
use crate::rule::{Rating, Severity};

const RULES: &str = r#"
[[rule.severity_mapping]]
field = "aws.cloudtrail.user_identity.type"
operator = "equals"
value = "AWSService"
severity = "low"

[[rule.severity_mapping]]
field = "aws.cloudtrail.user_identity.type"
operator = "equals"
value = "Root"
severity = "high"

[[rule.severity_mapping]]
field = "event.action"
operator = "equals"
value = "CreateGroup"
severity = "low"

[[rule.risk_score_mapping]]
field = "aws.cloudtrail.flattened.request_parameters.score"
operator = "equals"
value = ""

[[rule.severity_when]]
query = "trailbell.group.power: admin"
severity = "critical"
risk_score = 99
reason = "the group can do everything"

[[rule.severity_when]]
query = "trailbell.self: true"
severity = "high"
risk_score = 80

[[rule.severity_when]]
query = "trailbell.principal.root: true"
severity = "high"
risk_score = 73
"#;

/// A rule of medium severity and risk score 47, with these lines after its query.
fn rule_file(lines: &str) -> String {
    with("").replace("\"low\"", "\"medium\"").replace("= 21", "= 47") + lines
}

fn rate(document: Value) -> Option<Rating> {
    let mut loaded = load(&rule_file(RULES));
    assert_eq!(to_strings(&loaded.problems), [""; 0]);
    assert_eq!(to_strings(&loaded.warnings), [""; 0]);
    let rule = loaded.rules.remove(0);
    let document = FactDocument::from_json(document);
    rule.severity_rules.rate(&rule.info, &document, Timestamp::UNIX_EPOCH)
}

#[test]
fn mappings_set_the_severity_and_facts_raise_it() {
    let identity = |kind: &str| json!({"cloudtrail": {"user_identity": {"type": kind}}});
    let scored = |score: Value| json!({"aws": {"cloudtrail": {"flattened": {"request_parameters": {"score": score}}}}});
    let rating = |severity, risk_score, reason: Option<&str>| {
        Some(Rating { severity, risk_score, reason: reason.map(str::to_owned) })
    };
    let is_type = |kind: &str| format!("aws.cloudtrail.user_identity.type is {kind}");
    for (document, expected) in [
        (json!({}), None),
        (
            json!({"aws": identity("AWSService")}),
            rating(Severity::Low, 47, Some(&is_type("AWSService"))),
        ),
        (json!({"aws": identity("Root")}), rating(Severity::High, 47, Some(&is_type("Root")))),
        // The highest of two.
        (
            json!({"aws": identity("Root"), "event": {"action": "CreateGroup"}}),
            rating(Severity::High, 47, Some(&is_type("Root"))),
        ),
        (scored(json!(12)), rating(Severity::Medium, 12, None)),
        (scored(json!([7, 8, 101])), rating(Severity::Medium, 8, None)),
        (scored(json!("12")), rating(Severity::Medium, 12, None)),
        (scored(json!(66.6)), rating(Severity::Medium, 67, None)),
        (scored(json!(0)), rating(Severity::Medium, 0, None)),
        (scored(json!(101)), None),
        (scored(json!(100.4)), None),
        (scored(json!(-1)), None),
        (scored(json!("high")), None),
        (scored(json!("")), None),
        (scored(json!(true)), None),
        (
            json!({"trailbell": {"self": true, "principal": {"root": true}}}),
            rating(Severity::High, 80, Some("it matches trailbell.self: true")),
        ),
        (
            json!({"trailbell": {"self": true, "group": {"power": "admin"}}}),
            rating(Severity::Critical, 99, Some("the group can do everything")),
        ),
        // A mapping that lowers does not keep a fact from raising.
        (
            json!({"aws": identity("AWSService"), "trailbell": {"self": true}}),
            rating(Severity::High, 80, Some("it matches trailbell.self: true")),
        ),
    ] {
        assert_eq!(rate(document.clone()), expected, "{document}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let mapping = |change: (&str, &str)| {
        let text = "[[rule.severity_mapping]]\nfield = \"user.name\"\noperator = \"equals\"\n\
                    value = \"a\"\nseverity = \"high\"\n";
        text.replace(change.0, change.1)
    };
    let when = |change: (&str, &str)| {
        let text = "[[rule.severity_when]]\nquery = \"user.name: a\"\nseverity = \"high\"\n\
                    risk_score = 73\nreason = \"why\"\n";
        text.replace(change.0, change.1)
    };
    for (lines, expected) in [
        (
            mapping(("user.name", "user.nam")),
            "a.toml:11:9: no record has the field `user.nam`; did you mean `user.name`?",
        ),
        (
            mapping(("\"equals\"", "\"like\"")),
            "a.toml:12:12: `operator` must be `equals`, found `like`",
        ),
        (
            mapping(("\"high\"", "\"urgent\"")),
            "a.toml:14:12: in `severity_mapping`: unknown value `urgent`, expected one of `low`,",
        ),
        (
            mapping(("severity = \"high\"\n", "")),
            "a.toml:11:9: `severity` is missing in [[rule.severity_mapping]]",
        ),
        (
            mapping(("\"user.name\"", "\"trailbell.self\"")),
            "a.toml:13:9: `trailbell.self` is `true` or `false`",
        ),
        (
            mapping(("\"user.name\"", "\"trailbell.group.powr\"")),
            "a.toml:11:9: no record has the field `trailbell.group.powr`; did you mean \
             `trailbell.group.power`?",
        ),
        (
            when(("\"high\"", "\"medium\"")),
            "a.toml:12:12: `severity` must be above that of the rule",
        ),
        (
            when(("\"high\"", "\"worst\"")),
            "a.toml:12:12: in `severity`: unknown value `worst`, expected one of `low`,",
        ),
        (when(("user.name: a", "user.name: (")), "a.toml:11:22: in `query`: "),
        (
            when(("\"why\"", "\"a\\nb\"")),
            "a.toml:14:10: `reason` must be one line of at most 120 characters",
        ),
        (
            when(("user.name: a", "user.nam: a")),
            "a.toml:11:10: no record has the field `user.nam`; did you mean `user.name`?",
        ),
        (
            when(("user.name: a", "trailbell.slf: true")),
            "a.toml:11:10: no record has the field `trailbell.slf`; did you mean `trailbell.self`?",
        ),
        (
            when(("user.name: a", "trailbell.self: yes")),
            "a.toml:11:10: `trailbell.self` is `true` or `false`",
        ),
        (
            when(("user.name: a", "trailbell.group.power: (admin or adm*x)")),
            "a.toml:11:43: `trailbell.group.power` is `unknown`, `limited`, `escalates` or `admin`",
        ),
        (
            when(("user.name: a", "source.ip: a")),
            "a.toml:11:10: can never be true: `source.ip` is an IP address",
        ),
        (
            "severity_when = 3\n".to_owned(),
            "a.toml:10:17: `severity_when` must be a list of tables",
        ),
    ] {
        let loaded = load(&rule_file(&lines));
        let problems = to_strings(&loaded.problems);
        assert!(problems.iter().any(|it| it.contains(expected)), "{expected}: {problems:?}");
        assert_eq!(loaded.rules.len(), 0);
    }
}

#[test]
fn facts_are_read_from_the_ledger_only_for_queries_that_ask_for_them() {
    for (query, timeline, history) in [
        ("trailbell.principal.root: true or trailbell.privileged: true", false, false),
        ("trailbell.group.power: admin", true, false),
        ("not trailbell.self: true", true, false),
        ("trailbell.principal.first_seen: true", false, true),
        ("trailbell.*: true", true, true),
        ("alice", true, true),
        ("trailbell.power: admin", false, false),
    ] {
        let lines = format!(
            "[[rule.severity_when]]\nquery = \"{query}\"\nseverity = \"high\"\nrisk_score = 73\n"
        );
        let loaded = load(&rule_file(&lines));
        let problems = to_strings(&loaded.problems);
        assert_eq!(problems, [""; 0], "{query}");
        let rules = &loaded.rules[0].severity_rules;
        assert_eq!((rules.needs_timeline(), rules.needs_history()), (timeline, history), "{query}");
    }
}

#[test]
fn the_name_of_a_group_matches_in_any_case() {
    let lines = "[[rule.severity_when]]\nquery = \"group.name: Admins\"\nseverity = \"high\"\n\
                 risk_score = 73\n";
    let rule = load(&rule_file(lines)).rules.remove(0);
    let document = FactDocument::from_json(json!({"group": {"name": "ADMINS"}}));
    let rating = rule.severity_rules.rate(&rule.info, &document, Timestamp::UNIX_EPOCH);
    assert_eq!(rating.map(|rating| rating.severity), Some(Severity::High));
}
