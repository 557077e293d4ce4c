//! Where a finding counts for a correlation, and what it counts as.

use jiff::Timestamp;
use kql::{Document, Query};
use serde_json::Value;

use super::mark::{Link, Mark, short_hash};
use crate::finding::canary::is_canary;
use crate::finding::{Call, Facts, Finding, fact_document};
use crate::rule::{Condition, Correlation, highest_raise};

/// A mark and the folder of the correlation that it belongs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedMark {
    /// The hash of the group_by values: 16 hexadecimal digits.
    pub folder: String,
    /// The mark in it.
    pub mark: Mark,
}

impl AsRef<Mark> for PlacedMark {
    fn as_ref(&self) -> &Mark {
        &self.mark
    }
}

/// The marks of a finding. A renamed group has one under each name. There is none if the rule is
/// not correlated, the finding does not match the query or is suppressed, a group_by field has no
/// value, or the call is a canary. `fallback` is the time of a record without one.
pub fn place_marks(
    correlation: &Correlation,
    finding: &Finding,
    fallback: Timestamp,
    now: Timestamp,
) -> Vec<PlacedMark> {
    let is_counted = correlation.includes_rule(&finding.rule.id);
    if !is_counted || finding.exception.is_some() || is_canary(finding) {
        return Vec::new();
    }
    let document = fact_document(finding, &Facts::new(finding, None));
    let is_query_met = |query: &Query| query.matches(&document, now);
    if !correlation.query.as_ref().is_none_or(is_query_met) {
        return Vec::new();
    }
    let group_by = &correlation.group_by;
    let Some(folder) = folder_of(group_by, &document) else { return Vec::new() };
    let mark = Mark {
        time: finding.time.unwrap_or(fallback),
        rule: Mark::rule_hash(&finding.rule.id),
        raised: highest_raise(&correlation.raises, &document, now).map(|raise| raise.severity),
        event: event_hash(finding),
        value: counted_value(correlation, &document),
        link: None,
        target: target_hash(finding),
        finding: finding.id.clone(),
    };
    let renamed = renamed_document(finding, &document);
    let new_folder = renamed.and_then(|renamed| folder_of(group_by, &renamed));
    let Some(new_folder) = new_folder.filter(|new_folder| *new_folder != folder) else {
        return vec![PlacedMark { folder, mark }];
    };
    let to_new = Mark { link: Some(Link::To(new_folder.clone())), ..mark.clone() };
    let from_old = Mark { link: Some(Link::From(folder.clone())), ..mark };
    vec![PlacedMark { folder, mark: to_new }, PlacedMark { folder: new_folder, mark: from_old }]
}

/// The values of the group_by fields by which a finding is in a folder; `None` if it is not in it.
pub fn group_by_values(
    group_by: &[String],
    folder: &str,
    finding: &Finding,
) -> Option<Vec<String>> {
    let document = fact_document(finding, &Facts::new(finding, None));
    let renamed = renamed_document(finding, &document);
    let documents = std::iter::once(&document).chain(&renamed);
    let mut values = documents.filter_map(|document| field_values(group_by, document));
    values.find(|values| values_hash(values) == folder)
}

fn folder_of(group_by: &[String], document: &Value) -> Option<String> {
    field_values(group_by, document).map(|values| values_hash(&values))
}

/// IAM treats names that differ only in case as the same name.
fn values_hash(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| value.to_ascii_lowercase()).collect();
    short_hash(values.iter().map(String::as_str))
}

/// The document with the group's new name, if the call renames it.
fn renamed_document(finding: &Finding, document: &Value) -> Option<Value> {
    let call = Call::new(finding);
    if call.action() != Some("UpdateGroup") || call.fields.text("event.outcome") != Some("success")
    {
        return None;
    }
    let mut document = document.clone();
    document["group"]["name"] = call.parameter("newGroupName")?.into();
    Some(document)
}

fn field_values(fields: &[String], document: &Value) -> Option<Vec<String>> {
    fields.iter().map(|field| field_value(document, field)).collect()
}

fn counted_value(correlation: &Correlation, document: &Value) -> Option<String> {
    let Condition::Values(field, _) = &correlation.condition else { return None };
    field_value(document, field).map(|value| values_hash(&[value]))
}

/// The value of a field; several values are one, joined by line breaks.
fn field_value(document: &Value, field: &str) -> Option<String> {
    let mut values = Vec::new();
    document.any_value(field, &mut |value| {
        values.push(match value {
            kql::Value::Text(text) | kql::Value::Name(text) => text.to_owned(),
            kql::Value::Number(number) => number.to_string(),
            kql::Value::Bool(flag) => flag.to_string(),
            kql::Value::Ip(address) => address.to_string(),
            kql::Value::Date(date) => date.to_string(),
        });
        false
    });
    (!values.is_empty()).then(|| values.join("\n"))
}

/// The same for a call that one principal repeats on the same user, policy and group.
fn target_hash(finding: &Finding) -> String {
    let call = Call::new(finding);
    let parameter = |name| call.parameter(name).unwrap_or_default();
    short_hash([
        finding.principal.key.as_str(),
        call.target_user().unwrap_or_default(),
        parameter("policyArn"),
        parameter("policyName"),
        parameter("newGroupName"),
        call.group().unwrap_or_default(),
    ])
}

/// The same for all findings of one event; two trails record it under the same id.
fn event_hash(finding: &Finding) -> String {
    let account = finding.account.as_deref().unwrap_or_default();
    match finding.ecs["event"]["id"].as_str() {
        Some(id) => short_hash([account, id]),
        None => short_hash([account, &finding.ecs.to_string()]),
    }
}
