//! `trailbell explain`: one record as the rules see it, and why a rule matches it or does not.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use detect::cloudtrail::Record;
use detect::cloudtrail::reader::{self, Options};
use detect::correlation::{group_by_values, place_marks};
use detect::ecs::{self, View};
use detect::finding::{Finding, Origin};
use detect::rule::explain::explain;
use detect::rule::{Correlation, Rule, RuleSet};
use detect::text::clean;
use jiff::Timestamp;
use trailbell::store::open_file;

use crate::commands::args::ExplainArgs;
use crate::commands::{exceptions, files, rules};

/// The most characters of a rule's name.
const NAME: usize = 300;

pub fn run(args: &ExplainArgs) -> Result<ExitCode, Box<dyn Error>> {
    let rules = rules::load(!args.no_default_rules, &args.rules)?;
    let exceptions = exceptions::load(&args.exceptions, &rules)?;
    let correlation = args.rule.as_deref().and_then(|word| correlation(&rules, word));
    let rule = args
        .rule
        .as_deref()
        .filter(|_| correlation.is_none())
        .map(|word| find(&rules, word))
        .transpose()?;
    let record = record(&args.file, args.record)?;
    let (view, now) = (View::new(&record), now());
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n", clean::json(&serde_json::to_string_pretty(&ecs::document(&record))?))?;
    let matching: Vec<&Rule> = match (rule, correlation) {
        (Some(rule), _) => clauses(&mut out, rule, &view, now)?.into_iter().collect(),
        (None, Some(it)) => {
            rules.matching(&view, now).filter(|rule| it.includes_rule(&rule.info.id)).collect()
        }
        (None, None) => matching(&mut out, &rules, &view, now)?,
    };
    let asked = rules.correlations().iter().filter(|it| correlation.is_none_or(|only| only == *it));
    for it in asked.filter(|_| rule.is_none()) {
        counts(&mut out, it, &matching, &record, now, correlation.is_some())?;
    }
    for rule in matching {
        if let Some(exception) = exceptions.matching(&rule.info, &view, now) {
            let (rule, name) =
                (clean::text(&rule.info.name, NAME), clean::text(&exception.name, NAME));
            writeln!(out, "not alerted by {rule} because of exception `{name}`")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn find<'r>(rules: &'r RuleSet, word: &str) -> Result<&'r Rule, Box<dyn Error>> {
    let found = rules.rules().iter().find(|rule| rule.info.id == word || rule.info.name == word);
    found.ok_or_else(|| {
        let known =
            rules.rules().iter().map(|rule| format!("  {}", named(rule))).collect::<Vec<_>>();
        format!(
            "no rule has the id or the name `{}`; there are:\n{}",
            clean::text(word, NAME),
            known.join("\n")
        )
        .into()
    })
}

fn correlation<'r>(rules: &'r RuleSet, word: &str) -> Option<&'r Correlation> {
    rules.correlations().iter().find(|it| it.info.id == word || it.info.name == word)
}

/// Prints what a record counts for in a correlation; where it was asked for, also that it counts
/// for nothing.
fn counts(
    out: &mut impl Write,
    it: &Correlation,
    matching: &[&Rule],
    record: &Record,
    now: Timestamp,
    asked: bool,
) -> io::Result<()> {
    let origin = || Origin::Inline { envelope: "explain".to_owned(), record: 0 };
    let findings = matching.iter().map(|rule| Finding::new(&rule.info, record, origin()));
    let mut any = false;
    for finding in findings {
        for place in place_marks(it, &finding, now, now) {
            any = true;
            let alike = group_by_values(&it.group_by, &place.folder, &finding).unwrap_or_default();
            let alike: Vec<String> = alike.iter().map(|value| clean::text(value, NAME)).collect();
            let raised = place.mark.raised.map(|to| format!(", and raises it to {}", to.as_str()));
            let (name, rule) =
                (clean::text(&it.info.name, NAME), clean::text(&finding.rule.name, NAME));
            let raised = raised.unwrap_or_default();
            writeln!(
                out,
                "✓ counts for correlation {name} under {} (as {rule}){raised}",
                alike.join(" · ")
            )?;
        }
    }
    if asked && !any {
        let names: Vec<String> = it
            .rule_references()
            .map(|rule| format!("  {}", clean::text(&rule.name, NAME)))
            .collect();
        let (name, of) = (clean::text(&it.info.name, NAME), it.group_by.join(", "));
        let which = names.join("\n");
        writeln!(
            out,
            "✗ does not count for correlation {name}, which asks for {of} in what these find:\n{which}"
        )?;
    }
    Ok(())
}

fn named(rule: &Rule) -> String {
    format!("{} ({})", clean::text(&rule.info.name, NAME), clean::text(&rule.info.id, NAME))
}

fn record(file: &Path, number: usize) -> Result<Record, Box<dyn Error>> {
    let name = clean::text(&file.display().to_string(), 4096);
    let body = open_file(file).map_err(|error| format!("{name}: {error}"))?;
    let options = Options { max_bytes: u64::MAX, lines: files::is_line_delimited(file) };
    let mut found = None;
    let (read, end) = reader::read(body, options, &mut |index, record| {
        if index == number {
            found = Some(record);
        }
    });
    match (found, end) {
        (Some(record), _) => record.map_err(|bad| format!("{name}: {bad}").into()),
        (None, Err(error)) => Err(format!("{name}: {error}").into()),
        (None, Ok(())) => Err(match read.records {
            0 => format!("{name}: there is no record in it"),
            count => {
                format!("{name}: no record {number}: they are numbered from 0 to {}", count - 1)
            }
        }
        .into()),
    }
}

/// Prints a rule clause by clause; gives it back where it matches.
fn clauses<'r>(
    out: &mut impl Write,
    rule: &'r Rule,
    view: &View<'_>,
    now: Timestamp,
) -> io::Result<Option<&'r Rule>> {
    let clause = explain(&rule.query, view, now);
    let verdict = if clause.holds { "matches this record" } else { "does not match this record" };
    write!(out, "{} {verdict}:\n{clause}", named(rule))?;
    Ok(clause.holds.then_some(rule))
}

/// Prints the rules that match, and gives them back.
fn matching<'r>(
    out: &mut impl Write,
    rules: &'r RuleSet,
    view: &View<'_>,
    now: Timestamp,
) -> io::Result<Vec<&'r Rule>> {
    let matching: Vec<&Rule> = rules.matching(view, now).collect();
    if matching.is_empty() {
        let count = rules.rules().len();
        writeln!(out, "no rule matches this record, of {count}; --rule ID tells why one does not")?;
    }
    matching
        .iter()
        .try_for_each(|rule| writeln!(out, "✓ {}, {}", named(rule), rule.info.severity.as_str()))?;
    Ok(matching)
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
