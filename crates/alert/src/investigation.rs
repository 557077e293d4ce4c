//! The fields that a rule names as those to look at first, as facts.

use detect::text::clean;
use kql::any_json_at;
use serde_json::Value;

use crate::call::AlertCall;

const MAX_ROWS: usize = 5;
const MAX_VALUES: usize = 3;
const MAX_LABEL_CHARS: usize = 24;
const MAX_VALUE_CHARS: usize = 200;

/// Fields that every mail has, in its first sentence, its facts or its reference.
const SHOWN_ANYWAY: [&str; 20] = [
    "@timestamp",
    "aws.cloudtrail.error_code",
    "aws.cloudtrail.error_message",
    "aws.cloudtrail.request_parameters",
    "aws.cloudtrail.user_identity.access_key_id",
    "aws.cloudtrail.user_identity.arn",
    "aws.cloudtrail.user_identity.type",
    "cloud.account.id",
    "cloud.region",
    "event.action",
    "event.id",
    "event.outcome",
    "event.provider",
    "group.name",
    "source.address",
    "source.ip",
    "user.id",
    "user.name",
    "user.target.name",
    "user_agent.original",
];

/// The fields that the record has and that the mail does not show anyway, with a label, cleaned.
pub(crate) fn rows(call: AlertCall<'_>) -> Vec<(String, String)> {
    let fields = call.finding.rule.investigation_fields.iter();
    let hidden = fields.filter(|field| !SHOWN_ANYWAY.contains(&field.as_str()));
    let row = |field: &String| Some((label(field), values(&call.finding.ecs, field)?));
    hidden.filter_map(row).take(MAX_ROWS).collect()
}

/// The last two parts of the name.
fn label(field: &str) -> String {
    let parts: Vec<&str> = field.rsplitn(3, '.').take(2).collect();
    clean::ascii(&parts.into_iter().rev().collect::<Vec<_>>().join("."), MAX_LABEL_CHARS)
}

fn values(ecs: &Value, field: &str) -> Option<String> {
    let mut values = Vec::new();
    any_json_at(ecs, field, &mut |value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        values.extend((!value.is_null()).then_some(text));
        values.len() > MAX_VALUES
    });
    let more = if values.len() > MAX_VALUES { ", …" } else { "" };
    values.truncate(MAX_VALUES);
    (!values.is_empty()).then(|| clean::text(&values.join(", "), MAX_VALUE_CHARS) + more)
}
