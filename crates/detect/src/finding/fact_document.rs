//! The document that `severity_when` and correlations match: a finding with its facts.

use kql::{Document, Value};
use serde_json::json;

use super::facts::Facts;
use super::trust::Trust;
use super::{Finding, POWER_FIELD};
use crate::ecs;
use crate::power::PowerLevel;

/// The fields that `severity_when` and correlations can use in addition to those of records, and
/// what each can be.
pub const FACT_FIELDS: [(&str, FactKind); 9] = [
    ("trailbell.drift.power", FactKind::Power),
    ("trailbell.group.power", FactKind::Power),
    (POWER_FIELD, FactKind::Power),
    ("trailbell.principal.first_seen", FactKind::Flag),
    ("trailbell.principal.root", FactKind::Flag),
    ("trailbell.privileged", FactKind::Flag),
    ("trailbell.self", FactKind::Flag),
    ("trailbell.target.power", FactKind::Power),
    ("trailbell.trust", FactKind::Trust),
];

/// The values of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// A word of [`PowerLevel`].
    Power,
    /// `true` or `false`.
    Flag,
    /// A word of [`Trust`].
    Trust,
}

/// A finding's ECS document with its facts, and with the group's name if only the error message has
/// it.
#[derive(Debug, Clone, PartialEq)]
pub struct FactDocument(serde_json::Value);

impl FactKind {
    /// The values, as a query names them.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            FactKind::Power => PowerLevel::ALL.map(PowerLevel::as_str).to_vec(),
            FactKind::Flag => vec!["true", "false"],
            FactKind::Trust => Trust::ALL.map(Trust::as_str).to_vec(),
        }
    }
}

impl FactDocument {
    /// The document of a finding.
    pub fn new(finding: &Finding, facts: &Facts) -> FactDocument {
        let mut document = finding.ecs.clone();
        document["trailbell"] = json!({
            "power": facts.power,
            "group": {"power": facts.group_power},
            "drift": {"power": facts.drift_power},
            "target": {"power": facts.target_power},
            "trust": facts.trust.map(Trust::as_str),
            "self": facts.is_self,
            "principal": {"root": facts.is_root, "first_seen": facts.is_first_seen},
            "privileged": facts.is_privileged,
            "own": finding.own,
        });
        if let Some(group) =
            finding.group.as_ref().filter(|_| finding.ecs["group"]["name"].is_null())
        {
            document["group"] = json!({ "name": group });
        }
        FactDocument(document)
    }

    /// The same with another name of the group.
    pub(crate) fn with_group(&self, group: &str) -> FactDocument {
        let mut document = self.0.clone();
        document["group"]["name"] = group.into();
        FactDocument(document)
    }

    /// A document of these fields, for tests.
    #[cfg(test)]
    pub(crate) fn from_json(document: serde_json::Value) -> FactDocument {
        FactDocument(document)
    }
}

/// As in records, names of groups match in any case.
impl Document for FactDocument {
    fn any_value(&self, field: &str, on_value: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        self.0.any_value(field, &mut |value| on_value(typed(field, value)))
    }

    fn any_leaf(&self, on_leaf: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool {
        self.0.any_leaf(&mut |field, value| on_leaf(field, typed(field, value)))
    }

    fn any_object(&self, path: &str, on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        self.0.any_object(path, on_object)
    }
}

fn typed<'a>(field: &str, value: Value<'a>) -> Value<'a> {
    match value {
        Value::Text(text) if ecs::is_name_field(field) => Value::Name(text),
        other => other,
    }
}
