//! `trailbell rules check`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use detect::rule::Problem;
use detect::rule::check::check_rule_files;
use detect::rule::load::{RuleFile, Verdict};
use serde_json::{Value, json};

use crate::commands::output::{
    Format, FormatArg, clean_text, pluralize, print_message, write_documents,
};

/// The widest column of types. Others write the files.
const MAX_TYPE_WIDTH: usize = 20;

/// Of more files, those that need no attention are not listed: nobody would find the others.
const MAX_LISTED: usize = 40;

/// Check rule files.
///
/// Prints for each file whether it can run, errors and warnings with file, line and column, and
/// how many rules of each type can run. Of more than 40 files, those that run without a warning
/// are only counted.
/// Warnings are about unknown keys and fields, conditions that can never be true, operators of
/// other languages (=, &&, |), queries without a literal to search for (which are slow),
/// thresholds, sequences and new terms that match very often, and duplicate ids.
///
/// A condition can never be true if its value is not of the field's type (ip, boolean or date; no
/// field is a number), if no record has its value (event.category, event.type, event.outcome), or
/// if it asks a field with a single value for two values. These fields can have several values:
/// event.category, event.type, related.user, group.*, user.target.*, user.changes.name,
/// aws.cloudtrail.resources.* and aws.cloudtrail.flattened.*. In EQL, there is a warning of a *
/// after ==, != and in, too: it is an ordinary character there.
///
/// Exit codes: 0 all files can run; 1 a file is of an unsupported kind, or there is a warning and
/// --strict; 2 a file is broken.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rule files, directories of them, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Exit with 1 if there is a warning
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let files = check_rule_files(&args.paths);
    let warnings: usize = files.iter().map(|file| file.warnings.len()).sum();
    let [mut runs, mut unsupported, mut broken] = [0; 3];
    for file in &files {
        match file.verdict {
            Verdict::Rule(_) | Verdict::Correlation(_) => runs += 1,
            Verdict::Unsupported(_) => unsupported += 1,
            Verdict::Broken => broken += 1,
        }
    }
    let counts = format!(
        "{}: {runs} can run, {unsupported} unsupported, {broken} broken; {}",
        pluralize(files.len(), "file"),
        pluralize(warnings, "warning"),
    );
    match args.format.format {
        Format::Table => print_files(&files, &counts)?,
        format => {
            write_documents(&mut io::stdout().lock(), format, files.iter().map(document))?;
            print_message(counts);
        }
    }
    Ok(ExitCode::from(match (broken, unsupported) {
        (1.., _) => 2,
        (_, 1..) => 1,
        _ => u8::from(args.strict && warnings > 0),
    }))
}

fn print_files(files: &[RuleFile], counts: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (listed, unlisted): (Vec<&RuleFile>, Vec<&RuleFile>) =
        files.iter().partition(|file| files.len() <= MAX_LISTED || needs_attention(file));
    for line in listed.into_iter().flat_map(file_lines) {
        writeln!(out, "{}", clean_text(&line))?;
    }
    if !unlisted.is_empty() {
        writeln!(
            out,
            "not listed: {} that run without a warning",
            pluralize(unlisted.len(), "file")
        )?;
    }
    writeln!(out, "{counts}")?;
    type_lines(files).iter().try_for_each(|line| writeln!(out, "{}", clean_text(line)))
}

fn document(file: &RuleFile) -> Value {
    let (verdict, rule, reason) = match &file.verdict {
        Verdict::Rule(rule) => ("runs", Some(&rule.info), None),
        Verdict::Correlation(correlation) => ("runs", Some(&correlation.info), None),
        Verdict::Unsupported(rule) => ("unsupported", None, Some(&rule.problem.message)),
        Verdict::Broken => ("broken", None, None),
    };
    json!({
        "file": file.path,
        "type": file.rule_type,
        "verdict": verdict,
        "rule_id": rule.map(|rule| &rule.id),
        "name": rule.map(|rule| &rule.name),
        "reason": reason,
        "errors": file.problems.iter().map(problem_document).collect::<Vec<_>>(),
        "warnings": file.warnings.iter().map(problem_document).collect::<Vec<_>>(),
    })
}

fn problem_document(problem: &Problem) -> Value {
    json!({
        "line": problem.position.map(|at| at.line),
        "column": problem.position.map(|at| at.column),
        "message": problem.message,
    })
}

/// How many rules of each type can run, and why the others cannot.
fn type_lines(files: &[RuleFile]) -> Vec<String> {
    let mut types: BTreeMap<&str, TypeCounts> = BTreeMap::new();
    for file in files {
        let counts = types.entry(file.rule_type.as_deref().unwrap_or("no type")).or_default();
        match &file.verdict {
            Verdict::Rule(_) | Verdict::Correlation(_) => counts.runs += 1,
            Verdict::Unsupported(rule) => *counts.refused.entry(&rule.reason).or_default() += 1,
            Verdict::Broken => counts.broken += 1,
        }
    }
    let width = types.keys().map(|name| name.len().min(MAX_TYPE_WIDTH)).max().unwrap_or_default();
    let digits = files.len().to_string().len();
    let mut lines = Vec::new();
    for (name, counts) in types {
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        for ((count, verdict), name) in counts.verdicts().into_iter().zip(names) {
            lines.push(format!("  {name:width$}  {count:digits$} {verdict}"));
        }
    }
    lines
}

/// The verdicts about the rules of one type.
#[derive(Default)]
struct TypeCounts<'f> {
    runs: usize,
    broken: usize,
    /// How often each reason applies.
    refused: BTreeMap<&'f str, usize>,
}

impl TypeCounts<'_> {
    /// The verdicts that apply, and how often.
    fn verdicts(&self) -> Vec<(usize, String)> {
        let runs = [(self.runs, "can run".to_owned()), (self.broken, "broken".to_owned())];
        let refused = self.refused.iter();
        let refused = refused.map(|(reason, count)| (*count, format!("unsupported: {reason}")));
        runs.into_iter().filter(|(count, _)| *count > 0).chain(refused).collect()
    }
}

/// Returns true if there is more to say about the file than that it can run.
fn needs_attention(file: &RuleFile) -> bool {
    let runs = matches!(file.verdict, Verdict::Rule(_) | Verdict::Correlation(_));
    !runs || !file.warnings.is_empty()
}

fn file_lines(file: &RuleFile) -> impl Iterator<Item = String> {
    let verdict = match &file.verdict {
        Verdict::Rule(rule) => format!("runs: {}", rule.info.name),
        Verdict::Correlation(correlation) => format!("runs: {}", correlation.info.name),
        Verdict::Unsupported(rule) => rule.problem.message.clone(),
        Verdict::Broken => "broken".to_owned(),
    };
    let position = match &file.verdict {
        Verdict::Unsupported(rule) => format_position(&rule.problem),
        _ => String::new(),
    };
    let verdict = format!("{}{position}: {verdict}", file.path);
    let errors = file.problems.iter().map(|problem| problem_line(problem, "error"));
    let warnings = file.warnings.iter().map(|warning| problem_line(warning, "warning"));
    std::iter::once(verdict).chain(errors).chain(warnings)
}

fn problem_line(problem: &Problem, kind: &str) -> String {
    format!("{}{}: {kind}: {}", problem.path, format_position(problem), problem.message)
}

/// `:line:column`, or nothing if the problem concerns the whole file.
fn format_position(problem: &Problem) -> String {
    problem.position.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default()
}
