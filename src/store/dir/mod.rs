//! A directory as S3: `ROOT/<bucket>/<key>`.

mod small;

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::Body;
use small::Small;

use super::{
    Action, Condition, Listing, ObjectStore, Page, SmallObject, StoreError, StoreErrorKind, Written,
};
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
    fn path(&self, bucket: &str, key: &str) -> Result<PathBuf, StoreErrorKind> {
        let relative = Path::new(bucket).join(key);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        // `join` drops the bucket if the key is absolute.
        match inside && relative.starts_with(bucket) {
            true => Ok(self.root.join(relative)),
            false => Err(StoreErrorKind::Other("the key leads out of the store".to_owned())),
        }
    }

    /// Does what may block to the file of an object.
    async fn with_file<T: Send + 'static>(
        &self,
        action: Action,
        bucket: &str,
        key: &str,
        work: impl FnOnce(Small) -> Result<T, StoreErrorKind> + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = match self.path(bucket, key) {
            Ok(path) => {
                let small = Small { root: self.root.clone(), path };
                blocking(move || work(small)).await
            }
            Err(kind) => Err(kind),
        };
        result.map_err(|kind| StoreError::new(action, bucket, key, kind))
    }
}

/// Runs what may block on a thread where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreErrorKind> + Send + 'static,
) -> Result<T, StoreErrorKind> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreErrorKind::Other(error.to_string()))?
}

/// If not even the bucket's directory exists, the store is not the one that was meant: then nothing
/// is known to be gone.
fn open_error(error: io::Error, bucket: &Path) -> StoreErrorKind {
    if error.kind() == io::ErrorKind::NotFound && !bucket.is_dir() {
        return no_bucket(bucket);
    }
    error.into()
}

fn no_bucket(bucket: &Path) -> StoreErrorKind {
    StoreErrorKind::Other(format!("no such directory: {}", bucket.display()))
}

#[async_trait]
impl ObjectStore for DirStore {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        let bucket = self.root.join(&object.bucket);
        self.with_file(Action::Read, &object.bucket, &object.key, move |file| {
            open_file(&file.path).map_err(|error| open_error(error, &bucket))
        })
        .await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        self.with_file(Action::Read, bucket, key, |file| file.get()).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, StoreError> {
        let put = move |file: Small| file.put(&bytes, &condition);
        self.with_file(Action::Write, bucket, key, put).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.with_file(Action::Delete, bucket, key, |file| file.delete()).await
    }

    /// Everything in one page.
    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let bucket = self.root.join(&listing.bucket);
        let wanted = listing.clone();
        let page = blocking(move || list(&bucket, &wanted)).await;
        page.map_err(|kind| StoreError::new(Action::List, &listing.bucket, &listing.prefix, kind))
    }
}

fn list(bucket: &Path, listing: &Listing) -> Result<Page, StoreErrorKind> {
    if !bucket.is_dir() {
        return Err(no_bucket(bucket));
    }
    let mut page = Page::default();
    // Keys under a prefix are in the folder that it names, whatever the start of a name that
    // follows.
    let folder = listing.prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let outside = Path::new(folder).components().any(|part| !matches!(part, Component::Normal(_)));
    if !outside {
        collect(bucket, folder, listing, &mut page)?;
    }
    page.keys.sort_unstable();
    page.prefixes.sort_unstable();
    page.keys.truncate(listing.limit.map_or(usize::MAX, usize::from));
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
            page.keys.extend(Some(key).filter(|key| listing.includes(key)));
        } else if !listing.folders {
            collect(bucket, &key, listing, page)?;
        } else {
            page.prefixes.extend(Some(format!("{key}/")).filter(|prefix| listing.includes(prefix)));
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
            assert!(matches!(error.kind, StoreErrorKind::Other(_)), "{key}: {error}");
        }
        let error = store.open(&object("missing")).await.unwrap_err();
        let cause = error.kind.to_string();
        assert!(cause.starts_with("no such directory: "), "{cause}");
        std::fs::create_dir(root.path().join("logs")).unwrap();
        assert!(store.open(&object("missing")).await.unwrap_err().is_not_found());
    }
}
