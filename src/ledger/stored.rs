//! The ledger's objects below a prefix of a bucket.

use std::time::Duration;

use bytes::Bytes;
use detect::text::error::error_chain;
use jiff::Timestamp;
use tracing::debug;

use super::error::{LedgerError, LedgerProblem, Result};
use super::keys::{CLOCK, SWEEP};
use crate::store::{Condition, Listing, ObjectStore, Page, SmallObject, StoreError, Written};

/// Bytes of a key in S3.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY_BYTES: usize = 1_024;

/// Where findings are recorded.
pub enum Ledger {
    /// Nowhere: redeliveries produce duplicate alerts.
    None,
    /// In a store.
    Stored(StoredLedger),
    /// In a store that is read and never written, for dry runs.
    ReadOnly(StoredLedger),
}

/// A ledger in a store.
pub struct StoredLedger {
    store: Box<dyn ObjectStore>,
    bucket: String,
    /// Empty, or ends in `/`.
    prefix: String,
}

/// A lease that outlives a holder with `left` to live: nobody takes over while it may still act.
pub fn lease(left: Duration) -> Duration {
    left + Duration::from_secs(60)
}

/// What [`StoredLedger::swap`] does with the object that is there.
pub(super) enum Swap<T> {
    /// Leaves it, and returns the value.
    Keep(T),
    /// Replaces it, and returns the value.
    Replace(Vec<u8>, T),
}

impl StoredLedger {
    /// A ledger below `prefix`, which may be empty, of a bucket.
    pub fn new(store: Box<dyn ObjectStore>, bucket: &str, prefix: &str) -> StoredLedger {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        StoredLedger { store, bucket: bucket.to_owned(), prefix }
    }

    /// The store's time. Creates the bucket's folder if the store is a directory.
    pub async fn date(&self) -> Result<Timestamp> {
        Ok(self.put_marker(CLOCK).await?.date)
    }

    /// An object below `sweep/`. Returns `None` if there is none of this name.
    pub async fn sweep_object(&self, name: &str) -> Result<Option<SmallObject>> {
        self.get(&format!("{SWEEP}{name}")).await
    }

    /// The names below `sweep/` that begin with `prefix`.
    pub async fn sweep_objects(&self, prefix: &str) -> Result<Vec<String>> {
        let names = self.list_names(&format!("{SWEEP}{prefix}")).await?;
        Ok(names.iter().map(|rest| format!("{prefix}{rest}")).collect())
    }

    /// Writes an object below `sweep/` if the condition holds.
    pub async fn put_sweep_object(
        &self,
        name: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, StoreError> {
        self.put(&format!("{SWEEP}{name}"), bytes, condition).await
    }

    /// An error about an object below `sweep/`.
    pub fn sweep_error(&self, name: &str, problem: impl Into<LedgerProblem>) -> LedgerError {
        self.error(&format!("{SWEEP}{name}"), problem)
    }

    /// Returns `None` if there is no such object.
    pub(super) async fn get(&self, key: &str) -> Result<Option<SmallObject>> {
        match self.store.get(&self.bucket, &self.full_key(key)).await {
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
        self.store.put(&self.bucket, &self.full_key(key), bytes, condition).await
    }

    /// Writes an empty object.
    pub(super) async fn put_marker(&self, key: &str) -> Result<Written> {
        Ok(self.put(key, Bytes::new(), Condition::None).await?)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<()> {
        Ok(self.store.delete(&self.bucket, &self.full_key(key)).await?)
    }

    /// Replaces an object by what `next` makes of it, if nobody else writes it in between. Tries so
    /// many times.
    pub(super) async fn swap<T>(
        &self,
        key: &str,
        tries: u32,
        mut next: impl FnMut(Option<&SmallObject>) -> Result<Swap<T>, LedgerProblem>,
    ) -> Result<T> {
        let mut last_error = None;
        for attempt in 1..=tries {
            let object = self.get(key).await?;
            let swap = next(object.as_ref()).map_err(|problem| self.error(key, problem))?;
            let (bytes, value) = match swap {
                Swap::Keep(value) => return Ok(value),
                Swap::Replace(bytes, value) => (bytes, value),
            };
            let condition =
                object.map_or(Condition::IfNoneMatch, |object| Condition::IfMatch(object.etag));
            match self.put(key, bytes.into(), condition).await {
                Ok(_) => return Ok(value),
                // The write may have happened: what is there decides.
                Err(error) => {
                    debug!(key, attempt, error = error_chain(&error), "conditional write failed");
                    last_error = Some(error);
                }
            }
        }
        Err(self.out_of_tries(key, last_error.map(LedgerError::from)))
    }

    /// One page of the names in a folder after `start_after`, in order, at most `max`. They are
    /// followed by more if the page has a `next`.
    pub(super) async fn list_page(
        &self,
        folder: &str,
        start_after: Option<String>,
        max: Option<u16>,
    ) -> Result<Page> {
        let listing =
            Listing { prefix: folder.to_owned(), start_after, limit: max, ..Listing::default() };
        self.list(listing).await
    }

    /// All names below a prefix, without the prefix.
    pub(super) async fn list_names(&self, prefix: &str) -> Result<Vec<String>> {
        self.list_all(Listing { prefix: prefix.to_owned(), ..Listing::default() }).await
    }

    /// The names of all folders in a folder, with a `/` at their ends.
    pub(super) async fn list_folders(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = folder.to_owned();
        self.list_all(Listing { prefix, folders: true, ..Listing::default() }).await
    }

    async fn list_all(&self, mut listing: Listing) -> Result<Vec<String>> {
        let mut names = Vec::new();
        loop {
            let page = self.list(listing.clone()).await?;
            names.extend(if listing.folders { page.prefixes } else { page.keys });
            if page.next.is_none() {
                return Ok(names);
            }
            listing.continuation = page.next;
        }
    }

    /// One page of a listing whose prefix and start are without the ledger's prefix and the bucket.
    async fn list(&self, listing: Listing) -> Result<Page> {
        let prefix = self.full_key(&listing.prefix);
        let listing = Listing {
            bucket: self.bucket.clone(),
            start_after: listing.start_after.map(|name| format!("{prefix}{name}")),
            prefix: prefix.clone(),
            ..listing
        };
        let page = self.store.list(&listing).await?;
        let names = |keys: Vec<String>| {
            keys.iter().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect()
        };
        Ok(Page { keys: names(page.keys), prefixes: names(page.prefixes), next: page.next })
    }

    /// The longest key that the store takes, in bytes, without the ledger's prefix.
    pub(super) fn max_key_bytes(&self) -> usize {
        MAX_KEY_BYTES.saturating_sub(self.prefix.len())
    }

    /// An error about the object of a key.
    pub(super) fn error(&self, key: &str, problem: impl Into<LedgerProblem>) -> LedgerError {
        LedgerError::Unusable {
            bucket: self.bucket.clone(),
            key: self.full_key(key),
            source: problem.into(),
        }
    }

    /// The error of a write that failed at every try.
    pub(super) fn out_of_tries(&self, key: &str, last: Option<LedgerError>) -> LedgerError {
        last.unwrap_or_else(|| self.error(key, LedgerProblem::Contended))
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}
