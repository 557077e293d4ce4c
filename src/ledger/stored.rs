//! The ledger's objects below a prefix of a bucket.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::Timestamp;
use tracing::debug;

use super::error::{LedgerError, LedgerProblem, Result};
use super::keys::{CLOCK, SWEEP};
use super::new_terms::HistoryCache;
use crate::store::{Listing, ObjectStore, Page, SmallObject, StoreError, WriteCondition, Written};

/// How often a conditional write is tried.
pub(super) const TRIES: u32 = 5;

/// Requests in flight at once.
pub(super) const CONCURRENCY: usize = 16;

/// Where findings are recorded.
pub enum Ledger {
    /// Nowhere: redeliveries produce duplicate alerts.
    None,
    /// In a store.
    Stored(StoredLedger),
    /// In a store that is read and never written, for dry runs.
    ReadOnly(StoredLedger),
}

impl Ledger {
    /// What can be read of earlier findings. `None` if there is nothing.
    pub fn history(&self) -> Option<&StoredLedger> {
        match self {
            Ledger::None => None,
            Ledger::Stored(ledger) | Ledger::ReadOnly(ledger) => Some(ledger),
        }
    }
}

/// A ledger in a store.
pub struct StoredLedger {
    store: Box<dyn ObjectStore>,
    bucket: String,
    /// Empty, or ends in `/`.
    prefix: String,
    /// What this instance knows of new terms. A std mutex: nothing awaits while it is locked.
    pub(super) histories: Mutex<HistoryCache>,
}

/// A lease that outlives a holder with `left` to live: nobody takes over while it may still act.
pub fn lease(left: Duration) -> Duration {
    left + Duration::from_secs(60)
}

/// A step of a compare-and-swap.
pub(super) enum Swap<T, F: FnOnce(SmallObject) -> T> {
    /// Leaves the object that is there.
    Keep(T),
    /// Replaces it by these bytes. The function makes a value of the new object.
    Replace(Bytes, F),
}

impl StoredLedger {
    /// A ledger below `prefix`, which may be empty, of a bucket.
    pub fn new(store: Box<dyn ObjectStore>, bucket: &str, prefix: &str) -> StoredLedger {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        StoredLedger { store, bucket: bucket.to_owned(), prefix, histories: Mutex::default() }
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
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        self.put(&format!("{SWEEP}{name}"), bytes, condition).await
    }

    /// Deletes an object below `sweep/`.
    pub async fn delete_sweep_object(&self, name: &str) -> Result<()> {
        self.delete(&format!("{SWEEP}{name}")).await
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

    /// The contents of objects, in the same order. `None` for one that does not exist.
    pub(super) async fn get_all(&self, keys: &[String]) -> Vec<Result<Option<Bytes>>> {
        let keys: Vec<String> = keys.iter().map(|key| self.full_key(key)).collect();
        let read = self.store.get_all(&self.bucket, &keys).await;
        let or_none = |read: Result<Bytes, StoreError>| match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        };
        read.into_iter().map(or_none).collect()
    }

    pub(super) async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        self.store.put(&self.bucket, &self.full_key(key), bytes, condition).await
    }

    /// Writes an empty object.
    pub(super) async fn put_marker(&self, key: &str) -> Result<Written> {
        Ok(self.put(key, Bytes::new(), WriteCondition::None).await?)
    }

    /// Writes empty objects at the same time. All are tried, even if one fails.
    pub(super) async fn put_markers(&self, keys: &[String]) -> Result<()> {
        let written = join_all(keys.iter().map(|key| self.put_marker(key))).await;
        written.into_iter().try_for_each(|result| result.map(|_| ()))
    }

    pub(super) async fn delete(&self, key: &str) -> Result<()> {
        Ok(self.store.delete(&self.bucket, &self.full_key(key)).await?)
    }

    /// Replaces an object by what `next` makes of it, if nobody else writes it in between.
    pub(super) async fn swap<T, F: FnOnce(SmallObject) -> T>(
        &self,
        key: &str,
        tries: u32,
        next: impl FnMut(Option<&SmallObject>) -> Result<Swap<T, F>, LedgerProblem>,
    ) -> Result<T> {
        let object = self.get(key).await?;
        self.swap_known(key, object, tries, next).await
    }

    /// The same for an object that was read before. After a failed write, which may have happened
    /// nevertheless, the object that is there decides.
    pub(super) async fn swap_known<T, F: FnOnce(SmallObject) -> T>(
        &self,
        key: &str,
        mut object: Option<SmallObject>,
        tries: u32,
        mut next: impl FnMut(Option<&SmallObject>) -> Result<Swap<T, F>, LedgerProblem>,
    ) -> Result<T> {
        let mut error = self.error(key, LedgerProblem::Contended);
        for attempt in 0..=tries {
            let swap = next(object.as_ref()).map_err(|problem| self.error(key, problem))?;
            let (bytes, value) = match swap {
                Swap::Keep(value) => return Ok(value),
                Swap::Replace(..) if attempt == tries => break,
                Swap::Replace(bytes, value) => (bytes, value),
            };
            let etag = object.as_ref().map(|object| object.etag.clone());
            let condition = etag.map_or(WriteCondition::IfNoneMatch, WriteCondition::IfMatch);
            match self.put(key, bytes.clone(), condition).await {
                Ok(Written { etag, date }) => {
                    return Ok(value(SmallObject { bytes, etag, modified: date, date }));
                }
                Err(failure) => error = failure.into(),
            }
            debug!(key, attempt, error = error_chain(&error), "conditional write failed");
            match self.get(key).await {
                Ok(current) => object = current,
                Err(failure) => error = failure,
            }
        }
        Err(error)
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
    pub(super) async fn list(&self, listing: Listing) -> Result<Page> {
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
        let [keys, prefixes] = [page.keys, page.prefixes].map(names);
        Ok(Page { keys, prefixes, modified: page.modified, next: page.next })
    }

    /// An error about the object of a key.
    pub(super) fn error(&self, key: &str, problem: impl Into<LedgerProblem>) -> LedgerError {
        LedgerError::Unusable {
            bucket: self.bucket.clone(),
            key: self.full_key(key),
            source: problem.into(),
        }
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}
