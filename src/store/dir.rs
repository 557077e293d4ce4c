//! A directory as S3: `ROOT/<bucket>/<key>`.
//!
//! Conditional writes have S3's guarantees between processes: a writer holds a lock, and readers
//! see the file before or after a write, never half of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::Body;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    Action, Listing, ObjectStore, OpenObject, Page, SmallObject, StoreError, StoreErrorKind,
    WriteCondition, Written,
};
use super::{dir_list, dir_metadata};
use crate::notification::ObjectRef;

/// The folder of lock, clock and unfinished files, next to the buckets: the name of a bucket never
/// begins with a dot.
const OWN_FOLDER: &str = ".trailbell";

pub(super) type DirResult<T> = Result<T, StoreErrorKind>;

/// Objects as files under a root. There are no versions: the file is what there is.
#[derive(Debug, Clone)]
pub struct DirStore {
    root: PathBuf,
    /// Buckets in folders that have another name, or are elsewhere.
    folders: BTreeMap<String, PathBuf>,
    /// A bucket whose folder does not exist is empty.
    missing_is_empty: bool,
}

impl DirStore {
    /// Objects under `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> DirStore {
        DirStore { root: root.into(), folders: BTreeMap::new(), missing_is_empty: false }
    }

    /// The same for reading what was perhaps not written yet: a bucket without a folder is empty.
    pub fn empty_if_missing(root: impl Into<PathBuf>) -> DirStore {
        DirStore { missing_is_empty: true, ..DirStore::new(root) }
    }

    /// Objects of these buckets, each in a folder, and of no other. For reading.
    pub fn of_copies(folders: BTreeMap<String, PathBuf>) -> DirStore {
        DirStore { folders, ..DirStore::new(PathBuf::new()) }
    }

    fn bucket_folder(&self, bucket: &str) -> DirResult<PathBuf> {
        if self.folders.is_empty() {
            return Ok(self.root.join(bucket));
        }
        let copy = self.folders.get(bucket).cloned();
        copy.ok_or_else(|| StoreErrorKind::Other("there is no copy of the bucket".to_owned()))
    }

    /// The file of an object.
    fn file(&self, bucket: &str, key: &str) -> DirResult<ObjectFile> {
        // `join` drops the folder if the key is absolute.
        if !is_inside(Path::new(bucket)) || !is_inside(Path::new(key)) {
            return Err(StoreErrorKind::Other("the key leads out of the store".to_owned()));
        }
        let folder = self.bucket_folder(bucket)?;
        Ok(ObjectFile { root: self.root.clone(), path: folder.join(key), folder })
    }

    /// Runs `work` with the file of an object, on a thread that may block.
    async fn with_file<T: Send + 'static>(
        &self,
        action: Action,
        bucket: &str,
        key: &str,
        work: impl FnOnce(ObjectFile) -> DirResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = match self.file(bucket, key) {
            Ok(file) => blocking(move || work(file)).await,
            Err(kind) => Err(kind),
        };
        result.map_err(|kind| StoreError::new(action, bucket, key, kind))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> DirResult<T> + Send + 'static,
) -> DirResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreErrorKind::Other(error.to_string()))?
}

#[async_trait]
impl ObjectStore for DirStore {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        self.with_file(Action::Read, &object.bucket, &object.key, |file| file.open()).await
    }

    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError> {
        self.with_file(Action::Read, &object.bucket, &object.key, |file| {
            Ok(OpenObject { body: file.open()?, metadata: dir_metadata::read(&file.path)? })
        })
        .await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        self.with_file(Action::Read, bucket, key, |file| file.get()).await
    }

    /// One thread reads them all: handing each to a thread takes longer than reading it.
    async fn get_all(&self, bucket: &str, keys: &[String]) -> Vec<Result<Bytes, StoreError>> {
        let files: Vec<_> = keys.iter().map(|key| self.file(bucket, key)).collect();
        let read = move || Ok(files.into_iter().map(|file| file?.read()).collect());
        let read: Vec<DirResult<Bytes>> = match blocking(read).await {
            Ok(read) => read,
            Err(kind) => vec![Err(kind); keys.len()],
        };
        let error = |key, kind| StoreError::new(Action::Read, bucket, key, kind);
        keys.iter().zip(read).map(|(key, read)| read.map_err(|kind| error(key, kind))).collect()
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        let put = move |file: ObjectFile| file.put(&bytes, &condition);
        self.with_file(Action::Write, bucket, key, put).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.with_file(Action::Delete, bucket, key, |file| file.delete()).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let wanted = listing.clone();
        let page = match self.bucket_folder(&listing.bucket) {
            Ok(folder) if self.missing_is_empty && !folder.exists() => Ok(Page::default()),
            Ok(folder) => blocking(move || dir_list::list(&folder, &wanted)).await,
            Err(kind) => Err(kind),
        };
        page.map_err(|kind| StoreError::new(Action::List, &listing.bucket, &listing.prefix, kind))
    }
}

pub(super) fn no_bucket(bucket: &Path) -> StoreErrorKind {
    StoreErrorKind::Other(format!("no such directory: {}", bucket.display()))
}

/// A file as a body: whole up to [`Body::MAX_IN_MEMORY`], else streamed. Blocks.
pub fn open_file(path: &Path) -> io::Result<Body> {
    let file = open_regular_file(path)?;
    if file.metadata()?.len() > Body::MAX_IN_MEMORY {
        return Ok(Body::Stream(Box::new(file)));
    }
    Ok(Body::Whole(read_to_end(file)?))
}

/// Opening a pipe, or reading a device, may never end.
pub(super) fn open_regular_file(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    File::open(path)
}

fn read_to_end(mut file: impl Read) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Bytes::from(bytes))
}

pub(super) fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// The file of one object. Every function blocks.
struct ObjectFile {
    root: PathBuf,
    /// The folder of the bucket.
    folder: PathBuf,
    path: PathBuf,
}

impl ObjectFile {
    fn open(&self) -> DirResult<Body> {
        open_file(&self.path).map_err(|error| match error.kind() {
            // Then the store is not the one that was meant, and nothing is known to be gone.
            io::ErrorKind::NotFound if !self.folder.is_dir() => no_bucket(&self.folder),
            _ => error.into(),
        })
    }

    fn read(&self) -> DirResult<Bytes> {
        Ok(read_to_end(open_regular_file(&self.path)?)?)
    }

    fn get(&self) -> DirResult<SmallObject> {
        let file = open_regular_file(&self.path)?;
        let bytes = read_to_end(&file)?;
        // Of the open file, so that bytes and time belong together.
        let modified = modified(&file.metadata()?)?;
        let date = self.date().map_err(StoreErrorKind::from_io)?;
        Ok(SmallObject { etag: etag(&bytes), bytes, modified, date })
    }

    fn put(&self, bytes: &[u8], condition: &WriteCondition) -> DirResult<Written> {
        let unfinished = self.write_unfinished(bytes).map_err(StoreErrorKind::from_io)?;
        let written = self.replace(&unfinished, bytes, condition);
        if !matches!(written, Ok(Some(_))) {
            // If this fails, a stray file is all that is left.
            let _ = fs::remove_file(&unfinished);
        }
        written.map_err(StoreErrorKind::from_io)?.ok_or(StoreErrorKind::PreconditionFailed)
    }

    /// Returns `None` if the condition does not hold.
    fn replace(
        &self,
        unfinished: &Path,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> io::Result<Option<Written>> {
        let _lock = self.lock()?;
        if !self.meets(condition)? {
            return Ok(None);
        }
        self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::rename(unfinished, &self.path)?;
        let date = modified(&fs::metadata(&self.path)?)?;
        Ok(Some(Written { etag: etag(bytes), date }))
    }

    fn meets(&self, condition: &WriteCondition) -> io::Result<bool> {
        let current = match open_regular_file(&self.path).and_then(read_to_end) {
            Ok(bytes) => Some(etag(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(match condition {
            WriteCondition::None => true,
            WriteCondition::IfNoneMatch => current.is_none(),
            WriteCondition::IfMatch(etag) => current.as_ref() == Some(etag),
        })
    }

    fn delete(&self) -> DirResult<()> {
        match self.lock().and_then(|_lock| fs::remove_file(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreErrorKind::from_io(error))
            }
            _ => Ok(()),
        }
    }

    /// Now, by the clock that gives files their times: it may be another machine's.
    fn date(&self) -> io::Result<Timestamp> {
        let mut file = File::create(self.own_file("clock")?)?;
        file.write_all(b".")?;
        modified(&file.metadata()?)
    }

    /// Waits until no other process, and no other thread of this one, holds the lock.
    fn lock(&self) -> io::Result<File> {
        let file = File::create(self.own_file("lock")?)?;
        file.lock()?;
        Ok(file)
    }

    /// Writes a file under a name that no other write has, in this process or another.
    fn write_unfinished(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = self.own_file(&format!("{}-{number}", process::id()))?;
        File::create_new(&path)?.write_all(bytes)?;
        Ok(path)
    }

    fn own_file(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.root.join(OWN_FOLDER);
        fs::create_dir_all(&folder)?;
        Ok(folder.join(name))
    }
}

fn etag(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn modified(metadata: &fs::Metadata) -> io::Result<Timestamp> {
    Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)
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
        fs::write(root.path().join("secret"), "x").unwrap();
        let store = DirStore::new(root.path());
        for key in ["../secret", "/etc/passwd", "a/../../secret"] {
            let error = store.open(&object(key)).await.unwrap_err();
            assert!(matches!(error.kind, StoreErrorKind::Other(_)), "{key}: {error}");
        }
    }

    #[tokio::test]
    async fn an_object_is_missing_only_if_its_bucket_exists() {
        let root = tempfile::tempdir().unwrap();
        let store = DirStore::new(root.path());
        let error = store.open(&object("missing")).await.unwrap_err();
        let cause = error.kind.to_string();
        assert!(cause.starts_with("no such directory: "), "{cause}");
        fs::create_dir(root.path().join("logs")).unwrap();
        assert!(store.open(&object("missing")).await.unwrap_err().is_not_found());
    }
}
