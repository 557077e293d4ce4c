//! Which findings of a window are alerted singly: those within the rule's `max_signals`, and the
//! first of a burst. The others are grouped.

use std::collections::HashMap;

use detect::finding::Window;

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

/// How many findings a rule has in one window, by principal (see [`super::principal_hash`]).
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
}

/// Decides for findings, given by their principals and in this order, which are alerted singly.
/// `counts` is of the whole window, these included.
///
/// At most `max_signals` of one window are alerted singly, in whatever order workers count: each
/// finding is indexed before it is counted, so the k-th that is indexed is counted with at least k.
pub fn alerted_singly(counts: &WindowCounts, principals: &[String], max_signals: u64) -> Vec<bool> {
    let mut so_far = counts.clone();
    for principal in principals {
        if let Some(count) = so_far.by_principal.get_mut(principal) {
            *count = count.saturating_sub(1);
        }
    }
    let mut alerted = so_far.max_alerted();
    let decide = |principal: &String| {
        so_far.add([principal.as_str()]);
        let is_burst = counts.count(principal) > BURST;
        let is_first = so_far.count(principal) <= FIRST_OF_BURST;
        let singly = alerted < max_signals && (!is_burst || is_first);
        alerted += u64::from(singly);
        singly
    };
    principals.iter().map(decide).collect()
}

impl StoredLedger {
    /// Counts what one rule found in one window so far. Stops after more than `enough` findings
    /// that may have been alerted.
    pub async fn count_window(
        &self,
        rule: &str,
        window: Window,
        enough: u64,
    ) -> Result<WindowCounts> {
        let mut counts = WindowCounts::default();
        let folder = keys::window_folder(rule, window);
        let mut start_after = None;
        loop {
            let page = self.list_page(&folder, start_after, None).await?;
            counts.add(page.keys.iter().filter_map(|name| principal_of(name)));
            match page.keys.last() {
                Some(last) if page.next.is_some() && counts.max_alerted() <= enough => {
                    start_after = Some(next_start(last, &counts));
                }
                _ => return Ok(counts),
            }
        }
    }
}

/// The principal in `<principal hash>-<id>`.
fn principal_of(name: &str) -> Option<&str> {
    name.split_once('-').map(|(principal, _)| principal)
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

    /// Objects with findings of these principals, and how many objects after each are indexed
    /// before it is counted.
    fn objects() -> impl Strategy<Value = Vec<(Vec<String>, prop::sample::Index)>> {
        let principals = prop::collection::vec((0_u8..4).prop_map(|n| n.to_string()), 1..15);
        prop::collection::vec((principals, any::<prop::sample::Index>()), 1..12)
    }

    proptest! {
        #[test]
        fn no_more_than_the_limit_and_no_more_than_ten_of_a_principal_are_alerted_singly(
            objects in objects(),
            max_signals in 1_u64..30,
        ) {
            let mut total = 0;
            let mut alerted = WindowCounts::default();
            for (index, (principals, ahead)) in objects.iter().enumerate() {
                let mut counts = WindowCounts::default();
                let indexed = index + 1 + ahead.index(objects.len() - index);
                for (principals, _) in &objects[..indexed] {
                    counts.add(principals.iter().map(String::as_str));
                }
                let decided = alerted_singly(&counts, principals, max_signals);
                for (principal, _) in principals.iter().zip(decided).filter(|(_, singly)| *singly) {
                    total += 1;
                    alerted.add([principal.as_str()]);
                }
            }
            prop_assert!(total <= max_signals, "{total} of {max_signals}");
            prop_assert!(alerted.by_principal.values().all(|count| *count <= BURST), "{alerted:?}");
        }
    }
}
