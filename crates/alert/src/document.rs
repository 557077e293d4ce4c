//! The document for machines: the finding's ECS fields, and ours under `trailbell.*`.
//!
//! Source of the names: <https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html>

use detect::finding::Context;
use detect::rule::{RuleInfo, Severity, Technique, Threat};
use serde_json::{Map, Value, json};

use super::call::AlertCall;
use super::commands::Step;
use super::parts::Parts;
use super::story;

/// Raised when a field of `trailbell.*` changes its meaning or goes; new fields do not raise it.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The version of ECS whose names are used.
pub(super) const ECS_VERSION: &str = "8.17.0";

/// The whole document, however large. The values are as the record has them, not cleaned: JSON
/// escapes what it must.
pub(super) fn write(
    call: AlertCall<'_>,
    context: &Context,
    parts: &Parts<'_>,
    subject: &str,
) -> Value {
    let finding = call.finding;
    let mut document = finding.ecs.as_object().cloned().unwrap_or_default();
    document.insert("message".to_owned(), parts.sentence.as_str().into());
    document.insert("ecs".to_owned(), json!({"version": ECS_VERSION}));
    document.insert("rule".to_owned(), rule(&finding.rule));
    if !finding.rule.threat.is_empty() {
        document.insert("threat".to_owned(), threat(&finding.rule.threat));
    }
    document.insert("tags".to_owned(), json!(finding.rule.tags));
    merge(&mut document, "event", event(&finding.rule));
    if let Some(name) = call.fields.text("cloud.account.id").and_then(|id| call.accounts.name(id)) {
        document["cloud"]["account"]["name"] = name.into();
    }
    let mut ours = ours(call, context, parts, subject);
    ours.retain(|_, value| !value.is_null());
    document.insert("trailbell".to_owned(), ours.into());
    document.into()
}

pub(super) fn rule(rule: &RuleInfo) -> Value {
    json!({
        "id": rule.id,
        "name": rule.name,
        "description": rule.description,
        "reference": rule.references,
        "ruleset": "trailbell",
    })
}

/// The record's own `event.*` stays; it is an alert now, with the rule's severity.
fn event(rule: &RuleInfo) -> Map<String, Value> {
    object([
        ("kind", json!("alert")),
        ("severity", json!(severity_number(rule.severity))),
        ("risk_score", json!(rule.risk_score)),
    ])
}

/// `event.severity` is a number in ECS: the risk score that Elastic gives each severity by default.
pub(super) fn severity_number(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 21,
        Severity::Medium => 47,
        Severity::High => 73,
        Severity::Critical => 99,
    }
}

fn ours(
    call: AlertCall<'_>,
    context: &Context,
    parts: &Parts<'_>,
    subject: &str,
) -> Map<String, Value> {
    let finding = call.finding;
    object([
        ("schema_version", json!(SCHEMA_VERSION)),
        ("kind", json!("alert")),
        ("finding", json!({"id": finding.id})),
        ("subject", json!(subject)),
        ("account", json!(finding.account)),
        ("account_name", json!(call.account().and_then(|id| call.accounts.name(id)))),
        ("group", json!(finding.group)),
        ("target_user", json!(finding.target_user)),
        ("principal", json!(finding.principal)),
        ("origin", json!(finding.origin)),
        ("rule", our_rule(&finding.rule)),
        ("check", documents(&parts.check)),
        ("undo", documents(&parts.undo)),
        ("raw_record", documents(&parts.raw_record)),
        ("exception_to_paste", exception_to_paste(&parts.exception)),
        ("context", story::document(context, &parts.story)),
    ])
}

/// What ECS has no name for.
pub(super) fn our_rule(rule: &RuleInfo) -> Value {
    json!({
        "severity": rule.severity,
        "risk_score": rule.risk_score,
        "guide": rule.note,
        "false_positives": rule.false_positives,
    })
}

/// `toml`, or the reason why there is none.
fn exception_to_paste(lines: &Result<Vec<String>, &str>) -> Value {
    match lines {
        Ok(lines) => json!({"toml": lines.join("\n") + "\n"}),
        Err(reason) => json!({"no_toml": reason}),
    }
}

fn documents(steps: &[Step]) -> Value {
    steps.iter().map(Step::document).collect()
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// ECS has one `threat` with lists in it: every tactic and technique of the rule, each once.
pub(super) fn threat(threats: &[Threat]) -> Value {
    let tactics = threats.iter().map(|threat| &threat.tactic);
    let techniques: Vec<&Technique> = threats.iter().flat_map(|threat| &threat.technique).collect();
    let below = techniques.iter().flat_map(|technique| &technique.subtechnique);
    let mut technique = columns(techniques.iter().map(|technique| parts(technique)));
    technique.insert("subtechnique".to_owned(), columns(below.map(parts)).into());
    json!({
        "framework": threats.first().map(|threat| &threat.framework),
        "tactic": columns(tactics.map(|tactic| [&*tactic.id, &*tactic.name, &*tactic.reference])),
        "technique": technique,
    })
}

fn parts(technique: &Technique) -> [&str; 3] {
    [&technique.id, &technique.name, &technique.reference]
}

/// Rows of id, name and reference as three lists of the same length; a row that was there before is
/// left out.
fn columns<'a>(rows: impl Iterator<Item = [&'a str; 3]>) -> Map<String, Value> {
    let mut distinct: Vec<[&str; 3]> = Vec::new();
    for row in rows {
        if !distinct.contains(&row) {
            distinct.push(row);
        }
    }
    let column = |index: usize| distinct.iter().map(|row| row[index]).collect::<Value>();
    ["id", "name", "reference"]
        .into_iter()
        .enumerate()
        .map(|(index, name)| (name.to_owned(), column(index)))
        .collect()
}

fn merge(document: &mut Map<String, Value>, name: &str, fields: Map<String, Value>) {
    match document.get_mut(name).and_then(Value::as_object_mut) {
        Some(object) => object.extend(fields),
        None => {
            document.insert(name.to_owned(), fields.into());
        }
    }
}
