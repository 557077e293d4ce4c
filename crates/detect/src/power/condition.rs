//! The conditions of a statement: which are met by what a right is, and which limit it.

use serde_json::{Map, Value};

use super::document::elements;
use super::pattern::glob;
use super::ways::Right;

/// Conditions that are named. The number of others is said.
const MAX_NAMED: usize = 3;
const MAX_VALUE_CHARS: usize = 40;

/// How a statement's condition limits a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Limits {
    /// It is never met.
    Never,
    /// It is met if all of these are, in words: `if MFA is present`. If there are none, always.
    If(Vec<String>),
}

/// One operator on one key.
struct Test<'v> {
    operator: &'v str,
    key: &'v str,
    values: &'v [Value],
}

/// Returns true if the condition is about the service that a role is passed to, so that it differs
/// between rights.
pub(super) fn depends_on_right(condition: &Map<String, Value>) -> bool {
    tests(condition).any(|test| test.is_of("iam:PassedToService"))
}

pub(super) fn limits(condition: &Map<String, Value>, right: &Right) -> Limits {
    let mut limits = Vec::new();
    if condition.values().any(|keys| !keys.is_object()) {
        limits.push("if a condition is met".to_owned());
    }
    for test in tests(condition) {
        match test.limit(right) {
            Verdict::Met => {}
            Verdict::Never => return Limits::Never,
            Verdict::If(text) if limits.contains(&text) => {}
            Verdict::If(text) => limits.push(text),
        }
    }
    if limits.len() > MAX_NAMED {
        let more = limits.len() - MAX_NAMED + 1;
        limits.truncate(MAX_NAMED - 1);
        limits.push(format!("if {more} other conditions are met"));
    }
    Limits::If(limits)
}

enum Verdict {
    Met,
    Never,
    If(String),
}

fn tests(condition: &Map<String, Value>) -> impl Iterator<Item = Test<'_>> {
    condition.iter().flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, values)| Test { operator, key, values: elements(values) })
    })
}

impl<'v> Test<'v> {
    fn is_of(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }

    fn limit(&self, right: &Right) -> Verdict {
        if self.is_of("iam:PassedToService")
            && let Some(positive) = self.text_test()
        {
            return self.passed_to(right.passed_to, positive);
        }
        let values: Vec<String> = self.values.iter().filter_map(value_text).collect();
        let is = |text: &str| matches!(&values[..], [value] if value.eq_ignore_ascii_case(text));
        if self.is_of("aws:ResourceAccount") && is("${aws:PrincipalAccount}") {
            return Verdict::Met;
        }
        if self.is_of("aws:MultiFactorAuthPresent") && (is("true") || is("false")) {
            let state = if is("true") { "present" } else { "absent" };
            return Verdict::If(format!("if MFA is {state}"));
        }
        if self.is_of("aws:MultiFactorAuthAge") {
            return Verdict::If("if MFA is recent".to_owned());
        }
        Verdict::If(self.in_words(&values))
    }

    /// Whether the value must, or must not, be one of these. `None` for other operators.
    fn text_test(&self) -> Option<bool> {
        let (_, operator) = self.operator.split_once(':').unwrap_or(("", self.operator));
        let lower = operator.to_ascii_lowercase();
        match lower.strip_suffix("ifexists").unwrap_or(&lower) {
            "stringequals" | "stringequalsignorecase" | "stringlike" | "bool" => Some(true),
            "stringnotequals" | "stringnotequalsignorecase" | "stringnotlike" => Some(false),
            _ => None,
        }
    }

    fn passed_to(&self, service: Option<&str>, positive: bool) -> Verdict {
        let lower = self.operator.to_ascii_lowercase();
        let is_met_without = lower.ends_with("ifexists") || lower.starts_with("forallvalues:");
        let met = match service {
            None => !positive || is_met_without,
            Some(service) => {
                let mut values = self.values.iter().filter_map(Value::as_str);
                values.any(|value| glob(value, service)) == positive
            }
        };
        if met { Verdict::Met } else { Verdict::Never }
    }

    /// `if aws:RequestedRegion is eu-west-1`.
    fn in_words(&self, values: &[String]) -> String {
        let cut = |text: &str| text.chars().take(MAX_VALUE_CHARS).collect::<String>();
        let key = cut(self.key);
        match (self.text_test(), values) {
            (Some(true), [value]) => format!("if {key} is {}", cut(value)),
            (Some(false), [value]) => format!("if {key} is not {}", cut(value)),
            (Some(true), values) => format!("if {key} is one of {} values", values.len()),
            (Some(false), values) => format!("if {key} is none of {} values", values.len()),
            (None, _) => format!("if {key} meets a condition"),
        }
    }
}

fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ways::TABLES;
    use super::*;

    #[test]
    fn a_condition_is_met_never_met_or_in_words() {
        let right = |name: &str, service: Option<&str>| {
            let mut rights = TABLES.rights.iter();
            rights.find(|right| right.action == name && right.passed_to == service).unwrap()
        };
        let put = right("iam:putuserpolicy", None);
        let lambda = right("iam:passrole", Some("lambda.amazonaws.com"));
        let passed =
            |operator: &str, value: Value| json!({operator: {"iam:PassedToService": value}});
        let if_all =
            |limits: &[&str]| Limits::If(limits.iter().map(|limit| (*limit).to_owned()).collect());
        let ten: Map<String, Value> = (0..10).map(|it| (format!("k{it}"), json!("v"))).collect();
        for (condition, right, expected) in [
            (json!({}), put, if_all(&[])),
            (passed("StringEquals", json!("lambda.amazonaws.com")), lambda, if_all(&[])),
            (passed("StringLike", json!(["x", "lambda.*"])), lambda, if_all(&[])),
            (passed("StringEquals", json!("ec2.amazonaws.com")), lambda, Limits::Never),
            (passed("StringNotEquals", json!("ec2.amazonaws.com")), lambda, if_all(&[])),
            (passed("StringNotLike", json!("lambda*")), lambda, Limits::Never),
            (passed("StringEquals", json!("lambda.amazonaws.com")), put, Limits::Never),
            (passed("StringEqualsIfExists", json!("x")), put, if_all(&[])),
            (passed("ForAnyValue:StringEquals", json!("x")), put, Limits::Never),
            (
                json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
                put,
                if_all(&["if MFA is present"]),
            ),
            (
                json!({"BoolIfExists": {"aws:multifactorauthpresent": [false]}}),
                put,
                if_all(&["if MFA is absent"]),
            ),
            (
                json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}),
                put,
                if_all(&["if MFA is recent"]),
            ),
            (
                json!({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}),
                put,
                if_all(&[]),
            ),
            (
                json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
                put,
                if_all(&["if aws:RequestedRegion is eu-west-1"]),
            ),
            (
                json!({"StringNotLike": {"aws:PrincipalArn": ["a", "b"]}}),
                put,
                if_all(&["if aws:PrincipalArn is none of 2 values"]),
            ),
            (
                json!({"Bool": {"aws:ViaAWSService": "true"}}),
                put,
                if_all(&["if aws:ViaAWSService is true"]),
            ),
            (
                json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
                put,
                if_all(&["if aws:SourceIp meets a condition"]),
            ),
            (
                json!({"StringEquals": ten}),
                put,
                if_all(&["if k0 is v", "if k1 is v", "if 8 other conditions are met"]),
            ),
            (json!({"StringEquals": 7}), put, if_all(&["if a condition is met"])),
        ] {
            let condition = condition.as_object().unwrap();
            assert_eq!(limits(condition, right), expected, "{condition:?}");
        }
    }
}
