//! Reads for the command line and for alerts. Nothing here writes.

use std::sync::Arc;

use detect::finding::{Finding, FindingId};
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::Timestamp;

use super::entry::Content;
use super::error::LedgerProblem;
use super::keys::{self, IndexKey};
use super::{CONCURRENCY, Result, StoredLedger, group_key};

/// Where to look for entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    /// All entries.
    All,
    /// Findings about a group of this name, in any case.
    Group {
        /// The group's account. `None` for all accounts.
        account: Option<String>,
        /// The group's name.
        group: String,
    },
    /// Findings about the principal of this [key](detect::finding::Principal::key).
    Principal(String),
}

/// The keys of an index.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct IndexPage {
    /// Entries, each once.
    pub keys: Vec<IndexKey>,
    /// Keys that no version of this program wrote.
    pub unrecognized: Vec<String>,
}

/// A marker of an entry that is not final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMarker {
    /// The id of the entry.
    pub name: String,
    /// When it was written, by the store's clock.
    pub since: Timestamp,
}

impl StoredLedger {
    /// The entries that an index names, by id.
    pub async fn list_index(&self, index: &Index) -> Result<IndexPage> {
        let mut page = IndexPage::default();
        for folder in self.index_folders(index).await? {
            for name in self.list_names(&folder).await? {
                match IndexKey::parse(&name) {
                    Some(key) => page.keys.push(key),
                    None => page.unrecognized.push(format!("{folder}{name}")),
                }
            }
        }
        page.keys.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        page.keys.dedup_by(|one, other| one.id == other.id);
        Ok(page)
    }

    async fn index_folders(&self, index: &Index) -> Result<Vec<String>> {
        Ok(match index {
            Index::All => vec![keys::ENTRIES.to_owned()],
            Index::Principal(key) => vec![keys::principal_folder(key)],
            Index::Group { account: Some(account), group } => {
                vec![group_key::group_folder(Some(account), group)]
            }
            Index::Group { account: None, group } => {
                let group = group_key::group_folder_in_account(group);
                let accounts = self.list_folders(keys::BY_GROUP).await?;
                accounts
                    .iter()
                    .map(|account| format!("{}{account}{group}", keys::BY_GROUP))
                    .collect()
            }
        })
    }

    /// The ids of all entries that begin with these hexadecimal digits.
    pub async fn ids_with_prefix(&self, digits: &str) -> Result<Vec<FindingId>> {
        let names = self.list_names(&format!("{}{digits}", keys::ENTRIES)).await?;
        Ok(names.iter().filter_map(|rest| FindingId::parse(&format!("{digits}{rest}"))).collect())
    }

    /// The markers of all entries that are not final.
    pub async fn open_markers(&self) -> Result<Vec<OpenMarker>> {
        let names = self.list_names(keys::OPEN).await?;
        let mut markers = Vec::new();
        for batch in names.chunks(CONCURRENCY) {
            let keys: Vec<String> =
                batch.iter().map(|name| format!("{}{name}", keys::OPEN)).collect();
            let read = join_all(keys.iter().map(|key| self.get(key))).await;
            for (name, marker) in batch.iter().zip(read) {
                // `None` if it was completed meanwhile.
                let since = marker?.map(|object| object.modified);
                markers.extend(since.map(|since| OpenMarker { name: name.clone(), since }));
            }
        }
        Ok(markers)
    }

    /// Reads findings, in the order of their ids. Returns those that can be read, and why another
    /// cannot.
    pub async fn read_findings(&self, ids: &[FindingId]) -> (Vec<Finding>, Option<String>) {
        let mut findings = Vec::new();
        let mut failure = None;
        for batch in ids.chunks(CONCURRENCY) {
            for read in join_all(batch.iter().map(|id| self.read_finding(id))).await {
                match read {
                    Ok(finding) => findings.push(finding),
                    Err(error) => failure = Some(error_chain(&error)),
                }
            }
        }
        (findings, failure)
    }

    async fn read_finding(&self, id: &FindingId) -> Result<Finding> {
        let error = |problem| self.error(&keys::entry(id), problem);
        let snapshot = self.read_entry(id).await?.ok_or_else(|| error(LedgerProblem::Gone))?;
        match snapshot.entry.map_err(error)?.content {
            Content::Finding(finding) => Ok(Arc::unwrap_or_clone(finding)),
            Content::Summary(_) | Content::Correlation(_) => Err(error(LedgerProblem::NotAFinding)),
        }
    }
}
