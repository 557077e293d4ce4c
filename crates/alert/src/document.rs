//! The document for machines: ECS fields, and ours under `trailbell.*`. Values are as the record
//! has them, not cleaned: JSON escapes what it must.
//!
//! Source of the names: <https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html>

use detect::rule::{Rating, RuleInfo, Severity, Technique, Threat};
use serde_json::{Map, Value, json};

/// Raised when a field of `trailbell.*` changes its meaning or is removed; new fields do not raise
/// it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The version of ECS whose names are used.
const ECS_VERSION: &str = "8.17.0";

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
