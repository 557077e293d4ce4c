//! The ledger for those who look: nothing here writes. (A folder's own clock is touched to learn
//! the time, as by every read of one.)

use detect::finding::FindingId;
use futures::future::join_all;
use jiff::Timestamp;

use super::claim::{Claimed, Found};
use super::entry::{Content, Entry, Unreadable};
use super::keys::{self, IndexKey};
use super::{LedgerError, StoredLedger, group_key};

/// Entries read at once.
const TOGETHER: usize = 16;

/// Where to look for entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    /// All of them.
    All,
    /// Findings about a group of this name, in any case.
    Group {
        /// The group's account; none for all accounts.
        account: Option<String>,
        /// The group's name.
        group: String,
    },
    /// Findings about the actor of this key (see [`Principal::key`](detect::finding::Actor)).
    Principal(String),
}

/// What a list gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct IndexPage {
    /// Entries, each once.
    pub keys: Vec<IndexKey>,
    /// Keys that no version of this program wrote.
    pub strange: Vec<String>,
}

/// An entry as it was found.
#[derive(Debug)]
pub struct EntrySnapshot {
    /// What it says, or why that cannot be read.
    pub entry: Result<Entry, Unreadable>,
    /// When it was written last, by the store's clock.
    pub written: Timestamp,
    /// Whether another worker is at it now, by the same clock.
    pub leased: bool,
}

/// Something that is still to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMarker {
    /// What it is about: the id of a finding or summary.
    pub name: String,
    /// Since when, by the store's clock.
    pub since: Timestamp,
}

impl StoredLedger {
    /// The entries that an index names, in no order.
    pub async fn listed(&self, index: &Index) -> Result<IndexPage, LedgerError> {
        let mut listed = IndexPage::default();
        for folder in self.folders(index).await? {
            for key in self.place.list_all(&folder, false).await? {
                match key.strip_prefix(&folder).and_then(IndexKey::parse) {
                    Some(found) => listed.keys.push(found),
                    None => listed.strange.push(key),
                }
            }
        }
        listed.keys.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        listed.keys.dedup_by(|one, other| one.id == other.id);
        Ok(listed)
    }

    async fn folders(&self, index: &Index) -> Result<Vec<String>, LedgerError> {
        Ok(match index {
            Index::All => vec![keys::ENTRIES.to_owned()],
            Index::Principal(key) => vec![keys::of_actor(key)],
            Index::Group { account: Some(account), group } => {
                vec![group_key::folder(Some(account), group)]
            }
            Index::Group { account: None, group } => {
                let accounts = self.place.list_all(keys::BY_GROUP, true).await?;
                accounts
                    .iter()
                    .map(|account| format!("{account}{}", group_key::folder_in_account(group)))
                    .collect()
            }
        })
    }

    /// The ids of all entries that begin with these hexadecimal digits.
    pub async fn ids_from(&self, digits: &str) -> Result<Vec<FindingId>, LedgerError> {
        let keys = self.place.list_all(&format!("{}{digits}", keys::ENTRIES), false).await?;
        Ok(keys
            .iter()
            .filter_map(|key| FindingId::parse(key.strip_prefix(keys::ENTRIES)?))
            .collect())
    }

    /// An entry as it is now; none where there is none.
    pub async fn look(&self, id: &FindingId) -> Result<Option<EntrySnapshot>, LedgerError> {
        let Some(found) = self.read(id).await? else { return Ok(None) };
        let leased = found.entry.as_ref().is_ok_and(|entry| found.is_leased(entry));
        Ok(Some(EntrySnapshot { entry: found.entry, written: found.object.modified, leased }))
    }

    /// When the last claim of an entry was indexed, which is right after it was made; none where it
    /// is in no index.
    pub async fn claimed_at(&self, entry: &Entry) -> Result<Option<Timestamp>, LedgerError> {
        let Content::Finding(finding) = &entry.content else { return Ok(None) };
        let folder = keys::of_actor(&finding.principal.key);
        let of_time = format!("{folder}{}", keys::stamp(keys::time_of(entry)));
        for key in self.place.list_all(&of_time, false).await? {
            let is_meant = key
                .strip_prefix(&folder)
                .and_then(IndexKey::parse)
                .is_some_and(|found| found.id == *entry.id());
            if is_meant {
                return Ok(self.place.get(&key).await?.map(|object| object.modified));
            }
        }
        Ok(None)
    }

    /// Everything that is still to be done.
    pub async fn open_now(&self) -> Result<Vec<OpenMarker>, LedgerError> {
        let keys = self.place.list_all(keys::OPEN, false).await?;
        let mut open = Vec::new();
        for some in keys.chunks(TOGETHER) {
            for (key, found) in
                some.iter().zip(join_all(some.iter().map(|key| self.place.get(key))).await)
            {
                let name = key.strip_prefix(keys::OPEN).unwrap_or(key).to_owned();
                // One that is gone was seen to meanwhile.
                open.extend(found?.map(|object| OpenMarker { name, since: object.modified }));
            }
        }
        Ok(open)
    }

    /// How many findings wait for a summary.
    pub async fn waiting_for_summary(&self) -> Result<usize, LedgerError> {
        Ok(self.place.list_all(keys::HELD, false).await?.len())
    }

    /// What a claim would come to now; none where it would be ours.
    pub async fn peek_claim(&self, id: &FindingId) -> Result<Option<Claimed>, LedgerError> {
        Ok(self.read(id).await?.and_then(|found| self.foreseen(id, &found)))
    }

    fn foreseen(&self, id: &FindingId, found: &Found) -> Option<Claimed> {
        match &found.entry {
            Ok(entry) if entry.state.is_final() => Some(Claimed::Duplicate(entry.state)),
            Ok(entry) if found.is_leased(entry) => Some(Claimed::HeldElsewhere),
            Err(error @ Unreadable::Newer(_)) => {
                Some(Claimed::Unreadable(self.place.error(&keys::entry(id), error.clone())))
            }
            Ok(_) | Err(Unreadable::Damaged(_)) => None,
        }
    }
}
