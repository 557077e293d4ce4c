//! Writes the keys by which findings are counted and found.

use detect::finding::Finding;
use futures::future::join_all;
use jiff::Timestamp;

use super::claim::Claim;
use super::entry::{Content, Entry};
use super::{Result, StoredLedger, group_key, keys};
use crate::store::encode_key_part;

impl StoredLedger {
    /// Writes the index keys of a claimed finding. Repeating it changes nothing. A canary has none,
    /// so that it is counted nowhere.
    pub async fn index(&self, claim: &Claim) -> Result<()> {
        let Content::Finding(finding) = &claim.entry.content else { return Ok(()) };
        if claim.entry.is_canary() {
            return Ok(());
        }
        let keys = index_keys(finding, &claim.entry, self.max_key_bytes());
        // All are tried, even if one fails.
        let written = join_all(keys.iter().map(|key| self.put_marker(key))).await;
        written.into_iter().try_for_each(|result| result.map(|_| ()))
    }

    /// When the last claim of an entry was indexed, which is right after it was made. Returns
    /// `None` if the entry is in no index.
    pub async fn claimed_at(&self, entry: &Entry) -> Result<Option<Timestamp>> {
        let Content::Finding(finding) = &entry.content else { return Ok(None) };
        let key = principal_key(finding, index_time(finding, entry));
        Ok(self.get(&key).await?.map(|object| object.modified))
    }
}

/// All index keys of a finding, of at most `max_bytes` each. A suppressed finding is found by group
/// and principal, but not counted in its window.
fn index_keys(finding: &Finding, entry: &Entry, max_bytes: usize) -> Vec<String> {
    let time = index_time(finding, entry);
    let mut keys = vec![principal_key(finding, time)];
    keys.extend(group_key::group_keys(finding, time, max_bytes));
    if finding.exception.is_none() {
        let folder = keys::window_folder(&finding.rule.id, entry.window);
        keys.push(format!("{folder}{}-{}", keys::principal_hash(finding), finding.id));
    }
    keys
}

fn principal_key(finding: &Finding, time: Timestamp) -> String {
    let folder = keys::principal_folder(&finding.principal.key);
    format!(
        "{folder}{}-{}-{}",
        keys::format_time(time),
        encode_key_part(&finding.rule.id),
        finding.id
    )
}

/// The time of the call. If that is unknown, the start of the window of the first claim.
fn index_time(finding: &Finding, entry: &Entry) -> Timestamp {
    finding.time.unwrap_or(entry.window.start)
}
