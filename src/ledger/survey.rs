//! Checks for `doctor`: what is unfinished, and whether conditional writes work.

use bytes::Bytes;
use jiff::SignedDuration;

use super::entry::{EntryState, random_token};
use super::error::Result;
use super::stored::StoredLedger;
use crate::store::WriteCondition;

/// How many open entries are read.
const MAX_READ: usize = 200;

/// If all goes well, no entry is open for longer: a lease, and the next sweeps.
const OVERDUE: SignedDuration = SignedDuration::from_hours(1);

/// What is unfinished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Entries with an open marker.
    pub open: usize,
    /// Of the first 200: how many have waited for more than an hour.
    pub waiting: usize,
    /// Of the first 200: how many failed, even with their minimal alerts.
    pub failed: usize,
}

/// What a probe of conditional writes found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Writes happen, and only if their conditions hold.
    Honoured,
    /// A write happened although this condition did not hold: findings would be alerted twice.
    Ignored(&'static str),
}

impl StoredLedger {
    /// Counts what is unfinished. Writes nothing.
    pub async fn survey(&self) -> Result<Survey> {
        let open = self.open_entries().await?.entries;
        let mut survey = Survey { open: open.len(), ..Survey::default() };
        for entry in open.iter().take(MAX_READ) {
            let Some(snapshot) = self.read_entry(&entry.id).await? else { continue };
            match snapshot.entry.as_ref().map(|entry| entry.state) {
                Ok(EntryState::Failed) => survey.failed += 1,
                // The next sweep deletes its marker.
                Ok(state) if state.is_final() => {}
                _ => survey.waiting += usize::from(snapshot.age() > OVERDUE),
            }
        }
        Ok(survey)
    }

    /// Tries conditional writes with an object of its own below `doctor/`, which is deleted
    /// afterwards.
    pub async fn probe(&self) -> Result<Probe> {
        let key = format!("doctor/{}", random_token());
        let probe = self.try_conditions(&key).await;
        // Even after a failure: the first write may have happened.
        let deleted = self.delete(&key).await;
        let probe = probe?;
        deleted.map(|()| probe)
    }

    async fn try_conditions(&self, key: &str) -> Result<Probe> {
        let put = |condition| self.put(key, Bytes::from_static(b"a probe"), condition);
        let first = put(WriteCondition::IfNoneMatch).await?;
        match put(WriteCondition::IfNoneMatch).await {
            Err(error) if error.is_precondition_failed() => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(Probe::Ignored("If-None-Match")),
        }
        put(WriteCondition::IfMatch(first.etag)).await?;
        match put(WriteCondition::IfMatch("\"0\"".to_owned())).await {
            Err(error) if error.is_precondition_failed() => Ok(Probe::Honoured),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(Probe::Ignored("If-Match")),
        }
    }
}
