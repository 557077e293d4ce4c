//! What else is known about the group and the actor of a finding. Empty until something gives it.

use serde::{Deserialize, Serialize};

use super::TimelineEntry;

/// What else is known of the 48 hours around a finding, to be told beside it. The default knows
/// nothing, and then nothing is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// What happened to the group, under all its names, in any order. The finding's own event may
    /// be among it.
    pub group_timeline: Vec<TimelineEntry>,
    /// What else this actor was found doing, without this finding, in any order.
    pub principal_findings: Vec<PrincipalFinding>,
    /// No earlier finding of this actor is on record.
    pub first_of_principal: bool,
    /// No earlier finding of this group is on record.
    pub first_of_group: bool,
    /// Why this is not all that there is; none where it is.
    pub gap: Option<ContextGap>,
}

/// Why a context is not whole. What leaves most unknown is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextGap {
    /// There is no ledger.
    LedgerOff,
    /// The ledger could not be read.
    LedgerFailed,
    /// The ledger took longer than an alert may wait.
    Late,
    /// There was more than is read for one alert.
    TooMuch,
    /// Some of what the ledger has is damaged, of a later version, or from the future.
    Unreadable,
}

/// How often a rule found this actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalFinding {
    /// The rule's id.
    pub rule_id: String,
    /// The rule's name.
    pub rule_name: String,
    /// How many findings.
    pub count: usize,
}

impl Context {
    /// Nothing, and why.
    pub fn without(gap: ContextGap) -> Context {
        Context { gap: Some(gap), ..Context::default() }
    }
}
