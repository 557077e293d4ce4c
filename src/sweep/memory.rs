//! The state of a trail in the ledger, changed only by compare-and-swap.

use std::sync::Arc;

use bytes::Bytes;
use detect::cloudtrail::Trail;
use detect::finding::FindingId;
use jiff::{SignedDuration, Timestamp};

use super::{ProvenCursors, Restart, TrailState};
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
    /// A state that can be used is stored.
    is_stored: bool,
}

impl<'a> TrailMemory<'a> {
    /// Loads the state of a trail. One that is damaged, or gone although a heartbeat knows the
    /// trail, starts from the cursor that is proven, and is reported.
    pub async fn load(
        ledger: &'a StoredLedger,
        trail: &Trail,
        now: Timestamp,
        proven: &ProvenCursors,
    ) -> Result<(TrailMemory<'a>, Option<LedgerError>), LedgerError> {
        let note = state_name(trail);
        let object = ledger.sweep_object(&note).await?;
        let proven = proven.cursor(&note);
        let restart = Restart::new(now, proven);
        let from = restart.cursor;
        let restarted = || TrailState::restarted(trail.to_string(), restart);
        let (state, problem) = match object.as_ref().map(|it| serde_json::from_slice(&it.bytes)) {
            Some(Ok(state)) => (state, None),
            None if proven.is_none() => (TrailState::new(trail.to_string(), now), None),
            None => (restarted(), Some(LedgerProblem::Gone(from))),
            Some(Err(error)) => {
                let source = Arc::new(error);
                (restarted(), Some(LedgerProblem::Replaced { from, source }))
            }
        };
        let problem = problem.map(|problem| ledger.sweep_error(&note, problem));
        let is_stored = object.is_some() && problem.is_none();
        let etag = object.map(|object| object.etag);
        let memory = TrailMemory { state, ledger, note, etag, others: None, is_stored };
        Ok((memory, problem))
    }

    /// Saves the state of a trail that has none.
    pub async fn start_new(
        ledger: &'a StoredLedger,
        trail: &Trail,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        match TrailMemory::load(ledger, trail, now, &ProvenCursors::default()).await? {
            (mut memory, None) => memory.start().await,
            // It is reported and replaced when the trail is read.
            (_, Some(_damaged)) => Ok(()),
        }
    }

    /// The ledger that the state is kept in.
    pub fn ledger(&self) -> &'a StoredLedger {
        self.ledger
    }

    /// The name of the state in the ledger.
    pub fn name(&self) -> &str {
        &self.note
    }

    /// Saves the state if what is stored is not usable, so that a sweep that dies leaves the next
    /// one a cursor to start from.
    pub async fn start(&mut self) -> Result<(), LedgerError> {
        if self.is_stored { Ok(()) } else { self.save().await }
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
                    self.is_stored = true;
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
pub fn state_name(trail: &Trail) -> String {
    let id = FindingId::hash_parts([trail.bucket.as_str(), &trail.prefix]);
    format!("cursor/{}", &id.as_str()[..NAME_DIGITS])
}
