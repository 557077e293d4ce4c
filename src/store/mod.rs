//! Where the bytes of a log object are: S3, or a directory that looks like it.

mod dir;
mod list;
mod s3;
pub mod walk;

use async_trait::async_trait;
use thiserror::Error;

pub use dir::{DirStore, open_file};
pub use list::{Listing, Page};
pub use s3::S3Store;

use crate::cloudtrail::Body;
use crate::notification::ObjectRef;

/// Opens and lists log objects.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// The stored bytes of an object, at the version named. Objects up to [`Body::WHOLE`] bytes come whole.
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError>;

    /// One page of the keys of a bucket, in the order of their bytes. A bucket that there is not is an error; a prefix
    /// under which there is nothing gives an empty page.
    async fn list(&self, listing: &Listing) -> Result<Page, StoreError>;
}

/// Why an object could not be opened, or a bucket not listed, by what is to be done about it. What was asked for is
/// named by whoever asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no such object (any more): trying again changes nothing.
    #[error("no such object")]
    Gone,
    /// Anything else: to be tried again.
    #[error("{0}")]
    Retry(String),
}
