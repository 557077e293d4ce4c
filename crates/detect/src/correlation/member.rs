//! A finding as a correlation sees it: what it is grouped by, what it raises, what it counts for.

use std::borrow::Cow;

use jiff::Timestamp;
use kql::Document;
use serde_json::{Value, json};

use super::mark::{Link, Mark, hash};
use crate::finding::canary::is_canary;
use crate::finding::{Call, Finding, Power};
use crate::rule::{Condition, Correlation};

/// Where a finding counts: a folder of the correlation's, and the mark in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedMark {
    /// The hash of the group_by values: 16 hexadecimal digits.
    pub folder: String,
    /// What is left there.
    pub mark: Mark,
}

/// The record of a finding as correlations see it: its ECS document, with `trailbell.power`
/// ([`crate::rule::POWER_FIELD`]) where the call attaches or writes a policy that can do as much, and
/// with the group's name where only the error message has it.
pub fn document(finding: &Finding) -> Cow<'_, Value> {
    let power = Power::from_call(Call::new(finding));
    let nameless = finding.group.as_ref().filter(|_| finding.ecs["group"]["name"].is_null());
    if power.is_none() && nameless.is_none() {
        return Cow::Borrowed(&finding.ecs);
    }
    let mut document = finding.ecs.clone();
    if let Some(power) = power {
        document["trailbell"] = json!({ "power": power });
    }
    if let Some(group) = nameless {
        document["group"] = json!({ "name": group });
    }
    Cow::Owned(document)
}

/// Where a finding counts for a correlation: once; twice for a group that was renamed, under each
/// name; nowhere where the rule is not among those correlated, an exception matched, a group_by
/// field has no value, or nobody called. `fallback` is its time where the record has none.
pub fn place_marks(
    correlation: &Correlation,
    finding: &Finding,
    fallback: Timestamp,
    now: Timestamp,
) -> Vec<PlacedMark> {
    if finding.exception.is_some()
        || !correlation.includes_rule(&finding.rule.id)
        || is_canary(finding)
    {
        return Vec::new();
    }
    let document = document(finding);
    let raises = correlation.raises.iter().filter(|raise| raise.query.matches(&*document, now));
    let mark = Mark {
        time: finding.time.unwrap_or(fallback),
        rule: Mark::rule_hash(&finding.rule.id),
        raised: raises.map(|raise| raise.severity).max(),
        event: event(finding),
        value: counted(correlation, &document),
        link: None,
        finding: finding.id.clone(),
    };
    let folder =
        |document: &Value| group(&correlation.group_by, document).map(|values| folder(&values));
    let Some(old) = folder(&document) else { return Vec::new() };
    match renamed(finding, &document)
        .and_then(|document| folder(&document))
        .filter(|new| *new != old)
    {
        None => vec![PlacedMark { folder: old, mark }],
        Some(new) => vec![
            PlacedMark {
                folder: old.clone(),
                mark: Mark { link: Some(Link::To(new.clone())), ..mark.clone() },
            },
            PlacedMark { folder: new, mark: Mark { link: Some(Link::From(old)), ..mark } },
        ],
    }
}

/// The values of the group_by fields that a finding has in a folder; none where it is not in that
/// folder.
pub fn group_by_values(
    group_by: &[String],
    in_folder: &str,
    finding: &Finding,
) -> Option<Vec<String>> {
    let document = document(finding);
    let both = [Some(document.clone()), renamed(finding, &document).map(Cow::Owned)];
    let values = both.into_iter().flatten().filter_map(|document| group(group_by, &document));
    values.into_iter().find(|values| folder(values) == in_folder)
}

/// IAM takes names that differ only in case for the same: who writes one otherwise does not leave
/// the story.
fn folder(values: &[String]) -> String {
    let plain: Vec<String> = values.iter().map(|value| value.to_ascii_lowercase()).collect();
    hash(plain.iter().map(String::as_str))
}

/// The document with the name that the group has after the call, where it was renamed.
fn renamed(finding: &Finding, document: &Value) -> Option<Value> {
    let is_update = finding.ecs["event"]["action"] == "UpdateGroup";
    let succeeded = finding.ecs["event"]["outcome"] == "success";
    let new_name =
        &finding.ecs["aws"]["cloudtrail"]["flattened"]["request_parameters"]["newGroupName"];
    let new_name = new_name.as_str().filter(|_| is_update && succeeded)?;
    let mut document = document.clone();
    document["group"]["name"] = new_name.into();
    Some(document)
}

fn group(group_by: &[String], document: &Value) -> Option<Vec<String>> {
    group_by.iter().map(|field| value(document, field)).collect()
}

fn counted(correlation: &Correlation, document: &Value) -> Option<String> {
    let Condition::Values(field, _) = &correlation.condition else { return None };
    value(document, field).map(|value| folder(&[value]))
}

/// The value of a field; several are one, a line each.
fn value(document: &Value, field: &str) -> Option<String> {
    let mut values = Vec::new();
    document.any_value(field, &mut |value| {
        values.push(text(value));
        false
    });
    (!values.is_empty()).then(|| values.join("\n"))
}

fn text(value: kql::Value<'_>) -> String {
    match value {
        kql::Value::Text(text) => text.to_owned(),
        kql::Value::Number(number) => number.to_string(),
        kql::Value::Bool(flag) => flag.to_string(),
        kql::Value::Ip(address) => address.to_string(),
        kql::Value::Date(date) => date.to_string(),
    }
}

/// The same for all findings of one event. Two trails give it the same id.
fn event(finding: &Finding) -> String {
    let account = finding.account.as_deref().unwrap_or_default();
    match finding.ecs["event"]["id"].as_str() {
        Some(id) => hash([account, id]),
        None => hash([account, &finding.ecs.to_string()]),
    }
}
