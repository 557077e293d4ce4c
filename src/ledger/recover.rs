//! What a crash left open, and who sees to it now.

use std::time::Duration;

use detect::finding::FindingId;
use jiff::SignedDuration;

use super::claim::{Claim, Found, age};
use super::entry::{Entry, State};
use super::{LedgerError, LedgerProblem, StoredLedger, keys};

/// No function lives this long: a marker that has had no entry for so long belongs to nobody. What
/// it was put for was never claimed, so its log object is delivered again.
const WITHOUT_ENTRY: SignedDuration = SignedDuration::from_hours(1);

/// How long a finding whose minimal alert was refused is left alone.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_hours(1);

/// What was done about an open marker.
#[derive(Debug)]
pub enum Recovery {
    /// Its holder is gone: the claim is ours now.
    Mine(Box<Claim>),
    /// Its holder is alive, or it is to be left alone for a while.
    Left,
    /// Nothing was left to be done: the marker is taken away.
    Cleared,
}

impl StoredLedger {
    /// The keys of all open markers.
    pub async fn open_markers(&self) -> Result<Vec<String>, LedgerError> {
        // Where nothing was ever claimed there may be no bucket yet.
        self.date().await?;
        self.place.list_all(keys::OPEN, false).await
    }

    /// Sees to one open marker.
    ///
    /// # Errors
    /// The ledger cannot be read or written, or the entry is damaged: the marker stays.
    pub async fn recover(&self, marker: &str, lease: Duration) -> Result<Recovery, LedgerError> {
        let id = marker.strip_prefix(keys::OPEN).and_then(FindingId::parse);
        let id = id.ok_or_else(|| self.place.error(marker, LedgerProblem::NotAMarker))?;
        let Some(found) = self.read(&id).await? else {
            return self.recover_without_entry(&id).await;
        };
        let entry = match &found.entry {
            Ok(entry) => entry,
            Err(error) => return Err(self.place.error(&keys::entry(&id), error.clone())),
        };
        if entry.state.is_final() {
            return self.clear(&id).await;
        }
        if is_left_alone(entry, &found) {
            return Ok(Recovery::Left);
        }
        let claim = self.take_over(entry, &found, lease).await?;
        Ok(claim.map_or(Recovery::Left, |claim| Recovery::Mine(Box::new(claim))))
    }

    async fn recover_without_entry(&self, id: &FindingId) -> Result<Recovery, LedgerError> {
        match self.place.get(&keys::open(id)).await? {
            Some(marker) if age(marker.modified, marker.date) > WITHOUT_ENTRY => {
                self.clear(id).await
            }
            _ => Ok(Recovery::Left),
        }
    }

    async fn clear(&self, id: &FindingId) -> Result<Recovery, LedgerError> {
        self.place.delete(&keys::open(id)).await?;
        Ok(Recovery::Cleared)
    }
}

/// Whether its holder is alive, or failed a short while ago.
pub(super) fn is_left_alone(entry: &Entry, found: &Found) -> bool {
    let since = age(found.object.modified, found.object.date);
    found.is_leased(entry) || (entry.state == State::Failed && since < AFTER_FAILURE)
}
