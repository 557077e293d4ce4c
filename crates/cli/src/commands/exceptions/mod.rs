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

use crate::commands::arguments::{RuleArgs, SettingArgs};
use crate::commands::aws::AwsArgs;
use crate::commands::output::{clean_text, new_table};
use crate::commands::setup;
use crate::commands::time_range::TimeRangeArgs;
use against::Logs;

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
    /// Exception files, or directories of them
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
    print_exceptions(exceptions.as_slice(), &rules, now)?;
    let is_expired = |exception: &Exception| exception.state(now) == ExceptionState::Expired;
    let is_risky = has_warnings || exceptions.as_slice().iter().any(is_expired);
    let own_code = ExitCode::from(u8::from(is_risky));
    if args.against.is_empty() {
        return Ok(own_code);
    }
    let detections = Detections::new(rules, exceptions).with_settings(settings);
    let logs = Logs { paths: &args.against, range: &args.range, aws: &args.aws };
    Ok(against::run(&logs, detections, now)?.unwrap_or(own_code))
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
