//! Correlations held against sequences of records, without a ledger: their tests, and samples of
//! their alerts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

use super::{FolderWalk, Incident, Incidents, Mark, PlacedMark, find_occurrences, place_marks};
use crate::cloudtrail::Record;
use crate::correlation::{CorrelationAlertData, MemberFindings};
use crate::ecs::View;
use crate::finding::{Finding, FindingId, Origin};
use crate::rule::testing::{TestFailure, TestSequence, TestSequences};
use crate::rule::{Correlation, RuleOrigin, RuleSet, RuleSources, RulesError};

/// What came of testing the correlations of one source.
#[derive(Debug, Default)]
pub struct CorrelationTestReport {
    /// One for each correlation.
    pub results: Vec<CorrelationTestResult>,
    /// Why some could not be tested.
    pub problems: Vec<String>,
}

/// How one correlation stood its tests.
#[derive(Debug)]
pub struct CorrelationTestResult {
    /// Its name.
    pub name: String,
    /// At how many sequences it had to ring.
    pub must_match: usize,
    /// At how many it had not to.
    pub must_not_match: usize,
    /// What went wrong; nothing where it passed.
    pub failures: Vec<TestFailure>,
}

/// Tests the correlations that come with the program, or those of a folder or file over its rules
/// and the program's. `now` is what date math in queries counts from. Files that cannot be read are
/// told where rules are tested.
pub fn test_correlations(path: Option<PathBuf>, now: Timestamp) -> CorrelationTestReport {
    let places: Vec<PathBuf> = path.into_iter().collect();
    let gathered = RuleSources::from_paths(true, &places);
    let readable = gathered.problems.is_empty();
    let set = match gathered.into_rule_set() {
        Ok(set) => set,
        Err(RulesError::Problems(problems)) if readable => {
            return CorrelationTestReport {
                problems: problems.iter().map(ToString::to_string).collect(),
                ..CorrelationTestReport::default()
            };
        }
        Err(_) => return CorrelationTestReport::default(),
    };
    let wanted =
        |it: &&Correlation| matches!(it.origin, RuleOrigin::Embedded(_)) == places.is_empty();
    let mut tested = CorrelationTestReport::default();
    for correlation in set.correlations().iter().filter(wanted) {
        match TestSequences::for_correlation(correlation) {
            Ok(sequences) => {
                tested.results.push(outcome(correlation, &set, sequences.unwrap_or_default(), now))
            }
            Err(problem) => tested.problems.push(problem.to_string()),
        }
    }
    tested
}

fn outcome(
    correlation: &Correlation,
    set: &RuleSet,
    sequences: TestSequences,
    now: Timestamp,
) -> CorrelationTestResult {
    let TestSequences { must_match, must_not_match } = sequences;
    let lack = match (must_match.is_empty(), must_not_match.is_empty()) {
        (true, true) => Some(TestFailure::Untested),
        (true, false) => Some(TestFailure::LacksMatch),
        (false, true) => Some(TestFailure::LacksSilence),
        (false, false) => None,
    };
    let rings =
        |sequence: &TestSequence| simulate_correlation(correlation, set, &sequence.records, now);
    let silent = must_match.iter().filter_map(|sequence| match rings(sequence) {
        None => Some(TestFailure::Silent(sequence.name.clone())),
        Some((alert_data, _)) => {
            let (wanted, reached) =
                (sequence.severity?.as_str(), alert_data.rule.severity.as_str());
            (wanted != reached).then(|| TestFailure::Severity {
                name: sequence.name.clone(),
                wanted,
                reached,
            })
        }
    });
    let correlation_alerts = must_not_match.iter().filter(|sequence| rings(sequence).is_some());
    let correlation_alerts =
        correlation_alerts.map(|sequence| TestFailure::Matched(sequence.name.clone()));
    let failures = lack.into_iter().chain(silent).chain(correlation_alerts).collect();
    let name = correlation.info.name.clone();
    CorrelationTestResult {
        name,
        must_match: must_match.len(),
        must_not_match: must_not_match.len(),
        failures,
    }
}

/// What would be told of these records, had all of them arrived: of the most severe episode; none
/// where there is none.
pub fn simulate_correlation(
    correlation: &Correlation,
    set: &RuleSet,
    records: &[Record],
    now: Timestamp,
) -> Option<(CorrelationAlertData, MemberFindings)> {
    let findings = findings(set, records, now);
    let mut folders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for finding in &findings {
        let fallback = finding.time.unwrap_or(now);
        for PlacedMark { folder, mark } in place_marks(correlation, finding, fallback, now) {
            folders.entry(folder).or_default().push(mark);
        }
    }
    let stories = folders.keys().flat_map(|folder| {
        let marks = story(folder, &folders);
        incidents(correlation, &marks)
            .into_iter()
            .map(move |incident| (folder, marks.clone(), incident))
    });
    let (folder, marks, incident) = stories.max_by_key(|(.., incident)| incident.severity)?;
    let alert_data = CorrelationAlertData::new(correlation, folder, &marks, &incident);
    let by_id = |id: &FindingId| findings.iter().find(|finding| finding.id == *id).cloned();
    let members: Vec<Finding> = alert_data.members.iter().filter_map(by_id).collect();
    let member_findings = MemberFindings::new(&alert_data, members, None);
    Some((alert_data, member_findings))
}

fn findings(set: &RuleSet, records: &[Record], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (record, number) in records.iter().zip(0..) {
        let origin = || Origin::Inline { envelope: "sample".to_owned(), record: number };
        let view = View::new(record);
        findings.extend(
            set.matching(&view, now).map(|rule| Finding::new(&rule.info, record, origin())),
        );
    }
    findings
}

fn story(folder: &str, all: &BTreeMap<String, Vec<Mark>>) -> Vec<Mark> {
    let mut folders = FolderWalk::new(folder);
    while let Some(next) = folders.next_folder() {
        folders.add(&next, all.get(&next.folder).into_iter().flatten().cloned());
    }
    folders.marks()
}

fn incidents(correlation: &Correlation, marks: &[Mark]) -> Vec<Incident> {
    let times: Vec<Timestamp> = marks.iter().map(|mark| mark.time).collect();
    let id = |start: Timestamp| FindingId::hash_parts(["sample", &Mark::time_prefix(start)]);
    let found = find_occurrences(correlation, marks);
    let incidents = Incidents::default().absorb(&found, &times, correlation.timespan, &id);
    incidents.around(&times, correlation.timespan)
}
