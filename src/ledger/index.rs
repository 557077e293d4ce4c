//! The keys by which findings are counted and found.

use detect::finding::{Call, Finding, FindingId, canary};
use jiff::Timestamp;

use super::claim::Claim;
use super::entry::{Content, Entry};
use super::error::Result;
use super::keys;
use super::principal_history::user_key;
use super::stored::{CONCURRENCY, StoredLedger};
use crate::store::encode_key_part;

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

/// What a key in `entries/`, or in the folder of a group or a principal, says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    /// When the call was made. `None` for a key in `entries/`.
    pub time: Option<Timestamp>,
    /// The finding, summary or alert of a correlation.
    pub id: FindingId,
}

impl IndexKey {
    /// Parses a key without its folder.
    pub(super) fn parse(name: &str) -> Option<IndexKey> {
        if let Some(id) = FindingId::parse(name) {
            return Some(IndexKey { time: None, id });
        }
        let (time, rest) = keys::split_time(name)?;
        let (_, id) = keys::split_id(rest)?;
        Some(IndexKey { time: Some(time), id })
    }
}

impl StoredLedger {
    /// Writes the keys by which a claimed finding is found. Repeating it changes nothing. A canary
    /// has none.
    pub async fn index(&self, claim: &Claim) -> Result<()> {
        let Content::Finding(finding) = &claim.entry.content else { return Ok(()) };
        if canary::is_canary(finding) {
            return Ok(());
        }
        self.put_markers(&index_keys(finding, &claim.entry)).await
    }

    /// Writes the keys by which claimed findings are counted in their windows, each at its
    /// severity. Repeating it changes nothing.
    pub async fn index_in_windows(&self, claims: &[&Claim]) -> Result<()> {
        let keys: Vec<String> =
            claims.iter().filter_map(|claim| window_key(&claim.entry)).collect();
        for batch in keys.chunks(CONCURRENCY) {
            self.put_markers(batch).await?;
        }
        Ok(())
    }

    /// When the last claim of an entry was indexed, which is right after it was made. Returns
    /// `None` if the entry is in no index.
    pub async fn claimed_at(&self, entry: &Entry) -> Result<Option<Timestamp>> {
        let Content::Finding(finding) = &entry.content else { return Ok(None) };
        let key = principal_key(finding, index_time(finding, entry));
        Ok(self.get(&key).await?.map(|object| object.modified))
    }

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
                vec![keys::group_folder(Some(account), group)]
            }
            Index::Group { account: None, group } => {
                let group = keys::group_folder_in_account(group);
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
}

/// The keys by which a finding is found. A renaming is found under both names.
fn index_keys(finding: &Finding, entry: &Entry) -> Vec<String> {
    let time = index_time(finding, entry);
    let mut keys = vec![principal_key(finding, time)];
    keys.extend(user_index_key(finding, time));
    let account = finding.account.as_deref();
    let names = [finding.group.as_deref(), Call::new(finding).current_group()];
    let mut folders: Vec<String> =
        names.into_iter().flatten().map(|name| keys::group_folder(account, name)).collect();
    folders.dedup();
    keys.extend(folders.iter().map(|folder| key_in(folder, finding, time)));
    keys
}

/// The key by which a finding is counted. Returns `None` for another kind of entry.
fn window_key(entry: &Entry) -> Option<String> {
    let Content::Finding(finding) = &entry.content else { return None };
    let folder = keys::window_folder(&finding.rule.id, entry.window, finding.severity());
    Some(format!("{folder}{}-{}", keys::principal_hash(finding), finding.id))
}

/// Where a user is looked up by its name alone. `None` if that is where its findings are anyway.
fn user_index_key(finding: &Finding, time: Timestamp) -> Option<String> {
    let key = user_key(&finding.principal.key)?;
    (key != finding.principal.key).then(|| key_in(&keys::principal_folder(&key), finding, time))
}

fn principal_key(finding: &Finding, time: Timestamp) -> String {
    key_in(&keys::principal_folder(&finding.principal.key), finding, time)
}

fn key_in(folder: &str, finding: &Finding, time: Timestamp) -> String {
    let rule = encode_key_part(&finding.rule.id);
    format!("{folder}{}-{rule}-{}", keys::format_time(time), finding.id)
}

/// The time of the call. If that is unknown, the start of the window of the first claim.
fn index_time(finding: &Finding, entry: &Entry) -> Timestamp {
    finding.time.unwrap_or(entry.window.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_time_and_id_and_may_have_more_after_them() {
        let id = "0123456789abcdef".repeat(4);
        for (name, time) in [
            (id.clone(), None),
            (format!("20260301T100000Z-CreateGroup-{id}"), Some("2026-03-01T10:00:00Z")),
            (
                format!("20260301T100000Z-169f3a93-efc7-4df2-94d6-0d9438c310d1-{id}"),
                Some("2026-03-01T10:00:00Z"),
            ),
            (format!("20260301T100000Z-CreateGroup-{id}-alice~more"), Some("2026-03-01T10:00:00Z")),
            (format!("20260301T100000Z-CreateGroup-{id}/x.y"), Some("2026-03-01T10:00:00Z")),
            (format!("20260301T100000Z-a~{}-{id}", "f".repeat(64)), Some("2026-03-01T10:00:00Z")),
        ] {
            let time = time.map(|time| time.parse().unwrap());
            assert_eq!(
                IndexKey::parse(&name),
                Some(IndexKey { time, id: FindingId::parse(&id).unwrap() }),
                "{name}"
            );
        }
        for unrecognized in [
            "",
            "x",
            "20260301T100000Z",
            "20260301T100000Z-CreateGroup-0123",
            &format!("yesterday-x-{id}"),
        ] {
            assert_eq!(IndexKey::parse(unrecognized), None, "{unrecognized}");
        }
    }
}
