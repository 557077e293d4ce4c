//! The fields that a rule names as those to look at first, as facts.

use detect::finding::Finding;
use detect::text::clean;
use kql::any_json_at;

use crate::call::AlertCall;

const MAX_ROWS: usize = 5;
const MAX_VALUES: usize = 3;
const MAX_LABEL_CHARS: usize = 24;
const MAX_VALUE_CHARS: usize = 200;

/// Fields that every mail about a finding has, in its first sentence, its facts or its reference.
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

/// Fields that every mail about several findings has of each of them.
const SHOWN_OF_EACH: [&str; 5] =
    ["@timestamp", "cloud.account.id", "group.name", "user.name", "user.target.name"];

/// The fields that the record has and that the mail does not show anyway, with a label, cleaned.
pub(crate) fn rows(call: AlertCall<'_>) -> Vec<(String, String)> {
    labelled(&call.finding.rule.investigation_fields, &SHOWN_ANYWAY, &[call.finding])
}

/// The same of several findings: the different values that they have.
pub(crate) fn rows_of_several(fields: &[String], findings: &[Finding]) -> Vec<(String, String)> {
    labelled(fields, &SHOWN_OF_EACH, &findings.iter().collect::<Vec<_>>())
}

fn labelled(fields: &[String], shown: &[&str], findings: &[&Finding]) -> Vec<(String, String)> {
    let hidden = fields.iter().filter(|field| !shown.contains(&field.as_str()));
    let row = |field: &String| Some((label(field), values(findings, field)?));
    hidden.filter_map(row).take(MAX_ROWS).collect()
}

/// The last two parts of the name.
fn label(field: &str) -> String {
    let parts: Vec<&str> = field.rsplitn(3, '.').take(2).collect();
    clean::ascii(&parts.into_iter().rev().collect::<Vec<_>>().join("."), MAX_LABEL_CHARS)
}

fn values(findings: &[&Finding], field: &str) -> Option<String> {
    let mut values: Vec<String> = Vec::new();
    for finding in findings {
        any_json_at(&finding.ecs, field, &mut |value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let is_new = !value.is_null() && !values.contains(&text);
            values.extend(is_new.then_some(text));
            values.len() > MAX_VALUES
        });
    }
    let more = if values.len() > MAX_VALUES { ", …" } else { "" };
    values.truncate(MAX_VALUES);
    (!values.is_empty()).then(|| clean::value(&values.join(", "), MAX_VALUE_CHARS) + more)
}
