//! The message attributes that subscribers filter on.

use super::call::Call;
use super::clean;
use super::{Attribute, AttributeKind};

/// Characters of a value.
const LONGEST: usize = 256;

/// Eight attributes, always all of them: a filter policy never matches a message without its attribute. With raw
/// delivery, SQS takes 10.
pub(super) fn write(call: Call<'_>) -> Vec<Attribute> {
    let rule = &call.finding.rule;
    let text = |name, value: Option<&str>| Attribute { name, kind: AttributeKind::String, value: shown(value) };
    vec![
        text("severity", Some(rule.severity.as_str())),
        Attribute { name: "risk_score", kind: AttributeKind::Number, value: rule.risk_score.to_string() },
        text("rule_id", Some(&rule.id)),
        text("rule_name", Some(&rule.name)),
        text("account", call.account()),
        text("region", call.fields.text("cloud.region")),
        text("action", call.action()),
        text("kind", Some("alert")),
    ]
}

/// SNS refuses an empty value.
fn shown(value: Option<&str>) -> String {
    let value = value.filter(|value| !value.trim().is_empty()).unwrap_or("unknown");
    clean::text(value, LONGEST).chars().take(LONGEST).collect()
}
