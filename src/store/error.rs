//! Why a store did not do what it was asked.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::aws_error::{AwsError, AwsErrorKind};

/// A store did not do what it was asked.
#[derive(Debug, Clone, Error)]
#[error("cannot {action} s3://{}/{}", .bucket.escape_debug(), .key.escape_debug())]
pub struct StoreError {
    /// What it was asked.
    pub action: Action,
    /// The bucket's name.
    pub bucket: String,
    /// The key; of a list, the prefix.
    pub key: String,
    /// Why.
    #[source]
    pub kind: StoreErrorKind,
}

/// What a store can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To read an object.
    Read,
    /// To write an object.
    Write,
    /// To delete an object.
    Delete,
    /// To list keys.
    List,
}

/// Why a store did not do what it was asked, by what the caller does about it.
#[derive(Debug, Clone, Error)]
pub enum StoreErrorKind {
    /// There is no such object (any more): trying again changes nothing.
    #[error("no such object")]
    NotFound,
    /// The condition of a put does not hold: read what is there.
    #[error("the object has changed")]
    PreconditionFailed,
    /// Another write was in progress: read again, or put again.
    #[error("another write is in progress")]
    Conflict,
    /// AWS refused, or did not answer: to be tried again. A put may have happened all the same,
    /// since the answer can be lost after the write.
    #[error(transparent)]
    Aws(Box<AwsError>),
    /// The file system failed: to be tried again.
    #[error(transparent)]
    Io(Arc<io::Error>),
    /// The answer is not complete, or not what it should be: to be tried again.
    #[error("{0}")]
    Other(String),
}

impl StoreError {
    /// The store was asked for the object, and this came of it.
    pub fn new(
        action: Action,
        bucket: &str,
        key: &str,
        kind: impl Into<StoreErrorKind>,
    ) -> StoreError {
        StoreError { action, bucket: bucket.to_owned(), key: key.to_owned(), kind: kind.into() }
    }

    /// Returns true if there is no such object.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, StoreErrorKind::NotFound)
    }

    /// Returns true if the condition of the put does not hold.
    pub fn is_precondition_failed(&self) -> bool {
        matches!(self.kind, StoreErrorKind::PreconditionFailed)
    }
}

impl StoreErrorKind {
    /// An error of the file system, but not that the object is missing.
    pub(super) fn from_io(error: io::Error) -> StoreErrorKind {
        StoreErrorKind::Io(Arc::new(error))
    }

    /// What AWS answered about an object.
    pub(super) fn from_aws(error: AwsError) -> StoreErrorKind {
        match error.kind {
            AwsErrorKind::NotFound => StoreErrorKind::NotFound,
            AwsErrorKind::PreconditionFailed => StoreErrorKind::PreconditionFailed,
            AwsErrorKind::Conflict => StoreErrorKind::Conflict,
            _ => error.into(),
        }
    }
}

impl From<AwsError> for StoreErrorKind {
    fn from(error: AwsError) -> StoreErrorKind {
        StoreErrorKind::Aws(Box::new(error))
    }
}

impl From<io::Error> for StoreErrorKind {
    fn from(error: io::Error) -> StoreErrorKind {
        match error.kind() {
            io::ErrorKind::NotFound => StoreErrorKind::NotFound,
            _ => StoreErrorKind::from_io(error),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Read => "read",
            Action::Write => "write",
            Action::Delete => "delete",
            Action::List => "list",
        })
    }
}
