//! Which findings of a window are alerted singly: those within the rule's `max_signals`, the first
//! of each account, and the first of a burst. The others are grouped.
//!
//! Findings of each severity are counted by themselves, so that many that matter little never make
//! one that matters more wait for a summary.

use std::collections::{BTreeSet, HashMap};

use detect::finding::Window;
use detect::rule::Severity;

use super::error::Result;
use super::keys;
use super::stored::StoredLedger;

/// More findings of one principal in one window than this are a burst.
const BURST: u64 = 10;

/// Findings of one principal are counted at least up to here: no object's share of a burst is
/// larger.
const MAX_COUNTED: u64 = 2_000;

/// How many findings of a burst are alerted singly.
pub const FIRST_OF_BURST: u64 = 3;

/// How many findings of an account are alerted singly, however many there are elsewhere.
const FIRST_OF_ACCOUNT: u64 = 3;

/// How many findings a rule has in one window at one severity, by principal (see
/// [`super::principal_hash`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Exact up to the size of a burst; above, the number may be higher.
    by_principal: HashMap<String, u64>,
}

impl WindowCounts {
    /// Counts findings by their principals.
    pub fn add<'a>(&mut self, principals: impl IntoIterator<Item = &'a str>) {
        for principal in principals {
            *self.by_principal.entry(principal.to_owned()).or_default() += 1;
        }
    }

    fn count(&self, principal: &str) -> u64 {
        self.by_principal.get(principal).copied().unwrap_or(0)
    }

    /// The most that can have been alerted singly. Of one principal that is never more than a
    /// burst, so that one principal's burst does not use up the limit of the others.
    fn max_alerted(&self) -> u64 {
        self.by_principal.values().map(|count| (*count).min(BURST)).sum()
    }

    /// The same of one account.
    fn max_alerted_in(&self, account: &str) -> u64 {
        let own =
            self.by_principal.iter().filter(|(principal, _)| account_of(principal) == account);
        own.map(|(_, count)| (*count).min(BURST)).sum()
    }

    /// Adds counts that were made later. Both may have counted the same findings.
    fn merge(&mut self, later: WindowCounts) {
        for (principal, count) in later.by_principal {
            let ours = self.by_principal.entry(principal).or_default();
            *ours = count.max(*ours);
        }
    }
}

/// Decides for findings, given by their principals and in this order, which are alerted singly.
/// `counts` is of the whole window, these included.
///
/// At most `max_signals` of one window are alerted singly, and three of each account in any case
/// (but not more than `max_signals`), in whatever order workers count: each finding is indexed
/// before it is counted, so the k-th that is indexed is counted with at least k.
pub fn alerted_singly(counts: &WindowCounts, principals: &[String], max_signals: u64) -> Vec<bool> {
    let mut so_far = counts.clone();
    for principal in principals {
        if let Some(count) = so_far.by_principal.get_mut(principal) {
            *count = count.saturating_sub(1);
        }
    }
    let own_share = FIRST_OF_ACCOUNT.min(max_signals);
    let mut alerted = so_far.max_alerted();
    let accounts = principals.iter().map(|principal| account_of(principal));
    let mut in_account: HashMap<&str, u64> =
        accounts.map(|account| (account, so_far.max_alerted_in(account))).collect();
    let mut decided = Vec::with_capacity(principals.len());
    for principal in principals {
        so_far.add([principal.as_str()]);
        let in_account = in_account.entry(account_of(principal)).or_default();
        let is_burst = counts.count(principal) > BURST;
        let is_first = so_far.count(principal) <= FIRST_OF_BURST;
        let is_within_limit = alerted < max_signals || *in_account < own_share;
        let singly = is_within_limit && (!is_burst || is_first);
        alerted += u64::from(singly);
        *in_account += u64::from(singly);
        decided.push(singly);
    }
    decided
}

impl StoredLedger {
    /// Counts what one rule found in one window at one severity so far. Stops after more than
    /// `enough` findings that may have been alerted, and then counts those of the accounts of
    /// `principals`.
    pub async fn count_window(
        &self,
        rule: &str,
        window: Window,
        severity: Severity,
        enough: u64,
        principals: &[String],
    ) -> Result<WindowCounts> {
        let folder = keys::window_folder(rule, window, severity);
        let mut counts = WindowCounts::default();
        if self.count_names(&folder, "", enough, &mut counts).await? {
            return Ok(counts);
        }
        let accounts: BTreeSet<&str> = principals.iter().map(|it| account_of(it)).collect();
        for account in accounts {
            let mut own = WindowCounts::default();
            let enough = BURST * FIRST_OF_ACCOUNT + principals.len() as u64;
            self.count_names(&folder, account, enough, &mut own).await?;
            counts.merge(own);
        }
        Ok(counts)
    }

    /// Counts the names in a folder that begin with `prefix`. Returns false if it stopped early.
    async fn count_names(
        &self,
        folder: &str,
        prefix: &str,
        enough: u64,
        counts: &mut WindowCounts,
    ) -> Result<bool> {
        let mut start_after = Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty());
        loop {
            let page = self.list_page(folder, start_after, None).await?;
            let names = || page.keys.iter().filter(|name| name.starts_with(prefix));
            counts.add(names().filter_map(|name| principal_of(name)));
            match page.keys.last() {
                Some(last) if page.next.is_some() && last.starts_with(prefix) => {
                    if counts.max_alerted() > enough {
                        return Ok(false);
                    }
                    start_after = Some(next_start(last, counts));
                }
                _ => return Ok(true),
            }
        }
    }
}

/// The principal in `<principal hash>-<id>`.
fn principal_of(name: &str) -> Option<&str> {
    name.split_once('-').map(|(principal, _)| principal)
}

/// The account in `<account hash>.<principal hash>`.
fn account_of(principal: &str) -> &str {
    principal.split_once('.').map_or("", |(account, _)| account)
}

/// Where the next page starts. The rest of a large burst is skipped.
fn next_start(last: &str, counts: &WindowCounts) -> String {
    match principal_of(last).filter(|principal| counts.count(principal) >= MAX_COUNTED) {
        Some(principal) => format!("{principal}-~"),
        None => last.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Principals of the findings of objects that come one after the other. Returns how many
    /// findings of each object are alerted singly.
    fn alerted(max_signals: u64, objects: &[&[&str]]) -> Vec<usize> {
        let mut counts = WindowCounts::default();
        let mut alerted = Vec::new();
        for principals in objects {
            counts.add(principals.iter().copied());
            let principals: Vec<String> = principals.iter().map(ToString::to_string).collect();
            let decided = alerted_singly(&counts, &principals, max_signals);
            alerted.push(decided.iter().filter(|singly| **singly).count());
        }
        alerted
    }

    #[test]
    fn the_first_three_of_a_burst_are_alerted_singly() {
        assert_eq!(alerted(100, &[&["a"; 10]]), [10], "ten are no burst");
        assert_eq!(alerted(100, &[&["a"; 11]]), [3]);
        let another = alerted(100, &[&["a"; 200], &["a"; 5], &["b"]]);
        assert_eq!(another, [3, 0, 1], "another principal is alerted");
        let one_by_one = alerted(100, &[&["a"; 6], &["a"; 4], &["a"], &["a"]]);
        assert_eq!(one_by_one, [6, 4, 0, 0], "one object after the other");
    }

    #[test]
    fn the_limit_of_the_rule_is_kept() {
        assert_eq!(alerted(3, &[&["a", "b"], &["c", "d"], &["e"]]), [2, 1, 0]);
        let many: Vec<String> = (0..250).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(alerted(100, &[&many]), [100]);
        assert_eq!(alerted(1, &[&["a"; 20]]), [1]);
    }

    #[test]
    fn the_first_three_of_an_account_are_alerted_whatever_others_do() {
        let flood: Vec<String> = (0..20).map(|n| format!("a.{n}")).collect();
        let flood: Vec<&str> = flood.iter().map(String::as_str).collect();
        assert_eq!(alerted(10, &[&flood, &["b.1"]]), [10, 1]);
        assert_eq!(alerted(10, &[&flood, &["b.1", "b.2"], &["b.1", "b.2", "c.1"]]), [10, 2, 2]);
        assert_eq!(alerted(10, &[&flood, &["b.1"; 11], &["b.2"]]), [10, 3, 0]);
        assert_eq!(alerted(1, &[&flood, &["b.1", "b.2"]]), [1, 1], "no more than the limit");
    }

    /// Objects with findings of these principals, and how many objects after each are indexed
    /// before it is counted.
    fn objects() -> impl Strategy<Value = Vec<(Vec<String>, prop::sample::Index)>> {
        let principals = prop::collection::vec("[ab]\\.[0-3]", 1..15);
        prop::collection::vec((principals, any::<prop::sample::Index>()), 1..12)
    }

    proptest! {
        #[test]
        fn no_more_than_the_limit_and_no_more_than_ten_of_a_principal_are_alerted_singly(
            objects in objects(),
            max_signals in 1_u64..30,
        ) {
            let mut alerted = WindowCounts::default();
            for (index, (principals, ahead)) in objects.iter().enumerate() {
                let mut counts = WindowCounts::default();
                let indexed = index + 1 + ahead.index(objects.len() - index);
                for (principals, _) in &objects[..indexed] {
                    counts.add(principals.iter().map(String::as_str));
                }
                let decided = alerted_singly(&counts, principals, max_signals);
                for (principal, _) in principals.iter().zip(decided).filter(|(_, singly)| *singly) {
                    alerted.add([principal.as_str()]);
                }
            }
            let total = |account: &str| alerted.max_alerted_in(account);
            let beyond = |account| total(account).min(FIRST_OF_ACCOUNT);
            prop_assert!(total("a") + total("b") <= max_signals + beyond("a").max(beyond("b")));
            prop_assert!(total("a").max(total("b")) <= max_signals);
            prop_assert!(alerted.by_principal.values().all(|count| *count <= BURST), "{alerted:?}");
        }
    }
}
