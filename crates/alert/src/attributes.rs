//! The message attributes that subscribers filter on.

use detect::rule::RuleInfo;
use detect::text::clean;

use super::call::AlertCall;
use super::{Attribute, AttributeKind};

/// Characters of a value.
const LONGEST: usize = 256;

/// What a message is routed by.
pub(super) struct Routing<'a> {
    pub(super) rule: &'a RuleInfo,
    pub(super) account: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    pub(super) action: Option<&'a str>,
    pub(super) kind: &'static str,
}

/// The attributes of a finding's alert.
pub(super) fn write(call: AlertCall<'_>) -> Vec<Attribute> {
    of(Routing {
        rule: &call.finding.rule,
        account: call.account(),
        region: call.fields.text("cloud.region"),
        action: call.action(),
        kind: "alert",
    })
}

/// Eight attributes, always all of them: a filter policy never matches a message without its
/// attribute. With raw delivery, SQS takes 10.
pub(super) fn of(routing: Routing<'_>) -> Vec<Attribute> {
    let rule = routing.rule;
    let text = |name, value: Option<&str>| Attribute {
        name,
        kind: AttributeKind::String,
        value: shown(value),
    };
    vec![
        text("severity", Some(rule.severity.as_str())),
        Attribute {
            name: "risk_score",
            kind: AttributeKind::Number,
            value: rule.risk_score.to_string(),
        },
        text("rule_id", Some(&rule.id)),
        text("rule_name", Some(&rule.name)),
        text("account", routing.account),
        text("region", routing.region),
        text("action", routing.action),
        text("kind", Some(routing.kind)),
    ]
}

/// SNS refuses an empty value.
fn shown(value: Option<&str>) -> String {
    let value = value.filter(|value| !value.trim().is_empty()).unwrap_or("unknown");
    clean::text(value, LONGEST).chars().take(LONGEST).collect()
}
