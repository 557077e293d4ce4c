//! Running tests: each rule against its own cases.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

use super::cases::{EXTENSION, RuleTests, test_file_of};
use crate::cloudtrail::Record;
use crate::ecs::View;
use crate::rule::definition::{RuleInfo, Severity};
use crate::rule::load::{LoadedRules, UnsupportedRule};
use crate::rule::toml_file::folder::files_below;
use crate::rule::toml_file::problem::Problem;

/// What the tests of a source's rules or correlations found.
#[derive(Debug, Default)]
pub struct TestReport {
    /// One for each rule that can run, in the order of the files.
    pub results: Vec<TestResult>,
    /// Valid rules of a kind that cannot run here, and so cannot be tested.
    pub unsupported: Vec<UnsupportedRule>,
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
    /// Why it failed; empty if it passed.
    pub failures: Vec<TestFailure>,
}

/// Why a rule did not pass its tests.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TestFailure {
    /// Nothing shows that it does anything.
    #[error("has no tests")]
    Untested,
    /// Nothing shows that it ever matches.
    #[error("has no test that it must match")]
    NothingToMatch,
    /// Nothing shows that it ever does not match.
    #[error("has no test that it must not match")]
    NothingToIgnore,
    /// It did not match a case that it must match.
    #[error("does not match, but must: {}", .0.escape_debug())]
    Missed(String),
    /// It matched a case that it must not match.
    #[error("matches, but must not: {}", .0.escape_debug())]
    Matched(String),
    /// A correlation reached another severity than it must.
    #[error("reaches {reached}, but must reach {expected}: {}", .name.escape_debug())]
    WrongSeverity {
        /// The case's name.
        name: String,
        /// The severity in the test.
        expected: &'static str,
        /// The severity that the correlation reached.
        reached: &'static str,
    },
}

impl TestResult {
    /// Runs a rule's tests. `run` returns the severity if the rule matches the records.
    pub(crate) fn from_tests(
        rule: &Arc<RuleInfo>,
        tests: &RuleTests,
        run: impl Fn(&[Record]) -> Option<Severity>,
    ) -> TestResult {
        let mut failures = Vec::new();
        match (tests.must_match.is_empty(), tests.must_not_match.is_empty()) {
            (true, true) => failures.push(TestFailure::Untested),
            (true, false) => failures.push(TestFailure::NothingToMatch),
            (false, true) => failures.push(TestFailure::NothingToIgnore),
            (false, false) => {}
        }
        for case in &tests.must_match {
            let name = case.name.clone();
            match run(&case.records) {
                None => failures.push(TestFailure::Missed(name)),
                Some(reached) => {
                    let expected = case.severity.unwrap_or(reached);
                    if expected != reached {
                        let (expected, reached) = (expected.as_str(), reached.as_str());
                        failures.push(TestFailure::WrongSeverity { name, expected, reached });
                    }
                }
            }
        }
        let matched = tests.must_not_match.iter().filter(|case| run(&case.records).is_some());
        failures.extend(matched.map(|case| TestFailure::Matched(case.name.clone())));
        TestResult {
            rule: Arc::clone(rule),
            must_match: tests.must_match.len(),
            must_not_match: tests.must_not_match.len(),
            failures,
        }
    }
}

/// Tests the rules of a file or folder, or the embedded rules. Date math in queries counts from
/// `now`. A test file without a rule is a problem, because it only seems to test something.
pub fn test_rules(path: Option<&Path>, now: Timestamp) -> TestReport {
    let loaded = match path {
        Some(path) => LoadedRules::from_path(path),
        None => LoadedRules::embedded(),
    };
    let mut report = TestReport {
        results: Vec::new(),
        unsupported: loaded.unsupported,
        problems: loaded.problems,
    };
    for rule in loaded.rules {
        let matches = |record: &Record| rule.query.matches(&View::new(record), now);
        let run = |records: &[Record]| records.iter().any(matches).then_some(rule.info.severity);
        match RuleTests::for_origin(&rule.origin) {
            Ok(tests) => report.results.push(TestResult::from_tests(&rule.info, &tests, run)),
            Err(problem) => report.problems.push(problem),
        }
    }
    if let Some(folder) = path.filter(|path| path.is_dir()) {
        report.problems.extend(test_files_without_rule(folder));
    }
    report
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
