//! `trailbell report`: what happened to IAM groups, as one page, CSV or JSON.

mod from_ledger;
mod from_logs;
pub mod output;
mod proof;

use std::path::PathBuf;
use std::process::ExitCode;

use alert::Accounts;
use anyhow::Result;
use clap::ValueEnum;
use jiff::Timestamp;
use report::data::{Input, Origin, ReportedFinding, Scope, Unreadable};
use report::{Report, csv};

use crate::commands::arguments::{DetectionArgs, LedgerArg};
use crate::commands::setup;
use crate::commands::time_range::{TimeRange, TimeRangeArgs};

/// Write a page about who changed which group, what it can do now, and what is proven.
///
/// Reads the ledger; or, if paths are given, log files, which are matched against the rules as by
/// `scan`. The page is one HTML file that needs nothing else. With --verify, it shows which hours
/// are proven to be complete and unchanged, as by `verify`.
///
/// Exit codes: 0 the report was written; 1 it was written and names what could not be read; 2
/// nothing was written, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Log files, directories and s3://BUCKET/PREFIX, instead of the ledger
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    range: TimeRangeArgs,
    /// Only events of this account (12 digits)
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only events about this IAM group, ignoring case
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Write to this file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The page; or its events as CSV; or all of its data as JSON
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    format: ReportFormat,
    /// Check the log files at this path, as `trailbell verify` does, and show the result
    /// (repeatable)
    #[arg(long, value_name = "PATH")]
    verify: Vec<PathBuf>,
    /// With --verify: the output of `aws cloudtrail list-public-keys` in a file (repeatable)
    #[arg(long, value_name = "FILE", requires = "verify")]
    public_keys: Vec<PathBuf>,
    /// Names of accounts: a TOML file with lines such as "111122223333" = "production"
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerArg,
    #[command(flatten)]
    detection: DetectionArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Html,
    Csv,
    Json,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let now = setup::now();
    let range = args.range.resolve(now)?;
    let report = Report::new(read_input(args, range, now)?);
    let text = match args.format {
        ReportFormat::Html => report.to_html()?,
        ReportFormat::Csv => csv::write(&report),
        ReportFormat::Json => output::json(&report)?,
    };
    output::write(args.output.as_deref(), &text)?;
    output::print_summary(&report, args.output.as_deref(), text.len());
    Ok(ExitCode::from(u8::from(!report.unreadable.is_empty())))
}

fn read_input(args: &Args, range: TimeRange, now: Timestamp) -> Result<Input> {
    let accounts = Accounts::from_file(args.accounts.as_deref())?;
    let scope = Scope {
        since: range.since,
        until: range.until,
        account: args.account.clone(),
        group: args.group.clone(),
    };
    let origin = Origin { version: env!("CARGO_PKG_VERSION").to_owned(), ..Origin::default() };
    let mut input = Input::new(scope, origin, accounts, now);
    match args.paths.is_empty() {
        true => setup::build_runtime()?.block_on(from_ledger::read(args, now, &mut input))?,
        false => from_logs::read(args, range, now, &mut input)?,
    }
    if !args.verify.is_empty() {
        setup::build_runtime()?.block_on(proof::verify(args, range, now, &mut input))?;
    }
    Ok(input)
}
