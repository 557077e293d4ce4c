//! Rules that look at several records: new terms, thresholds and sequences. They are evaluated over
//! all files in the order of the events, whatever the order of the files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use detect::correlation::{Mark, find_sequences, place_marks, times_reached};
use detect::finding::{Facts, Finding, FindingId, Member};
use detect::new_terms::history_id;
use detect::rule::{Condition, Correlation, RuleInfo, RuleSet};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The most calls of a threshold or sequence that a table names.
const MAX_CALLS_SHOWN: usize = 5;

/// The most calls of a threshold or sequence in a document, as in an alert.
const MAX_MEMBERS: usize = 100;

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

/// What a rule found, and the calls that it is about, if there are several.
pub struct FoundOverTime {
    pub finding: Finding,
    pub calls: Option<SeveralCalls>,
}

/// The calls that reached a threshold or completed a sequence.
#[derive(Debug)]
pub struct SeveralCalls {
    /// [`Correlation::condition_in_words`].
    pub condition: String,
    /// The calls, by time.
    pub members: Vec<Member>,
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
            .map(|spell| FoundOverTime { finding: (*spell.finding).clone(), calls: None })
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

    /// The matches that completed a sequence.
    fn completed(self, correlation: &Correlation) -> Vec<FoundOverTime> {
        let mut found = Vec::new();
        for marks in self.folders.values() {
            let by_event: HashMap<String, &Mark> =
                marks.iter().map(|mark| (mark.event_key(), mark)).collect();
            for sequence in find_sequences(correlation, marks) {
                let events = sequence.events.iter().filter_map(|event| by_event.get(event));
                found.extend(self.found(correlation, events.copied()));
            }
        }
        found
    }

    /// The matches that reached the threshold.
    fn reached(mut self, correlation: &Correlation) -> Vec<FoundOverTime> {
        let mut found = Vec::new();
        self.folders.values_mut().for_each(|marks| marks.sort_by_key(|mark| mark.time));
        for marks in self.folders.values() {
            for time in times_reached(correlation, marks) {
                let is_counted = |mark: &&Mark| {
                    mark.time <= time && time.duration_since(mark.time) <= correlation.timespan
                };
                found.extend(self.found(correlation, marks.iter().filter(is_counted)));
            }
        }
        found
    }

    /// The last of these matches, which are sorted by time, with all of them.
    fn found<'m>(
        &self,
        correlation: &Correlation,
        marks: impl Iterator<Item = &'m Mark>,
    ) -> Option<FoundOverTime> {
        let mut seen = HashSet::new();
        let findings: Vec<&Finding> = marks
            .filter(|mark| seen.insert(&mark.finding))
            .filter_map(|mark| Some(&**self.findings.get(&mark.finding)?))
            .collect();
        Some(FoundOverTime {
            finding: alerted_by_itself(findings.last()?),
            calls: Some(SeveralCalls {
                condition: correlation.condition_in_words(),
                members: findings.into_iter().map(Member::from_finding).collect(),
            }),
        })
    }
}

impl SeveralCalls {
    /// The condition and the calls on one line, such as `2 calls one after another within 10
    /// minutes: 10:00:00 CreateUser bob, 10:01:00 CreateAccessKey bob`.
    pub fn describe(&self) -> String {
        let shown = self.members.iter().take(MAX_CALLS_SHOWN).map(|member| {
            let time = member.time.map(|time| time.strftime("%H:%M:%S ").to_string());
            format!("{}{}", time.unwrap_or_default(), alert::describe_member(member))
        });
        let mut calls: Vec<String> = shown.collect();
        if let more @ 1.. = self.members.len().saturating_sub(MAX_CALLS_SHOWN) {
            calls.push(format!("and {more} more"));
        }
        format!("{}: {}", self.condition, calls.join(", "))
    }

    /// Adds them to the document of the last call, under the names that the alert of a correlation
    /// has for them.
    pub fn add_to(&self, document: &mut Value) {
        let shown = self.members.len().min(MAX_MEMBERS);
        let mut members = json!(self.members[..shown]);
        drop_nulls(&mut members);
        let fields = &mut document["trailbell"];
        fields["correlation"] = json!({"condition": self.condition});
        fields["count"] = self.members.len().into();
        fields["members"] = members;
        fields["members_left_out"] = (self.members.len() - shown).into();
    }
}

/// Removes fields without a value. In a document, an absent field is absent, not null.
fn drop_nulls(members: &mut Value) {
    for member in members.as_array_mut().into_iter().flatten() {
        if let Some(fields) = member.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
    }
}

/// The finding as one that is alerted by itself.
fn alerted_by_itself(finding: &Finding) -> Finding {
    let rule = RuleInfo { threshold: None, sequence: false, ..RuleInfo::clone(&finding.rule) };
    Finding { rule: Arc::new(rule), ..finding.clone() }
}
