//! The markers of what is not finished, one for each claim: an entry that is not final has one, at
//! every moment.
//!
//! If all claims of a finding shared one, a sweep could delete the marker of a claim that never
//! became an entry just when another worker has put it once more and claims.

use detect::finding::FindingId;
use futures::future::join_all;
use jiff::Timestamp;
use tracing::debug;

use super::entry::EntryState;
use super::error::Result;
use super::keys::OPEN;
use super::stored::{CONCURRENCY, StoredLedger};

/// The markers of one entry: `open/<id>-<token>` for each claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEntry {
    /// The id of the entry.
    pub id: FindingId,
    /// The tokens of the claims.
    tokens: Vec<String>,
}

/// What is below `open/`.
#[derive(Debug, Default)]
pub struct OpenEntries {
    /// Entries with markers, in the order of their ids.
    pub entries: Vec<OpenEntry>,
    /// Names of objects that are no markers, as they are: anyone who can write there chose them.
    pub unrecognized: Vec<String>,
}

/// The entry whose marker is the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldestEntry {
    /// Its id.
    pub id: FindingId,
    /// When the marker was written, by the store's clock.
    pub since: Timestamp,
}

impl OpenEntry {
    /// Parses a name below `open/`.
    fn parse(name: &str) -> Option<OpenEntry> {
        let (id, token) = name.split_once('-')?;
        let is_token = token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        let tokens = vec![is_token.then_some(token)?.to_owned()];
        Some(OpenEntry { id: FindingId::parse(id)?, tokens })
    }

    /// The keys of the markers.
    pub(super) fn marker_keys(&self) -> Vec<String> {
        self.tokens.iter().map(|token| marker_key(&self.id, token)).collect()
    }
}

fn marker_key(id: &FindingId, token: &str) -> String {
    format!("{OPEN}{id}-{token}")
}

impl OpenEntries {
    /// Adds a name below `open/`. The names of one entry follow each other.
    fn add(&mut self, name: String) {
        match (OpenEntry::parse(&name), self.entries.last_mut()) {
            (Some(marker), Some(last)) if last.id == marker.id => last.tokens.extend(marker.tokens),
            (Some(marker), _) => self.entries.push(marker),
            (None, _) => self.unrecognized.push(name),
        }
    }
}

impl StoredLedger {
    /// The markers of all claims whose entry is not final, and of those that ended a moment ago.
    pub async fn open_entries(&self) -> Result<OpenEntries> {
        let mut open = OpenEntries::default();
        self.list_names(OPEN).await?.into_iter().for_each(|name| open.add(name));
        Ok(open)
    }

    /// Those that are not final. A final entry has markers until the next sweep, if two workers
    /// claimed it at once.
    pub async fn unfinished(&self, entries: Vec<OpenEntry>) -> Result<Vec<OpenEntry>> {
        let mut unfinished = Vec::new();
        for batch in entries.chunks(CONCURRENCY) {
            let read = join_all(batch.iter().map(|entry| self.read_entry(&entry.id))).await;
            for (entry, snapshot) in batch.iter().zip(read) {
                let state = snapshot?.and_then(|snapshot| Some(snapshot.entry.ok()?.state));
                if !state.is_some_and(EntryState::is_final) {
                    unfinished.push(entry.clone());
                }
            }
        }
        Ok(unfinished)
    }

    /// The entry whose marker is the oldest. Returns `None` if all are gone by now.
    pub async fn oldest_entry(&self, entries: &[OpenEntry]) -> Result<Option<OldestEntry>> {
        let mut oldest: Option<OldestEntry> = None;
        for batch in entries.chunks(CONCURRENCY) {
            let written = join_all(batch.iter().map(|entry| self.oldest_marker(entry))).await;
            for (OpenEntry { id, .. }, since) in batch.iter().zip(written) {
                let Some(since) = since? else { continue };
                if oldest.as_ref().is_none_or(|oldest| since < oldest.since) {
                    oldest = Some(OldestEntry { id: id.clone(), since });
                }
            }
        }
        Ok(oldest)
    }

    async fn oldest_marker(&self, entry: &OpenEntry) -> Result<Option<Timestamp>> {
        let mut oldest = None;
        for key in entry.marker_keys() {
            let written = self.get(&key).await?.map(|object| object.modified);
            oldest = [oldest, written].into_iter().flatten().min();
        }
        Ok(oldest)
    }

    /// Writes the marker of a claim that is about to be made. Returns it and the store's time.
    pub(super) async fn mark_open(
        &self,
        id: &FindingId,
        token: &str,
    ) -> Result<(OpenEntry, Timestamp)> {
        let open = OpenEntry { id: id.clone(), tokens: vec![token.to_owned()] };
        let date = self.put_marker(&marker_key(id, token)).await?.date;
        Ok((open, date))
    }

    /// Deletes the markers of an entry that is final.
    pub(super) async fn delete_markers(&self, entry: &OpenEntry) -> Result<()> {
        for key in entry.marker_keys() {
            self.delete(&key).await?;
        }
        debug!(id = %entry.id, "open markers deleted");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_marker_or_is_not() {
        let id = "0123456789abcdef".repeat(4);
        let token = "89abcdef".repeat(4);
        let marker = format!("{id}-{token}");
        let open = OpenEntry::parse(&marker).unwrap();
        assert_eq!(open.marker_keys(), [format!("open/{marker}")]);
        for name in [
            "",
            "x",
            "\u{1b}[2J",
            &id,
            &format!("{id}-"),
            &format!("{id}-x"),
            &format!("x-{token}"),
        ] {
            assert_eq!(OpenEntry::parse(name), None, "{name}");
        }
    }
}
