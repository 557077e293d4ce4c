//! Where a ledger is: below a prefix of a bucket. Errors name bucket and key.

use bytes::Bytes;
use thiserror::Error;

use crate::store::{
    Condition, Listing, ObjectStore, Page, PutError, SmallObject, StoreError, Written,
};

/// Bytes of a key of S3.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const LONGEST_KEY: usize = 1_024;

/// Something in the ledger could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("ledger {bucket}/{key}: {what}")]
pub struct LedgerError {
    /// The bucket, or the folder that stands for one.
    pub bucket: String,
    /// The key, with the ledger's prefix.
    pub key: String,
    /// Why.
    pub what: String,
}

/// A prefix of a bucket.
pub(super) struct Place {
    store: Box<dyn ObjectStore>,
    bucket: String,
    /// Empty, or ends in `/`.
    prefix: String,
}

impl Place {
    pub(super) fn new(store: Box<dyn ObjectStore>, bucket: &str, prefix: &str) -> Place {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Place { store, bucket: bucket.to_owned(), prefix }
    }

    /// What is there, or none.
    pub(super) async fn get(&self, key: &str) -> Result<Option<SmallObject>, LedgerError> {
        match self.store.get(&self.bucket, &self.full(key)).await {
            Ok(object) => Ok(Some(object)),
            Err(StoreError::Gone) => Ok(None),
            Err(error) => Err(self.error(key, error)),
        }
    }

    pub(super) async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, PutError> {
        self.store.put(&self.bucket, &self.full(key), bytes, condition).await
    }

    /// Puts an empty object.
    pub(super) async fn mark(&self, key: &str) -> Result<Written, LedgerError> {
        self.put(key, Bytes::new(), Condition::None).await.map_err(|error| self.error(key, error))
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        let deleted = self.store.delete(&self.bucket, &self.full(key)).await;
        deleted.map_err(|error| self.error(key, error))
    }

    /// A page below a prefix, all keys without the ledger's. `next` is the page before's, if there
    /// was one.
    pub(super) async fn list(
        &self,
        prefix: &str,
        folders: bool,
        start_after: Option<&str>,
        next: Option<String>,
    ) -> Result<Page, LedgerError> {
        let listing = Listing {
            bucket: self.bucket.clone(),
            prefix: self.full(prefix),
            folders,
            start_after: start_after.map(|key| self.full(key)),
            continuation: next,
            most: None,
        };
        self.page(prefix, &listing).await
    }

    /// The first keys below a prefix, at most so many.
    pub(super) async fn list_first(
        &self,
        prefix: &str,
        most: u16,
    ) -> Result<Vec<String>, LedgerError> {
        let (bucket, full) = (self.bucket.clone(), self.full(prefix));
        let listing = Listing { bucket, prefix: full, most: Some(most), ..Listing::default() };
        Ok(self.page(prefix, &listing).await?.keys)
    }

    async fn page(&self, prefix: &str, listing: &Listing) -> Result<Page, LedgerError> {
        let page = self.store.list(listing).await.map_err(|error| self.error(prefix, error))?;
        let own = |keys: Vec<String>| keys.iter().map(|key| self.own(key)).collect();
        Ok(Page { keys: own(page.keys), prefixes: own(page.prefixes), next: page.next })
    }

    /// Bytes that a key may have here, without the ledger's prefix.
    pub(super) fn room(&self) -> usize {
        LONGEST_KEY.saturating_sub(self.prefix.len())
    }

    /// All folders directly below a prefix, or all keys below it.
    pub(super) async fn list_all(
        &self,
        prefix: &str,
        folders: bool,
    ) -> Result<Vec<String>, LedgerError> {
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let page = self.list(prefix, folders, None, next).await?;
            all.extend(if folders { page.prefixes } else { page.keys });
            next = page.next;
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    pub(super) fn error(&self, key: &str, what: impl ToString) -> LedgerError {
        LedgerError { bucket: self.bucket.clone(), key: self.full(key), what: what.to_string() }
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn own(&self, key: &str) -> String {
        key.strip_prefix(&self.prefix).unwrap_or(key).to_owned()
    }
}
