//! Entries, some at a time, in the order of their ids.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

use detect::finding::FindingId;
use futures::{StreamExt, stream};
use trailbell::ledger::{Entry, EntrySnapshot, LedgerError, LedgerProblem, StoredLedger};

use super::filter::Filter;
use crate::commands::progress::Progress;

/// Entries that are read at once: enough to hide the network's delay.
const TOGETHER: usize = 16;

/// Entries that could not be read.
#[derive(Debug, Default)]
pub struct Unread {
    /// Not what any version wrote.
    pub damaged: u64,
    /// Of a later version.
    pub newer: u64,
}

impl Unread {
    pub fn all(&self) -> u64 {
        self.damaged + self.newer
    }

    /// 1 where something could not be read.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(self.all() > 0))
    }
}

/// Gives the entries that are wanted to `on_entry`. What cannot be read is named on standard error,
/// and keeps nothing else from being read.
pub async fn read(
    ledger: &StoredLedger,
    filter: &mut Filter,
    on_entry: &mut dyn FnMut(Entry),
) -> Result<Unread, Box<dyn Error>> {
    let listed = filter.keys(ledger).await?;
    let mut reading = Reading {
        progress: Progress::new(listed.keys.len(), "entries"),
        unread: Unread::default(),
    };
    for key in &listed.unrecognized {
        reading.damaged(&super::cell(key), "not named as an entry");
    }
    let ids = listed.keys.into_iter().map(|key| key.id);
    let mut looks =
        stream::iter(ids.map(|id| async { (ledger.read_entry(&id).await, id) })).buffered(TOGETHER);
    while let Some((looked, id)) = looks.next().await {
        reading.progress.advance();
        if let Some(entry) = reading.entry(&id, looked)?.filter(|entry| filter.takes(entry)) {
            on_entry(entry);
        }
    }
    reading.progress.finish();
    Ok(reading.unread)
}

struct Reading {
    progress: Progress,
    unread: Unread,
}

impl Reading {
    fn entry(
        &mut self,
        id: &FindingId,
        looked: Result<Option<EntrySnapshot>, LedgerError>,
    ) -> Result<Option<Entry>, LedgerError> {
        match looked?.map(|looked| looked.entry) {
            Some(Ok(entry)) => return Ok(Some(entry)),
            Some(Err(error @ LedgerProblem::Newer { .. })) => {
                self.unread.newer += 1;
                self.progress.say(&format!("trailbell: entries/{id}: {error}"));
            }
            Some(Err(error)) => self.damaged(&format!("entries/{id}"), &error),
            None => self
                .damaged(&format!("entries/{id}"), "an index names it, and there is no such entry"),
        }
        Ok(None)
    }

    fn damaged(&mut self, key: &str, why: impl Display) {
        self.unread.damaged += 1;
        self.progress.say(&format!("trailbell: {key}: {}", super::cell(&why.to_string())));
    }
}
