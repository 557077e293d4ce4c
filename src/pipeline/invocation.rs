//! What the tasks of one invocation share.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use detect::finding::{Finding, FindingId};
use detect::new_terms::Match;
use detect::rule::{GroupAlerts, Severity};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::findings::packed::WaitingBytes;
use super::{Clock, Pipeline};
use crate::ledger::{
    ContentHashes, FIRST_OF_BURST, HistoryCache, HistoryKey, LedgerError, StoredLedger,
    WindowCounts,
};

/// How long what was started last may take: so long, but at most this part of the whole time.
const MAX_GRACE: Duration = Duration::from_secs(3);
const GRACE_PART: u32 = 8;

/// Held while a batch of alerts is published and recorded.
pub(crate) type PublishPermit<'a> = tokio::sync::MutexGuard<'a, ()>;

/// Whether a finding was met before in an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meeting {
    First,
    Again,
    /// Its id is that of another call: one of the two records is forged.
    OtherCall,
}

/// The findings that were met in an invocation.
#[derive(Default)]
struct MetFindings {
    ids: HashSet<FindingId>,
    /// By [`Finding::conflict_id`].
    calls: HashSet<FindingId>,
}

/// One invocation: what it works with, its time, and the findings that it has met. Two trails, two
/// notifications or one careless object can show the same call twice.
pub(crate) struct Invocation {
    pub(crate) pipeline: Arc<Pipeline>,
    clock: Clock,
    started: Instant,
    /// Locked from before a batch of alerts is published until it is recorded.
    publishing: tokio::sync::Mutex<()>,
    // Std mutexes: nothing awaits while they are locked.
    met: Mutex<MetFindings>,
    /// By rule and severity. Without a ledger the invocation is the window.
    counts: Mutex<HashMap<(String, Severity), WindowCounts>>,
    /// By rule and group. Without a ledger an alert stands for findings of the invocation only.
    group_alerts: Mutex<HashMap<(String, String), GroupAlerts>>,
    /// Without a ledger values are known to the invocation only.
    histories: Mutex<HistoryCache>,
    /// Values become known, and nothing is alerted.
    learns: bool,
    /// Findings taken over from dead workers, by rule and principal.
    taken_over: Mutex<HashMap<(String, String), u64>>,
    /// The chat topic did not answer.
    is_chat_silent: AtomicBool,
    /// A page was not written in time.
    has_slow_pages: AtomicBool,
    /// What sweeps remember of log files: loaded when a digest needs it.
    contents: tokio::sync::OnceCell<ContentHashes>,
    /// Whether log files are hashed as they are read.
    pub(crate) hashes_logs: bool,
    /// Findings that were read and are not processed yet.
    pub(crate) waiting: WaitingBytes,
}

impl Invocation {
    pub(crate) fn new(pipeline: &Arc<Pipeline>, clock: Clock) -> Invocation {
        Invocation {
            pipeline: Arc::clone(pipeline),
            clock,
            started: Instant::now(),
            publishing: tokio::sync::Mutex::default(),
            met: Mutex::default(),
            counts: Mutex::default(),
            group_alerts: Mutex::default(),
            histories: Mutex::default(),
            learns: false,
            taken_over: Mutex::default(),
            is_chat_silent: AtomicBool::default(),
            has_slow_pages: AtomicBool::default(),
            contents: tokio::sync::OnceCell::new(),
            hashes_logs: false,
            waiting: WaitingBytes::default(),
        }
    }

    /// The same, which hashes log files as they are read.
    pub(crate) fn hashing(pipeline: &Arc<Pipeline>, clock: Clock) -> Invocation {
        Invocation { hashes_logs: true, ..Invocation::new(pipeline, clock) }
    }

    /// What sweeps remember of the log files that they have read.
    pub(crate) async fn contents(
        &self,
        ledger: &StoredLedger,
    ) -> Result<&ContentHashes, LedgerError> {
        self.contents.get_or_try_init(|| ledger.known_contents(self.clock.now)).await
    }

    /// An invocation that only learns which values are known.
    pub(crate) fn learning(pipeline: &Arc<Pipeline>, clock: Clock) -> Invocation {
        Invocation { learns: true, ..Invocation::new(pipeline, clock) }
    }

    /// Returns true if values become known, and nothing is alerted.
    pub(crate) fn learns(&self) -> bool {
        self.learns
    }

    /// How long claims in the ledger hold.
    pub(crate) fn lease(&self) -> Duration {
        self.clock.lease
    }

    /// The local time: that of the clock, and what has passed since.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now.checked_add(self.started.elapsed()).unwrap_or(self.clock.now)
    }

    /// Returns true if nothing more is to be started or sent.
    pub(crate) fn is_over(&self) -> bool {
        self.clock.is_over()
    }

    /// What `future` gives, or `None` if it is not ready a little after nothing more is started.
    pub(crate) async fn before_the_end<F: Future>(&self, future: F) -> Option<F::Output> {
        let Some(last) = self.clock.last_start else { return Some(future.await) };
        let whole = last.saturating_duration_since(self.started);
        timeout_at(last + MAX_GRACE.min(whole / GRACE_PART), future).await.ok()
    }

    /// The end of a wait of at most `longest`, and of half of the time that is left: the rest is
    /// for what follows.
    pub(crate) fn wait_until(&self, longest: Duration) -> Instant {
        let now = Instant::now();
        let left = self.clock.last_start.map(|last| last.saturating_duration_since(now) / 2);
        now + left.map_or(longest, |left| left.min(longest))
    }

    /// Waits until `count` alerts may be published. Returns `None` if the time is over before. No
    /// other alert is published until the permit is dropped: a worker that dies leaves no more
    /// than one batch that was published and not recorded.
    pub(crate) async fn permit_to_publish(&self, count: usize) -> Option<PublishPermit<'_>> {
        let turn = self.publishing.lock();
        let permit = match self.clock.last_start {
            Some(last) => timeout_at(last, turn).await.ok()?,
            None => turn.await,
        };
        let sink = &self.pipeline.sink;
        let passes = sink.wait_for_pace(count, self.clock.last_start).await && !self.is_over();
        passes.then_some(permit)
    }

    /// Notes that the chat topic did not answer.
    pub(crate) fn note_silent_chat(&self) {
        self.is_chat_silent.store(true, Ordering::Relaxed);
    }

    /// Returns true if the chat topic did not answer before.
    pub(crate) fn is_chat_silent(&self) -> bool {
        self.is_chat_silent.load(Ordering::Relaxed)
    }

    /// Notes that a page was not written in time.
    pub(crate) fn note_slow_pages(&self) {
        self.has_slow_pages.store(true, Ordering::Relaxed);
    }

    /// Returns true if a page was not written in time before.
    pub(crate) fn has_slow_pages(&self) -> bool {
        self.has_slow_pages.load(Ordering::Relaxed)
    }

    /// Notes that a finding was met.
    pub(crate) fn meet(&self, finding: &Finding) -> Meeting {
        let mut met = lock(&self.met);
        if !met.calls.insert(finding.conflict_id()) {
            return Meeting::Again;
        }
        if met.ids.insert(finding.id.clone()) { Meeting::First } else { Meeting::OtherCall }
    }

    /// Counts findings of a rule at one severity by their principals. Returns the counts of the
    /// whole invocation, these included.
    pub(crate) fn count(
        &self,
        rule: &str,
        severity: Severity,
        principals: &[String],
    ) -> WindowCounts {
        let mut counts = lock(&self.counts);
        let counts = counts.entry((rule.to_owned(), severity)).or_default();
        counts.add(principals.iter().map(String::as_str));
        counts.clone()
    }

    /// Returns for each finding of a group whether it is alerted.
    pub(crate) fn admit(
        &self,
        group: &(String, String),
        findings: &[(FindingId, Timestamp)],
        duration: SignedDuration,
    ) -> Vec<bool> {
        let mut groups = lock(&self.group_alerts);
        let alerts = groups.entry(group.clone()).or_default();
        findings.iter().map(|(id, time)| alerts.admit(id, *time, duration)).collect()
    }

    /// Returns for each match of a combination, by time, whether it is new in this invocation.
    pub(crate) fn add_matches(&self, key: HistoryKey<'_>, matches: &[Match]) -> Vec<bool> {
        lock(&self.histories).add(key, matches)
    }

    /// Counts a finding that was taken over. Returns true if it is among the first of its rule and
    /// principal in this invocation.
    pub(crate) fn is_first_taken_over(&self, rule: &str, principal: &str) -> bool {
        let mut counts = lock(&self.taken_over);
        let count = counts.entry((rule.to_owned(), principal.to_owned())).or_default();
        *count += 1;
        *count <= FIRST_OF_BURST
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
