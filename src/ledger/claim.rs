//! Claims: the worker that writes an entry first, or takes it over when its holder's lease has run
//! out, delivers its alert.

use std::time::Duration;

use bytes::Bytes;
use detect::finding::{FindingId, Window};
use tokio::time::Instant;
use tracing::debug;

use super::entry::{Content, Entry, EntrySnapshot, EntryState, random_token};
use super::error::{LedgerError, LedgerProblem, Result};
use super::keys;
use super::open_marker::OpenEntry;
use super::stored::{StoredLedger, Swap, TRIES};
use crate::store::SmallObject;

/// A claim that this worker holds.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The entry as this worker wrote it.
    pub entry: Entry,
    /// The object of the entry, without its content: `entry` has it, and it can be large.
    pub(super) object: SmallObject,
    /// The markers that show the claim until its entry is final.
    pub(super) open: OpenEntry,
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
    /// The entry, in this state, is about another call: one of the two records is forged.
    Conflict(EntryState),
    /// Another worker holds the claim. If it dies, recovery takes over.
    ClaimedElsewhere,
    /// A later version of the program wrote the entry: the alert may have been sent, or not.
    Unreadable(LedgerError),
}

/// What is to be done to claim an entry.
enum NextClaim {
    /// Nothing: somebody else has it, or it is done.
    Blocked(ClaimOutcome),
    /// Nothing: it is ours.
    Written(Entry, SmallObject),
    /// To write this.
    Write(Entry),
}

impl Claim {
    /// Returns true if the lease still holds: no other worker can have taken over.
    pub fn is_live(&self) -> bool {
        self.since.elapsed() < Duration::from_secs(self.entry.lease_seconds)
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
        let token = random_token();
        let (open, date) = self.mark_open(content.id(), &token).await?;
        let window = match &content {
            Content::Summary(summary) => summary.window,
            Content::Finding(_) | Content::Correlation(_) => None,
        };
        let window = window.unwrap_or_else(|| Window::containing(date, interval));
        self.write_claim(&Entry::new(content, token, lease, window), None, open).await
    }

    /// Takes over an entry whose holder is gone. The markers that show it stay until it is final.
    pub(super) async fn take_over(
        &self,
        entry: &Entry,
        object: SmallObject,
        open: OpenEntry,
        lease: Duration,
    ) -> Result<ClaimOutcome> {
        let ours = Entry::new(entry.content.clone(), random_token(), lease, entry.window);
        self.write_claim(&ours, Some(object), open).await
    }

    /// Writes our claim of an entry that was last read as `object`.
    async fn write_claim(
        &self,
        ours: &Entry,
        object: Option<SmallObject>,
        open: OpenEntry,
    ) -> Result<ClaimOutcome> {
        let since = Instant::now();
        let id = ours.id();
        let claimed = |entry, object: SmallObject| {
            let open = open.clone();
            let object = SmallObject { bytes: Bytes::new(), ..object };
            ClaimOutcome::Ours(Box::new(Claim { entry, object, open, since }))
        };
        let next = |object: Option<&SmallObject>| match self.next_claim(ours, object) {
            NextClaim::Blocked(outcome) => Ok(Swap::Keep(outcome)),
            NextClaim::Written(entry, object) => Ok(Swap::Keep(claimed(entry, object))),
            NextClaim::Write(entry) => {
                Ok(Swap::Replace(entry.encode()?, move |object| claimed(entry, object)))
            }
        };
        let outcome = self.swap_known(&keys::entry(id), object, TRIES, next).await?;
        match &outcome {
            ClaimOutcome::Ours(claim) => match claim.entry.claims {
                1 => debug!(%id, "claimed"),
                claims => debug!(%id, claims, "taken over"),
            },
            ClaimOutcome::Duplicate(state) => {
                debug!(%id, ?state, "duplicate");
                // If this fails, recovery deletes it.
                let _ = self.delete_markers(&open).await;
            }
            ClaimOutcome::Conflict(state) => {
                debug!(%id, ?state, "conflict");
                // Otherwise the marker is needed for the entry that is there.
                if state.is_final() {
                    let _ = self.delete_markers(&open).await;
                }
            }
            ClaimOutcome::ClaimedElsewhere => debug!(%id, "claimed elsewhere"),
            ClaimOutcome::Unreadable(_) => {}
        }
        Ok(outcome)
    }

    /// What the entry that is there makes of our claim.
    fn next_claim(&self, ours: &Entry, object: Option<&SmallObject>) -> NextClaim {
        let Some(object) = object else { return NextClaim::Write(ours.clone()) };
        let snapshot = EntrySnapshot::new(ours.id(), object.clone());
        match (self.blocked_by(&ours.content, &snapshot), snapshot.entry) {
            // Our write happened, and its answer was lost.
            (_, Ok(entry)) if entry.token == ours.token => {
                NextClaim::Written(entry, snapshot.object)
            }
            (Some(outcome), _) => NextClaim::Blocked(outcome),
            (None, Ok(entry)) => NextClaim::Write(successor(ours, &entry)),
            // Nobody knows what became of it. At worst an alert is sent twice.
            (None, Err(_)) => NextClaim::Write(ours.clone()),
        }
    }

    /// Returns what a claim would come to now, or `None` if it would succeed. Writes nothing.
    pub async fn peek_claim(&self, content: &Content) -> Result<Option<ClaimOutcome>> {
        let snapshot = self.read_entry(content.id()).await?;
        Ok(snapshot.and_then(|snapshot| self.blocked_by(content, &snapshot)))
    }

    /// What an entry makes of a claim. `None` if it can be claimed: it was released or failed, its
    /// lease ran out, or it is damaged.
    fn blocked_by(&self, content: &Content, snapshot: &EntrySnapshot) -> Option<ClaimOutcome> {
        match &snapshot.entry {
            Ok(entry) if conflicts(content, &entry.content) => {
                Some(ClaimOutcome::Conflict(entry.state))
            }
            Ok(entry) if entry.state.is_final() => Some(ClaimOutcome::Duplicate(entry.state)),
            Ok(_) if snapshot.is_leased() => Some(ClaimOutcome::ClaimedElsewhere),
            Err(newer @ LedgerProblem::Newer { .. }) => Some(ClaimOutcome::Unreadable(
                self.error(&keys::entry(content.id()), newer.clone()),
            )),
            _ => None,
        }
    }

    /// Reads an entry. Returns `None` if there is none of this id.
    pub async fn read_entry(&self, id: &FindingId) -> Result<Option<EntrySnapshot>> {
        let object = self.get(&keys::entry(id)).await?;
        Ok(object.map(|object| EntrySnapshot::new(id, object)))
    }
}

/// Returns true if both are findings, of different calls.
fn conflicts(ours: &Content, theirs: &Content) -> bool {
    match (ours, theirs) {
        (Content::Finding(ours), Content::Finding(theirs)) => !ours.is_same_call(theirs),
        _ => false,
    }
}

/// Our claim after another worker's: one more claim, in the window of the first. A summary or
/// correlation keeps its members, since their alert may have been sent; a finding is as we read it.
fn successor(ours: &Entry, before: &Entry) -> Entry {
    let content = match &before.content {
        Content::Summary(_) | Content::Correlation(_) => &before.content,
        Content::Finding(_) => &ours.content,
    };
    Entry {
        claims: before.claims.saturating_add(1),
        refusals: before.refusals,
        // Its lease ran out.
        deaths: before.deaths.saturating_add(u32::from(before.state == EntryState::Claimed)),
        window: before.window,
        content: content.clone(),
        ..ours.clone()
    }
}
