//! Rules that look at several records: new terms, thresholds and sequences. They are evaluated over
//! all files in the order of the events, whatever the order of the files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use detect::correlation::{Mark, find_sequences, place_marks, times_reached};
use detect::finding::{Facts, Finding, FindingId};
use detect::new_terms::history_id;
use detect::rule::{Condition, Correlation, RuleInfo, RuleSet};
use jiff::{SignedDuration, Timestamp};

/// The most calls of a sequence that a table names.
const MAX_STEPS_SHOWN: usize = 5;

/// What is known of the rules that look at several records.
#[derive(Default)]
pub struct OverTime {
    /// By the history of their values.
    spells: BTreeMap<String, Vec<Spell>>,
    /// By the ids of their rules.
    counted: HashMap<String, CountedRule>,
}

/// Matches of the same values that are at most a window apart.
struct Spell {
    /// The first match.
    finding: Arc<Finding>,
    first: Timestamp,
    last: Timestamp,
}

/// The matches of a rule with a threshold, or of the steps of a sequence.
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
        let is_part =
            |it: &&Correlation| it.is_part_of_rule() && it.includes_rule(&finding.rule.id);
        // What an exception matches is listed as any other finding is.
        let is_counted = finding.rule.threshold.is_some() || finding.rule.sequence;
        let counts = is_counted && finding.exception.is_none();
        let correlations = rules.filter(|_| counts).map(RuleSet::correlations);
        let Some(correlation) = correlations.into_iter().flatten().find(is_part) else {
            return Some(finding);
        };
        let counted = self.counted.entry(finding.rule.id.clone()).or_default();
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

    /// The findings with new values, and those that reached thresholds or completed sequences, by
    /// time.
    pub fn finish(mut self, rules: Option<&RuleSet>) -> Vec<FoundOverTime> {
        let mut seen = HashSet::new();
        let spells = std::mem::take(&mut self.spells).into_values().flatten();
        let mut found: Vec<FoundOverTime> = spells
            .filter(|spell| seen.insert(spell.finding.id.clone()))
            .map(|spell| FoundOverTime { finding: (*spell.finding).clone(), why: None })
            .collect();
        let correlations = rules.map(RuleSet::correlations).into_iter().flatten();
        for correlation in correlations.filter(|it| it.is_part_of_rule()) {
            if let Some(counted) = self.counted.remove(&correlation.info.id) {
                found.extend(counted.alerts(correlation));
            }
        }
        found.sort_by_key(|found| found.finding.time);
        found
    }
}

impl CountedRule {
    /// The matches that an alert is sent for.
    fn alerts(self, correlation: &Correlation) -> Vec<FoundOverTime> {
        match correlation.condition {
            Condition::Sequence { .. } => self.completed(correlation),
            _ => self.reached(correlation),
        }
    }

    /// The matches that completed a sequence, each with those before it.
    fn completed(self, correlation: &Correlation) -> Vec<FoundOverTime> {
        let mut found = Vec::new();
        for marks in self.folders.into_values() {
            let by_event: HashMap<String, &Mark> =
                marks.iter().map(|mark| (mark.event_key(), mark)).collect();
            for sequence in find_sequences(correlation, &marks) {
                let events = sequence.events.iter().filter_map(|event| by_event.get(event));
                let findings: Vec<&Finding> =
                    events.filter_map(|mark| Some(&**self.findings.get(&mark.finding)?)).collect();
                let Some((last, before)) = findings.split_last() else { continue };
                found.push(FoundOverTime {
                    finding: alerted_by_itself(last),
                    why: Some(sequence_in_words(correlation, before)),
                });
            }
        }
        found
    }

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
                    finding: alerted_by_itself(finding),
                    why: Some(correlation.condition_in_words()),
                }));
            }
        }
        found
    }
}

/// The condition, and the calls that came before the last one.
fn sequence_in_words(correlation: &Correlation, before: &[&Finding]) -> String {
    let shown = before.iter().take(MAX_STEPS_SHOWN).map(|finding| {
        let time = finding.time.map(|time| time.strftime("%H:%M:%S ").to_string());
        format!("{}{}", time.unwrap_or_default(), alert::finding_subject(finding))
    });
    let mut lines = vec![format!("{}, after", correlation.condition_in_words())];
    lines.extend(shown);
    if let more @ 1.. = before.len().saturating_sub(MAX_STEPS_SHOWN) {
        lines.push(format!("and {more} more"));
    }
    lines.join("; ")
}

/// The finding as one that is alerted by itself.
fn alerted_by_itself(finding: &Finding) -> Finding {
    let rule = RuleInfo { threshold: None, sequence: false, ..RuleInfo::clone(&finding.rule) };
    Finding { rule: Arc::new(rule), ..finding.clone() }
}
