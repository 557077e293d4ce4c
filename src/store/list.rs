//! What is asked of a bucket's list, and what comes back.

/// What is asked of a bucket's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The bucket's name.
    pub bucket: String,
    /// Only keys that start so, as S3 knows them (not encoded); empty for all.
    pub prefix: String,
    /// Whether keys that go on with a `/` after the prefix are given as one folder each, without
    /// what is in it.
    pub folders: bool,
    /// Only keys behind this one.
    pub start_after: Option<String>,
    /// [`Page::next`] of the page before; `start_after` then has been seen to.
    pub continuation: Option<String>,
    /// No more than so many keys, without folders; as many as the store gives at once where absent.
    pub most: Option<u16>,
}

/// One page of a bucket's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys, in the order of their bytes.
    pub keys: Vec<String>,
    /// Folders, each with the prefix it was asked under and the `/` at its end, in the order of
    /// their bytes.
    pub prefixes: Vec<String>,
    /// What to continue with; absent on the last page.
    pub next: Option<String>,
}

impl Listing {
    /// Whether a key, or a folder, is asked for.
    pub(super) fn takes(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && self.start_after.as_deref().is_none_or(|after| key > after)
    }
}
