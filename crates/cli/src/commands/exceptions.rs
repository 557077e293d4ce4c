//! `trailbell exceptions`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use detect::rule::exception::{ExceptionState, Expiry, format_days};
use detect::rule::{Exception, RuleSet};
use detect::text::time::format_minute;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::commands::arguments::RuleArgs;
use crate::commands::output::{Format, FormatArg, clean_text, new_table, write_documents};
use crate::commands::setup;

#[derive(Debug, Subcommand)]
pub enum ExceptionsCommand {
    Check(CheckArgs),
}

/// Check exception files.
///
/// Prints the state, the expiry date and the rules of each exception. Errors name the file and the
/// line. Warnings point out what is risky, such as a condition that an attacker could meet.
///
/// Exit codes: 0 all exceptions can be used; 1 all can be used, but one has expired or there is a
/// warning; 2 a file cannot be used, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Exception files, directories of them, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(command: &ExceptionsCommand) -> Result<ExitCode> {
    let ExceptionsCommand::Check(args) = command;
    let rules = args.rules.load()?;
    let loaded = setup::load_exceptions(&args.paths, &rules);
    let has_warnings = !loaded.warnings.is_empty();
    let exceptions = loaded.into_exceptions()?;
    let exceptions = exceptions.as_slice();
    let now = setup::now();
    match args.format.format {
        Format::Table => print_exceptions(exceptions, &rules, now)?,
        format => {
            let documents = exceptions.iter().map(|exception| document(exception, now));
            write_documents(&mut io::stdout().lock(), format, documents)?;
        }
    }
    let is_expired = |exception: &Exception| exception.state(now) == ExceptionState::Expired;
    Ok(ExitCode::from(u8::from(has_warnings || exceptions.iter().any(is_expired))))
}

fn document(exception: &Exception, now: Timestamp) -> Value {
    let state = match exception.state(now) {
        ExceptionState::NotYet => "not_yet",
        ExceptionState::Active => "active",
        ExceptionState::Expired => "expired",
    };
    let expires = match exception.expires {
        Expiry::At(last) => Some(last),
        Expiry::Never => None,
    };
    let rules: Vec<&str> = exception.rules.iter().map(|rule| rule.text.as_str()).collect();
    json!({
        "name": exception.name,
        "state": state,
        "starts": exception.starts,
        "expires": expires,
        "rules": rules,
        "owner": exception.owner,
        "reason": exception.reason.trim(),
        "query": exception.query.source().trim(),
        "file": exception.path,
    })
}

fn print_exceptions(exceptions: &[Exception], rules: &RuleSet, now: Timestamp) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if exceptions.is_empty() {
        return writeln!(out, "no exceptions in these files");
    }
    let mut table = new_table(["Exception", "State", "Rules", "Owner", "Reason"]);
    for exception in exceptions {
        table.add_row([
            clean_text(&exception.name),
            state_cell(exception, now),
            rules_cell(exception, rules),
            clean_text(&exception.owner),
            clean_text(exception.reason.trim()),
        ]);
    }
    writeln!(out, "{table}")
}

fn state_cell(exception: &Exception, now: Timestamp) -> String {
    let days = |last: Timestamp| format_days(last.duration_since(now));
    match (exception.state(now), exception.starts, exception.expires) {
        (ExceptionState::NotYet, Some(starts), _) => {
            format!("not yet\nfrom {}", format_minute(starts))
        }
        (ExceptionState::Expired, _, Expiry::At(last)) => {
            format!("EXPIRED {} ago\n{}", days(last), format_minute(last))
        }
        (_, _, Expiry::At(last)) => {
            format!("active, {} left\nuntil {}", days(last), format_minute(last))
        }
        (_, _, Expiry::Never) => "active\nnever expires".to_owned(),
    }
}

/// Names the rules, also those that the exception gives by id.
fn rules_cell(exception: &Exception, rules: &RuleSet) -> String {
    if exception.rules.iter().any(|selector| selector.selects_every_rule()) {
        return "every rule".to_owned();
    }
    let name = |text: &str| {
        let rule = rules.rules().iter().find(|rule| rule.info.id == text);
        clean_text(rule.map_or(text, |rule| &rule.info.name))
    };
    exception.rules.iter().map(|selector| name(&selector.text)).collect::<Vec<_>>().join("\n")
}
