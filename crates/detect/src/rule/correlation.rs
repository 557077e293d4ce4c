//! Correlation rules: what several findings mean together if they are close in time and share the
//! values of some fields.
//!
//! Terms and meaning are those of Sigma's correlations. Source:
//! <https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html>

use std::sync::Arc;

use jiff::SignedDuration;
use kql::Query;

use super::definition::{RuleInfo, RuleOrigin, Severity};
use super::severity::{SeverityRaise, asks_for};
use super::toml_file::problem::Position;
use crate::correlation::Mark;

/// A correlation rule. It can run once its references are resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// The descriptive part, with the severity before it is raised.
    pub info: Arc<RuleInfo>,
    /// What must occur within the timespan.
    pub condition: Condition,
    /// The rules whose findings count. `temporal` and `temporal_ordered` have two stages or more,
    /// other conditions have one stage with all rules.
    pub stages: Vec<Stage>,
    /// Only findings that match it count; `None` if all do. Matched against their
    /// [`FactDocument`](crate::finding::FactDocument).
    pub query: Option<Query>,
    /// The fields whose values findings must share; may be empty.
    pub group_by: Vec<String>,
    /// The longest time from the first event to the last, a second to
    /// [`Correlation::MAX_TIMESPAN`].
    pub timespan: SignedDuration,
    /// `severity_when`: each severity at most once, all above that of `info`.
    pub raises: Vec<SeverityRaise>,
    /// Other correlations: an incident that is part of one of theirs, at least as severe, is not
    /// alerted. They group by the same fields, and nothing covers them.
    pub covered_by: Vec<RuleReference>,
    /// It is the threshold of a rule: an alert is sent when the condition is met, and again only
    /// after it was not. Otherwise an incident lasts until nothing has happened for a timespan.
    pub is_threshold: bool,
    /// Where the correlation was read.
    pub origin: RuleOrigin,
}

/// What must occur within the timespan, of findings that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `temporal`: an event of every stage.
    All,
    /// `temporal_ordered`: an event of every stage, none before that of the previous stage.
    Ordered,
    /// `event_count`: at least this many events.
    Events(u32),
    /// `value_count`: at least this many different values of a field.
    Values(String, u32),
    /// At least this many events, with at least this many different values of a field. Only
    /// thresholds have it.
    EventsAndValues(u32, String, u32),
    /// An event of every step, one after another. Only the sequences of rules have it.
    Sequence {
        /// How many events of each step.
        runs: Vec<u32>,
        /// Whether events of another step end what has begun.
        has_until: bool,
        /// The fields by which each step is joined with the others, in words, if they are not the
        /// same ones: `group_by` is empty then.
        joined_by: Option<String>,
    },
}

/// Rules of which any satisfies the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage(pub Vec<RuleReference>);

/// A rule that a correlation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReference {
    /// The id or name in the file; the rule's id once it is resolved.
    pub rule: String,
    /// The id or name in the file; the rule's name once it is resolved.
    pub name: String,
    /// Where the reference is in the file.
    pub position: Position,
}

impl Correlation {
    /// As long as the context in alerts.
    pub const MAX_TIMESPAN: SignedDuration = SignedDuration::from_hours(48);

    /// The references of all stages.
    pub fn rule_references(&self) -> impl Iterator<Item = &RuleReference> {
        self.stages.iter().flat_map(|stage| &stage.0)
    }

    /// Returns true if findings of the rule with this id count.
    pub fn includes_rule(&self, rule_id: &str) -> bool {
        self.rule_references().any(|reference| reference.rule == rule_id)
    }

    /// In place of what rules it is counted, in marks: [`Mark::rule`](crate::correlation::Mark::rule).
    /// Of a sequence, one for each step, and for that after `until`.
    pub fn mark_rules(&self) -> Vec<String> {
        match &self.condition {
            Condition::Sequence { runs, has_until, .. } => {
                let steps = runs.len() + usize::from(*has_until);
                (0..steps).map(|step| Mark::step_hash(&self.info.id, step)).collect()
            }
            _ => self.rule_references().map(|rule| Mark::rule_hash(&rule.rule)).collect(),
        }
    }

    /// Returns true if it is the threshold or the sequence of a rule, with the rule's name and id.
    pub fn is_part_of_rule(&self) -> bool {
        self.is_threshold || matches!(self.condition, Condition::Sequence { .. })
    }

    /// Returns true if findings of one group belong together under all of its names.
    pub fn follows_renamings(&self) -> bool {
        !self.is_part_of_rule() && self.group_by.iter().any(|field| field == "group.name")
    }

    /// Returns true if what counts, or how severe it is, can depend on what the ledger knows of the
    /// group.
    pub fn needs_timeline(&self) -> bool {
        self.asks_for("trailbell.group.power") || self.asks_for("trailbell.self")
    }

    /// Returns true if that can depend on what the ledger knows of the principal.
    pub fn needs_history(&self) -> bool {
        self.asks_for("trailbell.principal.first_seen")
    }

    fn asks_for(&self, field: &str) -> bool {
        let raises = self.raises.iter().map(|raise| &raise.query);
        raises.chain(&self.query).any(|query| asks_for(query, field))
    }

    /// The descriptive part with the severity that was reached, and its risk score.
    pub fn info_at_severity(&self, severity: Severity) -> Arc<RuleInfo> {
        match self.raises.iter().find(|raise| raise.severity == severity) {
            Some(SeverityRaise { risk_score, .. }) => {
                Arc::new(RuleInfo { severity, risk_score: *risk_score, ..(*self.info).clone() })
            }
            None => Arc::clone(&self.info),
        }
    }

    /// The condition without the rules, e.g. `all of 3 within 24 hours, in any order`.
    pub fn condition_in_words(&self) -> String {
        let stages = self.stages.len();
        let within = format_timespan(self.timespan);
        match &self.condition {
            Condition::All => format!("all of {stages} within {within}, in any order"),
            Condition::Ordered => format!("all of {stages} within {within}, in this order"),
            Condition::Events(least) => format!("{least} or more events within {within}"),
            Condition::Values(field, least) => {
                format!("{least} or more values of {field} within {within}")
            }
            Condition::Sequence { runs, joined_by, .. } => {
                let calls: u32 = runs.iter().sum();
                let joined_by = joined_by.as_ref().map(|it| format!(", joined by {it}"));
                let joined_by = joined_by.unwrap_or_default();
                format!("{calls} calls one after another within {within}{joined_by}")
            }
            Condition::EventsAndValues(events, field, values) => format!(
                "{events} or more events with {values} or more values of {field} within {within}"
            ),
        }
    }
}

impl Condition {
    /// Sigma's word, or `sequence`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Condition::All => "temporal",
            Condition::Ordered => "temporal_ordered",
            Condition::Events(_) => "event_count",
            Condition::Values(..) | Condition::EventsAndValues(..) => "value_count",
            Condition::Sequence { .. } => "sequence",
        }
    }
}

/// A timespan in the largest unit that gives a whole number.
pub(super) fn format_timespan(timespan: SignedDuration) -> String {
    let seconds = timespan.as_secs();
    let (count, unit) = match seconds {
        _ if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        _ if seconds % 60 == 0 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{s}")
}
