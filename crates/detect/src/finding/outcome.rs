//! What becomes of a finding.

use serde::{Deserialize, Serialize};

/// What became of a finding in one run. Every finding has exactly one; the report counts them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its alert was accepted by the sink.
    Alerted,
    /// An exception matched: recorded, counted, not alerted.
    Suppressed,
    /// It was alerted before, or earlier in the same run.
    Duplicate,
    /// Another worker has the claim: a success here, the sweep sees it through.
    ClaimedElsewhere,
    /// Beyond the rule's limit: waits for a summary.
    Grouped,
    /// It was told in a summary.
    Summarised,
    /// Its alert could not be published: what carried it is tried again.
    Failed,
}

impl Outcome {
    /// Every fate, in the order reports show them.
    pub const ALL: [Outcome; 7] = [
        Outcome::Alerted,
        Outcome::Suppressed,
        Outcome::Duplicate,
        Outcome::ClaimedElsewhere,
        Outcome::Grouped,
        Outcome::Summarised,
        Outcome::Failed,
    ];
}
