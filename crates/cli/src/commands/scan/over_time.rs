//! Rules that look at several records: new terms and thresholds. They are evaluated over all files
//! in the order of the events, whatever the order of the files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use detect::correlation::{Mark, place_marks, times_reached};
use detect::finding::{Facts, Finding, FindingId};
use detect::new_terms::history_id;
use detect::rule::{Correlation, RuleInfo, RuleSet};
use jiff::{SignedDuration, Timestamp};

/// What is known of the rules that look at several records.
#[derive(Default)]
pub struct OverTime {
    /// By the history of their values.
    spells: BTreeMap<String, Vec<Spell>>,
    thresholds: HashMap<String, CountedRule>,
}

/// Matches of the same values that are at most a window apart.
struct Spell {
    /// The first match.
    finding: Arc<Finding>,
    first: Timestamp,
    last: Timestamp,
}

/// The matches of a rule with a threshold.
#[derive(Default)]
struct CountedRule {
    /// By the values that they share.
    folders: BTreeMap<String, Vec<Mark>>,
    findings: HashMap<FindingId, Box<Finding>>,
}

/// What a rule found, and why, if that is not the record alone.
pub struct FoundOverTime {
    pub finding: Finding,
    pub why: Option<String>,
}

impl OverTime {
    /// Takes a finding that other records decide about. Returns any other finding.
    pub fn add(
        &mut self,
        finding: Box<Finding>,
        rules: Option<&RuleSet>,
        now: Timestamp,
    ) -> Option<Box<Finding>> {
        if let (Some(new_terms), Some(terms)) = (&finding.rule.new_terms, &finding.terms) {
            let window = new_terms.window;
            let ids: Vec<String> =
                terms.combinations.iter().filter_map(|it| history_id(&finding, it)).collect();
            let finding = Arc::from(finding);
            for id in ids {
                self.add_match(id, &finding, window, now);
            }
            return None;
        }
        let is_threshold =
            |it: &&Correlation| it.is_threshold && it.includes_rule(&finding.rule.id);
        // What an exception matches is listed as any other finding is.
        let counts = finding.rule.threshold.is_some() && finding.exception.is_none();
        let correlations = rules.filter(|_| counts).map(RuleSet::correlations);
        let Some(correlation) = correlations.into_iter().flatten().find(is_threshold) else {
            return Some(finding);
        };
        let counted = self.thresholds.entry(finding.rule.id.clone()).or_default();
        for placed in place_marks(correlation, &finding, &Facts::new(&finding, None), now, now) {
            counted.folders.entry(placed.folder).or_default().push(placed.mark);
        }
        counted.findings.insert(finding.id.clone(), finding);
        None
    }

    fn add_match(
        &mut self,
        id: String,
        finding: &Arc<Finding>,
        window: SignedDuration,
        now: Timestamp,
    ) {
        let time = finding.time.unwrap_or(now);
        let mut spell = Spell { finding: Arc::clone(finding), first: time, last: time };
        let spells = self.spells.entry(id).or_default();
        let is_near = |other: &Spell| {
            time.duration_since(other.last) <= window && other.first.duration_since(time) <= window
        };
        for other in spells.extract_if(.., |other| is_near(other)).collect::<Vec<_>>() {
            // Of calls in one second, that which was read first.
            if other.first <= spell.first {
                spell.finding = other.finding;
            }
            spell.first = spell.first.min(other.first);
            spell.last = spell.last.max(other.last);
        }
        spells.push(spell);
    }

    /// The findings with new values, and those that reached thresholds, by time.
    pub fn finish(mut self, rules: Option<&RuleSet>) -> Vec<FoundOverTime> {
        let mut seen = HashSet::new();
        let spells = std::mem::take(&mut self.spells).into_values().flatten();
        let mut found: Vec<FoundOverTime> = spells
            .filter(|spell| seen.insert(spell.finding.id.clone()))
            .map(|spell| FoundOverTime { finding: (*spell.finding).clone(), why: None })
            .collect();
        let correlations = rules.map(RuleSet::correlations).into_iter().flatten();
        for correlation in correlations.filter(|it| it.is_threshold) {
            if let Some(counted) = self.thresholds.remove(&correlation.info.id) {
                found.extend(counted.reached(correlation));
            }
        }
        found.sort_by_key(|found| found.finding.time);
        found
    }
}

impl CountedRule {
    /// The matches that reached the threshold.
    fn reached(self, correlation: &Correlation) -> Vec<FoundOverTime> {
        let mut found = Vec::new();
        for mut marks in self.folders.into_values() {
            marks.sort_by_key(|mark| mark.time);
            let times: Vec<Timestamp> = marks.iter().map(|mark| mark.time).collect();
            for time in times_reached(correlation, &marks) {
                let last = times.partition_point(|it| *it <= time).checked_sub(1);
                let reached = last.and_then(|last| self.findings.get(&marks[last].finding));
                found.extend(reached.map(|finding| FoundOverTime {
                    finding: without_threshold(finding),
                    why: Some(correlation.condition_in_words()),
                }));
            }
        }
        found
    }
}

/// The finding as one that is alerted by itself.
fn without_threshold(finding: &Finding) -> Finding {
    let rule = RuleInfo { threshold: None, ..RuleInfo::clone(&finding.rule) };
    Finding { rule: Arc::new(rule), ..finding.clone() }
}
