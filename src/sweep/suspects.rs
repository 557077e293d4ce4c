//! Objects that may kill their readers. They are noted in the ledger: by notifications that are
//! delivered again, and by sweeps that follow one that died. A sweep reads them at its end, one at
//! a time.

use std::collections::BTreeMap;

use bytes::Bytes;
use detect::cloudtrail::Trail;
use jiff::Timestamp;

use super::run::{Sweep, text};
use super::{LogKey, TrailMemory};
use crate::ledger::{LedgerError, ReadingNote, StoredLedger};
use crate::notification::ObjectRef;
use crate::pipeline::run::{OBJECTS_IN_FLIGHT, QueuedObject};
use crate::pipeline::{Pipeline, Problem, Remedy};
use crate::store::WriteCondition;

/// After so many readers died of an object, none reads it again.
const MAX_DEATHS: u32 = 5;

/// Exists while a sweep runs, and after one that died.
const RUNNING: &str = "running";

/// Objects that are read between two writings of what was read: a crash costs reading so many
/// again.
const BATCH_SIZE: usize = 500;

/// Objects that readers may have died of.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// The last sweep died, perhaps of an object: this one notes each before it reads it.
    pub(super) is_careful: bool,
    notes: Vec<ReadingNote>,
    /// By bucket and key: whether this sweep has listed it.
    objects: BTreeMap<(String, String), bool>,
}

impl Suspects {
    /// Loads the notes, and notes that this sweep runs.
    pub(super) async fn load(ledger: &StoredLedger) -> Result<Suspects, LedgerError> {
        let notes = ledger.reading_notes().await?;
        let is_careful = ledger.sweep_object(RUNNING).await?.is_some();
        ledger.put_sweep_object(RUNNING, Bytes::new(), WriteCondition::None).await?;
        let object = |note: &ReadingNote| ((note.bucket.clone(), note.key.clone()), false);
        let objects = notes.iter().map(object).collect();
        Ok(Suspects { is_careful, notes, objects })
    }

    /// Returns true if there was a note of a listed object when the sweep began.
    pub(super) fn is_noted(&mut self, trail: &Trail, key: &LogKey) -> bool {
        let object = self.objects.get_mut(&(trail.bucket.clone(), key.key.clone()));
        object.map(|is_listed| *is_listed = true).is_some()
    }

    /// How many objects are processed together.
    pub(super) fn batch_size(&self) -> usize {
        if self.is_careful { OBJECTS_IN_FLIGHT } else { BATCH_SIZE }
    }

    fn is_listed(&self, object: &ObjectRef) -> bool {
        self.objects.get(&(object.bucket.clone(), object.key.clone())).is_some_and(|it| *it)
    }
}

impl Sweep {
    /// Reads the objects that were noted before this sweep, those with the fewest deaths first.
    pub(super) async fn read_suspects(
        &mut self,
        pipeline: &Pipeline,
        ledger: &StoredLedger,
        now: Timestamp,
    ) {
        self.run.clock = self.clock;
        for note in std::mem::take(&mut self.suspects.notes) {
            let is_note_of = |trail: &&Trail| trail.contains(&note.bucket, &note.key);
            let Some(trail) = pipeline.trails.iter().find(is_note_of) else { continue };
            if self.run.clock.is_over() {
                return;
            }
            if let Err(error) = self.read_suspect(ledger, trail, &note, now).await {
                self.add_problem(Problem::retry(note.object(), text(error)));
            }
        }
    }

    async fn read_suspect(
        &mut self,
        ledger: &StoredLedger,
        trail: &Trail,
        note: &ReadingNote,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let object = note.object();
        match self.suspects.is_listed(&object) {
            true => self.counts.backlog -= 1,
            false => self.counts.listed += 1,
        }
        if note.begun >= MAX_DEATHS {
            self.abandon_suspect(note);
        } else if !self.read_noted(ledger, &object).await {
            // Its note stays, and counts it as one more death: it is not retried without end.
            self.counts.failed += 1;
            return Ok(());
        } else {
            self.counts.read += 1;
        }
        ledger.end_reading(&object).await?;
        let Some(key) = LogKey::parse(object.key) else { return Ok(()) };
        let (mut memory, _) = TrailMemory::load(ledger, trail, now, &self.proven).await?;
        memory.state.note_read(&key);
        memory.save().await
    }

    /// Returns true if the object need not be read again.
    async fn read_noted(&mut self, ledger: &StoredLedger, object: &ObjectRef) -> bool {
        let known_problems = self.run.outcome.problems.len();
        let queued = QueuedObject::without_message(object.clone());
        let processed = self.run.process_suspect(ledger, queued).await;
        self.leave_to_next_sweep(known_problems);
        self.run.outcome.report.objects += processed.ended.len() as u64;
        processed.ended.iter().any(|(_, outcome)| !outcome.is_retried())
    }

    fn abandon_suspect(&mut self, note: &ReadingNote) {
        self.counts.abandoned += 1;
        self.add_problem(Problem {
            place: note.object().to_string(),
            what: format!("{} readers died of it; no sweep reads it again", note.begun),
            remedy: Remedy::Abandon,
        });
    }

    /// Notes that this sweep came to its end.
    pub(super) async fn end_running(&mut self, ledger: &StoredLedger) {
        // If this fails, the next sweep is careful without need.
        let _ = ledger.delete_sweep_object(RUNNING).await;
    }
}
