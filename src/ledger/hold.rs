//! How many findings of one execution are told one by one, and which.

use std::collections::HashMap;

use detect::finding::Window;

use super::{LedgerError, StoredLedger, keys};

/// More findings of one actor in one execution than this are a burst.
const BURST: u64 = 10;

/// Findings of one actor are counted up to here at least: no object's share of a burst is larger.
const MOST_COUNTED: u64 = 2_000;

/// How many findings of a burst are told one by one.
const FIRST_OF_BURST: u64 = 3;

/// The findings of one execution of a rule, by actor (see [`super::actor_in_account`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many, where that is not more than it takes to be a burst; else at least that many.
    pub by_actor: HashMap<String, u64>,
}

impl Seen {
    /// Counts findings.
    pub fn count<'a>(&mut self, principals: impl IntoIterator<Item = &'a str>) {
        for principal in principals {
            match self.by_actor.get_mut(principal) {
                Some(count) => *count += 1,
                None => {
                    self.by_actor.insert(principal.to_owned(), 1);
                }
            }
        }
    }

    fn of(&self, principal: &str) -> u64 {
        self.by_actor.get(principal).copied().unwrap_or(0)
    }

    /// The most that can have been told one by one: of one actor never more than make a burst, so
    /// that the burst of one does not silence the others.
    fn most_told(&self) -> u64 {
        self.by_actor.values().map(|count| (*count).min(BURST)).sum()
    }
}

/// Which of some findings, by their actors and in this order, are told at once; the others wait for
/// the summary. `seen` counts all of the execution, these included.
///
/// Of one execution at most `max_signals` are told, whoever looks when: each finding was put before
/// it was counted, so the k-th put is counted with at least k.
pub fn told_at_once(seen: &Seen, principals: &[String], max_signals: u64) -> Vec<bool> {
    let mut own = Seen::default();
    own.count(principals.iter().map(String::as_str));
    let mut before = seen.clone();
    for (principal, count) in &own.by_actor {
        if let Some(all) = before.by_actor.get_mut(principal) {
            *all = all.saturating_sub(*count);
        }
    }
    let mut told = before.most_told();
    let decide = |principal: &String| {
        before.count([principal.as_str()]);
        let is_burst = seen.of(principal) > BURST;
        let wanted = told < max_signals && (!is_burst || before.of(principal) <= FIRST_OF_BURST);
        told += u64::from(wanted);
        wanted
    };
    principals.iter().map(decide).collect()
}

impl StoredLedger {
    /// What one rule found in one window so far. Stops counting past `enough` findings that may
    /// have been told.
    pub async fn seen(&self, rule: &str, window: Window, enough: u64) -> Result<Seen, LedgerError> {
        let mut seen = Seen::default();
        let folder = keys::in_window(rule, window);
        let mut start_after = None;
        loop {
            let page = self.place.list(&folder, false, start_after.as_deref(), None).await?;
            let names = page.keys.iter().filter_map(|key| key.strip_prefix(&folder));
            seen.count(names.filter_map(keys::actor_of));
            let Some(last) =
                page.keys.last().filter(|_| page.next.is_some() && seen.most_told() <= enough)
            else {
                return Ok(seen);
            };
            start_after = Some(after(last, &folder, &seen));
        }
    }
}

/// Where the next page starts: a burst is counted no further than it takes.
fn after(last: &str, folder: &str, seen: &Seen) -> String {
    let principal = last.strip_prefix(folder).and_then(keys::actor_of);
    match principal.filter(|principal| seen.of(principal) >= MOST_COUNTED) {
        Some(principal) => format!("{folder}{principal}-~"),
        None => last.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Findings of these actors come one object after the other: how many of each object are told.
    fn told(max_signals: u64, objects: &[&[&str]]) -> Vec<usize> {
        let mut seen = Seen::default();
        let mut told = Vec::new();
        for principals in objects {
            seen.count(principals.iter().copied());
            let principals: Vec<String> =
                principals.iter().map(|principal| (*principal).to_owned()).collect();
            told.push(
                told_at_once(&seen, &principals, max_signals).iter().filter(|told| **told).count(),
            );
        }
        told
    }

    #[test]
    fn of_a_burst_the_first_three_are_told() {
        assert_eq!(told(100, &[&["a"; 10]]), [10], "ten are no burst");
        assert_eq!(told(100, &[&["a"; 11]]), [3]);
        assert_eq!(
            told(100, &[&["a"; 200], &["a"; 5], &["b"]]),
            [3, 0, 1],
            "another actor is heard"
        );
        assert_eq!(
            told(100, &[&["a"; 6], &["a"; 4], &["a"], &["a"]]),
            [6, 4, 0, 0],
            "one after the other"
        );
    }

    #[test]
    fn the_limit_of_the_rule_is_kept() {
        assert_eq!(told(3, &[&["a", "b"], &["c", "d"], &["e"]]), [2, 1, 0]);
        let many: Vec<String> = (0..250).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(told(100, &[&many]), [100]);
        assert_eq!(told(1, &[&["a"; 20]]), [1]);
    }

    proptest! {
        /// Objects are put and counted in any order: whoever counts sees at least what was put
        /// before.
        #[test]
        fn never_more_than_the_limit_and_no_actor_more_than_ten(
            objects in prop::collection::vec((prop::collection::vec(0u8..4, 1..15), any::<prop::sample::Index>()), 1..12),
            max_signals in 1u64..30,
        ) {
            let all: Vec<Vec<String>> =
                objects.iter().map(|(principals, _)| principals.iter().map(u8::to_string).collect()).collect();
            let (mut told, mut by_actor) = (0, Seen::default());
            for (at, (principals, (_, ahead))) in all.iter().zip(&objects).enumerate() {
                let mut seen = Seen::default();
                let put = at + 1 + ahead.index(all.len() - at);
                all[..put].iter().for_each(|principals| seen.count(principals.iter().map(String::as_str)));
                let decided = told_at_once(&seen, principals, max_signals);
                let now: Vec<&str> =
                    principals.iter().zip(&decided).filter(|(_, told)| **told).map(|(principal, _)| principal.as_str()).collect();
                told += now.len() as u64;
                by_actor.count(now);
            }
            prop_assert!(told <= max_signals, "{told} of {max_signals}");
            prop_assert!(by_actor.by_actor.values().all(|count| *count <= BURST), "{by_actor:?}");
        }
    }
}
