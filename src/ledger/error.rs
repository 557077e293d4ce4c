//! Why the ledger could not be read, written or used.

use std::sync::Arc;

use detect::model::LogError;
use jiff::Timestamp;
use thiserror::Error;

use crate::integrity::keys::KeysError;
use crate::store::StoreError;

/// A result of the ledger.
pub type Result<T, E = LedgerError> = std::result::Result<T, E>;

/// Something in the ledger could not be read, written or used.
#[derive(Debug, Clone, Error)]
pub enum LedgerError {
    /// The store failed: to be retried.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object is there, or should be, and cannot be used.
    #[error("cannot use the ledger's object s3://{bucket}/{key}")]
    Unusable {
        /// The bucket, or the folder that stands for one.
        bucket: String,
        /// The key, with the ledger's prefix.
        key: String,
        /// Why.
        source: LedgerProblem,
    },
}

/// Why an object of the ledger cannot be used.
#[derive(Debug, Clone, Error)]
pub enum LedgerProblem {
    /// No version of this program wrote the entry.
    #[error("the entry is damaged: {0}")]
    Damaged(String),
    /// A later version wrote the entry.
    #[error("the entry is of version {version}; this program reads up to version {supported}")]
    Newer {
        /// Of the entry.
        version: u64,
        /// The latest that this program reads.
        supported: u32,
    },
    /// The incidents of a correlation are of a later version.
    #[error("{0}")]
    Incidents(String),
    /// What the trail has said of a group, a policy or the users of an account.
    #[error(transparent)]
    Model(#[from] LogError),
    /// CloudTrail's public keys cannot be read from it.
    #[error("damaged: no public keys are known from it")]
    PublicKeys(#[source] Arc<KeysError>),
    /// It is not what it should be.
    #[error("{0}")]
    Unexpected(&'static str),
    /// What sweeps remember of a trail was damaged and was replaced.
    #[error("damaged, so it was replaced: sweeps start again from {from}")]
    Replaced {
        /// The cursor that they start from.
        from: Timestamp,
        /// What is wrong with it.
        source: Arc<serde_json::Error>,
    },
    /// What sweeps remember of a trail is gone, although the heartbeat knows the trail.
    #[error("gone, so it was replaced: sweeps start again from {0}")]
    Gone(Timestamp),
    /// What the last sweep wrote at its end cannot be read.
    #[error("damaged: no cursor is known from it")]
    DamagedHeartbeat(#[source] Arc<serde_json::Error>),
    /// How many subscribed last cannot be read.
    #[error("damaged: how many subscribed before is not known")]
    DamagedCount(#[source] Arc<serde_json::Error>),
    /// It cannot be written as JSON.
    #[error("cannot be written as JSON")]
    Encode(#[source] Arc<serde_json::Error>),
    /// Other workers changed it at every try: to be retried.
    #[error("changed by other workers at every try")]
    Contended,
}

impl From<serde_json::Error> for LedgerProblem {
    fn from(error: serde_json::Error) -> LedgerProblem {
        LedgerProblem::Encode(Arc::new(error))
    }
}
