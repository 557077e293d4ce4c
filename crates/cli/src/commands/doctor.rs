//! `trailbell doctor`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use detect::text::shell::ShellCommand;
use trailbell::app::config::Config;

use crate::commands::arguments::PlaceArgs;
use crate::commands::input::read_text;
use crate::commands::output::{Format, ListWriter};
use crate::commands::setup;
use crate::doctor::{
    Deployment, DoctorReport, ExpectedTarget, Level, StackSettings, evaluate_settings,
};

/// Diagnose a deployment and suggest fixes.
///
/// Reads the same TRAILBELL_* variables as the function, then asks S3 and SNS. Nothing is changed,
/// except that one object is written below doctor/ in the ledger and deleted again.
///
/// Exit codes: 0 all checks passed; 1 there is a warning; 2 a check failed, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    places: PlaceArgs,
    /// Take all settings from a stack: the output of `aws cloudformation describe-stacks
    /// --stack-name NAME` in a file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["alerts", "ledger", "trails"])]
    stack: Option<PathBuf>,
    /// The trails: s3://BUCKET/PREFIX, separated by commas [env: TRAILBELL_TRAILS]
    #[arg(long, value_name = "PLACES")]
    trails: Option<String>,
    /// Additional rules: a file, a directory or s3://BUCKET/FOLDER [env: TRAILBELL_RULES]
    #[arg(long, value_name = "PLACE")]
    rules: Option<String>,
    /// Exceptions: a file, a directory or s3://BUCKET/FOLDER [env: TRAILBELL_EXCEPTIONS]
    #[arg(long, value_name = "PLACE")]
    exceptions: Option<String>,
    /// How new log objects must be announced: the ARN of a queue, topic or function, eventbridge,
    /// or cloudtrail (CloudTrail's own SNS topic). By default any way is accepted
    #[arg(long, value_name = "TARGET", value_parser = parse_target)]
    expected_notification: Option<ExpectedTarget>,
    /// The account that must own the trails' buckets
    #[arg(long, value_name = "ACCOUNT")]
    expected_bucket_owner: Option<String>,
    /// Write nothing, and so do not check that the ledger can be written
    #[arg(long)]
    read_only: bool,
    /// How to print the checks
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let stack = args.stack.as_deref().map(read_stack).transpose()?.unwrap_or_default();
    let others = [
        ("TRAILBELL_TRAILS", args.trails.as_deref()),
        ("TRAILBELL_RULES", args.rules.as_deref()),
        ("TRAILBELL_EXCEPTIONS", args.exceptions.as_deref()),
        // The logs of a deployment are in S3.
        ("TRAILBELL_STORE", Some("s3")),
    ];
    let settings = [&args.places.settings()[..], &others, &stack.overrides()].concat();
    let report = match setup::load_config(&settings, &[]) {
        Ok(config) => diagnose(args, config, stack.notification)?,
        Err(error) => evaluate_settings(&error),
    };
    print_report(&report, args.format)?;
    Ok(ExitCode::from(match report.worst() {
        Level::Ok => 0,
        Level::Warn => 1,
        Level::Fail => 2,
    }))
}

fn print_report(report: &DoctorReport, format: Format) -> io::Result<()> {
    if format == Format::Table {
        return write!(io::stdout(), "{report}");
    }
    let mut list = ListWriter::new(format, &[]);
    for document in report.documents() {
        list.push(None, Vec::new, || document)?;
    }
    list.finish()
}

fn parse_target(text: &str) -> Result<ExpectedTarget, &'static str> {
    ExpectedTarget::parse(text).ok_or("expected an ARN, eventbridge or cloudtrail")
}

fn read_stack(path: &Path) -> Result<StackSettings> {
    let failed = || format!("--stack {}", path.display());
    let text = read_text(path).map_err(|error| explain_missing(path, error));
    StackSettings::parse(&text.with_context(failed)?).with_context(failed)
}

/// The name of a stack is an obvious mistake.
fn explain_missing(path: &Path, error: io::Error) -> anyhow::Error {
    let name = path.to_string_lossy();
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if error.kind() != io::ErrorKind::NotFound || !is_name {
        return error.into();
    }
    let describe =
        ShellCommand::new("aws cloudformation describe-stacks").option("--stack-name", &name);
    anyhow!("there is no such file. Of a stack: {describe} | trailbell doctor --stack -")
}

fn diagnose(
    args: &Args,
    config: Config,
    notification: Option<ExpectedTarget>,
) -> Result<DoctorReport> {
    let expected = args.expected_notification.clone().or(notification);
    let owner = args.expected_bucket_owner.clone();
    setup::build_runtime()?.block_on(async {
        let aws = args.places.ledger.aws.connect();
        let deployment = Deployment::new(&aws, config, expected, owner, args.read_only).await;
        Ok(deployment.diagnose(setup::now()).await)
    })
}
