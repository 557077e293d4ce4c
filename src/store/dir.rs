//! A directory as S3: `ROOT/<bucket>/<key>`.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Listing, ObjectStore, Page, StoreError};
use crate::cloudtrail::Body;
use crate::notification::ObjectRef;

/// Objects are files under a root. A directory has no versions: the file is what there is.
#[derive(Debug, Clone)]
pub struct DirStore {
    root: PathBuf,
}

impl DirStore {
    /// Objects under `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> DirStore {
        DirStore { root: root.into() }
    }

    /// The file of an object; none for a key that would lead out of the root.
    fn path(&self, object: &ObjectRef) -> Option<PathBuf> {
        let relative = Path::new(&object.bucket).join(&object.key);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        // `join` drops the bucket where the key is absolute.
        (inside && relative.starts_with(&object.bucket)).then(|| self.root.join(relative))
    }
}

#[async_trait]
impl ObjectStore for DirStore {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        let path = self.path(object).ok_or_else(|| StoreError::Retry("the key leads out of the store".to_owned()))?;
        let opened = tokio::task::spawn_blocking(move || open_file(&path)).await;
        match opened.map_err(|error| StoreError::Retry(error.to_string()))? {
            Ok(body) => Ok(body),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Gone),
            Err(error) => Err(StoreError::Retry(error.to_string())),
        }
    }

    /// Everything in one page.
    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let (bucket, listing) = (self.root.join(&listing.bucket), listing.clone());
        let listed = tokio::task::spawn_blocking(move || list(&bucket, &listing)).await;
        listed.map_err(|error| StoreError::Retry(error.to_string()))?
    }
}

fn list(bucket: &Path, listing: &Listing) -> Result<Page, StoreError> {
    if !bucket.is_dir() {
        return Err(StoreError::Retry("no such bucket".to_owned()));
    }
    let mut page = Page::default();
    // Keys under a prefix are in the folder that it names, whatever the start of a name that follows.
    let folder = listing.prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let outside = Path::new(folder).components().any(|part| !matches!(part, Component::Normal(_)));
    if !outside {
        collect(bucket, folder, listing, &mut page).map_err(|error| StoreError::Retry(error.to_string()))?;
    }
    page.keys.sort_unstable();
    page.prefixes.sort_unstable();
    Ok(page)
}

fn collect(bucket: &Path, folder: &str, listing: &Listing, page: &mut Page) -> io::Result<()> {
    let entries = match std::fs::read_dir(bucket.join(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        // A name that is no text is no key.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if !entry.file_type()?.is_dir() {
            page.keys.extend(Some(key).filter(|key| listing.takes(key)));
        } else if !listing.folders {
            collect(bucket, &key, listing, page)?;
        } else {
            page.prefixes.extend(Some(format!("{key}/")).filter(|prefix| listing.takes(prefix)));
        }
    }
    Ok(())
}

/// A file as a body: whole up to [`Body::WHOLE`], else streamed. Blocks.
pub fn open_file(path: &Path) -> io::Result<Body> {
    let file = File::open(path)?;
    if file.metadata()?.len() > Body::WHOLE {
        return Ok(Body::Stream(Box::new(file)));
    }
    Ok(Body::Whole(Bytes::from(std::fs::read(path)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> ObjectRef {
        ObjectRef { bucket: "logs".to_owned(), key: key.to_owned(), version_id: None }
    }

    #[tokio::test]
    async fn a_key_cannot_lead_out_of_the_root() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("secret"), "x").unwrap();
        let store = DirStore::new(root.path());
        for key in ["../secret", "/etc/passwd", "a/../../secret"] {
            let error = store.open(&object(key)).await.unwrap_err();
            assert!(matches!(error, StoreError::Retry(_)), "{key}: {error}");
        }
        assert!(matches!(store.open(&object("missing")).await, Err(StoreError::Gone)));
    }
}
