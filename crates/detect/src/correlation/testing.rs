//! Correlations evaluated over records without a ledger: for their tests, and for sample alerts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{
    CorrelationAlertData, FolderWalk, Incident, Incidents, Mark, MemberFindings, PlacedMark,
    find_occurrences, place_marks,
};
use crate::cloudtrail::Record;
use crate::ecs::View;
use crate::finding::{Facts, Finding, FindingId, Origin};
use crate::rule::testing::{RuleTests, TestReport, TestResult};
use crate::rule::{Correlation, EmbeddedSets, LoadedRules, RuleOrigin, RuleSet, RulesError};

/// Tests the correlations of a file or folder over its rules and the embedded rules, or the
/// embedded correlations. Date math in queries counts from `now`. Files that cannot be read are
/// reported by [`test_rules`](crate::rule::testing::test_rules) only.
pub fn test_correlations(path: Option<&Path>, now: Timestamp) -> TestReport {
    let paths: Vec<PathBuf> = path.map(Path::to_owned).into_iter().collect();
    let loaded = LoadedRules::from_paths(&EmbeddedSets::default(), &paths);
    let mut report = TestReport::default();
    if !loaded.problems.is_empty() {
        return report;
    }
    let rule_set = match loaded.into_rule_set() {
        Ok(rule_set) => rule_set,
        Err(RulesError::Problems(problems)) => return TestReport { problems, ..report },
        Err(RulesError::NoRules(_)) => return report,
    };
    for correlation in rule_set.correlations() {
        // The tests of a rule with a threshold are about its query.
        let is_asked = matches!(correlation.origin, RuleOrigin::Embedded(_)) == path.is_none();
        if !is_asked || correlation.is_threshold {
            continue;
        }
        let run = |records: &[Record]| {
            let (alert_data, _) = simulate_correlation(correlation, &rule_set, records, now)?;
            Some(alert_data.rule.severity)
        };
        match RuleTests::for_origin(&correlation.origin) {
            Ok(tests) => {
                report.results.push(TestResult::from_tests(&correlation.info, &tests, run))
            }
            Err(problem) => report.problems.push(problem),
        }
    }
    report
}

/// The alert data of the most severe incident in these records, as if all had arrived; `None` if
/// there is no incident.
pub fn simulate_correlation(
    correlation: &Correlation,
    rule_set: &RuleSet,
    records: &[Record],
    now: Timestamp,
) -> Option<(CorrelationAlertData, MemberFindings)> {
    let findings = find_all(rule_set, records, now);
    let mut folders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for finding in &findings {
        let facts = Facts::new(finding, None);
        for PlacedMark { folder, mark } in place_marks(correlation, finding, &facts, now, now) {
            folders.entry(folder).or_default().push(mark);
        }
    }
    let timelines = folders.keys().map(|folder| (folder, timeline_marks(folder, &folders)));
    let incidents = timelines.flat_map(|(folder, marks)| {
        let incidents = find_incidents(correlation, &marks);
        incidents.into_iter().map(move |incident| (folder, marks.clone(), incident))
    });
    let (folder, marks, incident) = incidents.max_by_key(|(.., incident)| incident.severity)?;
    let alert_data = CorrelationAlertData::new(correlation, folder, &marks, &incident);
    let by_id = |id: &FindingId| findings.iter().find(|finding| finding.id == *id).cloned();
    let members = alert_data.members.iter().filter_map(by_id).collect();
    let member_findings = MemberFindings::new(&alert_data, members, None);
    Some((alert_data, member_findings))
}

fn find_all(rule_set: &RuleSet, records: &[Record], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let origin = || Origin::Inline { envelope: "sample".to_owned(), record: index };
        let view = View::new(record);
        let rules = rule_set.matching(&view, now);
        findings.extend(rules.map(|rule| Finding::new(&rule.info, record, origin())));
    }
    findings
}

fn timeline_marks(folder: &str, folders: &BTreeMap<String, Vec<Mark>>) -> Vec<Mark> {
    let mut walk = FolderWalk::new(folder);
    while let Some(next) = walk.next_folder() {
        walk.add_marks(&next, folders.get(&next.folder).into_iter().flatten().cloned());
    }
    walk.into_marks()
}

fn find_incidents(correlation: &Correlation, marks: &[Mark]) -> Vec<Incident> {
    let times: Vec<Timestamp> = marks.iter().map(|mark| mark.time).collect();
    let new_id = |start: Timestamp| FindingId::hash_parts(["sample", &Mark::time_prefix(start)]);
    let occurrences = find_occurrences(correlation, marks);
    let timespan = correlation.timespan;
    let incidents = Incidents::default().absorb_for(correlation, &occurrences, &times, &new_id);
    incidents.near(&times, timespan)
}
