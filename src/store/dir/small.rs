//! Small objects as files, with the guarantees of S3's conditional writes between processes:
//! whoever writes holds a lock, readers see the file before or after a write, never half of it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::store::{Condition, SmallObject, StoreErrorKind, Written};

/// The folder of lock, clock and unfinished files, beside the buckets: no bucket's name begins with
/// a dot.
const OWN: &str = ".trailbell";

/// One object. Every function blocks.
pub(super) struct Small {
    pub(super) root: PathBuf,
    pub(super) path: PathBuf,
}

impl Small {
    pub(super) fn get(&self) -> Result<SmallObject, StoreErrorKind> {
        let read = || -> io::Result<_> {
            let mut file = File::open(&self.path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            // Of the open file, so that bytes and time are of the same writing.
            Ok((modified(&file.metadata()?)?, Bytes::from(bytes)))
        };
        let (modified, bytes) = read()?;
        Ok(SmallObject { etag: etag(&bytes), bytes, modified, date: self.date()? })
    }

    pub(super) fn put(
        &self,
        bytes: &[u8],
        condition: &Condition,
    ) -> Result<Written, StoreErrorKind> {
        let partial = self
            .own_file(&unfinished_name())
            .and_then(|path| write_file(&path, bytes).map(|()| path));
        let partial = partial.map_err(failed)?;
        let written = self.replace(&partial, bytes, condition);
        if written.is_err() {
            // The next one to look finds a stray file at worst.
            let _ = fs::remove_file(&partial);
        }
        written
    }

    fn replace(
        &self,
        partial: &Path,
        bytes: &[u8],
        condition: &Condition,
    ) -> Result<Written, StoreErrorKind> {
        let lock = self.lock().map_err(failed)?;
        if !self.holds(condition).map_err(failed)? {
            return Err(StoreErrorKind::PreconditionFailed);
        }
        let renamed = || {
            self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::rename(partial, &self.path)?;
            modified(&fs::metadata(&self.path)?)
        };
        let date = renamed().map_err(failed)?;
        drop(lock);
        Ok(Written { etag: etag(bytes), date })
    }

    fn holds(&self, condition: &Condition) -> io::Result<bool> {
        let now = match fs::read(&self.path) {
            Ok(bytes) => Some(etag(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(match condition {
            Condition::None => true,
            Condition::IfNoneMatch => now.is_none(),
            Condition::IfMatch(etag) => now.as_ref() == Some(etag),
        })
    }

    pub(super) fn delete(&self) -> Result<(), StoreErrorKind> {
        let deleted = self.lock().and_then(|_lock| fs::remove_file(&self.path));
        match deleted {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// Now, by the clock that gives files their times: it may be another machine's.
    pub(super) fn date(&self) -> Result<Timestamp, StoreErrorKind> {
        let written = || {
            let path = self.own_file("clock")?;
            let mut file = File::create(path)?;
            file.write_all(b".")?;
            modified(&file.metadata()?)
        };
        written().map_err(failed)
    }

    /// Waits until no other process, and no other thread of this one, holds the lock.
    fn lock(&self) -> io::Result<File> {
        let file = File::create(self.own_file("lock")?)?;
        file.lock()?;
        Ok(file)
    }

    fn own_file(&self, name: &str) -> io::Result<PathBuf> {
        let own = self.root.join(OWN);
        fs::create_dir_all(&own)?;
        Ok(own.join(name))
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)
}

/// A name that no other write has, in this process or another.
fn unfinished_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn etag(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn modified(metadata: &fs::Metadata) -> io::Result<Timestamp> {
    Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)
}

fn failed(error: io::Error) -> StoreErrorKind {
    StoreErrorKind::Io(Arc::new(error))
}
