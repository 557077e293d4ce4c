//! Where a ledger is: below a prefix of a bucket. Errors name bucket and key.

use bytes::Bytes;

use super::error::{LedgerError, LedgerProblem};
use crate::store::{Condition, Listing, ObjectStore, Page, SmallObject, StoreError, Written};

/// Bytes of a key of S3.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const LONGEST_KEY: usize = 1_024;

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
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, StoreError> {
        self.store.put(&self.bucket, &self.full(key), bytes, condition).await
    }

    /// Puts an empty object.
    pub(super) async fn mark(&self, key: &str) -> Result<Written, LedgerError> {
        Ok(self.put(key, Bytes::new(), Condition::None).await?)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        Ok(self.store.delete(&self.bucket, &self.full(key)).await?)
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
        self.page(&listing).await
    }

    /// The first keys below a prefix, at most so many.
    pub(super) async fn list_first(
        &self,
        prefix: &str,
        most: u16,
    ) -> Result<Vec<String>, LedgerError> {
        let (bucket, full) = (self.bucket.clone(), self.full(prefix));
        let listing = Listing { bucket, prefix: full, most: Some(most), ..Listing::default() };
        Ok(self.page(&listing).await?.keys)
    }

    async fn page(&self, listing: &Listing) -> Result<Page, LedgerError> {
        let page = self.store.list(listing).await?;
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

    /// The error that an object cannot be used.
    pub(super) fn error(&self, key: &str, problem: impl Into<LedgerProblem>) -> LedgerError {
        let (bucket, key) = (self.bucket.clone(), self.full(key));
        LedgerError::Unusable { bucket, key, source: problem.into() }
    }

    /// The error that every try to write an object failed, the last one so.
    pub(super) fn out_of_tries(&self, key: &str, last: Option<LedgerError>) -> LedgerError {
        last.unwrap_or_else(|| self.error(key, LedgerProblem::Contended))
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn own(&self, key: &str) -> String {
        key.strip_prefix(&self.prefix).unwrap_or(key).to_owned()
    }
}
