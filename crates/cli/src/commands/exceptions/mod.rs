//! `trailbell exceptions`.

mod against;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;
use detect::rule::exception::{ExceptionState, Expiry, format_days};
use detect::rule::{Detections, Exception, RuleSet};
use detect::text::time::format_minute;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::commands::arguments::{RuleArgs, SettingArgs};
use crate::commands::aws::AwsArgs;
use crate::commands::output::{Format, FormatArg, clean_text, new_table, write_documents};
use crate::commands::setup;
use crate::commands::time_range::TimeRangeArgs;
use against::{Counted, Logs};

#[derive(Debug, Subcommand)]
pub enum ExceptionsCommand {
    Check(CheckArgs),
}

/// Check exception files, and what they would suppress.
///
/// Prints the state, the expiry date and the rules of each exception. Errors name the file and the
/// line. Warnings point out what is risky: a condition that an attacker could meet, or findings
/// about a privileged group that would be suppressed.
///
/// With --against, scans log files, directories or buckets, and prints how many of the findings
/// each exception would suppress, and which. Exceptions that start later or have expired count as
/// active.
///
/// Exit codes: 0 all exceptions can be used; 1 all can be used, but one has expired, there is a
/// warning, or a finding above medium would be suppressed; 2 a file or a log cannot be used, or
/// wrong usage.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Exception files, directories of them, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    settings: SettingArgs,
    /// Logs to count findings in: files, directories and s3://BUCKET/PREFIX (repeatable)
    #[arg(long, value_name = "LOGS")]
    against: Vec<PathBuf>,
    #[command(flatten)]
    range: TimeRangeArgs,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(command: &ExceptionsCommand) -> Result<ExitCode> {
    let ExceptionsCommand::Check(args) = command;
    if args.against.is_empty() && !args.range.is_unbounded() {
        bail!("--since and --until need --against, the logs to count findings in");
    }
    let now = setup::now();
    let rules = args.rules.load()?;
    let settings = args.settings.load(&args.rules)?;
    let loaded = setup::load_exceptions(&args.paths, &rules, &settings.privileged_groups);
    let has_warnings = !loaded.warnings.is_empty();
    let exceptions = loaded.into_exceptions()?;
    let list = exceptions.as_slice().to_vec();
    let format = args.format.format;
    if format == Format::Table {
        print_exceptions(&list, &rules, now)?;
    }
    let counted = match args.against.is_empty() {
        true => None,
        false => {
            let detections = Detections::new(rules, exceptions).with_settings(settings);
            let logs = Logs { paths: &args.against, range: &args.range, aws: &args.aws };
            Some(against::count(&logs, detections, now)?)
        }
    };
    match (format, &counted) {
        (Format::Table, Some(counted)) => counted.print(&list)?,
        (Format::Table, None) => {}
        _ => {
            let documents = list.iter().map(|one| document(one, counted.as_ref(), now));
            write_documents(&mut io::stdout().lock(), format, documents)?;
        }
    }
    let is_expired = |exception: &Exception| exception.state(now) == ExceptionState::Expired;
    let is_risky = has_warnings || list.iter().any(is_expired);
    let own_code = ExitCode::from(u8::from(is_risky));
    Ok(counted.and_then(|counted| counted.exit_code()).unwrap_or(own_code))
}

fn document(exception: &Exception, counted: Option<&Counted>, now: Timestamp) -> Value {
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
    let mut document = json!({
        "name": exception.name,
        "state": state,
        "starts": exception.starts,
        "expires": expires,
        "rules": rules,
        "owner": exception.owner,
        "reason": exception.reason.trim(),
        "query": exception.query.source().trim(),
        "file": exception.path,
    });
    if let Some(counted) = counted {
        document["would_suppress"] = counted.document(&exception.name);
    }
    document
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
