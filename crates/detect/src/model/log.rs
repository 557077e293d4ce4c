//! Sets of events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::power::PowerLevel;

/// One event of a log.
pub trait LogEvent: Clone + PartialEq {
    /// How many of the newest events are kept whatever they say.
    const NEWEST: usize;

    /// `eventTime`.
    fn time(&self) -> Timestamp;

    /// By which events are ordered. Events with the same key are one.
    fn key(&self) -> EventKey;

    /// What it decides. Of each the newest event is kept.
    fn decides(&self) -> Vec<String>;

    /// Takes over what another reading of the same event adds.
    fn merge(&mut self, other: &Self);

    /// The event without what only a timeline shows.
    #[must_use]
    fn outline(self) -> Self;
}

/// The order in which events count: by time; within one second, what takes away before what gives,
/// and what gives less power before what gives more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey {
    /// `eventTime`.
    pub time: Timestamp,
    /// Within the same second.
    pub step: u8,
    /// The power that the event gives, and its number of ways.
    pub power: (PowerLevel, usize),
    /// All else that makes it another event.
    pub content: String,
}

/// How many older events are kept because they decide something: as many as an account can have
/// users. Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MAX_DECIDING: usize = 5_000;

/// The events of one group or policy, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "E: Deserialize<'de> + LogEvent", serialize = "E: Serialize"))]
pub struct EventLog<E> {
    /// The version of the format.
    pub version: u32,
    /// Events that are not kept.
    #[serde(default)]
    pub older: u64,
    /// The events.
    pub events: Vec<E>,
}

impl<E> Default for EventLog<E> {
    fn default() -> Self {
        EventLog { version: VERSION, older: 0, events: Vec::new() }
    }
}

const VERSION: u32 = 1;

/// Why a stored log cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LogError {
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("a later version of Trailbell wrote it (format {0})")]
    Newer(u32),
}

impl<E: LogEvent + for<'de> Deserialize<'de>> EventLog<E> {
    /// Reads a stored log.
    ///
    /// # Errors
    ///
    /// Fails if it is damaged, or of a later version.
    pub fn decode(bytes: &[u8]) -> Result<EventLog<E>, LogError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |error: serde_json::Error| LogError::Damaged(error.to_string());
        let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(LogError::Newer(version));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

impl<E: LogEvent> EventLog<E> {
    /// Adds events. Returns true if that changed something.
    pub fn add(&mut self, events: impl IntoIterator<Item = E>) -> bool {
        let before = self.events.clone();
        self.events.extend(events);
        self.sort();
        self.compact();
        self.events != before
    }

    fn sort(&mut self) {
        let mut keyed: Vec<(EventKey, E)> =
            self.events.drain(..).map(|event| (event.key(), event)).collect();
        keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
        keyed.dedup_by(|(key, event), (kept_key, kept)| {
            let is_same = key == kept_key;
            if is_same {
                kept.merge(event);
            }
            is_same
        });
        self.events = keyed.into_iter().map(|(_, event)| event).collect();
    }

    /// The events up to a time, which included.
    pub fn until(&self, time: Timestamp) -> &[E] {
        let end = self.events.partition_point(|event| event.time() <= time);
        &self.events[..end]
    }

    /// Drops older events that decide nothing. Those that decide something at the same time as the
    /// newest of their kind are kept too, since they make it uncertain.
    fn compact(&mut self) {
        let Some(excess) = self.events.len().checked_sub(E::NEWEST).filter(|it| *it > 0) else {
            return;
        };
        let newest = self.events.split_off(excess);
        let mut decided: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut kept: Vec<E> = Vec::new();
        let newest_first = newest.iter().chain(self.events.iter().rev());
        for (index, event) in newest_first.enumerate() {
            let is_older = index >= newest.len();
            let mut is_last = false;
            for key in event.decides() {
                let newest = decided.entry(key).or_insert(event.time());
                *newest = (*newest).max(event.time());
                is_last |= *newest == event.time();
            }
            if is_older && is_last && kept.len() < MAX_DECIDING {
                kept.push(event.clone().outline());
            }
        }
        self.events = kept;
        self.sort();
        self.older += (excess - self.events.len()) as u64;
        self.events.extend(newest);
    }
}
