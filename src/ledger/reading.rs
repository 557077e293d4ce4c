//! Notes of objects that are about to be read. One that stays shows that its reader died: the
//! object may be what killed it.

use bytes::Bytes;
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::error::{LedgerProblem, Result};
use super::keys;
use super::stored::{CONCURRENCY, StoredLedger, Swap, TRIES};
use crate::notification::ObjectRef;
use crate::store::SmallObject;

/// The note of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingNote {
    /// The object's bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// How often a reader began and did not end. One may be reading now.
    pub begun: u32,
}

impl ReadingNote {
    /// The object, in the version that is there now.
    pub fn object(&self) -> ObjectRef {
        ObjectRef { bucket: self.bucket.clone(), key: self.key.clone(), version_id: None }
    }
}

impl StoredLedger {
    /// How often a reader of the object began and did not end.
    pub async fn readings_begun(&self, object: &ObjectRef) -> Result<u32> {
        let key = keys::reading(object);
        let Some(note) = self.get(&key).await? else { return Ok(0) };
        Ok(decode(&note).map_err(|problem| self.error(&key, problem))?.begun)
    }

    /// Notes that the object is about to be read.
    pub async fn begin_reading(&self, object: &ObjectRef) -> Result<()> {
        let next = |stored: Option<&SmallObject>| {
            // A damaged note is replaced: it still shows that a reader died.
            let begun = stored.map_or(0, |stored| decode(stored).map_or(1, |note| note.begun));
            let bucket = object.bucket.clone();
            let note = ReadingNote { bucket, key: object.key.clone(), begun: begun + 1 };
            let bytes = serde_json::to_vec(&note)
                .map_err(|error| LedgerProblem::Damaged(error.to_string()))?;
            Ok(Swap::Replace(Bytes::from(bytes), |_| ()))
        };
        self.swap(&keys::reading(object), TRIES, next).await
    }

    /// Deletes the note of an object: its reader ended.
    pub async fn end_reading(&self, object: &ObjectRef) -> Result<()> {
        self.delete(&keys::reading(object)).await
    }

    /// The notes of all objects. One that is damaged is deleted: its object is read as any other.
    pub async fn reading_notes(&self) -> Result<Vec<ReadingNote>> {
        let names = self.list_names(keys::READING).await?;
        let mut notes = Vec::new();
        for batch in names.chunks(CONCURRENCY) {
            let keys: Vec<String> =
                batch.iter().map(|name| format!("{}{name}", keys::READING)).collect();
            let stored = join_all(keys.iter().map(|key| self.get(key))).await;
            for (key, note) in keys.iter().zip(stored) {
                match note?.as_ref().map(decode) {
                    Some(Ok(note)) => notes.push(note),
                    Some(Err(_)) => self.delete(key).await?,
                    None => {}
                }
            }
        }
        notes.sort_by(|a, b| (a.begun, &a.key).cmp(&(b.begun, &b.key)));
        Ok(notes)
    }
}

fn decode(stored: &SmallObject) -> Result<ReadingNote, LedgerProblem> {
    serde_json::from_slice(&stored.bytes).map_err(|error| LedgerProblem::Damaged(error.to_string()))
}
