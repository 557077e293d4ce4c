//! What sweeps keep in the ledger besides entries: small objects below `sweep/`.

use bytes::Bytes;

use super::{LedgerError, LedgerProblem, StoredLedger};
use crate::store::{Condition, SmallObject, StoreError, Written};

impl StoredLedger {
    /// A note, or none.
    pub async fn note(&self, name: &str) -> Result<Option<SmallObject>, LedgerError> {
        self.place.get(&key(name)).await
    }

    /// The names of all notes that begin so.
    pub async fn notes(&self, name: &str) -> Result<Vec<String>, LedgerError> {
        let keys = self.place.list_all(&key(name), false).await?;
        Ok(keys.iter().filter_map(|key| key.strip_prefix(FOLDER)).map(str::to_owned).collect())
    }

    /// Writes a note, if the condition holds at that moment.
    pub async fn put_note(
        &self,
        name: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, StoreError> {
        self.place.put(&key(name), bytes, condition).await
    }

    /// An error that names a note.
    pub fn note_error(&self, name: &str, problem: impl Into<LedgerProblem>) -> LedgerError {
        self.place.error(&key(name), problem)
    }
}

const FOLDER: &str = "sweep/";

fn key(name: &str) -> String {
    format!("{FOLDER}{name}")
}
