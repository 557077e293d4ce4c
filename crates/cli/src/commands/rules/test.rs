//! `trailbell rules test`: one line for each rule, and one for each failure.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use detect::correlation;
use detect::correlation::testing::CorrelationTestReport as Correlations;
use detect::rule::testing::{self, RuleTestReport, RuleTestResult, TestFailure};
use detect::text::clean;
use jiff::Timestamp;

use super::args::TestArgs;
use super::counted;
use crate::commands::output::say;

/// The most characters of a line.
const LINE: usize = 2000;

pub fn run(args: &TestArgs) -> Result<ExitCode, Box<dyn Error>> {
    let tested = match &args.path {
        Some(path) => testing::test_rules_in(path, now()),
        None => testing::test_embedded_rules(now()),
    };
    let mut out = io::stdout().lock();
    for line in tested
        .results
        .iter()
        .flat_map(lines)
        .chain(tested.unsupported.iter().map(|it| format!("SKIP  {it}")))
    {
        writeln!(out, "{}", clean::text(&line, LINE))?;
    }
    for problem in &tested.problems {
        say(format_args!("trailbell: {problem}"));
    }
    let correlations = correlation::testing::test_correlations(args.path.clone(), now());
    for line in correlations.results.iter().flat_map(correlation_lines) {
        writeln!(out, "{}", clean::text(&line, LINE))?;
    }
    for problem in &correlations.problems {
        say(format_args!("trailbell: {problem}"));
    }
    writeln!(out, "{}", summary(&tested, &correlations))?;
    Ok(ExitCode::from(code(&tested, &correlations)))
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn lines(outcome: &RuleTestResult) -> Vec<String> {
    let RuleTestResult { rule, must_match, must_not_match, failures } = outcome;
    told(&rule.info.name, &format!("{must_match} to match, {must_not_match} not to"), failures)
}

fn correlation_lines(outcome: &correlation::testing::CorrelationTestResult) -> Vec<String> {
    let correlation::testing::CorrelationTestResult { name, must_match, must_not_match, failures } =
        outcome;
    told(name, &format!("{must_match} sequences to match, {must_not_match} not to"), failures)
}

fn told(name: &str, counts: &str, failures: &[TestFailure]) -> Vec<String> {
    let verdict = if failures.is_empty() { "ok  " } else { "FAIL" };
    let head = format!("{verdict}  {name} ({counts})");
    std::iter::once(head).chain(failures.iter().map(|failure| format!("      {failure}"))).collect()
}

/// What went wrong with each rule of either kind.
fn failures<'t>(
    tested: &'t RuleTestReport,
    correlations: &'t Correlations,
) -> impl Iterator<Item = &'t [TestFailure]> {
    let of_rules = tested.results.iter().map(|outcome| &*outcome.failures);
    of_rules.chain(correlations.results.iter().map(|outcome| &*outcome.failures))
}

fn summary(tested: &RuleTestReport, correlations: &Correlations) -> String {
    let all = failures(tested, correlations).count();
    let passed = failures(tested, correlations).filter(|failures| failures.is_empty()).count();
    let mut summary = format!("{} of {} passed", passed, counted(all, "rule"));
    if !tested.unsupported.is_empty() {
        summary += &format!("; {} cannot run here", tested.unsupported.len());
    }
    if let problems @ 1.. = tested.problems.len() + correlations.problems.len() {
        summary += &format!("; {}", counted(problems, "problem"));
    }
    summary
}

fn code(tested: &RuleTestReport, correlations: &Correlations) -> u8 {
    let failed = failures(tested, correlations).any(|failures| !failures.is_empty());
    if tested.problems.is_empty() && correlations.problems.is_empty() {
        u8::from(failed)
    } else {
        2
    }
}
