//! `trailbell rules test`: one line for each rule, and one for each fault.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use detect::correlation;
use detect::correlation::testing::CorrelationTests as Correlations;
use detect::rule::testing::{self, Fault, Outcome, Tested};
use detect::text::clean;
use jiff::Timestamp;

use super::args::TestArgs;
use super::counted;
use crate::commands::output::say;

/// The most characters of a line.
const LINE: usize = 2000;

pub fn run(args: &TestArgs) -> Result<ExitCode, Box<dyn Error>> {
    let tested = match &args.path {
        Some(path) => testing::folder(path, now()),
        None => testing::embedded(now()),
    };
    let mut out = io::stdout().lock();
    for line in tested
        .outcomes
        .iter()
        .flat_map(lines)
        .chain(tested.refused.iter().map(|it| format!("SKIP  {it}")))
    {
        writeln!(out, "{}", clean::text(&line, LINE))?;
    }
    for problem in &tested.problems {
        say(format_args!("trailbell: {problem}"));
    }
    let correlations = correlation::testing::test(args.path.clone(), now());
    for line in correlations.outcomes.iter().flat_map(correlation_lines) {
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

fn lines(outcome: &Outcome) -> Vec<String> {
    let Outcome { rule, must_match, must_not_match, faults } = outcome;
    told(&rule.info.name, &format!("{must_match} to match, {must_not_match} not to"), faults)
}

fn correlation_lines(outcome: &correlation::testing::CorrelationTest) -> Vec<String> {
    let correlation::testing::CorrelationTest { name, must_match, must_not_match, faults } =
        outcome;
    told(name, &format!("{must_match} sequences to match, {must_not_match} not to"), faults)
}

fn told(name: &str, counts: &str, faults: &[Fault]) -> Vec<String> {
    let verdict = if faults.is_empty() { "ok  " } else { "FAIL" };
    let head = format!("{verdict}  {name} ({counts})");
    std::iter::once(head).chain(faults.iter().map(|fault| format!("      {fault}"))).collect()
}

/// What went wrong with each rule of either kind.
fn faults<'t>(
    tested: &'t Tested,
    correlations: &'t Correlations,
) -> impl Iterator<Item = &'t [Fault]> {
    let of_rules = tested.outcomes.iter().map(|outcome| &*outcome.faults);
    of_rules.chain(correlations.outcomes.iter().map(|outcome| &*outcome.faults))
}

fn summary(tested: &Tested, correlations: &Correlations) -> String {
    let all = faults(tested, correlations).count();
    let passed = faults(tested, correlations).filter(|faults| faults.is_empty()).count();
    let mut summary = format!("{} of {} passed", passed, counted(all, "rule"));
    if !tested.refused.is_empty() {
        summary += &format!("; {} cannot run here", tested.refused.len());
    }
    if let problems @ 1.. = tested.problems.len() + correlations.problems.len() {
        summary += &format!("; {}", counted(problems, "problem"));
    }
    summary
}

fn code(tested: &Tested, correlations: &Correlations) -> u8 {
    let failed = faults(tested, correlations).any(|faults| !faults.is_empty());
    if tested.problems.is_empty() && correlations.problems.is_empty() {
        u8::from(failed)
    } else {
        2
    }
}
