//! A folder's files as S3 lists keys.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::refused;
use crate::store::{Listed, Listing, Page, StoreError};

/// What S3 gives at once.
const LONGEST_PAGE: usize = 1_000;

/// One page of the files below `bucket`. A bucket that is not there (yet) is empty. Reads every folder that can hold the
/// prefix, for each page: good for a laptop.
pub(super) fn page(bucket: &Path, listing: &Listing, date: Timestamp) -> Result<Page, StoreError> {
    let folder = listing.prefix.rfind('/').map_or("", |slash| &listing.prefix[..=slash]);
    let mut found = BTreeMap::new();
    match walk(&bucket.join(folder), folder, listing, &mut found).map_err(|error| refused(&error)) {
        Ok(()) | Err(StoreError::Gone) => Ok(cut(found, date)),
        Err(error) => Err(error),
    }
}

/// A file, or what files share up to the delimiter.
type Found = BTreeMap<String, Option<Listed>>;

fn walk(folder: &Path, beginning: &str, listing: &Listing, found: &mut Found) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Keys are text; what has another name was not put by a store.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let key = format!("{beginning}{name}");
        if entry.file_type()?.is_dir() {
            let below = format!("{key}/");
            if below.starts_with(&listing.prefix) || listing.prefix.starts_with(&below) {
                walk(&entry.path(), &below, listing, found)?;
            }
        } else if key.starts_with(&listing.prefix)
            && let Some((key, listed)) = listed(key, listing, &entry)?
        {
            found.insert(key, listed);
        }
    }
    Ok(())
}

fn listed(key: String, listing: &Listing, entry: &fs::DirEntry) -> io::Result<Option<(String, Option<Listed>)>> {
    let rest = &key[listing.prefix.len()..];
    let shared = listing.delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len_utf8()));
    let shown = &key[..shared.map_or(key.len(), |end| listing.prefix.len() + end)];
    if listing.start_after.as_deref().is_some_and(|after| shown <= after) {
        return Ok(None);
    }
    if shared.is_some() {
        return Ok(Some((shown.to_owned(), None)));
    }
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        // Deleted since the folder was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let modified = Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?;
    Ok(Some((key.clone(), Some(Listed { key, size: metadata.len(), modified }))))
}

fn cut(found: Found, date: Timestamp) -> Page {
    let more = found.len() > LONGEST_PAGE;
    let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None, date };
    for (key, listed) in found.into_iter().take(LONGEST_PAGE) {
        page.next = more.then(|| key.clone());
        match listed {
            Some(listed) => page.objects.push(listed),
            None => page.prefixes.push(key),
        }
    }
    page
}
