//! What the ledger knows of one finding or summary: one JSON document, changed only by
//! compare-and-swap.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use detect::correlation::CorrelationAlertData;
use detect::finding::{Finding, FindingId, Summary, Window, canary};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Raised when an older program could not read an entry rightly.
const VERSION: u32 = 1;

/// What the ledger knows of one finding or summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of this form.
    pub(super) version: u32,
    /// How far it has come.
    pub state: State,
    /// The claim that wrote it last: a worker knows its own writes by it.
    pub token: String,
    /// How many claims there were, this one included.
    pub attempts: u32,
    /// How long the claim holds after the entry was written, by the store's clock.
    pub lease_seconds: u64,
    /// The execution it counts in: that of its first claim.
    pub window: Window,
    /// What the sink called the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The summary that told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<FindingId>,
    /// What it is about.
    pub content: Content,
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A finding.
    Finding(Arc<Finding>),
    /// A summary of findings that were held back.
    Summary(Arc<Summary>),
    /// An episode of a correlation, at one severity.
    Correlation(Arc<CorrelationAlertData>),
}

/// How far an entry has come. The last four are final, but that what is held becomes summarised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A worker sees to it, until its lease is over.
    Claimed,
    /// Publishing failed: whoever comes next tries again.
    Released,
    /// The minimal alert was refused too: tried again when it is delivered again, or after a while.
    Failed,
    /// The sink accepted it.
    Alerted,
    /// An exception matched.
    Suppressed,
    /// It waits for a summary.
    Held,
    /// A summary told of it.
    Summarised,
}

impl State {
    /// Whether nothing is left to be done by whoever comes upon the finding. Never false again once
    /// it is true.
    pub fn is_final(self) -> bool {
        matches!(self, State::Alerted | State::Suppressed | State::Held | State::Summarised)
    }
}

/// Why an entry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Not what this program or an older one wrote.
    #[error("the entry is damaged: {0}")]
    Damaged(String),
    /// A later program wrote it.
    #[error("the entry is of version {0}; this program reads up to version {VERSION}")]
    Newer(u64),
}

impl Content {
    /// Its id.
    pub fn id(&self) -> &FindingId {
        match self {
            Content::Finding(finding) => &finding.id,
            Content::Summary(summary) => &summary.id,
            Content::Correlation(told) => &told.id,
        }
    }

    /// The window of a summary; a finding has none before it is claimed.
    pub(super) fn window(&self) -> Option<Window> {
        match self {
            Content::Summary(summary) => summary.window,
            Content::Finding(_) | Content::Correlation(_) => None,
        }
    }
}

impl Entry {
    /// A first claim.
    pub(super) fn new(content: Content, token: String, lease: Duration, window: Window) -> Entry {
        Entry {
            version: VERSION,
            state: State::Claimed,
            token,
            attempts: 1,
            lease_seconds: lease.as_secs(),
            window,
            message_id: None,
            summary: None,
            content,
        }
    }

    /// The id of what it is about.
    pub fn id(&self) -> &FindingId {
        self.content.id()
    }

    /// Whether it is about a canary.
    pub fn is_canary(&self) -> bool {
        matches!(&self.content, Content::Finding(finding) if canary::is_canary(finding))
    }

    pub(super) fn encode(&self) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(self).map(Bytes::from)
    }

    /// Reads the JSON of the entry of this id.
    pub fn decode(id: &FindingId, bytes: &[u8]) -> Result<Entry, Unreadable> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > u64::from(VERSION) {
            return Err(Unreadable::Newer(version));
        }
        let entry: Entry = serde_json::from_slice(bytes).map_err(damaged)?;
        match entry.id() == id {
            true => Ok(entry),
            false => Err(Unreadable::Damaged(format!("it is about {}", entry.id()))),
        }
    }
}
