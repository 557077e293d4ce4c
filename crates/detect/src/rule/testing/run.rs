//! Tests, run: each rule against its own cases.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::cases::{TestCase, TestCases};
use crate::cloudtrail::Record;
use crate::ecs::View;
use crate::rule::embedded::FILES;
use crate::rule::load::{self, LoadedRules, Problem, UnsupportedRule};
use crate::rule::{Rule, RuleOrigin};

/// What the ends of a test file's name are.
pub(super) const TESTS: &str = "tests.json";

/// What came of testing the rules of one source.
#[derive(Debug, Default)]
pub struct RuleTestReport {
    /// One for each rule that can run, in the order of the files.
    pub results: Vec<RuleTestResult>,
    /// Sound files that hold a kind of rule that cannot run here, and so cannot be tested.
    pub unsupported: Vec<UnsupportedRule>,
    /// Rule files and test files that cannot be used.
    pub problems: Vec<Problem>,
}

/// How one rule stood its tests.
#[derive(Debug)]
pub struct RuleTestResult {
    /// The rule.
    pub rule: Rule,
    /// How many records it had to match.
    pub must_match: usize,
    /// How many it had not to match.
    pub must_not_match: usize,
    /// What went wrong; nothing where it passed.
    pub failures: Vec<TestFailure>,
}

/// Why a rule did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestFailure {
    /// Nothing shows that it does anything.
    #[error("has no records to be tested with")]
    Untested,
    /// Nothing shows that it ever matches.
    #[error("has no record that it must match")]
    LacksMatch,
    /// Nothing shows that it is ever silent.
    #[error("has no record that it must not match")]
    LacksSilence,
    /// It matched a record that it must not match.
    #[error("matches, and must not: {}", .0.escape_debug())]
    Matched(String),
    /// A correlation rang at another severity than it must.
    #[error("reaches {reached}, and must reach {wanted}: {}", .name.escape_debug())]
    Severity {
        /// The sequence.
        name: String,
        /// What the test says.
        wanted: &'static str,
        /// What it came to.
        reached: &'static str,
    },
    /// It did not match a record that it must match.
    #[error("does not match, and must: {}", .0.escape_debug())]
    Silent(String),
}

/// Tests the rules that come with the program. `now` is what date math in queries counts from.
pub fn test_embedded_rules(now: Timestamp) -> RuleTestReport {
    run(LoadedRules::embedded(), tests_of_embedded, now)
}

/// The first record that a rule must match, to show what comes of it; none where the rule has no
/// such test.
///
/// # Errors
/// The rule's test file cannot be used.
pub fn sample_record(rule: &Rule) -> Result<Option<Record>, Problem> {
    let tests = tests_of_embedded(rule)?;
    let tests = if tests.is_some() { tests } else { tests_beside(rule)? };
    Ok(tests.and_then(|cases| cases.must_match.into_iter().next()).map(|case| case.record))
}

fn tests_of_embedded(rule: &Rule) -> Result<Option<TestCases>, Problem> {
    let RuleOrigin::Embedded(name) = rule.origin else { return Ok(None) };
    let Some(file) = FILES.iter().find(|file| file.name == name) else { return Ok(None) };
    TestCases::parse(
        &format!("embedded:{}", Path::new(name).with_extension(TESTS).display()),
        file.tests,
    )
    .map(Some)
}

/// Tests the rules of a folder, or one rule by its file. A test file without a rule beside it is a
/// problem: it would seem to test something.
pub fn test_rules_in(path: &Path, now: Timestamp) -> RuleTestReport {
    let mut tested = run(LoadedRules::from_path(path), tests_beside, now);
    if path.is_dir() {
        let rules: HashSet<PathBuf> =
            load::files(path, "toml").0.iter().map(|rule| test_file(rule)).collect();
        let (tests, problems) = load::files(path, TESTS);
        let lonely = tests.into_iter().filter(|file| !rules.contains(file));
        let told = |file: PathBuf| {
            Problem::of_file(file.display().to_string(), "there is no rule beside it".to_owned())
        };
        tested.problems.extend(lonely.map(told).chain(problems));
    }
    tested
}

pub(super) fn test_file(rule: &Path) -> PathBuf {
    rule.with_extension(TESTS)
}

fn tests_beside(rule: &Rule) -> Result<Option<TestCases>, Problem> {
    let RuleOrigin::File(path) = &rule.origin else { return Ok(None) };
    let path = test_file(path);
    if !path.exists() {
        return Ok(None);
    }
    let name = path.display().to_string();
    let text = load::read_text(&path).map_err(|message| Problem::of_file(name.clone(), message))?;
    TestCases::parse(&name, &text).map(Some)
}

fn run(
    load: LoadedRules,
    tests: impl Fn(&Rule) -> Result<Option<TestCases>, Problem>,
    now: Timestamp,
) -> RuleTestReport {
    let mut tested = RuleTestReport {
        unsupported: load.unsupported,
        problems: load.problems,
        ..RuleTestReport::default()
    };
    for rule in load.rules {
        match tests(&rule) {
            Ok(cases) => tested.results.push(outcome(rule, &cases.unwrap_or_default(), now)),
            Err(problem) => tested.problems.push(problem),
        }
    }
    tested
}

fn outcome(rule: Rule, cases: &TestCases, now: Timestamp) -> RuleTestResult {
    let lack = match (cases.must_match.is_empty(), cases.must_not_match.is_empty()) {
        (true, true) => Some(TestFailure::Untested),
        (true, false) => Some(TestFailure::LacksMatch),
        (false, true) => Some(TestFailure::LacksSilence),
        (false, false) => None,
    };
    let matches = |case: &&TestCase| rule.query.matches(&View::new(&case.record), now);
    let silent = cases
        .must_match
        .iter()
        .filter(|case| !matches(case))
        .map(|case| TestFailure::Silent(case.name.clone()));
    let matched = cases
        .must_not_match
        .iter()
        .filter(matches)
        .map(|case| TestFailure::Matched(case.name.clone()));
    let failures = lack.into_iter().chain(silent).chain(matched).collect();
    RuleTestResult {
        must_match: cases.must_match.len(),
        must_not_match: cases.must_not_match.len(),
        failures,
        rule,
    }
}
