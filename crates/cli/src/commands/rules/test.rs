//! `trailbell rules test`: one line for each rule, and one for each failure.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use detect::correlation::testing::test_correlations;
use detect::rule::testing::{TestReport, TestResult, test_rules};
use detect::text::clean;
use jiff::Timestamp;

use super::args::TestArgs;
use super::counted;
use crate::commands::output::say;

/// The most characters of a line.
const MAX_LINE: usize = 2000;

pub fn run(args: &TestArgs) -> Result<ExitCode, Box<dyn Error>> {
    let path = args.path.as_deref();
    let rules = test_rules(path, now());
    let correlations = test_correlations(path, now());
    let mut out = io::stdout().lock();
    let rule_lines = rules.results.iter().flat_map(|result| result_lines(result, "to match"));
    let skipped_lines = rules.unsupported.iter().map(|rule| format!("SKIP  {rule}"));
    let correlation_lines =
        correlations.results.iter().flat_map(|result| result_lines(result, "sequences to match"));
    for line in rule_lines.chain(skipped_lines).chain(correlation_lines) {
        writeln!(out, "{}", clean::text(&line, MAX_LINE))?;
    }
    for problem in rules.problems.iter().chain(&correlations.problems) {
        say(format_args!("trailbell: {problem}"));
    }
    let total = TestReport {
        results: rules.results.into_iter().chain(correlations.results).collect(),
        unsupported: rules.unsupported,
        problems: rules.problems.into_iter().chain(correlations.problems).collect(),
    };
    writeln!(out, "{}", summary_line(&total))?;
    Ok(ExitCode::from(exit_code(&total)))
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn result_lines(result: &TestResult, to_match: &str) -> Vec<String> {
    let TestResult { rule, must_match, must_not_match, failures } = result;
    let verdict = if failures.is_empty() { "ok  " } else { "FAIL" };
    let head =
        format!("{verdict}  {} ({must_match} {to_match}, {must_not_match} not to)", rule.name);
    std::iter::once(head).chain(failures.iter().map(|failure| format!("      {failure}"))).collect()
}

fn summary_line(report: &TestReport) -> String {
    let passed = report.results.iter().filter(|result| result.failures.is_empty()).count();
    let mut summary = format!("{passed} of {} passed", counted(report.results.len(), "rule"));
    if !report.unsupported.is_empty() {
        summary += &format!("; {} cannot run here", report.unsupported.len());
    }
    if !report.problems.is_empty() {
        summary += &format!("; {}", counted(report.problems.len(), "problem"));
    }
    summary
}

fn exit_code(report: &TestReport) -> u8 {
    if !report.problems.is_empty() {
        return 2;
    }
    u8::from(report.results.iter().any(|result| !result.failures.is_empty()))
}
