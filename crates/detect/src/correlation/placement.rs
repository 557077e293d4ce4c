//! Where a finding counts for a correlation, and what it counts as.

use jiff::Timestamp;
use kql::Query;

use super::mark::{Link, Mark, short_hash};
use super::values::{combinations_of, combine, field_value, values_of};
use crate::finding::canary::is_canary;
use crate::finding::{Call, FactDocument, Facts, Finding};
use crate::rule::{Condition, Correlation, MatchedStep, highest_raise};

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

/// The marks of a finding with these facts. It leaves none if the rule is not correlated, the
/// finding does not match the query or is suppressed, or a group_by field has no value. But a
/// finding that renames what a folder is about leaves one under each name in any case, which then
/// only links the two. A canary leaves none. `fallback` is the time of a record without one.
pub fn place_marks(
    correlation: &Correlation,
    finding: &Finding,
    facts: &Facts,
    fallback: Timestamp,
    now: Timestamp,
) -> Vec<PlacedMark> {
    let is_included = correlation.includes_rule(&finding.rule.id);
    let is_part = correlation.is_part_of_rule();
    if is_canary(finding) || !(is_included || (is_renaming(finding) && !is_part)) {
        return Vec::new();
    }
    let document = FactDocument::new(finding, facts);
    let mark = mark_of_finding(correlation, finding, &document, (fallback, now));
    if is_part {
        return match correlation.is_threshold {
            _ if finding.exception.is_some() => Vec::new(),
            true => place_match(correlation, &document, &mark),
            false => place_steps(finding, &mark),
        };
    }
    let is_query_met = |query: &Query| query.matches(&document, now);
    let is_counted = is_included
        && finding.exception.is_none()
        && correlation.query.as_ref().is_none_or(is_query_met);
    let group_by = &correlation.group_by;
    let Some(folder) = folder_of(group_by, &document) else { return Vec::new() };
    let mark = Mark { value: counted_value(correlation, &document), ..mark };
    let mark = match is_counted {
        true => mark,
        false => Mark { rule: Mark::renaming_hash(), raised: None, ..mark },
    };
    let renamed = renamed_document(finding, &document);
    let new_folder = renamed.and_then(|renamed| folder_of(group_by, &renamed));
    let Some(new_folder) = new_folder.filter(|new_folder| *new_folder != folder) else {
        return if is_counted { vec![PlacedMark { folder, mark }] } else { Vec::new() };
    };
    let to_new = Mark { link: Some(Link::To(new_folder.clone())), ..mark.clone() };
    let from_old = Mark { link: Some(Link::From(folder.clone())), ..mark };
    vec![PlacedMark { folder, mark: to_new }, PlacedMark { folder: new_folder, mark: from_old }]
}

/// The marks of a match of a rule with a threshold: one for each combination of values, as if it
/// were a match of each.
fn place_match(correlation: &Correlation, document: &FactDocument, mark: &Mark) -> Vec<PlacedMark> {
    let counted: Vec<Option<String>> = match counted_field(&correlation.condition) {
        // Other than in those of correlations, which are about names in IAM, case counts.
        Some(field) => {
            values_of(document, field).iter().map(|it| Some(short_hash([&**it]))).collect()
        }
        None => Vec::new(),
    };
    let counted = if counted.is_empty() { vec![None] } else { counted };
    let groups = combinations_of(document, &correlation.group_by).unwrap_or_default();
    let folders: Vec<String> = groups.iter().map(|values| values_hash(values)).collect();
    let pairs = folders.iter().flat_map(|folder| counted.iter().map(move |value| (folder, value)));
    pairs
        .map(|(folder, value)| PlacedMark {
            folder: folder.clone(),
            mark: Mark { value: value.clone(), ..mark.clone() },
        })
        .collect()
}

/// The marks of the steps of a sequence.
fn place_steps(finding: &Finding, mark: &Mark) -> Vec<PlacedMark> {
    let place = |MatchedStep { step, folder }: &MatchedStep| {
        let rule = Mark::step_hash(&finding.rule.id, *step);
        PlacedMark { folder: folder.clone(), mark: Mark { rule, ..mark.clone() } }
    };
    finding.steps.iter().map(place).collect()
}

/// The mark of a finding of the rule, without a counted value.
fn mark_of_finding(
    correlation: &Correlation,
    finding: &Finding,
    document: &FactDocument,
    (fallback, now): (Timestamp, Timestamp),
) -> Mark {
    Mark {
        time: finding.time.unwrap_or(fallback),
        rule: Mark::rule_hash(&finding.rule.id),
        raised: highest_raise(&correlation.raises, document, now).map(|raise| raise.severity),
        event: event_hash(finding),
        value: None,
        link: None,
        target: target_hash(finding),
        finding: finding.id.clone(),
    }
}

/// The hashes of the values by which an event can be in a sequence, one for each combination. A
/// field without a value is an optional one.
pub(crate) fn join_hashes(values: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    // No text of a record has this character.
    let none = || vec!["\0".to_owned()];
    let values = values.map(|values| if values.is_empty() { none() } else { values }).collect();
    combine(values).iter().flatten().map(|values| values_hash(values)).collect()
}

/// The values of the group_by fields by which a finding is in a folder; `None` if it is not in it.
pub fn group_by_values(
    group_by: &[String],
    folder: &str,
    finding: &Finding,
) -> Option<Vec<String>> {
    let document = FactDocument::new(finding, &Facts::new(finding, None));
    let renamed = renamed_document(finding, &document);
    let documents = std::iter::once(&document).chain(&renamed);
    // Of a threshold or sequence, each value of a field is one of its own.
    let mut values = documents.flat_map(|document| {
        let combinations = combinations_of(document, group_by).into_iter().flatten();
        field_values(group_by, document).into_iter().chain(combinations)
    });
    values.find(|values| values_hash(values) == folder)
}

fn folder_of(group_by: &[String], document: &FactDocument) -> Option<String> {
    field_values(group_by, document).map(|values| values_hash(&values))
}

/// IAM treats names that differ only in case as the same name.
fn values_hash(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| value.to_ascii_lowercase()).collect();
    short_hash(values.iter().map(String::as_str))
}

fn is_renaming(finding: &Finding) -> bool {
    let call = Call::new(finding);
    call.action() == Some("UpdateGroup") && call.fields.text("event.outcome") == Some("success")
}

/// The document with the group's new name, if the call renames it.
fn renamed_document(finding: &Finding, document: &FactDocument) -> Option<FactDocument> {
    let new_name = Call::new(finding).parameter("newGroupName");
    new_name.filter(|_| is_renaming(finding)).map(|name| document.with_group(name))
}

fn field_values(fields: &[String], document: &FactDocument) -> Option<Vec<String>> {
    fields.iter().map(|field| field_value(document, field)).collect()
}

fn counted_value(correlation: &Correlation, document: &FactDocument) -> Option<String> {
    let value = field_value(document, counted_field(&correlation.condition)?);
    value.map(|value| values_hash(&[value]))
}

fn counted_field(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Values(field, _) | Condition::EventsAndValues(_, field, _) => Some(field),
        Condition::All | Condition::Ordered | Condition::Events(_) | Condition::Sequence { .. } => {
            None
        }
    }
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
