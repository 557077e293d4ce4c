//! `trailbell rules test`: one line for each rule, and one for each fault.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use jiff::Timestamp;
use trailbell::alert::clean;
use trailbell::rule::testing::{self, Outcome, Tested};

use super::args::TestArgs;
use super::counted;

use crate::output::say;

/// The most characters of a line.
const LINE: usize = 2000;

pub fn run(args: &TestArgs) -> Result<ExitCode, Box<dyn Error>> {
    let tested = match &args.path {
        Some(path) => testing::folder(path, now()),
        None => testing::embedded(now()),
    };
    let mut out = io::stdout().lock();
    for line in tested.outcomes.iter().flat_map(lines).chain(tested.refused.iter().map(|it| format!("SKIP  {it}"))) {
        writeln!(out, "{}", clean::text(&line, LINE))?;
    }
    for problem in &tested.problems {
        say(format_args!("trailbell: {problem}"));
    }
    writeln!(out, "{}", summary(&tested))?;
    Ok(ExitCode::from(code(&tested)))
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn lines(outcome: &Outcome) -> impl Iterator<Item = String> {
    let Outcome { rule, must_match, must_not_match, faults } = outcome;
    let verdict = if faults.is_empty() { "ok  " } else { "FAIL" };
    let counts = format!("({must_match} to match, {must_not_match} not to)");
    let head = format!("{verdict}  {} {counts}", rule.info.name);
    std::iter::once(head).chain(faults.iter().map(|fault| format!("      {fault}")))
}

fn summary(tested: &Tested) -> String {
    let passed = tested.outcomes.iter().filter(|outcome| outcome.faults.is_empty()).count();
    let mut summary = format!("{} of {} passed", passed, counted(tested.outcomes.len(), "rule"));
    if !tested.refused.is_empty() {
        summary += &format!("; {} cannot run here", tested.refused.len());
    }
    if !tested.problems.is_empty() {
        summary += &format!("; {}", counted(tested.problems.len(), "problem"));
    }
    summary
}

fn code(tested: &Tested) -> u8 {
    let failed = tested.outcomes.iter().any(|outcome| !outcome.faults.is_empty());
    if tested.problems.is_empty() { u8::from(failed) } else { 2 }
}
