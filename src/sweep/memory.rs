//! The state of a trail in the ledger, changed only by compare-and-swap.

use bytes::Bytes;
use detect::cloudtrail::Trail;
use detect::finding::FindingId;
use jiff::{SignedDuration, Timestamp};

use super::State;
use crate::ledger::{LedgerError, StoredLedger};
use crate::store::Condition;

/// Hexadecimal digits of a trail's name in the ledger.
const NAME_DIGITS: usize = 32;

/// How often a write that another sweep got in the way of is tried.
const TRIES: u32 = 5;

/// What is remembered of one trail, and where.
pub struct Memory<'a> {
    /// What is remembered.
    pub state: State,
    ledger: &'a StoredLedger,
    note: String,
    /// What names the state in the ledger that ours goes on from; none where there is none.
    etag: Option<String>,
    /// How far other sweeps at the same time say they have come, where there were any.
    others: Option<Timestamp>,
}

impl<'a> Memory<'a> {
    /// Reads what is remembered of a trail. What cannot be read is begun anew, with the reason:
    /// then the last hours are read once more, which does no harm.
    pub async fn load(
        ledger: &'a StoredLedger,
        trail: &Trail,
        now: Timestamp,
    ) -> Result<(Memory<'a>, Option<LedgerError>), LedgerError> {
        let note = note_name(trail);
        let (mut state, mut etag, mut trouble) = (State::new(trail.to_string(), now), None, None);
        if let Some(object) = ledger.note(&note).await? {
            etag = Some(object.etag);
            match serde_json::from_slice(&object.bytes) {
                Ok(read) => state = read,
                Err(error) => {
                    trouble = Some(
                        ledger.note_error(&note, format!("begun anew, since damaged: {error}")),
                    )
                }
            }
        }
        Ok((Memory { state, ledger, note, etag, others: None }, trouble))
    }

    /// Writes the state. Where another sweep wrote meanwhile, what both know is joined.
    pub async fn save(&mut self) -> Result<(), LedgerError> {
        let mut trouble = String::new();
        for _ in 0..TRIES {
            let bytes = serde_json::to_vec(&self.state)
                .map_err(|error| self.ledger.note_error(&self.note, error))?;
            let condition = self.etag.clone().map_or(Condition::IfNoneMatch, Condition::IfMatch);
            match self.ledger.put_note(&self.note, Bytes::from(bytes), condition).await {
                Ok(written) => {
                    self.etag = Some(written.etag);
                    return Ok(());
                }
                Err(error) => trouble = error.to_string(),
            }
            match self.ledger.note(&self.note).await? {
                Some(object) => {
                    self.etag = Some(object.etag);
                    self.join(&object.bytes);
                }
                None => self.etag = None,
            }
        }
        Err(self.ledger.note_error(&self.note, trouble))
    }

    /// The sweep has come so far. Where others were at it too, no farther than they: they may have
    /// met what it did not.
    pub async fn finish(
        &mut self,
        cursor: Timestamp,
        look_back: SignedDuration,
    ) -> Result<(), LedgerError> {
        self.state.advance(self.others.unwrap_or(cursor).min(cursor), look_back);
        self.save().await
    }

    fn join(&mut self, theirs: &[u8]) {
        // What is damaged is replaced by what we know.
        let Ok(theirs) = serde_json::from_slice::<State>(theirs) else { return };
        if theirs == self.state {
            // Our own, its answer lost.
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
