//! What one run has met: two trails, two notifications or one careless object can show the same
//! call twice.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use detect::finding::FindingId;
use jiff::Timestamp;
use tokio::time::Instant;

use super::Clock;
use crate::ledger::Seen;

/// The findings of one run that someone is seeing to.
#[derive(Debug)]
pub(super) struct Claims {
    /// How long claims in the ledger hold.
    pub(super) lease: Duration,
    /// When nothing is started any more.
    clock: Clock,
    started: Instant,
    // Std mutexes: nothing awaits under them.
    taken: Mutex<HashSet<FindingId>>,
    /// By rule: where there is no ledger, the run is the execution.
    seen: Mutex<HashMap<String, Seen>>,
}

impl Claims {
    pub(super) fn new(clock: Clock) -> Claims {
        let (lease, started) = (clock.lease, Instant::now());
        Claims { lease, clock, started, taken: Mutex::default(), seen: Mutex::default() }
    }

    /// The local time: the clock's, as far as it has come since.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now.checked_add(self.started.elapsed()).unwrap_or(self.clock.now)
    }

    /// Whether the time is nearly over, so that nothing more is to be sent.
    pub(super) fn is_over(&self) -> bool {
        self.clock.is_over()
    }

    /// The end of a wait from now on, before the time is nearly over.
    pub(super) fn until(&self, longest: Duration) -> Instant {
        let end = Instant::now() + longest;
        self.clock.last_start.map_or(end, |last| last.min(end))
    }

    /// Whether this finding is the caller's to see to; false where it is being seen to already.
    pub(super) fn claim(&self, id: &FindingId) -> bool {
        unpoisoned(&self.taken).insert(id.clone())
    }

    /// Counts findings of a rule by their actors: all of this run, these included.
    pub(super) fn seen(&self, rule: &str, principals: &[String]) -> Seen {
        let mut all = unpoisoned(&self.seen);
        let seen = all.entry(rule.to_owned()).or_default();
        seen.count(principals.iter().map(String::as_str));
        seen.clone()
    }
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
