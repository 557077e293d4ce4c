//! Checks for `doctor`: what is unfinished, and whether conditional writes work, one by one and
//! when many race.

use bytes::Bytes;
use futures::future::join_all;
use jiff::SignedDuration;

use super::entry::{EntryState, random_token};
use super::error::Result;
use super::stored::StoredLedger;
use crate::store::{StoreError, StoreErrorKind, WriteCondition};

/// How many open entries are read.
const MAX_READ: usize = 200;

/// If all goes well, no entry is open for longer: a lease, and the next sweeps.
const OVERDUE: SignedDuration = SignedDuration::from_hours(1);

/// Writers of one race. A store that checks a condition and writes afterwards, without a lock, lets
/// several of them win nearly every time.
const WRITERS: usize = 20;

/// Races of each kind, on a key each.
const RACES: usize = 4;

/// What is unfinished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Entries with an open marker; of the first 200, only those that are not final.
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
    /// Of several writes at once with this condition, more than one happened.
    Raced {
        /// The condition.
        condition: &'static str,
        /// How many races had no single winner.
        lost: usize,
        /// Of how many.
        races: usize,
    },
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
                Ok(state) if state.is_final() => survey.open -= 1,
                _ => survey.waiting += usize::from(snapshot.age() > OVERDUE),
            }
        }
        Ok(survey)
    }

    /// Tries conditional writes with objects of its own below `doctor/`, which are deleted
    /// afterwards.
    pub async fn probe(&self) -> Result<Probe> {
        let name = format!("doctor/{}", random_token());
        let keys: Vec<String> = (0..RACES).map(|race| format!("{name}-{race}")).collect();
        let probe = match self.try_conditions(&keys[0]).await {
            Ok(Probe::Honoured) => self.try_races(&keys[1..]).await,
            other => other,
        };
        // Even after a failure: a write may have happened.
        let deleted = join_all(keys.iter().map(|key| self.delete(key))).await;
        let probe = probe?;
        deleted.into_iter().collect::<Result<()>>().map(|()| probe)
    }

    /// Lets many writers race for each key: to create it, and to replace it.
    async fn try_races(&self, keys: &[String]) -> Result<Probe> {
        let mut lost = [0; 2];
        for key in keys {
            let created = self.race(key, &WriteCondition::IfNoneMatch).await?;
            lost[0] += usize::from(!created);
            let Some(object) = self.get(key).await? else { continue };
            let replaced = self.race(key, &WriteCondition::IfMatch(object.etag)).await?;
            lost[1] += usize::from(!replaced);
        }
        let raced = |condition, lost| Probe::Raced { condition, lost, races: keys.len() };
        Ok(match lost {
            [0, 0] => Probe::Honoured,
            [0, lost] => raced("If-Match", lost),
            [lost, _] => raced("If-None-Match", lost),
        })
    }

    /// Returns true if not more than one writer wins, and what it wrote is there. None may win: an
    /// answer can be lost.
    async fn race(&self, key: &str, condition: &WriteCondition) -> Result<bool> {
        // Each writes something else: of equal objects the ETags are equal.
        let texts: Vec<Bytes> = (0..WRITERS).map(|_| Bytes::from(random_token())).collect();
        let puts = texts.iter().map(|text| self.put(key, text.clone(), condition.clone()));
        let mut winners = Vec::new();
        for (text, put) in texts.iter().zip(join_all(puts).await) {
            match put {
                Ok(_) => winners.push(text),
                Err(error) if is_lost_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let object = self.get(key).await?;
        Ok(match &winners[..] {
            [] => true,
            [winner] => object.is_some_and(|object| object.bytes == **winner),
            _ => false,
        })
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

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn is_lost_race(error: &StoreError) -> bool {
    matches!(error.kind, StoreErrorKind::PreconditionFailed | StoreErrorKind::Conflict)
}
