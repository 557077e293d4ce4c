//! `trailbell explain`: one record as the rules see it, and why a rule matches it or does not.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use trailbell::alert::clean;
use trailbell::cloudtrail::Record;
use trailbell::cloudtrail::reader::{self, Options};
use trailbell::ecs::{self, View};
use trailbell::explain::explain;
use trailbell::rule::{Rule, RuleSet};
use trailbell::store::open_file;

use crate::args::ExplainArgs;
use crate::{files, rules};

/// The most characters of a rule's name.
const NAME: usize = 300;

pub fn run(args: &ExplainArgs) -> Result<ExitCode, Box<dyn Error>> {
    let rules = rules::load(!args.no_default_rules, &args.rules)?;
    let rule = args.rule.as_deref().map(|word| find(&rules, word)).transpose()?;
    let record = record(&args.file, args.record)?;
    let (view, now) = (View::new(&record), now());
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n", clean::json(&serde_json::to_string_pretty(&ecs::document(&record))?))?;
    match rule {
        Some(rule) => clauses(&mut out, rule, &view, now)?,
        None => matching(&mut out, &rules, &view, now)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn find<'r>(rules: &'r RuleSet, word: &str) -> Result<&'r Rule, Box<dyn Error>> {
    let found = rules.rules().iter().find(|rule| rule.info.id == word || rule.info.name == word);
    found.ok_or_else(|| {
        let known = rules.rules().iter().map(|rule| format!("  {}", named(rule))).collect::<Vec<_>>();
        format!("no rule has the id or the name `{}`; there are:\n{}", clean::text(word, NAME), known.join("\n")).into()
    })
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
            count => format!("{name}: no record {number}: they are numbered from 0 to {}", count - 1),
        }
        .into()),
    }
}

fn clauses(out: &mut impl Write, rule: &Rule, view: &View<'_>, now: Timestamp) -> io::Result<()> {
    let clause = explain(&rule.query, view, now);
    let verdict = if clause.holds { "matches this record" } else { "does not match this record" };
    write!(out, "{} {verdict}:\n{clause}", named(rule))
}

fn matching(out: &mut impl Write, rules: &RuleSet, view: &View<'_>, now: Timestamp) -> io::Result<()> {
    let matching: Vec<&Rule> = rules.matching(view, now).collect();
    if matching.is_empty() {
        let count = rules.rules().len();
        return writeln!(out, "no rule matches this record, of {count}; --rule ID tells why one does not");
    }
    matching.iter().try_for_each(|rule| writeln!(out, "✓ {}, {}", named(rule), rule.info.severity.as_str()))
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
