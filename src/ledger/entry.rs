//! The entry of a finding, a summary or the alert of a correlation: one JSON document, changed only
//! by compare-and-swap.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use detect::correlation::CorrelationAlertData;
use detect::finding::{Finding, FindingId, Summary, Window};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::{LedgerProblem, Result};
use crate::store::SmallObject;

/// Raised when older programs would misread an entry.
const VERSION: u32 = 1;

/// Workers die for many reasons: their time is over, their memory is full of something else, or
/// they are replaced. So many deaths in a row are no chance.
const MAX_DEATHS: u32 = 10;

/// What the ledger records of one finding, summary or alert of a correlation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub(super) version: u32,
    /// How far the work on it has come.
    pub state: EntryState,
    /// Identifies the claim that wrote it last: a worker recognises its own writes by it.
    pub token: String,
    /// How often it was claimed.
    pub claims: u32,
    /// How often the sink refused its alert, as far as the alert itself may be why.
    pub refusals: u32,
    /// How many workers died while they held it, or were out of time without a word.
    pub deaths: u32,
    /// How many seconds the claim holds after the entry was written, by the store's clock.
    pub lease_seconds: u64,
    /// The window that it counts in: that of its first claim.
    pub window: Window,
    /// What the sink calls the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The summary that reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<FindingId>,
    /// The alert of the incident that named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_alert: Option<FindingId>,
    /// What it is about.
    pub content: Content,
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A finding.
    Finding(Arc<Finding>),
    /// A summary of grouped findings.
    Summary(Arc<Summary>),
    /// An incident of a correlation, at one severity.
    Correlation(Arc<CorrelationAlertData>),
}

/// How far the work on an entry has come. The last five are final, except that a grouped entry
/// becomes summarised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// A worker has it, until its lease runs out.
    Claimed,
    /// Its alert was not sent: the next worker tries again.
    Released,
    /// The minimal alert was refused too: retried on redelivery, and by sweeps after an hour.
    Failed,
    /// The sink accepted the alert.
    Alerted,
    /// An exception matched.
    Suppressed,
    /// It waits for a summary.
    Grouped,
    /// A summary reported it.
    Summarised,
    /// The alert of an incident named it.
    Folded,
}

impl EntryState {
    /// Returns true if nothing is left to be done. A final entry stays final.
    pub fn is_final(self) -> bool {
        !matches!(self, EntryState::Claimed | EntryState::Released | EntryState::Failed)
    }
}

/// An entry as it was read.
#[derive(Debug)]
pub struct EntrySnapshot {
    /// The entry, or why it cannot be read.
    pub entry: Result<Entry, LedgerProblem>,
    pub(super) object: SmallObject,
}

impl EntrySnapshot {
    pub(super) fn new(id: &FindingId, object: SmallObject) -> EntrySnapshot {
        EntrySnapshot { entry: Entry::decode(id, &object.bytes), object }
    }

    /// When the entry was last written, by the store's clock.
    pub fn written(&self) -> Timestamp {
        self.object.modified
    }

    /// How long before it was read the entry was last written, by the store's clock.
    pub(super) fn age(&self) -> SignedDuration {
        self.object.date.duration_since(self.object.modified)
    }

    /// Returns true if the lease of a worker still held when the entry was read.
    pub fn is_leased(&self) -> bool {
        self.entry.as_ref().is_ok_and(|entry| {
            let lease = i64::try_from(entry.lease_seconds).unwrap_or(i64::MAX);
            entry.state == EntryState::Claimed && self.age() < SignedDuration::from_secs(lease)
        })
    }
}

impl Content {
    /// The id of the finding, summary or alert.
    pub fn id(&self) -> &FindingId {
        match self {
            Content::Finding(finding) => &finding.id,
            Content::Summary(summary) => &summary.id,
            Content::Correlation(alert) => &alert.id,
        }
    }
}

impl Entry {
    /// A first claim, with a token of its own.
    pub(super) fn new(content: Content, token: String, lease: Duration, window: Window) -> Entry {
        Entry {
            version: VERSION,
            state: EntryState::Claimed,
            token,
            claims: 1,
            refusals: 0,
            deaths: 0,
            lease_seconds: lease.as_secs(),
            window,
            message_id: None,
            summary: None,
            incident_alert: None,
            content,
        }
    }

    /// The id of its content.
    pub fn id(&self) -> &FindingId {
        self.content.id()
    }

    /// Returns true if so many workers died while they held it that it may be why.
    pub fn is_suspect(&self) -> bool {
        self.deaths >= MAX_DEATHS
    }

    pub(super) fn encode(&self) -> Result<Bytes, LedgerProblem> {
        let mut bytes = serde_json::to_vec(self)?;
        // They are kept while they are sent, and half of their memory can be spare.
        bytes.shrink_to_fit();
        Ok(bytes.into())
    }

    /// Parses the JSON of the entry of this id.
    pub fn decode(id: &FindingId, bytes: &[u8]) -> Result<Entry, LedgerProblem> {
        #[derive(Deserialize)]
        struct VersionedEntry {
            version: u64,
        }
        let damaged = |error: serde_json::Error| LedgerProblem::Damaged(error.to_string());
        // First, since the rest of a later version may be of any form.
        let VersionedEntry { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > u64::from(VERSION) {
            return Err(LedgerProblem::Newer { version, supported: VERSION });
        }
        let entry: Entry = serde_json::from_slice(bytes).map_err(damaged)?;
        if entry.id() != id {
            return Err(LedgerProblem::Damaged(format!("it is about {}", entry.id())));
        }
        Ok(entry)
    }
}

/// A random UUID as 32 hexadecimal digits: no two claims have the same.
pub(super) fn random_token() -> String {
    Uuid::new_v4().simple().to_string()
}
