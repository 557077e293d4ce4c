//! What was found, and what became of it: which worker delivers an alert, and whether it was sent.
//!
//! The protocol, and why no finding is lost and none alerted twice, is in `docs/ledger.md`.

mod batches;
mod chain_head;
mod claim;
mod complete;
mod content_hashes;
mod correlations;
mod entry;
mod error;
mod group_timeline;
mod grouping;
mod index;
mod index_window;
mod keys;
mod known_groups;
mod model;
mod new_terms;
mod open_marker;
mod policy_drift;
mod principal_history;
mod public_keys;
mod reading;
mod recent;
mod recover;
mod stored;
mod summary;
mod suppression;
mod survey;
mod target_user;

pub use chain_head::{ChainHead, ChainId, VerifiedDigest};
pub use claim::{Claim, ClaimOutcome};
pub use complete::{ClaimUpdate, Completion};
pub use content_hashes::{ContentHashes, KnownContent};
pub use correlations::ClaimedCorrelations;
pub use entry::{Content, Entry, EntrySnapshot, EntryState};
pub use error::{LedgerError, LedgerProblem, Result};
pub use group_timeline::Timeline;
pub use grouping::{FIRST_OF_BURST, WindowCounts, alerted_singly};
pub use index::{Index, IndexKey, IndexPage};
pub use keys::principal_hash;
pub use known_groups::KnownGroup;
pub(crate) use new_terms::HistoryCache;
pub use new_terms::{HistoryKey, WatchRequest};
pub use open_marker::{OldestEntry, OpenEntries, OpenEntry};
pub use principal_history::PrincipalHistory;
pub use reading::ReadingNote;
pub use recent::{RecentEntries, StoredStatement};
pub use recover::Recovery;
pub use stored::{Ledger, StoredLedger, lease};
pub use summary::GroupedWindow;
pub use survey::{Probe, Survey};
