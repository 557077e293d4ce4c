//! Correlation rules: what several findings, close to each other in time and alike in some fields,
//! mean together.
//!
//! Terms and meaning are those of Sigma's correlations.
//! Source:
//! <https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html>

pub(super) mod load;
pub(super) mod resolve;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::SignedDuration;
use kql::Query;

use super::load::Position;
use super::{RuleInfo, RuleOrigin, Severity};
use crate::ecs;

/// What the policy can do that the call attaches or writes: a field that a record does not have
/// itself. Its values are those of [`crate::finding::Power`].
pub const POWER_FIELD: &str = "trailbell.power";

/// A correlation rule, ready to be held against findings once its references are resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// What it says about itself to people; the severity where nothing raises it.
    pub info: Arc<RuleInfo>,
    /// What must be there within the timespan.
    pub condition: Condition,
    /// The rules whose findings count. For `temporal` and `temporal_ordered` two stages or more,
    /// each with its alternatives; else one with all rules.
    pub stages: Vec<Stage>,
    /// Fields in which findings must be alike to belong together; may be empty.
    pub group_by: Vec<String>,
    /// The longest time from the first event to the last, a second to [`Correlation::MAX_TIMESPAN`].
    pub timespan: SignedDuration,
    /// What raises the severity; each severity at most once, all above that of `info`.
    pub raises: Vec<SeverityRaise>,
    /// Where it was read.
    pub origin: RuleOrigin,
}

/// What must be there within the timespan, of findings that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `temporal`: an event of every stage.
    All,
    /// `temporal_ordered`: the same, none before the one of the stage before it.
    Ordered,
    /// `event_count`: at least so many events.
    Events(u32),
    /// `value_count`: at least so many different values of a field.
    Values(String, u32),
}

/// Rules of which any does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage(pub Vec<RuleReference>);

/// A rule by its id or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReference {
    /// As written; the rule's id once it is resolved.
    pub rule: String,
    /// The rule's name; as written before it is resolved.
    pub name: String,
    /// Where it stands in the file.
    pub position: Position,
}

/// What raises the severity.
#[derive(Debug, Clone, PartialEq)]
pub struct SeverityRaise {
    /// Held against the record of each finding that counts: see [`crate::correlation::document`].
    pub query: Query,
    /// The severity then.
    pub severity: Severity,
    /// The risk score then, 0 to 100.
    pub risk_score: u8,
}

impl Correlation {
    /// Context in alerts and commands reaches as far.
    pub const MAX_TIMESPAN: SignedDuration = SignedDuration::from_hours(48);

    /// The references of all stages.
    pub fn rule_references(&self) -> impl Iterator<Item = &RuleReference> {
        self.stages.iter().flat_map(|stage| &stage.0)
    }

    /// Whether findings of the rule with this id count.
    pub fn includes_rule(&self, rule: &str) -> bool {
        self.rule_references().any(|reference| reference.rule == rule)
    }

    /// The rule as its alert tells of it where this severity was reached.
    pub fn info_at_severity(&self, severity: Severity) -> Arc<RuleInfo> {
        match self.raises.iter().find(|raise| raise.severity == severity) {
            Some(raise) => Arc::new(RuleInfo {
                severity,
                risk_score: raise.risk_score,
                ..RuleInfo::clone(&self.info)
            }),
            None => Arc::clone(&self.info),
        }
    }

    /// What it asks for, in words, without the rules: e.g. `all of 3 within 24 hours, in any
    /// order`.
    pub fn condition_in_words(&self) -> String {
        let within = spoken(self.timespan);
        match &self.condition {
            Condition::All => format!("all of {} within {within}, in any order", self.stages.len()),
            Condition::Ordered => {
                format!("all of {} within {within}, in this order", self.stages.len())
            }
            Condition::Events(least) => format!("{least} events or more within {within}"),
            Condition::Values(field, least) => {
                format!("{least} values of {field} or more within {within}")
            }
        }
    }
}

impl Condition {
    /// Sigma's word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Condition::All => "temporal",
            Condition::Ordered => "temporal_ordered",
            Condition::Events(_) => "event_count",
            Condition::Values(..) => "value_count",
        }
    }
}

/// A timespan in the largest unit in which it is whole.
fn spoken(timespan: SignedDuration) -> String {
    let seconds = timespan.as_secs();
    let (count, unit) = match seconds {
        _ if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        _ if seconds % 60 == 0 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Whether a correlation can ask for the field.
pub(super) fn is_known_field(field: &str) -> bool {
    ecs::is_known_field(field) || field == POWER_FIELD
}
