//! When a combination of values was matched.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::finding::FindingId;

/// Spells that are kept. A late match is compared with these only.
const MAX_SPELLS: usize = 8;

/// New findings that are kept of one spell: more than one if a late match joined several spells.
const MAX_FINDINGS: usize = 16;

/// The part of the window by which what is stored may be older than what was seen.
const REFRESH_PART: i32 = 16;

/// The version of the stored form.
const VERSION: u32 = 1;

/// When a rule matched one combination of values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    version: u32,
    /// By time. They are more than a window apart.
    spells: Vec<Spell>,
}

/// Matches that are at most a window apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Spell {
    first: Timestamp,
    last: Timestamp,
    /// The findings that were new: they are when they are read again, too.
    findings: Vec<FindingId>,
}

/// A match of a combination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The finding that it makes if it is new. `None` if it only makes values known.
    pub finding: Option<FindingId>,
    /// The time of the call.
    pub time: Timestamp,
}

impl Default for History {
    fn default() -> History {
        History { version: VERSION, spells: Vec::new() }
    }
}

impl History {
    /// Reads the stored JSON. Returns `None` if it is damaged.
    /// Fails if a later version of the program wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Option<History>, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        match serde_json::from_slice(bytes) {
            Ok(Versioned { version }) if version > VERSION => Err(format!(
                "the history has version {version}; this program reads up to version {VERSION}"
            )),
            _ => Ok(serde_json::from_slice(bytes).ok()),
        }
    }

    /// Adds a match. Returns true if it is new: no other is at most a window before or after it, or
    /// it was new before.
    pub fn add(&mut self, matched: &Match, window: SignedDuration) -> bool {
        let Match { finding, time } = matched;
        let was_new = |spell: &Spell| finding.iter().any(|id| spell.findings.contains(id));
        if self.spells.iter().any(was_new) {
            return true;
        }
        let mut spell = Spell { first: *time, last: *time, findings: Vec::new() };
        let is_new = !self.spells.iter().any(|other| spell.is_near(other, window));
        if is_new {
            spell.findings.extend(finding.clone());
        }
        self.join(spell, window);
        is_new
    }

    /// Adds what another worker knows of the same combination.
    pub fn merge(&mut self, other: &History, window: SignedDuration) {
        for spell in &other.spells {
            self.join(spell.clone(), window);
        }
    }

    /// Returns true if this must be stored in the place of `stored`: it has another spell, or one
    /// that is noticeably longer. A value that is matched all the time is so stored a few times in
    /// a window, and known for a little less than the window after a worker ended.
    pub fn differs_from(&self, stored: &History, window: SignedDuration) -> bool {
        let far = |one: Timestamp, other: Timestamp| {
            one.duration_since(other).abs() * REFRESH_PART >= window
        };
        let differs = |(now, then): (&Spell, &Spell)| {
            now.findings != then.findings || far(now.first, then.first) || far(now.last, then.last)
        };
        self.spells.len() != stored.spells.len()
            || self.spells.iter().zip(&stored.spells).any(differs)
    }

    /// Joins a spell with those within a window.
    fn join(&mut self, mut spell: Spell, window: SignedDuration) {
        let near: Vec<Spell> =
            self.spells.extract_if(.., |other| spell.is_near(other, window)).collect();
        for other in near {
            spell.first = spell.first.min(other.first);
            spell.last = spell.last.max(other.last);
            let new = other.findings.into_iter().filter(|id| !spell.findings.contains(id));
            let new: Vec<FindingId> = new.collect();
            spell.findings.extend(new);
        }
        spell.findings.sort();
        spell.findings.truncate(MAX_FINDINGS);
        self.spells.push(spell);
        self.spells.sort_by_key(|spell| spell.first);
        let extra = self.spells.len().saturating_sub(MAX_SPELLS);
        self.spells.drain(..extra);
    }
}

impl Spell {
    fn is_near(&self, other: &Spell, window: SignedDuration) -> bool {
        self.first.duration_since(other.last) <= window
            && other.first.duration_since(self.last) <= window
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: SignedDuration = SignedDuration::from_secs(160);

    fn matched(number: usize, second: i64) -> Match {
        let finding = Some(FindingId::hash_parts([number.to_string().as_str()]));
        Match { finding, time: Timestamp::from_second(second).unwrap() }
    }

    #[test]
    fn a_match_is_new_if_no_other_is_within_the_window() {
        let mut history = History::default();
        for (number, second, expected) in [
            (0, 1_000, true),
            (1, 1_160, false),
            // Exactly a window after the last, and one second more.
            (2, 1_320, false),
            (3, 1_481, true),
            (0, 1_000, true),
            (3, 1_481, true),
            (1, 1_160, false),
            // Late ones.
            (4, 840, false),
            (5, 679, true),
            (6, 1_400, false),
            // The two spells are one now, and what was new still is.
            (0, 1_000, true),
            (3, 1_481, true),
        ] {
            let is_new = history.add(&matched(number, second), WINDOW);
            assert_eq!(is_new, expected, "{number} at {second}");
        }
    }

    #[test]
    fn what_makes_values_known_is_never_new_again() {
        let mut history = History::default();
        let learned = Match { finding: None, ..matched(0, 1_000) };
        assert!(history.add(&learned, WINDOW));
        assert!(!history.add(&matched(0, 1_000), WINDOW));
        assert!(!history.add(&learned, WINDOW));
    }

    #[test]
    fn a_history_is_stored_when_it_noticeably_changed() {
        let mut stored = History::default();
        stored.add(&matched(0, 1_000), WINDOW);
        for (number, second, expected) in [
            (0, 1_000, false),
            (1, 1_009, false),
            (2, 1_010, true),
            (3, 990, true),
            (4, 5_000, true),
        ] {
            let mut seen = stored.clone();
            seen.add(&matched(number, second), WINDOW);
            assert_eq!(seen.differs_from(&stored, WINDOW), expected, "{second}");
        }
    }

    #[test]
    fn stored_histories_are_read_or_refused() {
        let mut history = History::default();
        history.add(&matched(0, 1_000), WINDOW);
        let bytes = serde_json::to_vec(&history).unwrap();
        assert_eq!(History::decode(&bytes), Ok(Some(history)));
        assert_eq!(History::decode(b"{\"version\":1}"), Ok(None));
        assert_eq!(History::decode(b"{"), Ok(None));
        assert!(History::decode(b"{\"version\":2}").unwrap_err().contains("version 2"));
    }

    /// The times that are new if all matches are known, by the definition.
    fn new_times(seconds: &[i64]) -> Vec<i64> {
        let mut sorted = seconds.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let is_known = |time: i64| {
            sorted.iter().any(|other| *other < time && time - other <= WINDOW.as_secs())
        };
        sorted.iter().copied().filter(|time| !is_known(*time)).collect()
    }

    proptest! {
        #[test]
        fn in_order_exactly_the_new_matches_are_new(
            mut seconds in prop::collection::vec(0..1_200_i64, 1..40),
        ) {
            seconds.sort_unstable();
            let mut history = History::default();
            let added = seconds.iter().enumerate();
            let new: Vec<i64> = added
                .filter(|(number, second)| history.add(&matched(*number, **second), WINDOW))
                .map(|(_, second)| *second)
                .collect();
            prop_assert_eq!(new, new_times(&seconds));
        }

        #[test]
        fn in_any_order_every_spell_has_a_new_match_and_repetitions_change_nothing(
            seconds in prop::collection::vec(0..1_200_i64, 1..40),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        ) {
            let mut history = History::default();
            let mut verdicts = vec![None; seconds.len()];
            let repeated = order.iter().map(|index| index.index(seconds.len()));
            for number in (0..seconds.len()).chain(repeated) {
                let is_new = history.add(&matched(number, seconds[number]), WINDOW);
                prop_assert_eq!(*verdicts[number].get_or_insert(is_new), is_new);
            }
            let is_new = |number: &usize| verdicts[*number] == Some(true);
            let alerted: Vec<i64> =
                (0..seconds.len()).filter(is_new).map(|number| seconds[number]).collect();
            let starts = new_times(&seconds);
            for (index, start) in starts.iter().enumerate() {
                let end = starts.get(index + 1).copied().unwrap_or(i64::MAX);
                prop_assert!(alerted.iter().any(|time| (*start..end).contains(time)), "{start}");
            }
        }

        #[test]
        fn two_workers_together_know_what_one_knows(
            seconds in prop::collection::vec((0..1_200_i64, any::<bool>()), 1..40),
        ) {
            let mut all = History::default();
            let mut workers = [History::default(), History::default()];
            for (number, (second, first)) in seconds.iter().enumerate() {
                let learned = Match { finding: None, ..matched(number, *second) };
                all.add(&learned, WINDOW);
                workers[usize::from(*first)].add(&learned, WINDOW);
            }
            let [mut one, other] = workers;
            one.merge(&other, WINDOW);
            prop_assert_eq!(one, all);
        }
    }
}
