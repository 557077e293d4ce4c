//! Running tests: each rule against its own cases.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::cases::{EXTENSION, RuleTests, TestCase, test_file_of};
use crate::cloudtrail::Record;
use crate::correlation::correlate_findings;
use crate::ecs::{OwnResources, View};
use crate::finding::{Facts, Finding, Origin};
use crate::rule::definition::{Rule, RuleInfo, Severity};
use crate::rule::load::LoadedRules;
use crate::rule::sequence;
use crate::rule::threshold::Threshold;
use crate::rule::toml_file::folder::files_below;
use crate::rule::toml_file::problem::Problem;

/// What the tests of a source's rules or correlations found.
#[derive(Debug, Default)]
pub struct TestReport {
    /// One for each rule that can run, in the order of the files.
    pub results: Vec<TestResult>,
    /// Why valid rules of other kinds cannot run here. They are not tested.
    pub unsupported: Vec<Problem>,
    /// Rule files and test files that cannot be used.
    pub problems: Vec<Problem>,
}

/// What the tests of one rule found.
#[derive(Debug)]
pub struct TestResult {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// The number of cases that it must match.
    pub must_match: usize,
    /// The number of cases that it must not match.
    pub must_not_match: usize,
    /// Why it failed, one line each; empty if it passed.
    pub failures: Vec<String>,
}

impl TestResult {
    /// Runs a rule's tests. `run` returns the severity if the rule matches the records.
    pub(crate) fn from_tests(
        rule: &Arc<RuleInfo>,
        tests: &RuleTests,
        run: impl Fn(&[Record]) -> Option<Severity>,
    ) -> TestResult {
        let RuleTests { must_match, must_not_match, own: _ } = tests;
        let mut failures = Vec::new();
        match (must_match.is_empty(), must_not_match.is_empty()) {
            (true, true) => failures.push("has no tests".to_owned()),
            (true, false) => failures.push("has no test that it must match".to_owned()),
            (false, true) => failures.push("has no test that it must not match".to_owned()),
            (false, false) => {}
        }
        for TestCase { name, records, severity, alerted: _ } in must_match {
            let name = name.escape_debug();
            match (run(records), severity) {
                (None, _) => failures.push(format!("does not match, but must: {name}")),
                (Some(reached), Some(expected)) if reached != *expected => {
                    let reached = reached.as_str();
                    let expected = expected.as_str();
                    failures.push(format!("reaches {reached}, but must reach {expected}: {name}"));
                }
                (Some(_), _) => {}
            }
        }
        for TestCase { name, records, .. } in must_not_match {
            if run(records).is_some() {
                failures.push(format!("matches, but must not: {}", name.escape_debug()));
            }
        }
        TestResult {
            rule: Arc::clone(rule),
            must_match: must_match.len(),
            must_not_match: must_not_match.len(),
            failures,
        }
    }
}

/// Tests the rules of a file or folder, or the embedded rules. Date math in queries counts from
/// `now`. A test file without a rule is a problem, because it only seems to test something.
pub fn test_rules(path: Option<&Path>, now: Timestamp) -> TestReport {
    let loaded = match path {
        Some(path) => LoadedRules::from_path(path),
        None => LoadedRules::all_embedded(),
    };
    let mut report = TestReport {
        results: Vec::new(),
        unsupported: loaded.unsupported,
        problems: loaded.problems,
    };
    for rule in loaded.rules {
        match RuleTests::for_origin(&rule.origin) {
            Ok(tests) => report.results.push(test_rule(&rule, &tests, now)),
            Err(problem) => report.problems.push(problem),
        }
    }
    if let Some(folder) = path.filter(|path| path.is_dir()) {
        report.problems.extend(test_files_without_rule(folder));
    }
    report
}

fn test_rule(rule: &Rule, tests: &RuleTests, now: Timestamp) -> TestResult {
    let of_several = sequence::correlation(rule).or_else(|| Threshold::correlation(rule));
    if let Some(correlation) = of_several {
        let run = |records: &[Record]| {
            let matching = records.iter().filter(|record| matches(rule, record, &tests.own, now));
            let findings: Vec<Finding> =
                matching.map(|record| finding_of(rule, record, &tests.own, now)).collect();
            let incidents = correlate_findings(&correlation, findings.iter(), now);
            incidents.into_iter().map(|data| data.rule.severity).max()
        };
        return TestResult::from_tests(&rule.info, tests, run);
    }
    let severity = |record: &Record| {
        let is_match = matches(rule, record, &tests.own, now);
        is_match.then(|| severity_of(rule, record, &tests.own, now))
    };
    let run = |records: &[Record]| records.iter().filter_map(severity).max();
    let mut result = TestResult::from_tests(&rule.info, tests, run);
    for TestCase { name, records, alerted, .. } in &tests.must_match {
        let is_alerted = |record| {
            let finding = finding_of(rule, record, &tests.own, now);
            let is_met = rule.is_alerted(&finding, &Facts::new(&finding, None), now);
            is_met && !rule.info.building_block
        };
        if alerted.is_some_and(|expected| records.iter().any(is_alerted) != expected) {
            let problem = if *alerted == Some(true) {
                "is not alerted, but must be"
            } else {
                "is alerted, but must not be"
            };
            result.failures.push(format!("{problem}: {}", name.escape_debug()));
        }
    }
    result
}

fn matches(rule: &Rule, record: &Record, own: &OwnResources, now: Timestamp) -> bool {
    rule.query.matches(&View::new(record).with_own(own), now)
}

fn severity_of(rule: &Rule, record: &Record, own: &OwnResources, now: Timestamp) -> Severity {
    let mut finding = finding_of(rule, record, own, now);
    finding.rate(&rule.severity_rules, now);
    finding.severity()
}

fn finding_of(rule: &Rule, record: &Record, own: &OwnResources, now: Timestamp) -> Finding {
    let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
    let mut finding = Finding::new(&rule.info, record, origin);
    finding.steps = rule.query.matched_steps(&View::new(record).with_own(own), now);
    finding.own = own.named_by(record).into_iter().map(str::to_owned).collect();
    finding
}

fn test_files_without_rule(folder: &Path) -> Vec<Problem> {
    let (rules, _) = files_below(folder, ".toml");
    let expected: HashSet<PathBuf> = rules.iter().map(|rule| test_file_of(rule)).collect();
    let (tests, problems) = files_below(folder, &format!(".{EXTENSION}"));
    let orphans = tests.into_iter().filter(|file| !expected.contains(file));
    orphans
        .map(|file| Problem::in_file(file.display(), "there is no rule next to it"))
        .chain(problems)
        .collect()
}
