//! Correlations evaluated over records without a ledger: for their tests, and for sample alerts.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{CorrelationAlertData, MemberFindings, correlate_findings};
use crate::cloudtrail::Record;
use crate::ecs::View;
use crate::finding::{Finding, FindingId, Origin};
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
        let is_asked = matches!(correlation.origin, RuleOrigin::Embedded(_)) == path.is_none();
        if !is_asked || correlation.is_part_of_rule() {
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
    let incidents = correlate_findings(correlation, findings.iter(), now);
    let alert_data = incidents.into_iter().max_by_key(|data| data.rule.severity)?;
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
        findings.extend(rules.map(|rule| {
            let steps = rule.query.matched_steps(&view, now);
            Finding { steps, ..Finding::new(&rule.info, record, origin()) }
        }));
    }
    findings
}
