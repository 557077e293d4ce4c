//! Recovery of what a crash left open.

use std::time::Duration;

use jiff::SignedDuration;

use super::claim::{Claim, ClaimOutcome};
use super::entry::EntryState;
use super::error::Result;
use super::keys;
use super::open_marker::OpenEntry;
use super::stored::StoredLedger;

/// Longer than any function lives. An older marker without an entry belongs to no worker: its
/// finding was never claimed, so its log object is delivered again.
const MAX_AGE_WITHOUT_ENTRY: SignedDuration = SignedDuration::from_hours(1);

/// How long recovery leaves an entry alone after its minimal alert was refused, or if its workers
/// keep dying: not every sweep is to die of it.
const RETRY_FAILED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// What was done about the markers of an entry.
#[derive(Debug)]
pub enum Recovery {
    /// The holder is gone: this worker holds the claim now.
    TakenOver(Box<Claim>),
    /// The lease still holds, or the entry failed, or killed a worker once more, a short time ago.
    Left,
    /// Nothing was left to be done: the markers were deleted.
    Cleared,
}

impl StoredLedger {
    /// Recovers the finding, summary or alert that some markers show.
    ///
    /// # Errors
    /// Fails if the ledger cannot be read or written, or if the entry cannot be read. The markers
    /// stay.
    pub async fn recover(&self, open: &OpenEntry, lease: Duration) -> Result<Recovery> {
        let id = &open.id;
        let Some(snapshot) = self.read_entry(id).await? else {
            return self.recover_without_entry(open).await;
        };
        let leased = snapshot.is_leased();
        let age = snapshot.age();
        let entry = snapshot.entry.map_err(|problem| self.error(&keys::entry(id), problem))?;
        if entry.state.is_final() {
            self.delete_markers(open).await?;
            return Ok(Recovery::Cleared);
        }
        let is_patient = entry.state == EntryState::Failed || entry.is_suspect();
        if leased || (is_patient && age < RETRY_FAILED_AFTER) {
            return Ok(Recovery::Left);
        }
        match self.take_over(&entry, snapshot.object, open.clone(), lease).await? {
            ClaimOutcome::Ours(claim) => Ok(Recovery::TakenOver(claim)),
            ClaimOutcome::Unreadable(error) => Err(error),
            // Another worker was faster.
            ClaimOutcome::Duplicate(_)
            | ClaimOutcome::Conflict(_)
            | ClaimOutcome::ClaimedElsewhere => Ok(Recovery::Left),
        }
    }

    /// Deletes old markers: each claim has its own, so no worker can be about to write an entry for
    /// one of them.
    async fn recover_without_entry(&self, open: &OpenEntry) -> Result<Recovery> {
        let mut recovery = Recovery::Cleared;
        for key in open.marker_keys() {
            let Some(marker) = self.get(&key).await? else { continue };
            if marker.date.duration_since(marker.modified) > MAX_AGE_WITHOUT_ENTRY {
                self.delete(&key).await?;
            } else {
                recovery = Recovery::Left;
            }
        }
        Ok(recovery)
    }
}
