//! What a sweep has yet to read of one trail, and what failed.

use std::collections::VecDeque;

use detect::cloudtrail::Trail;
use jiff::{SignedDuration, Timestamp};

use super::suspects::Suspects;
use super::{Due, LogKey, TrailMemory};
use crate::notification::ObjectRef;
use crate::pipeline::ObjectOutcome;
use crate::pipeline::run::QueuedObject;

/// An object that waits longer has been left by every sweep of an hour and more.
const OVERDUE: SignedDuration = SignedDuration::from_hours(2);

/// The objects of one trail that are to be read.
pub(super) struct Backlog<'a> {
    pub(super) trail: &'a Trail,
    /// In order.
    pub(super) left: VecDeque<LogKey>,
    pub(super) failed: Vec<FailedObject>,
    /// The store gave at least one object.
    pub(super) any_read: bool,
}

/// An object that is retried.
pub(super) struct FailedObject {
    pub(super) key: LogKey,
    /// If false, it was read: what failed was the ledger, or the topic.
    pub(super) is_unreadable: bool,
}

impl<'a> Backlog<'a> {
    pub(super) fn new(trail: &'a Trail, due: Due) -> Backlog<'a> {
        Backlog { trail, left: due.keys.into(), failed: Vec::new(), any_read: false }
    }

    /// Takes out objects that are read at the end of the sweep. Returns how many these are.
    pub(super) fn leave_suspects(&mut self, suspects: &mut Suspects) -> u64 {
        let all = self.left.len();
        self.left.retain(|key| !suspects.is_noted(self.trail, key));
        (all - self.left.len()) as u64
    }

    /// The number of objects left that were delivered long before `now`.
    pub(super) fn overdue(&self, now: Timestamp) -> u64 {
        let is_overdue = |key: &&LogKey| now.duration_since(key.delivered) > OVERDUE;
        self.left.iter().filter(is_overdue).count() as u64
    }

    pub(super) fn next_batch(&mut self, size: usize) -> Vec<LogKey> {
        self.left.drain(..size.min(self.left.len())).collect()
    }

    pub(super) fn put_back(&mut self, not_started: Vec<QueuedObject>) {
        let keys = not_started.into_iter().rev().filter_map(|it| LogKey::parse(it.object.key));
        keys.for_each(|key| self.left.push_front(key));
    }

    /// Remembers what became of an object. Returns true if it need not be read again.
    pub(super) fn note(
        &mut self,
        object: ObjectRef,
        outcome: ObjectOutcome,
        is_unreadable: bool,
        memory: &mut TrailMemory<'_>,
    ) -> bool {
        let Some(key) = LogKey::parse(object.key) else { return false };
        self.any_read |= outcome == ObjectOutcome::Scanned
            || (outcome == ObjectOutcome::Failed && !is_unreadable);
        if outcome.is_retried() {
            self.failed.push(FailedObject { key, is_unreadable });
            return false;
        }
        memory.state.note_read(&key);
        true
    }
}
