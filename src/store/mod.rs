//! Where the bytes of a log object are: S3, or a directory that looks like it.

mod dir;
mod s3;

use async_trait::async_trait;
use thiserror::Error;

pub use dir::{DirStore, open_file};
pub use s3::S3Store;

use crate::cloudtrail::Body;
use crate::notification::ObjectRef;

/// Opens log objects.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// The stored bytes of an object, at the version named. Objects up to [`Body::WHOLE`] bytes come whole.
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError>;
}

/// Why an object could not be opened, by what is to be done about it. The object is named by whoever asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no such object (any more): trying again changes nothing.
    #[error("no such object")]
    Gone,
    /// Anything else: to be tried again.
    #[error("{0}")]
    Retry(String),
}
