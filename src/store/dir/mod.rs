//! A directory as S3: `ROOT/<bucket>/<key>`.

mod small;

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::Body;
use small::Small;

use super::{Condition, Listing, ObjectStore, Page, PutError, SmallObject, StoreError, Written};
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

    /// The file of an object.
    fn path(&self, bucket: &str, key: &str) -> Result<PathBuf, StoreError> {
        let relative = Path::new(bucket).join(key);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        // `join` drops the bucket where the key is absolute.
        match inside && relative.starts_with(bucket) {
            true => Ok(self.root.join(relative)),
            false => Err(StoreError::Retry("the key leads out of the store".to_owned())),
        }
    }

    fn small(&self, bucket: &str, key: &str) -> Result<Small, StoreError> {
        Ok(Small { root: self.root.clone(), path: self.path(bucket, key)? })
    }
}

/// Does what may block where that is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Retry(error.to_string()))?
}

/// A file that is not there is gone; everything else is tried again.
fn refused(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::Gone,
        _ => StoreError::Retry(error.to_string()),
    }
}

/// Where there is not even the bucket's directory, the store is another than was meant: nothing is
/// known to be gone.
fn not_opened(error: &io::Error, bucket: &Path) -> StoreError {
    match refused(error) {
        StoreError::Gone if !bucket.is_dir() => {
            StoreError::Retry(format!("no such directory: {}", bucket.display()))
        }
        error => error,
    }
}

#[async_trait]
impl ObjectStore for DirStore {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        let path = self.path(&object.bucket, &object.key)?;
        let bucket = self.root.join(&object.bucket);
        blocking(move || open_file(&path).map_err(|error| not_opened(&error, &bucket))).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        let small = self.small(bucket, key)?;
        blocking(move || small.get()).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, PutError> {
        let small = self.small(bucket, key).map_err(|error| PutError::Retry(error.to_string()))?;
        let put = tokio::task::spawn_blocking(move || small.put(&bytes, &condition)).await;
        put.map_err(|error| PutError::Retry(error.to_string()))?
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        let small = self.small(bucket, key)?;
        blocking(move || small.delete()).await
    }

    /// Everything in one page.
    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let (bucket, listing) = (self.root.join(&listing.bucket), listing.clone());
        blocking(move || list(&bucket, &listing)).await
    }
}

fn list(bucket: &Path, listing: &Listing) -> Result<Page, StoreError> {
    if !bucket.is_dir() {
        return Err(StoreError::Retry("no such bucket".to_owned()));
    }
    let mut page = Page::default();
    // Keys under a prefix are in the folder that it names, whatever the start of a name that
    // follows.
    let folder = listing.prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let outside = Path::new(folder).components().any(|part| !matches!(part, Component::Normal(_)));
    if !outside {
        collect(bucket, folder, listing, &mut page)
            .map_err(|error| StoreError::Retry(error.to_string()))?;
    }
    page.keys.sort_unstable();
    page.prefixes.sort_unstable();
    page.keys.truncate(listing.most.map_or(usize::MAX, usize::from));
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

/// A file as a body: whole up to [`Body::MAX_IN_MEMORY`], else streamed. Blocks.
pub fn open_file(path: &Path) -> io::Result<Body> {
    let what = std::fs::metadata(path)?;
    // Opening a pipe, or reading a device, need not end.
    if !what.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    if what.len() > Body::MAX_IN_MEMORY {
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
        let nowhere = store.open(&object("missing")).await.unwrap_err();
        assert!(nowhere.to_string().starts_with("no such directory: "), "{nowhere}");
        std::fs::create_dir(root.path().join("logs")).unwrap();
        assert!(matches!(store.open(&object("missing")).await, Err(StoreError::Gone)));
    }
}
