//! The files below a prefix in S3.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use thiserror::Error;

use crate::app::config::DetectionsPlace;
use crate::store::{Listing, ObjectStore, StoreError};

/// How many files are fetched at once.
const AT_ONCE: usize = 8;

/// No file is larger: 1 MiB, as in directories.
const MAX_BYTES: usize = 1 << 20;

/// Rules or exceptions could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to fetch.
    #[error("there is no .toml file below {place}")]
    NoFile {
        /// Bucket and prefix.
        place: String,
    },
    /// A file is too large to be meant.
    #[error("{file} is larger than 1 MiB")]
    TooLarge {
        /// Bucket and key.
        file: String,
    },
}

/// Files by their `s3://` names.
pub(super) type Texts = BTreeMap<String, Text>;

/// One file as it was read. Two with the same ETag are the same.
#[derive(Debug, Clone)]
pub(super) struct Text {
    etag: String,
    /// What is in it; text that is not UTF-8 is told by whoever reads it as TOML.
    pub(super) text: String,
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.etag == other.etag
    }
}

/// Every `*.toml` below the place; nothing for a place that is not in S3. The error names the
/// place.
pub(super) async fn texts(
    store: &dyn ObjectStore,
    place: Option<&DetectionsPlace>,
) -> Result<Texts, FetchError> {
    let Some(DetectionsPlace::S3 { bucket, prefix }) = place else { return Ok(Texts::new()) };
    let keys = keys(store, bucket, prefix).await?;
    if keys.is_empty() {
        return Err(FetchError::NoFile { place: format!("s3://{bucket}/{prefix}") });
    }
    let fetched = keys.into_iter().map(|key| text(store, bucket, key));
    stream::iter(fetched).buffered(AT_ONCE).try_collect().await
}

async fn keys(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<String>, StoreError> {
    let mut keys = Vec::new();
    let mut listing =
        Listing { bucket: bucket.to_owned(), prefix: prefix.to_owned(), ..Listing::default() };
    loop {
        let page = store.list(&listing).await?;
        keys.extend(page.keys.into_iter().filter(|key| key.ends_with(".toml")));
        listing.continuation = page.next;
        if listing.continuation.is_none() {
            return Ok(keys);
        }
    }
}

async fn text(
    store: &dyn ObjectStore,
    bucket: &str,
    key: String,
) -> Result<(String, Text), FetchError> {
    let name = format!("s3://{bucket}/{key}");
    let object = store.get(bucket, &key).await?;
    if object.bytes.len() > MAX_BYTES {
        return Err(FetchError::TooLarge { file: name });
    }
    let text = String::from_utf8_lossy(&object.bytes).into_owned();
    Ok((name, Text { etag: object.etag, text }))
}
