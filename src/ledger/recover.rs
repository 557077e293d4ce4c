//! Recovery of what a crash left open.

use std::time::Duration;

use detect::finding::FindingId;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tracing::debug;

use super::claim::{Claim, ClaimOutcome};
use super::entry::EntryState;
use super::error::{LedgerProblem, Result};
use super::keys;
use super::stored::{CONCURRENCY, StoredLedger};

/// Longer than any function lives. An older marker without an entry belongs to no worker: its
/// finding was never claimed, so its log object is delivered again.
const MAX_AGE_WITHOUT_ENTRY: SignedDuration = SignedDuration::from_hours(1);

/// How long recovery leaves an entry alone after its minimal alert was refused, or if its workers
/// keep dying: not every sweep is to die of it.
const RETRY_FAILED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// What was done about an open marker.
#[derive(Debug)]
pub enum Recovery {
    /// The holder is gone: this worker holds the claim now.
    TakenOver(Box<Claim>),
    /// The lease still holds, or the entry failed, or killed a worker once more, a short time ago.
    Left,
    /// Nothing was left to be done: the marker was deleted.
    Cleared,
}

/// A marker of an entry that is not final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMarker {
    /// The id of the entry.
    pub name: String,
    /// When it was written, by the store's clock.
    pub since: Timestamp,
}

impl StoredLedger {
    /// The ids of all open markers, as they are named, and the keys beside them that no version of
    /// this program wrote.
    pub async fn open_ids(&self) -> Result<(Vec<String>, Vec<String>)> {
        // A new ledger in a directory has no bucket yet, which would be an error.
        self.date().await?;
        let names = self.list_names(keys::OPEN).await?;
        Ok(names.into_iter().partition(|name| FindingId::parse(name).is_some()))
    }

    /// The markers of all entries that are not final.
    pub async fn open_markers(&self) -> Result<Vec<OpenMarker>> {
        let names = self.list_names(keys::OPEN).await?;
        let mut markers = Vec::new();
        for batch in names.chunks(CONCURRENCY) {
            let keys: Vec<String> =
                batch.iter().map(|name| format!("{}{name}", keys::OPEN)).collect();
            let read = join_all(keys.iter().map(|key| self.get(key))).await;
            for (name, marker) in batch.iter().zip(read) {
                // `None` if it was completed meanwhile.
                let since = marker?.map(|object| object.modified);
                markers.extend(since.map(|since| OpenMarker { name: name.clone(), since }));
            }
        }
        Ok(markers)
    }

    /// Recovers the finding, summary or alert of one open marker.
    ///
    /// # Errors
    /// Fails if the marker's name is no id, if the ledger cannot be read or written, or if the
    /// entry cannot be read. The marker stays.
    pub async fn recover(&self, id: &str, lease: Duration) -> Result<Recovery> {
        let Some(id) = FindingId::parse(id) else {
            return Err(self.error(
                &format!("{}{id}", keys::OPEN),
                LedgerProblem::Unexpected("its name is not an id"),
            ));
        };
        let Some(snapshot) = self.read_entry(&id).await? else {
            return self.recover_without_entry(&id).await;
        };
        let leased = snapshot.is_leased();
        let age = snapshot.age();
        let entry = snapshot.entry.map_err(|problem| self.error(&keys::entry(&id), problem))?;
        if entry.state.is_final() {
            return self.clear(&id).await;
        }
        let is_patient = entry.state == EntryState::Failed || entry.is_suspect();
        if leased || (is_patient && age < RETRY_FAILED_AFTER) {
            return Ok(Recovery::Left);
        }
        match self.take_over(&entry, snapshot.object, lease).await? {
            ClaimOutcome::Ours(claim) => Ok(Recovery::TakenOver(claim)),
            ClaimOutcome::Unreadable(error) => Err(error),
            // Another worker was faster.
            ClaimOutcome::Duplicate(_)
            | ClaimOutcome::Conflict(_)
            | ClaimOutcome::ClaimedElsewhere => Ok(Recovery::Left),
        }
    }

    async fn recover_without_entry(&self, id: &FindingId) -> Result<Recovery> {
        let marker = self.get(&keys::open(id)).await?;
        let age = marker.map(|marker| marker.date.duration_since(marker.modified));
        match age.is_some_and(|age| age > MAX_AGE_WITHOUT_ENTRY) {
            true => self.clear(id).await,
            false => Ok(Recovery::Left),
        }
    }

    async fn clear(&self, id: &FindingId) -> Result<Recovery> {
        self.delete(&keys::open(id)).await?;
        debug!(%id, "open marker cleared");
        Ok(Recovery::Cleared)
    }
}
