//! What else is known about the group and the actor of a finding. Empty until something gives it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What else is known, to be told beside a finding. The default knows nothing, and then nothing is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// What happened to the group lately, in event order.
    pub group_timeline: Vec<TimelineEntry>,
    /// What else this actor was found doing lately, by rule.
    pub actor_findings: Vec<ActorFinding>,
}

/// One event in the life of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When it happened (`eventTime`).
    pub time: Timestamp,
    /// `event.action`.
    pub action: String,
    /// Who did it, as [`crate::finding::Actor::label`].
    pub actor: String,
}

/// How often a rule found this actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorFinding {
    /// The rule's name.
    pub rule_name: String,
    /// How many findings.
    pub count: usize,
}
