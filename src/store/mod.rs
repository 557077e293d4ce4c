//! Where the bytes of log objects are, and where small objects are kept: S3, or a directory that
//! behaves like it.

mod dir;
mod dir_list;
mod dir_metadata;
mod error;
mod key_part;
mod list;
mod notifications;
mod s3;
pub mod walk;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::Body;
use futures::future::join_all;
use jiff::Timestamp;

pub use dir::{DirStore, open_file};
pub use error::{Action, StoreError, StoreErrorKind};
pub use key_part::encode_key_part;
pub use list::{Listing, Page, list_pages};
pub use notifications::{Filter, Notifications, Route, Target};
pub use s3::S3Store;

use crate::notification::ObjectRef;

/// Objects in buckets. All but the two functions that open an object is for small objects, which
/// are read and written whole.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// The stored bytes of an object, of the version that is named. Objects up to
    /// [`Body::MAX_IN_MEMORY`] bytes are read whole.
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError>;

    /// As [`ObjectStore::open`], with the metadata that the writer of the object gave it.
    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError>;

    /// Reads a small object.
    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError>;

    /// Reads what is in small objects, for those who read many of them and need nothing else.
    /// Returns a result for each, in the same order. All are requested at once: callers pass a
    /// batch.
    async fn get_all(&self, bucket: &str, keys: &[String]) -> Vec<Result<Bytes, StoreError>> {
        let objects = join_all(keys.iter().map(|key| self.get(bucket, key))).await;
        objects.into_iter().map(|object| object.map(|object| object.bytes)).collect()
    }

    /// Writes a small object if the condition holds at that moment. After an error it may be
    /// written nevertheless: the answer can be lost.
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError>;

    /// Writes a small object for browsers, whatever is there. `media_type` says what it is, where
    /// the store can keep that: a file has its name for it.
    async fn put_page(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        media_type: &'static str,
    ) -> Result<Written, StoreError> {
        let _ = media_type;
        self.put(bucket, key, bytes, WriteCondition::None).await
    }

    /// Deletes an object. One that does not exist is not an error.
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError>;

    /// Lists one page of the keys of a bucket, in the order of their bytes, including everything
    /// that was written before. Fails if there is no such bucket; a prefix without keys is an empty
    /// page.
    async fn list(&self, listing: &Listing) -> Result<Page, StoreError>;
}

/// An object that is being read.
#[derive(Debug)]
pub struct OpenObject {
    /// Its stored bytes.
    pub body: Body,
    /// Its metadata, by name in lower case without `x-amz-meta-`. `None` if the store does not have
    /// it: a file keeps none.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A small object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallObject {
    /// Its content.
    pub bytes: Bytes,
    /// Identifies this state of it. See [`WriteCondition::IfMatch`].
    pub etag: String,
    /// When it was written, by the store's clock, to the second or finer.
    pub modified: Timestamp,
    /// When it was read, by the same clock.
    pub date: Timestamp,
}

/// What must hold for a put to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteCondition {
    /// Nothing.
    None,
    /// There is no object with this key.
    IfNoneMatch,
    /// The object still has this ETag.
    IfMatch(String),
}

/// A put that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Identifies the new state of the object.
    pub etag: String,
    /// When, by the store's clock.
    pub date: Timestamp,
}
