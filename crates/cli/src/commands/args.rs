//! What may be said on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use detect::rule::Severity;

use crate::commands::attach::args::AttachArgs;
use crate::commands::canary::CanaryArgs;
use crate::commands::doctor::args::DoctorArgs;
use crate::commands::ledger::args::LedgerArgs;
use crate::commands::replay::ReplayArgs;
use crate::commands::rules::args::{RulesArgs, SourceArgs};

/// Rings when someone changes an IAM group: reads CloudTrail logs and tells what the rules find.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Attach(AttachArgs),
    Canary(CanaryArgs),
    Doctor(DoctorArgs),
    Exceptions(ExceptionsArgs),
    Explain(ExplainArgs),
    Invoke(InvokeArgs),
    Ledger(LedgerArgs),
    Preview(PreviewArgs),
    Replay(ReplayArgs),
    Rules(RulesArgs),
    Scan(ScanArgs),
}

/// Send one invocation payload down the whole way of the function.
///
/// The TRAILBELL_* variables are read as the function reads them. Where they are not set, log
/// objects are read from events/store, alerts are printed, and nothing is remembered.
///
/// Exit codes: 0 done; 2 the payload, an object or an alert failed, or the configuration cannot be
/// used.
#[derive(Debug, clap::Args)]
pub struct InvokeArgs {
    /// The payload, a JSON file; - reads standard input
    pub payload: PathBuf,
}

/// Print the mail that a rule's alert would be, of sample data; without RULE, list the rules.
///
/// The sample is the first record that the rule's own tests say it must match (a-rule.tests.json
/// beside a-rule.toml).
///
/// Exit codes: 0 done; 2 there is no such rule, it has no sample, or a file cannot be used.
#[derive(Debug, clap::Args)]
pub struct PreviewArgs {
    /// The rule_id, the name, or a part of the name that only one rule has
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,

    /// What is printed
    #[arg(long, value_enum, default_value_t = PreviewFormat::Text)]
    pub format: PreviewFormat,

    /// Names of accounts, as TRAILBELL_ACCOUNTS
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// What is printed of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreviewFormat {
    /// The mail with its subject
    Text,
    /// The document for machines
    Json,
}

/// Look after exceptions: findings that are kept, but not alerted.
#[derive(Debug, clap::Args)]
pub struct ExceptionsArgs {
    #[command(subcommand)]
    pub command: ExceptionsCommand,
}

#[derive(Debug, Subcommand)]
pub enum ExceptionsCommand {
    Check(CheckExceptionsArgs),
}

/// Say of each exception whether it holds, until when and for which rules, and what is wrong or
/// risky.
///
/// Exit codes: 0 all of them can be used; 1 so they can, but one has expired, or there is a
/// warning; 2 something is wrong in a file (everything that is wrong is named), or wrong usage.
#[derive(Debug, clap::Args)]
pub struct CheckExceptionsArgs {
    /// Exception files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    pub paths: Vec<PathBuf>,

    /// Further rules that exceptions may name, a folder or a file (repeatable)
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// Leave out the rules that come with the program
    #[arg(long)]
    pub no_default_rules: bool,
}

/// Show a record as the rules see it, and why a rule matches it or does not.
///
/// Prints the record as an ECS document, then the rules that match it; with --rule, each clause of
/// that rule with what the record has there.
///
/// Exit codes: 0 explained, whether the rule matches or not; 2 no such record or rule, or wrong
/// usage.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// A log file
    pub file: PathBuf,

    /// The record, by its number in the file from 0, as `scan` shows it after the #
    #[arg(long, value_name = "N")]
    pub record: usize,

    /// The rule to take apart, by its id or its name
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,

    /// Further rules, a folder or a file; one with the rule_id of another replaces it (repeatable)
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// Leave out the rules that come with the program
    #[arg(long)]
    pub no_default_rules: bool,

    /// Exceptions, a file or a folder: tells which keeps a match from being alerted (repeatable)
    #[arg(long, value_name = "FILE")]
    pub exceptions: Vec<PathBuf>,
}

/// Run the rules, or a query of your own, over log files, folders and buckets.
///
/// Reads .json, .json.gz, .ndjson, .ndjson.gz, .jsonl and .jsonl.gz; other files are named and
/// skipped. Below s3://BUCKET/PREFIX the accounts, regions and days of CloudTrail's layout are
/// walked, and nothing beside them is listed. Credentials, region and AWS_ENDPOINT_URL are the AWS
/// SDK's.
///
/// Exit codes: 0 done; 1 a finding reached --fail-on; 2 wrong usage, or something could not be read
/// (the rest is still scanned; 2 wins over 1).
#[derive(Debug, clap::Args)]
pub struct ScanArgs {
    /// Files, folders and s3://BUCKET/PREFIX
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,

    /// Print the records that match this query (KQL), instead of what the rules find
    #[arg(long, value_name = "KQL", conflicts_with_all = ["rules", "no_default_rules", "exceptions", "fail_on"])]
    pub query: Option<String>,

    /// With --query: count the matches by caller, service and call
    #[arg(long, requires = "query")]
    pub summary: bool,

    /// Leave out what was called before: 90m, 24h or 7d ago, a date or an RFC 3339 time. Needed for
    /// a bucket, unless the prefix names a day
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Leave out what was called after: as --since; of a date, the whole day in UTC counts
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// How findings or records are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Further rules, a folder or a file; one with the rule_id of another replaces it (repeatable)
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// Leave out the rules that come with the program
    #[arg(long)]
    pub no_default_rules: bool,

    /// Exceptions, a file or a folder: findings that one matches are marked, and do not count for
    /// --fail-on (repeatable)
    #[arg(long, value_name = "FILE")]
    pub exceptions: Vec<PathBuf>,

    /// Exit with 1 if a finding is of this severity or worse
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,

    /// The most inflated bytes to accept of one file; no limit unless told
    #[arg(long, value_name = "BYTES")]
    pub max_object_bytes: Option<u64>,

    /// How many files to read at once; one for each processor unless told. The output is the same
    /// for any number
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Tell what it cost at the end: bytes, speed, how far files were read, and where the time went
    #[arg(long)]
    pub stats: bool,
}

/// How findings or records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// One JSON document a line
    Ndjson,
    /// One JSON array
    Json,
}

fn severity(text: &str) -> Result<Severity, String> {
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let known = all.into_iter().find(|severity| severity.as_str() == text);
    known.ok_or_else(|| "expected low, medium, high or critical".to_owned())
}
