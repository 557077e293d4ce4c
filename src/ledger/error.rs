//! Why something in the ledger could not be read, written or used.

use std::sync::Arc;

use thiserror::Error;

use super::entry::Unreadable;
use crate::store::StoreError;

/// Something in the ledger could not be read, written or used.
#[derive(Debug, Clone, Error)]
pub enum LedgerError {
    /// The store failed: to be tried again.
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
    /// An entry is damaged, or of a later version.
    #[error(transparent)]
    Entry(#[from] Unreadable),
    /// The incidents of a correlation are of a later version.
    #[error("{0}")]
    Incidents(String),
    /// An entry that was there is gone.
    #[error("the entry is gone")]
    Gone,
    /// The entry is not of a finding.
    #[error("the entry is not of a finding")]
    NotAFinding,
    /// The key of an open marker has no finding's id.
    #[error("not named as a marker")]
    NotAMarker,
    /// What sweeps remember was damaged: it was replaced.
    #[error("damaged, so it was replaced")]
    Replaced(#[source] Arc<serde_json::Error>),
    /// It cannot be written as JSON.
    #[error("cannot be written as JSON")]
    Encode(#[source] Arc<serde_json::Error>),
    /// Other workers changed it at every try: to be tried again.
    #[error("changed by other workers at every try")]
    Contended,
}

impl From<serde_json::Error> for LedgerProblem {
    fn from(error: serde_json::Error) -> LedgerProblem {
        LedgerProblem::Encode(Arc::new(error))
    }
}
