//! Listing the keys of a bucket.

use jiff::Timestamp;

use super::{ObjectStore, StoreError};

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The bucket's name.
    pub bucket: String,
    /// Only keys with this prefix, as S3 knows them (not encoded). Empty for all.
    pub prefix: String,
    /// Keys with another `/` after the prefix are listed as one folder each, without what is in it.
    pub folders: bool,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// [`Page::next`] of the page before. `start_after` then has no effect.
    pub continuation: Option<String>,
    /// At most so many keys, without folders. As many as the store returns at once if `None`.
    pub limit: Option<u16>,
}

/// One page of a bucket's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys, in the order of their bytes.
    pub keys: Vec<String>,
    /// When each of the keys was written. Empty if the store does not say.
    pub modified: Vec<Timestamp>,
    /// Folders with their prefix and a `/` at their end, in the order of their bytes.
    pub prefixes: Vec<String>,
    /// What to continue with. `None` on the last page.
    pub next: Option<String>,
}

impl Listing {
    /// Returns true if a key, or a folder, belongs to what is left of the list. The continuation is
    /// the last name of the page before.
    pub(super) fn includes(&self, key: &str) -> bool {
        let after = self.continuation.as_deref().or(self.start_after.as_deref());
        key.starts_with(&self.prefix) && after.is_none_or(|after| key > after)
    }
}

/// Lists page after page, until there is none left or `take` returns false.
///
/// # Errors
/// A page could not be listed.
pub async fn list_pages(
    store: &dyn ObjectStore,
    mut listing: Listing,
    mut take: impl FnMut(Page) -> bool + Send,
) -> Result<(), StoreError> {
    loop {
        let page = store.list(&listing).await?;
        listing.continuation.clone_from(&page.next);
        if !take(page) || listing.continuation.is_none() {
            return Ok(());
        }
    }
}
