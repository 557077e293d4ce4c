//! The state of a trail in the ledger, changed only by compare-and-swap.

use std::sync::Arc;

use bytes::Bytes;
use detect::cloudtrail::Trail;
use detect::finding::FindingId;
use jiff::{SignedDuration, Timestamp};

use super::TrailState;
use crate::ledger::{LedgerError, LedgerProblem, StoredLedger};
use crate::store::WriteCondition;

/// Hexadecimal digits of a trail's name in the ledger.
const NAME_DIGITS: usize = 32;

/// How often a write is tried that conflicts with another sweep's.
const TRIES: u32 = 5;

/// The state of one trail, and where it is kept.
pub struct TrailMemory<'a> {
    /// The state.
    pub state: TrailState,
    ledger: &'a StoredLedger,
    note: String,
    /// The stored state that ours follows. `None` if nothing is stored.
    etag: Option<String>,
    /// The earliest cursor of other sweeps that ran at the same time.
    others: Option<Timestamp>,
}

impl<'a> TrailMemory<'a> {
    /// Loads the state of a trail. A damaged one is replaced, and reported: then the last hours are
    /// read once more, which does no harm.
    pub async fn load(
        ledger: &'a StoredLedger,
        trail: &Trail,
        now: Timestamp,
    ) -> Result<(TrailMemory<'a>, Option<LedgerError>), LedgerError> {
        let note = note_name(trail);
        let new = TrailState::new(trail.to_string(), now);
        let mut memory = TrailMemory { state: new, ledger, note, etag: None, others: None };
        let Some(object) = ledger.sweep_object(&memory.note).await? else {
            return Ok((memory, None));
        };
        memory.etag = Some(object.etag);
        match serde_json::from_slice(&object.bytes) {
            Ok(state) => {
                memory.state = state;
                Ok((memory, None))
            }
            Err(error) => {
                let damaged = LedgerProblem::Replaced(Arc::new(error));
                let damaged = ledger.sweep_error(&memory.note, damaged);
                Ok((memory, Some(damaged)))
            }
        }
    }

    /// Saves the state. If another sweep saved meanwhile, both states are merged.
    pub async fn save(&mut self) -> Result<(), LedgerError> {
        let mut last = None;
        for _ in 0..TRIES {
            let bytes = serde_json::to_vec(&self.state)
                .map_err(|error| self.ledger.sweep_error(&self.note, error))?;
            let condition =
                self.etag.clone().map_or(WriteCondition::IfNoneMatch, WriteCondition::IfMatch);
            match self.ledger.put_sweep_object(&self.note, Bytes::from(bytes), condition).await {
                Ok(written) => {
                    self.etag = Some(written.etag);
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
            match self.ledger.sweep_object(&self.note).await? {
                Some(object) => {
                    self.etag = Some(object.etag);
                    self.merge(&object.bytes);
                }
                None => self.etag = None,
            }
        }
        Err(last.map_or_else(
            || self.ledger.sweep_error(&self.note, LedgerProblem::Contended),
            LedgerError::from,
        ))
    }

    /// Moves the cursor and saves, no farther than other sweeps at the same time: they may have met
    /// objects that this one did not.
    pub async fn finish(
        &mut self,
        cursor: Timestamp,
        look_back: SignedDuration,
    ) -> Result<(), LedgerError> {
        self.state.advance(self.others.unwrap_or(cursor).min(cursor), look_back);
        self.save().await
    }

    fn merge(&mut self, theirs: &[u8]) {
        // A damaged state is replaced by ours.
        let Ok(theirs) = serde_json::from_slice::<TrailState>(theirs) else { return };
        if theirs == self.state {
            // Our own write, whose answer was lost.
            return;
        }
        self.others = Some(theirs.cursor().min(self.others.unwrap_or(theirs.cursor())));
        self.state.merge(theirs);
    }
}

/// The name under which the state of a trail is kept.
fn note_name(trail: &Trail) -> String {
    let id = FindingId::hash_parts([trail.bucket.as_str(), &trail.prefix]);
    format!("cursor/{}", &id.as_str()[..NAME_DIGITS])
}
