//! The document for machines, the same for every kind of alert: ECS fields, those of Elastic's AWS
//! integration under `aws.cloudtrail`, and ours under `trailbell`. Values are as the record has
//! them, not cleaned: JSON escapes what it must. `docs/schema/` describes all fields.
//!
//! Source of the names: <https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html>

mod members;
mod record;

pub(crate) use members::{fields_over_time, member_fields, shared};
pub(crate) use record::record_fields;

use detect::rule::{Rating, RuleInfo, Severity, Technique, Threat};
use serde_json::{Map, Value, json};

/// Raised when a field of `trailbell.*` changes its meaning or is removed; new fields do not raise
/// it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The version of ECS whose names are used. A test compares them with its published field list.
const ECS_VERSION: &str = "9.5.0-dev";

/// Inserts the ECS fields of an alert of this rule with this severity. What the record has under
/// `event` stays.
pub(crate) fn insert_rule(document: &mut Map<String, Value>, rule: &RuleInfo, rating: &Rating) {
    document.insert("ecs".to_owned(), json!({"version": ECS_VERSION}));
    let fields = json!({
        "id": rule.id,
        "name": rule.name,
        "description": rule.description,
        "reference": rule.references,
        "ruleset": "trailbell",
        "version": rule.version.map(|version| version.to_string()),
    });
    document.insert("rule".to_owned(), fields);
    document.insert("tags".to_owned(), json!(rule.tags));
    if !rule.threat.is_empty() {
        document.insert("threat".to_owned(), threat(&rule.threat));
    }
    let event = object([
        ("kind", json!("alert")),
        ("severity", json!(severity_number(rating.severity))),
        ("risk_score", json!(rating.risk_score)),
    ]);
    let recorded = document.entry("event").or_insert(Value::Null);
    match recorded.as_object_mut() {
        Some(fields) => fields.extend(event),
        None => *recorded = event.into(),
    }
}

pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Removes fields without a value. An absent field is absent, not null.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sets a field by its dotted name. What is in the way is replaced.
pub(crate) fn set(document: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((first, rest)) = name.split_once('.') else {
        document.insert(name.to_owned(), value);
        return;
    };
    let inner = document.entry(first).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = Map::new().into();
    }
    if let Value::Object(inner) = inner {
        set(inner, rest, value);
    }
}

/// `event.severity` is a number in ECS: Elastic's default risk score for each severity.
fn severity_number(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 21,
        Severity::Medium => 47,
        Severity::High => 73,
        Severity::Critical => 99,
    }
}

/// ECS has one `threat` that holds lists: every tactic and technique of the rule, each once.
fn threat(threats: &[Threat]) -> Value {
    let tactics = threats.iter().map(|threat| &threat.tactic);
    let techniques = || threats.iter().flat_map(|threat| &threat.technique);
    let subtechniques = techniques().flat_map(|technique| &technique.subtechnique);
    let mut technique = columns(techniques().map(technique_row));
    technique.insert("subtechnique".to_owned(), columns(subtechniques.map(technique_row)).into());
    json!({
        "framework": threats.first().map(|threat| &threat.framework),
        "tactic": columns(tactics.map(|tactic| [&*tactic.id, &*tactic.name, &*tactic.reference])),
        "technique": technique,
    })
}

fn technique_row(technique: &Technique) -> [&str; 3] {
    [&technique.id, &technique.name, &technique.reference]
}

/// The distinct rows of id, name and reference as three lists of the same length.
fn columns<'a>(rows: impl Iterator<Item = [&'a str; 3]>) -> Map<String, Value> {
    let mut distinct: Vec<[&str; 3]> = Vec::new();
    for row in rows {
        if !distinct.contains(&row) {
            distinct.push(row);
        }
    }
    let column = |index: usize| distinct.iter().map(|row| row[index]).collect::<Value>();
    object([("id", column(0)), ("name", column(1)), ("reference", column(2))])
}
