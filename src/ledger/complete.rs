//! The end of a claim: completed, released for the next attempt, or failed.

use detect::text::error::error_chain;
use tracing::debug;

use super::claim::Claim;
use super::entry::{Content, Entry, EntrySnapshot, EntryState};
use super::error::LedgerProblem;
use super::{Result, StoredLedger, TRIES, keys};
use crate::store::Condition;

/// How claimed work ended for good.
#[derive(Debug, Clone, Copy)]
pub enum Completion<'a> {
    /// The sink accepted the alert under this message id.
    Alerted(&'a str),
    /// An exception matched: no alert is sent.
    Suppressed,
    /// The finding waits for the summary of its window.
    Grouped,
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
            Completion::Grouped => {
                entry.state = EntryState::Grouped;
                // Before the entry, which is final: a worker that finds it adds no marker.
                self.put_grouped_marker(&entry).await?;
            }
        }
        let update = self.update(claim, &entry).await?;
        if update == ClaimUpdate::Written {
            // If this fails, recovery finds the marker of a final entry and deletes it.
            let _ = self.delete(&keys::open(entry.id())).await;
            self.mark_members(&entry).await?;
        }
        Ok(update)
    }

    /// Ends a claim whose alert was not sent. The next worker may try at once.
    pub async fn release(&self, claim: &Claim) -> Result<ClaimUpdate> {
        self.update(claim, &Entry { state: EntryState::Released, ..claim.entry.clone() }).await
    }

    /// Ends a claim whose minimal alert was refused as well. The open marker stays.
    pub async fn mark_failed(&self, claim: &Claim) -> Result<ClaimUpdate> {
        self.update(claim, &Entry { state: EntryState::Failed, ..claim.entry.clone() }).await
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

    /// Writes a new state of our own entry. After any failure the entry that is there decides: the
    /// write may have happened and its answer been lost.
    async fn update(&self, claim: &Claim, entry: &Entry) -> Result<ClaimUpdate> {
        let mut etag = claim.etag.clone();
        let mut last_error = None;
        for attempt in 1..=TRIES {
            match self.write(entry, Condition::IfMatch(etag.clone())).await {
                Ok(_) => {
                    debug!(id = %entry.id(), state = ?entry.state, attempt, "claim ended");
                    return Ok(ClaimUpdate::Written);
                }
                Err(error) => {
                    debug!(id = %entry.id(), attempt, error = error_chain(&error), "end of claim not written");
                    last_error = Some(error);
                }
            }
            match self.read_entry(entry.id()).await {
                Ok(Some(snapshot)) => {
                    if let Some(update) = self.compare(entry, &snapshot)? {
                        return Ok(update);
                    }
                    etag = snapshot.object.etag;
                }
                Ok(None) => return Err(self.entry_error(entry.id(), LedgerProblem::Gone)),
                Err(error) => last_error = Some(error),
            }
        }
        Err(self.out_of_tries(&keys::entry(entry.id()), last_error))
    }

    /// What a stored entry says about our write of `entry`. `None` if it has to be repeated.
    fn compare(&self, entry: &Entry, snapshot: &EntrySnapshot) -> Result<Option<ClaimUpdate>> {
        let now = self.readable(entry.id(), snapshot)?;
        if now.token != entry.token {
            debug!(id = %entry.id(), "taken over by another worker");
            return Ok(Some(ClaimUpdate::TakenOver));
        }
        let written = now.state == entry.state || now.state.is_final();
        Ok(written.then_some(ClaimUpdate::Written))
    }
}
