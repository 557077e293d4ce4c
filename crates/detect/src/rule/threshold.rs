//! `threshold`: a rule that alerts when enough of its matches with the same values are close in
//! time. Its matches are findings that are recorded, and a correlation counts them.

use std::sync::Arc;

use jiff::SignedDuration;
use kql::Document;
use serde::{Deserialize, Serialize};

use super::correlation::{Condition, Correlation, RuleReference, Stage};
use super::definition::{Rule, RuleInfo};
use super::toml_file::problem::Position;
use crate::correlation::values_of;
use crate::ecs::is_known_field;

/// How many matches of a rule are alerted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// The fields whose values matches share; may be empty.
    pub fields: Vec<String>,
    /// The least number of matches.
    pub value: u32,
    /// Of which field how many different values are needed too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cardinality: Option<Cardinality>,
}

/// How many different values of a field are needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cardinality {
    /// The field's name.
    pub field: String,
    /// The least number of values.
    pub value: u32,
}

impl Threshold {
    /// Returns true if a record can count: it has a value in each field that is of records.
    pub(crate) fn can_count(&self, document: &dyn Document) -> bool {
        let has_value = |field: &String| !values_of(document, field).is_empty();
        self.fields.iter().all(|field| !is_known_field(field) || has_value(field))
    }

    /// The correlation that counts the matches of a rule; `None` if it has no threshold.
    pub(super) fn correlation(rule: &Rule) -> Option<Correlation> {
        let Threshold { fields, value, cardinality } = rule.info.threshold.as_ref()?;
        let RuleInfo { id, name, .. } = &*rule.info;
        let reference = RuleReference {
            rule: id.clone(),
            name: name.clone(),
            position: Position { line: 1, column: 1 },
        };
        Some(Correlation {
            info: Arc::clone(&rule.info),
            condition: match cardinality {
                Some(Cardinality { field, value: values }) if values >= value => {
                    Condition::Values(field.clone(), *values)
                }
                Some(Cardinality { field, value: values }) => {
                    Condition::EventsAndValues(*value, field.clone(), *values)
                }
                None => Condition::Events(*value),
            },
            stages: vec![Stage(vec![reference])],
            query: None,
            group_by: fields.clone(),
            timespan: SignedDuration::try_from(rule.from).unwrap_or(SignedDuration::MAX),
            raises: rule.severity_rules.raises.clone(),
            covered_by: Vec::new(),
            is_threshold: true,
            origin: rule.origin.clone(),
        })
    }
}
