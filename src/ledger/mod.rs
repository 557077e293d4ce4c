//! What was found before, and what became of it: who sees to a finding, and whether people were
//! told.
//!
//! The protocol, and why nothing is lost and nothing told twice, is in ARCHITECTURE.md.

mod by_principal;
mod claim;
mod complete;
mod correlate;
mod detail;
mod entry;
mod error;
mod group_key;
mod hold;
mod index_window;
mod keys;
mod place;
mod read;
mod recover;
mod summary;
mod survey;
mod sweep_state;
mod timeline;
mod token;

use std::time::Duration;

use jiff::Timestamp;

pub use by_principal::ActorHistory;
pub use claim::{Claim, Claimed};
pub use complete::Completed;
pub use correlate::ClaimedCorrelations;
pub use entry::{Content, Entry, State, Unreadable};
pub use error::{LedgerError, LedgerProblem};
pub use hold::{Seen, told_at_once};
pub use keys::{IndexKey, actor_in_account};
pub use read::{EntrySnapshot, Index, IndexPage, OpenMarker};
pub use recover::Recovery;
pub use summary::HeldWindow;
pub use survey::{Probe, Survey};
pub use timeline::Timeline;

use crate::store::ObjectStore;
use place::Place;

/// How often a write that others got in the way of is tried, after a look at what is there.
const TRIES: u32 = 5;

/// Where findings are remembered.
pub enum Ledger {
    /// Nowhere: what comes twice is told twice.
    None,
    /// In a store.
    Stored(StoredLedger),
    /// In a store that is read and never written: for dry runs. What is not there is told without a
    /// record.
    ReadOnly(StoredLedger),
}

/// A ledger in a store.
pub struct StoredLedger {
    place: Place,
}

impl StoredLedger {
    /// The ledger below `prefix` (may be empty) of a bucket.
    pub fn new(store: Box<dyn ObjectStore>, bucket: &str, prefix: &str) -> StoredLedger {
        StoredLedger { place: Place::new(store, bucket, prefix) }
    }

    /// The store's time.
    pub async fn date(&self) -> Result<Timestamp, LedgerError> {
        Ok(self.place.mark(keys::CLOCK).await?.date)
    }
}

/// A lease that outlives whoever has `left` to live: nobody else takes over while the holder may
/// still act.
pub fn lease(left: Duration) -> Duration {
    left + Duration::from_secs(60)
}
