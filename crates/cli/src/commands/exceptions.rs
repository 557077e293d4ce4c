//! `trailbell exceptions check`, and the exceptions of other commands.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use detect::rule::exception::{ExceptionState, Expiry};
use detect::rule::{Exception, Exceptions, LoadedExceptions, RuleSet};
use detect::text::clean;
use jiff::Timestamp;

use crate::commands::args::{CheckExceptionsArgs, ExceptionsArgs, ExceptionsCommand};
use crate::commands::output::say;
use crate::commands::rules;

/// The exceptions of `paths`. Warnings are named; a file that cannot be used is an error.
pub fn load(paths: &[PathBuf], rules: &RuleSet) -> Result<Exceptions, Box<dyn Error>> {
    let loaded = checked(paths, rules);
    Ok(loaded.into_exceptions()?)
}

fn checked(paths: &[PathBuf], rules: &RuleSet) -> LoadedExceptions {
    let mut loaded = LoadedExceptions::from_paths(paths);
    loaded.check_rules(rules);
    for warning in &loaded.warnings {
        say(format_args!("trailbell: warning: {warning}"));
    }
    loaded
}

pub fn run(args: &ExceptionsArgs) -> Result<ExitCode, Box<dyn Error>> {
    match &args.command {
        ExceptionsCommand::Check(args) => check(args),
    }
}

fn check(args: &CheckExceptionsArgs) -> Result<ExitCode, Box<dyn Error>> {
    let rules = rules::load(!args.no_default_rules, &args.rules)?;
    let loaded = checked(&args.paths, &rules);
    let warned = !loaded.warnings.is_empty();
    let exceptions = loaded.into_exceptions()?;
    let now = now();
    print(exceptions.as_slice(), &rules, now)?;
    let expired = exceptions
        .as_slice()
        .iter()
        .any(|exception| exception.state(now) == ExceptionState::Expired);
    Ok(ExitCode::from(u8::from(warned || expired)))
}

fn print(exceptions: &[Exception], rules: &RuleSet, now: Timestamp) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if exceptions.is_empty() {
        return writeln!(out, "there is no exception in these files");
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["Exception", "State", "Rules", "Owner", "Reason"]);
    for exception in exceptions {
        table.add_row(row(exception, rules, now));
    }
    writeln!(out, "{table}")
}

/// The most characters of one cell.
const CELL: usize = 1200;

fn row(exception: &Exception, rules: &RuleSet, now: Timestamp) -> [String; 5] {
    let cell = |text: &str| clean::text(text, CELL);
    let state = state(exception, now);
    [
        cell(&exception.name),
        state,
        named(exception, rules),
        cell(&exception.owner),
        cell(exception.reason.trim()),
    ]
}

fn state(exception: &Exception, now: Timestamp) -> String {
    let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M UTC");
    match (exception.state(now), exception.starts, exception.expires) {
        (ExceptionState::NotYet, Some(starts), _) => format!("not yet\nfrom {}", minute(starts)),
        (ExceptionState::Expired, _, Expiry::At(last)) => {
            format!("EXPIRED {} ago\n{}", span(now, last), minute(last))
        }
        (_, _, Expiry::At(last)) => {
            format!("active, {} left\nuntil {}", span(now, last), minute(last))
        }
        (_, _, Expiry::Never) => "active\nnever expires".to_owned(),
    }
}

fn span(now: Timestamp, last: Timestamp) -> String {
    detect::rule::exception::format_days(last.duration_since(now))
}

/// The rules that it is for, by name: what an id stands for is what people want to see.
fn named(exception: &Exception, rules: &RuleSet) -> String {
    if exception.rules.iter().any(|of| of.selects_every_rule()) {
        return "every rule".to_owned();
    }
    let name = |text: &str| {
        let rule = rules.rules().iter().find(|rule| rule.info.id == text);
        clean::text(rule.map_or(text, |rule| &rule.info.name), CELL)
    };
    exception.rules.iter().map(|of| name(&of.text)).collect::<Vec<_>>().join("\n")
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
