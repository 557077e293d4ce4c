//! A look at the ledger that changes nothing in it, and a probe that leaves nothing behind.

use bytes::Bytes;
use detect::finding::FindingId;
use jiff::SignedDuration;

use super::entry::State;
use super::token::token;
use super::{LedgerError, StoredLedger, keys};
use crate::store::Condition;

/// How many open findings are read: what they all say can be told from so many.
const MOST_READ: usize = 200;

/// How long a finding is open at most while all goes well: a lease, and the next sweeps.
const LONG: SignedDuration = SignedDuration::from_hours(1);

/// What is unfinished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Open markers.
    pub open: usize,
    /// Of the first 200: how many have waited for more than an hour.
    pub waiting: usize,
    /// Of the first 200: how many could not be told, not even in few words.
    pub failed: usize,
}

/// What a probe found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The ledger takes writes, and conditional ones as it should.
    Honoured,
    /// It took a write whose condition did not hold: findings would be told twice. Says which
    /// condition.
    Ignored(&'static str),
}

impl StoredLedger {
    /// Counts what is unfinished.
    pub async fn survey(&self) -> Result<Survey, LedgerError> {
        let markers = self.place.list_all(keys::OPEN, false).await?;
        let mut survey = Survey { open: markers.len(), ..Survey::default() };
        for marker in markers.iter().take(MOST_READ) {
            let Some(id) = marker.strip_prefix(keys::OPEN).and_then(FindingId::parse) else {
                continue;
            };
            let Some(found) = self.read(&id).await? else { continue };
            let state = found.entry.ok().map(|entry| entry.state);
            let age = found.object.date.duration_since(found.object.modified);
            survey.failed += usize::from(state == Some(State::Failed));
            survey.waiting += usize::from(state != Some(State::Failed) && age > LONG);
        }
        Ok(survey)
    }

    /// Whether writes happen, and happen only where their conditions hold: tried with an object of
    /// its own below `doctor/`, which is taken away again.
    pub async fn probe(&self) -> Result<Probe, LedgerError> {
        let key = format!("{}{}", keys::DOCTOR, token());
        let probe = self.conditions(&key).await;
        // Also where something failed: the first write may have happened.
        let removed = self.place.delete(&key).await;
        let probe = probe?;
        removed.map(|()| probe)
    }

    async fn conditions(&self, key: &str) -> Result<Probe, LedgerError> {
        let put = |condition| async {
            self.place.put(key, Bytes::from_static(b"a probe"), condition).await
        };
        let first = put(Condition::IfNoneMatch).await?;
        match put(Condition::IfNoneMatch).await {
            Err(error) if error.is_precondition_failed() => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(Probe::Ignored("If-None-Match")),
        }
        put(Condition::IfMatch(first.etag)).await?;
        match put(Condition::IfMatch("\"0\"".to_owned())).await {
            Err(error) if error.is_precondition_failed() => Ok(Probe::Honoured),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(Probe::Ignored("If-Match")),
        }
    }
}
