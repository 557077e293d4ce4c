//! Claims: the worker that writes an entry first, or takes it over when its holder's lease has run
//! out, delivers its alert.

use std::ops::ControlFlow;
use std::time::Duration;

use detect::finding::{FindingId, Window};
use detect::text::error::error_chain;
use tokio::time::Instant;
use tracing::debug;

use super::entry::{Content, Entry, EntrySnapshot, EntryState};
use super::error::LedgerProblem;
use super::{LedgerError, Result, StoredLedger, TRIES, keys};
use crate::store::Condition;

/// A claim that this worker holds.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The entry as this worker wrote it.
    pub entry: Entry,
    pub(super) etag: String,
    /// Before the entry was written.
    since: Instant,
}

/// What came of claiming.
#[derive(Debug)]
pub enum ClaimOutcome {
    /// This worker holds the claim.
    Ours(Box<Claim>),
    /// The work was done before, and ended in this final state.
    Duplicate(EntryState),
    /// Another worker holds the claim. If it dies, recovery takes over.
    ClaimedElsewhere,
    /// A later version of the program wrote the entry: the alert may have been sent, or not.
    Unreadable(LedgerError),
}

impl Claim {
    /// Returns true if the lease still holds: no other worker can have taken over.
    pub fn is_live(&self) -> bool {
        self.since.elapsed() < Duration::from_secs(self.entry.lease_seconds)
    }
}

impl ClaimOutcome {
    pub(super) fn into_claim(self) -> Option<Claim> {
        match self {
            ClaimOutcome::Ours(claim) => Some(*claim),
            _ => None,
        }
    }
}

impl StoredLedger {
    /// Claims a finding, summary or alert of a correlation for as long as `lease`. It counts in the
    /// window of length `interval` that contains now, by the store's clock; a summary has its own.
    pub async fn claim(
        &self,
        content: Content,
        lease: Duration,
        interval: Duration,
    ) -> Result<ClaimOutcome> {
        // Before the entry: an entry that is not final has a marker, whenever we die.
        let marked = self.put_marker(&keys::open(content.id())).await?;
        let window = match &content {
            Content::Summary(summary) => summary.window,
            Content::Finding(_) | Content::Correlation(_) => None,
        };
        let window = window.unwrap_or_else(|| Window::containing(marked.date, interval));
        let ours = Entry::new(content, lease, window);
        self.write_claim(&ours, ours.clone(), Condition::IfNoneMatch).await
    }

    /// Takes over an entry whose holder is gone.
    pub(super) async fn take_over(
        &self,
        entry: &Entry,
        snapshot: &EntrySnapshot,
        lease: Duration,
    ) -> Result<ClaimOutcome> {
        let ours = Entry::new(entry.content.clone(), lease, entry.window);
        let next = successor(&ours, entry);
        self.write_claim(&ours, next, Condition::IfMatch(snapshot.object.etag.clone())).await
    }

    /// Writes `next`, which is our claim of an entry, and goes on from what is there if that fails.
    async fn write_claim(
        &self,
        ours: &Entry,
        mut next: Entry,
        mut condition: Condition,
    ) -> Result<ClaimOutcome> {
        let since = Instant::now();
        let id = ours.id();
        let mut last_error = None;
        for attempt in 1..=TRIES {
            match self.write(&next, condition).await {
                Ok(etag) => {
                    debug!(%id, attempt, claims = next.attempts, "claimed");
                    return Ok(ClaimOutcome::Ours(Box::new(Claim { entry: next, etag, since })));
                }
                Err(error) => {
                    debug!(%id, attempt, error = error_chain(&error), "claim not written");
                    last_error = Some(error);
                }
            }
            match self.read_entry(id).await? {
                None => (next, condition) = (ours.clone(), Condition::IfNoneMatch),
                Some(snapshot) => match self.next_claim(ours, snapshot, since).await {
                    ControlFlow::Continue(write) => (next, condition) = write,
                    ControlFlow::Break(outcome) => return Ok(outcome),
                },
            }
        }
        Err(self.out_of_tries(&keys::entry(id), last_error))
    }

    /// What to write over an entry that is there, or what it makes of our claim.
    async fn next_claim(
        &self,
        ours: &Entry,
        snapshot: EntrySnapshot,
        since: Instant,
    ) -> ControlFlow<ClaimOutcome, (Entry, Condition)> {
        let next = match &snapshot.entry {
            // Our write happened, and its answer was lost.
            Ok(entry) if entry.token == ours.token => {
                let claim = Claim { entry: entry.clone(), etag: snapshot.object.etag, since };
                return ControlFlow::Break(ClaimOutcome::Ours(Box::new(claim)));
            }
            Ok(entry) => successor(ours, entry),
            // Nobody knows what became of it. At worst an alert is sent twice.
            Err(_) => ours.clone(),
        };
        let Some(outcome) = self.blocked_by(ours.id(), &snapshot) else {
            let condition = Condition::IfMatch(snapshot.object.etag);
            return ControlFlow::Continue((next, condition));
        };
        debug!(id = %ours.id(), ?outcome, "not claimed");
        if let ClaimOutcome::Duplicate(_) = outcome {
            // Our own marker. If this fails, recovery deletes it.
            let _ = self.delete(&keys::open(ours.id())).await;
        }
        ControlFlow::Break(outcome)
    }

    /// Returns what a claim would come to now, or `None` if it would succeed. Writes nothing.
    pub async fn peek_claim(&self, id: &FindingId) -> Result<Option<ClaimOutcome>> {
        Ok(self.read_entry(id).await?.and_then(|snapshot| self.blocked_by(id, &snapshot)))
    }

    /// What an entry makes of a claim. `None` if it can be claimed: it was released or failed, its
    /// lease ran out, or it is damaged.
    fn blocked_by(&self, id: &FindingId, snapshot: &EntrySnapshot) -> Option<ClaimOutcome> {
        match &snapshot.entry {
            Ok(entry) if entry.state.is_final() => Some(ClaimOutcome::Duplicate(entry.state)),
            Ok(_) if snapshot.is_leased() => Some(ClaimOutcome::ClaimedElsewhere),
            Err(error @ LedgerProblem::Newer { .. }) => {
                Some(ClaimOutcome::Unreadable(self.entry_error(id, error.clone())))
            }
            _ => None,
        }
    }

    /// Reads an entry. Returns `None` if there is none of this id.
    pub async fn read_entry(&self, id: &FindingId) -> Result<Option<EntrySnapshot>> {
        let object = self.get(&keys::entry(id)).await?;
        Ok(object.map(|object| EntrySnapshot::new(id, object)))
    }

    /// Writes an entry. Returns its ETag.
    pub(super) async fn write(&self, entry: &Entry, condition: Condition) -> Result<String> {
        let bytes =
            serde_json::to_vec(entry).map_err(|error| self.entry_error(entry.id(), error))?;
        Ok(self.put(&keys::entry(entry.id()), bytes.into(), condition).await?.etag)
    }

    /// The entry, or the error that it cannot be read.
    pub(super) fn readable<'a>(
        &self,
        id: &FindingId,
        snapshot: &'a EntrySnapshot,
    ) -> Result<&'a Entry> {
        snapshot.entry.as_ref().map_err(|problem| self.entry_error(id, problem.clone()))
    }

    pub(super) fn entry_error(&self, id: &FindingId, why: impl Into<LedgerProblem>) -> LedgerError {
        self.error(&keys::entry(id), why)
    }
}

/// Our claim after another worker's: one more attempt, in the window of the first. A summary or
/// correlation keeps its members, since their alert may have been sent; a finding is as we read it.
fn successor(ours: &Entry, before: &Entry) -> Entry {
    let content = match &before.content {
        Content::Summary(_) | Content::Correlation(_) => &before.content,
        Content::Finding(_) => &ours.content,
    };
    Entry {
        attempts: before.attempts.saturating_add(1),
        window: before.window,
        content: content.clone(),
        ..ours.clone()
    }
}
