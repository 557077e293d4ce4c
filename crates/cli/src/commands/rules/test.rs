//! `trailbell rules test`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use detect::correlation::testing::test_correlations;
use detect::rule::testing::{TestReport, TestResult, test_rules};
use serde_json::{Value, json};

use crate::commands::output::{
    Format, FormatArg, clean_text, pluralize, print_error, print_message, write_documents,
};
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
///
/// A case of a threshold, a sequence or a correlation has several "records", each with a name and a
/// record or a change. Those that do not set their eventID have one of their own.
///
/// Exit codes: 0 all rules passed; 1 a rule failed a case, or has no cases of one kind, or no rule
/// was tested; 2 a file cannot be used.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A rule file or a directory. By default the built-in rules are tested
    path: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let path = args.path.as_deref();
    let now = setup::now();
    let mut report = test_rules(path, now);
    let correlations = test_correlations(path, now);
    report.results.extend(correlations.results);
    report.problems.extend(correlations.problems);
    match args.format.format {
        Format::Table => print_results(&report)?,
        format => {
            let documents = report.results.iter().map(document);
            write_documents(&mut io::stdout().lock(), format, documents)?;
        }
    }
    report.problems.iter().for_each(print_error);
    match args.format.format {
        Format::Table => writeln!(io::stdout(), "{}", summary_line(&report))?,
        Format::Json | Format::Ndjson => print_message(summary_line(&report)),
    }
    Ok(ExitCode::from(exit_code(&report)))
}

fn print_results(report: &TestReport) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in report.results.iter().flat_map(result_lines) {
        writeln!(out, "{}", clean_text(&line))?;
    }
    for rule in &report.unsupported {
        writeln!(out, "SKIP  {}", clean_text(&rule.to_string()))?;
    }
    Ok(())
}

fn document(result: &TestResult) -> Value {
    json!({
        "rule_id": result.rule.id,
        "name": result.rule.name,
        "passed": result.failures.is_empty(),
        "must_match": result.must_match,
        "must_not_match": result.must_not_match,
        "failures": result.failures,
    })
}

fn result_lines(result: &TestResult) -> Vec<String> {
    let TestResult { rule, must_match, must_not_match, failures } = result;
    let verdict = if failures.is_empty() { "ok  " } else { "FAIL" };
    let name = &rule.name;
    let mut lines =
        vec![format!("{verdict}  {name} ({must_match} to match, {must_not_match} not to)")];
    lines.extend(failures.iter().map(|failure| format!("      {failure}")));
    lines
}

fn summary_line(report: &TestReport) -> String {
    let passed = report.results.iter().filter(|result| result.failures.is_empty()).count();
    let mut line = format!("{passed} of {} passed", pluralize(report.results.len(), "rule"));
    if !report.unsupported.is_empty() {
        line += &format!("; {} unsupported", report.unsupported.len());
    }
    if report.results.is_empty() {
        line += "; nothing was tested";
    }
    if !report.problems.is_empty() {
        line += &format!("; {}", pluralize(report.problems.len(), "problem"));
    }
    line
}

fn exit_code(report: &TestReport) -> u8 {
    if !report.problems.is_empty() {
        return 2;
    }
    let is_failed = report.results.iter().any(|result| !result.failures.is_empty());
    u8::from(is_failed || report.results.is_empty())
}
