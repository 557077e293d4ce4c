//! `trailbell rules check`: one line for each file, then one for each thing to say of it.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use detect::rule::Problem;
use detect::rule::check::check_rule_files;
use detect::rule::load::{RuleFile, Verdict};
use detect::text::clean;

use super::args::CheckArgs;
use super::counted;

/// The most characters of a line.
const LINE: usize = 2000;

pub fn run(args: &CheckArgs) -> Result<ExitCode, Box<dyn Error>> {
    let files = check_rule_files(&args.paths);
    let mut out = io::stdout().lock();
    for file in &files {
        for line in lines(file) {
            writeln!(out, "{}", clean::text(&line, LINE))?;
        }
    }
    writeln!(out, "{}", summary(&files))?;
    Ok(ExitCode::from(code(&files, args.strict)))
}

fn lines(file: &RuleFile) -> impl Iterator<Item = String> {
    let path = &file.path;
    let verdict = match &file.verdict {
        Verdict::Rule(rule) => format!("{path}: runs: {}", rule.info.name),
        Verdict::Correlation(correlation) => format!("{path}: runs: {}", correlation.info.name),
        Verdict::Unsupported(problem) => problem.to_string(),
        Verdict::Broken => format!("{path}: broken"),
    };
    let errors = file.problems.iter().map(|problem| line(problem, "error"));
    let warnings = file.warnings.iter().map(|warning| line(warning, "warning"));
    std::iter::once(verdict).chain(errors).chain(warnings)
}

fn line(problem: &Problem, kind: &str) -> String {
    let place =
        problem.position.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
    format!("{}{place}: {kind}: {}", problem.path, problem.message)
}

fn summary(files: &[RuleFile]) -> String {
    let count =
        |wanted: fn(&Verdict) -> bool| files.iter().filter(|file| wanted(&file.verdict)).count();
    let warnings = files.iter().map(|file| file.warnings.len()).sum();
    format!(
        "{}: {} can run, {} cannot run here, {} broken; {}",
        counted(files.len(), "file"),
        count(|verdict| matches!(verdict, Verdict::Rule(_) | Verdict::Correlation(_))),
        count(|verdict| matches!(verdict, Verdict::Unsupported(_))),
        count(|verdict| matches!(verdict, Verdict::Broken)),
        counted(warnings, "warning"),
    )
}

fn code(files: &[RuleFile], strict: bool) -> u8 {
    let any = |wanted: fn(&RuleFile) -> bool| files.iter().any(wanted);
    match () {
        () if any(|file| matches!(file.verdict, Verdict::Broken)) => 2,
        () if any(|file| matches!(file.verdict, Verdict::Unsupported(_))) => 1,
        () if strict && any(|file| !file.warnings.is_empty()) => 1,
        () => 0,
    }
}
