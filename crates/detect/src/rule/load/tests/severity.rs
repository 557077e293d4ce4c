//! What changes the severity of findings: what is read, what it does, and what is refused.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{load, to_strings, with};
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
        (scored(json!([7, 8])), rating(Severity::Medium, 7, None)),
        (scored(json!(101)), None),
        (scored(json!(1.5)), None),
        (scored(json!("12")), None),
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
        (mapping(("\"high\"", "\"urgent\"")), "in `severity_mapping`: unknown variant `urgent`"),
        (
            mapping(("severity = \"high\"\n", "")),
            "`severity` is missing in [[rule.severity_mapping]]",
        ),
        (
            when(("\"high\"", "\"medium\"")),
            "a.toml:12:12: `severity` must be above that of the rule",
        ),
        (when(("\"high\"", "\"worst\"")), "in `severity`: unknown variant `worst`"),
        (when(("user.name: a", "user.name: (")), "in `query`: "),
        (when(("\"why\"", "\"a\\nb\"")), "`reason` must be one line of at most 120 characters"),
        ("severity_when = 3\n".to_owned(), "`severity_when` must be a list of tables"),
    ] {
        let loaded = load(&rule_file(&lines));
        let problems = to_strings(&loaded.problems);
        assert!(problems.iter().any(|it| it.contains(expected)), "{expected}: {problems:?}");
        assert_eq!(loaded.rules.len(), 0);
    }
    let unknown = load(&rule_file(&when(("user.name", "trailbell.slf"))));
    assert!(unknown.warnings[0].to_string().contains("`trailbell.slf`"));
}
