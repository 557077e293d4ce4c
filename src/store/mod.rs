//! Where the bytes of a log object are, and where small objects are kept: S3, or a directory that
//! looks like it.

mod dir;
mod error;
mod list;
mod notifications;
mod part;
mod s3;
pub mod walk;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

pub use dir::{DirStore, open_file};
pub use error::{Action, StoreError, StoreErrorKind};
pub use list::{Listing, Page, list_pages};
pub use notifications::{Filter, Notifications, Route, Target};
pub use part::part;
pub use s3::S3Store;

use crate::notification::ObjectRef;
use detect::cloudtrail::Body;

/// Objects in buckets. All but [`ObjectStore::open`] is for small objects, which come and go whole.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// The stored bytes of an object, at the version named. Objects up to [`Body::MAX_IN_MEMORY`] bytes
    /// come whole.
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError>;

    /// A small object.
    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError>;

    /// Writes a small object, whole, if the condition holds at that moment.
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, StoreError>;

    /// Takes an object away. One that is not there is no error.
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError>;

    /// One page of the keys of a bucket, in the order of their bytes. A bucket that there is not is
    /// an error; a prefix under which there is nothing gives an empty page. What was written before
    /// is there.
    async fn list(&self, listing: &Listing) -> Result<Page, StoreError>;
}

/// A small object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallObject {
    /// All of it.
    pub bytes: Bytes,
    /// What names this state of it: [`Condition::IfMatch`] takes it.
    pub etag: String,
    /// When it was written, by the store's clock, to the second or finer.
    pub modified: Timestamp,
    /// When it was read, by the same clock.
    pub date: Timestamp,
}

/// What must hold for a put to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    None,
    /// There is no object of this key.
    IfNoneMatch,
    /// The object is as it was when it had this ETag.
    IfMatch(String),
}

/// A put that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What names the new state of the object.
    pub etag: String,
    /// When, by the store's clock.
    pub date: Timestamp,
}
