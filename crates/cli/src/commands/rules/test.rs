//! `trailbell rules test`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use detect::correlation::testing::{CorrelationTestReport, test_correlations};
use detect::rule::testing::{RuleTestReport, TestFailure, test_embedded_rules, test_rules_in};

use crate::commands::output::{clean_text, pluralize, print_error};
use crate::commands::setup;

/// Run the tests of rules
///
/// Next to a-rule.toml, a-rule.tests.json contains records that the rule must match and records
/// that it must not match:
///
///   {"base": RECORD,
///    "must_match": [{"name": "a group is created", "change": {}}],
///    "must_not_match": [{"name": "denied", "change": {"errorCode": "AccessDenied"}},
///                       {"name": "another service", "record": RECORD}]}
///
/// A case is a whole CloudTrail record, or a change to the base: a JSON merge patch, in which null
/// removes a field.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Exit codes:
  0  all rules passed
  1  a rule failed a case, or has no cases of one kind
  2  a file cannot be used"
)]
pub struct Args {
    /// A rule file or a directory. By default the built-in rules are tested
    path: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let now = setup::now();
    let rules = match &args.path {
        Some(path) => test_rules_in(path, now),
        None => test_embedded_rules(now),
    };
    let correlations = test_correlations(args.path.clone(), now);
    let mut out = io::stdout().lock();
    for line in result_lines(&rules, &correlations) {
        writeln!(out, "{}", clean_text(&line))?;
    }
    rules.problems.iter().for_each(print_error);
    correlations.problems.iter().for_each(print_error);
    writeln!(out, "{}", summary_line(&rules, &correlations))?;
    Ok(ExitCode::from(exit_code(&rules, &correlations)))
}

fn result_lines(rules: &RuleTestReport, correlations: &CorrelationTestReport) -> Vec<String> {
    let mut lines = Vec::new();
    for result in &rules.results {
        let cases = format!("{} to match, {} not to", result.must_match, result.must_not_match);
        push_result(&mut lines, &result.rule.info.name, &cases, &result.failures);
    }
    lines.extend(rules.unsupported.iter().map(|rule| format!("SKIP  {rule}")));
    for result in &correlations.results {
        let (must_match, must_not) = (result.must_match, result.must_not_match);
        let cases = format!("{must_match} sequences to match, {must_not} not to");
        push_result(&mut lines, &result.name, &cases, &result.failures);
    }
    lines
}

fn push_result(lines: &mut Vec<String>, name: &str, cases: &str, failures: &[TestFailure]) {
    let verdict = if failures.is_empty() { "ok  " } else { "FAIL" };
    lines.push(format!("{verdict}  {name} ({cases})"));
    lines.extend(failures.iter().map(|failure| format!("      {failure}")));
}

/// The failures of each rule and each correlation.
fn all_failures<'r>(
    rules: &'r RuleTestReport,
    correlations: &'r CorrelationTestReport,
) -> impl Iterator<Item = &'r [TestFailure]> {
    let of_rules = rules.results.iter().map(|result| &*result.failures);
    of_rules.chain(correlations.results.iter().map(|result| &*result.failures))
}

fn summary_line(rules: &RuleTestReport, correlations: &CorrelationTestReport) -> String {
    let tested = all_failures(rules, correlations).count();
    let passed = all_failures(rules, correlations).filter(|failures| failures.is_empty()).count();
    let mut summary = format!("{passed} of {} passed", pluralize(tested as u64, "rule"));
    if !rules.unsupported.is_empty() {
        summary += &format!("; {} unsupported", rules.unsupported.len());
    }
    if let problems @ 1.. = rules.problems.len() + correlations.problems.len() {
        summary += &format!("; {}", pluralize(problems as u64, "problem"));
    }
    summary
}

fn exit_code(rules: &RuleTestReport, correlations: &CorrelationTestReport) -> u8 {
    if !rules.problems.is_empty() || !correlations.problems.is_empty() {
        return 2;
    }
    u8::from(all_failures(rules, correlations).any(|failures| !failures.is_empty()))
}
