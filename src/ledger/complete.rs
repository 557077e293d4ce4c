//! The end of a claim: completed, released for the next attempt, or failed.

use detect::finding::FindingId;
use tracing::debug;

use super::claim::Claim;
use super::entry::{Content, Entry, EntryState};
use super::error::{LedgerProblem, Result};
use super::keys;
use super::stored::{StoredLedger, Swap, TRIES};
use crate::store::SmallObject;

/// How claimed work ended for good.
#[derive(Debug, Clone, Copy)]
pub enum Completion<'a> {
    /// The sink accepted the alert under this message id.
    Alerted(&'a str),
    /// An exception matched: no alert is sent.
    Suppressed,
    /// The finding waits for the summary of its window.
    Grouped,
    /// The sink accepted this alert of an incident, which names the finding.
    Folded(&'a FindingId),
}

/// What came of recording the end of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimUpdate {
    /// It is recorded.
    Written,
    /// The lease ran out and another worker took over: only that worker's result counts.
    TakenOver,
}

impl StoredLedger {
    /// Records a final outcome and deletes the open marker. The members of an alerted summary
    /// become summarised.
    pub async fn complete(&self, claim: &Claim, completion: Completion<'_>) -> Result<ClaimUpdate> {
        let mut entry = claim.entry.clone();
        match completion {
            Completion::Alerted(message_id) => {
                entry.state = EntryState::Alerted;
                entry.message_id = Some(message_id.to_owned());
            }
            Completion::Suppressed => entry.state = EntryState::Suppressed,
            Completion::Folded(alert) => {
                entry.state = EntryState::Folded;
                entry.incident_alert = Some(alert.clone());
            }
            Completion::Grouped => {
                entry.state = EntryState::Grouped;
                // Before the entry, which is final: a worker that finds it adds no marker.
                self.put_grouped_marker(&entry).await?;
            }
        }
        let update = self.update(claim, &entry).await?;
        if update == ClaimUpdate::Written {
            // If this fails, recovery finds the markers of a final entry and deletes them.
            let _ = self.delete_markers(&claim.open).await;
            self.mark_members(&entry).await?;
        }
        Ok(update)
    }

    /// Ends a claim whose alert was not sent. The next worker may try at once.
    pub async fn release(&self, claim: &Claim) -> Result<ClaimUpdate> {
        self.update(claim, &Entry { state: EntryState::Released, ..claim.entry.clone() }).await
    }

    /// Ends a claim whose alert was refused. The next worker may try at once.
    pub async fn mark_refused(&self, claim: &Claim) -> Result<ClaimUpdate> {
        self.update(claim, &refused(claim, EntryState::Released)).await
    }

    /// Ends a claim whose minimal alert was refused as well.
    pub async fn mark_failed(&self, claim: &Claim) -> Result<ClaimUpdate> {
        self.update(claim, &refused(claim, EntryState::Failed)).await
    }

    async fn put_grouped_marker(&self, entry: &Entry) -> Result<()> {
        let Content::Finding(finding) = &entry.content else { return Ok(()) };
        let folder = keys::grouped_folder(&finding.rule.id, entry.window);
        self.put_marker(&format!("{folder}{}", finding.id)).await.map(|_| ())
    }

    async fn mark_members(&self, entry: &Entry) -> Result<()> {
        let Content::Summary(summary) = &entry.content else { return Ok(()) };
        let Some(window) = summary.window else { return Ok(()) };
        let folder = keys::grouped_folder(&summary.rule.id, window);
        self.mark_summarised(&summary.id, &folder, summary.ids().collect()).await
    }

    /// Writes a new state of an entry that we claimed.
    async fn update(&self, claim: &Claim, entry: &Entry) -> Result<ClaimUpdate> {
        let id = entry.id();
        let object = Some(claim.object.clone());
        let next = |object: Option<&SmallObject>| {
            let object = object.ok_or(LedgerProblem::Unexpected("the entry is gone"))?;
            // Otherwise it is still as we claimed it.
            if object.etag != claim.object.etag {
                let now = Entry::decode(id, &object.bytes)?;
                if now.token != entry.token {
                    return Ok(Swap::Keep(ClaimUpdate::TakenOver));
                }
                if now.state == entry.state || now.state.is_final() {
                    return Ok(Swap::Keep(ClaimUpdate::Written));
                }
            }
            Ok(Swap::Replace(entry.encode()?, |_| ClaimUpdate::Written))
        };
        let update = self.swap_known(&keys::entry(id), object, TRIES, next).await?;
        debug!(%id, state = ?entry.state, ?update, "claim ended");
        Ok(update)
    }
}

fn refused(claim: &Claim, state: EntryState) -> Entry {
    let refusals = claim.entry.refusals.saturating_add(1);
    Entry { state, refusals, ..claim.entry.clone() }
}
