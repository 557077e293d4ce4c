//! `trailbell invoke`: runs one event through the function's pipeline.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use detect::cloudtrail::parse_json;
use serde_json::Value;
use trailbell::pipeline::{self, InvocationReport};

use crate::commands::aws::AwsArgs;
use crate::commands::output::{print_error, print_warning};
use crate::commands::setup::{self, SettingOverride};

/// Run one event through the full pipeline locally.
///
/// Reads the same TRAILBELL_* variables as the function. By default log objects are read from
/// events/store, alerts are printed, no ledger is used, and records inside the event are accepted.
///
/// Exit codes: 0 the event was processed; 2 the event, an object or an alert failed, or the
/// configuration cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The invocation payload, a JSON file, or - for standard input
    event: PathBuf,
    #[command(flatten)]
    aws: AwsArgs,
}

const DEFAULTS: [SettingOverride<'_>; 4] = [
    ("TRAILBELL_STORE", Some("dir:events/store")),
    ("TRAILBELL_ALERTS", Some("stdout")),
    ("TRAILBELL_LEDGER", Some("none")),
    ("TRAILBELL_INLINE", Some("eventbridge,logs")),
];

pub fn run(args: &Args) -> Result<ExitCode> {
    let event = read_event(&args.event)?;
    let report = setup::build_runtime()?.block_on(run_event(&event, &args.aws))?;
    print_report(&report)?;
    let succeeded = report.reply().is_ok() && report.retry.is_empty();
    Ok(ExitCode::from(if succeeded { 0 } else { 2 }))
}

async fn run_event(event: &Value, aws: &AwsArgs) -> Result<InvocationReport> {
    let config = setup::load_config(&[], &DEFAULTS)?;
    let clock = setup::clock();
    let pipeline = Arc::new(setup::build_pipeline(&config, clock, &aws.connect()).await?);
    // Correlations need a ledger. By default there is none, and that needs no warning.
    let ledger_is_set = std::env::var_os("TRAILBELL_LEDGER").is_some();
    pipeline.idle_correlations().filter(|_| ledger_is_set).iter().for_each(print_warning);
    Ok(pipeline::run(&pipeline, event, clock).await)
}

fn read_event(path: &Path) -> Result<Value> {
    let text = if path == Path::new("-") {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map(|_| text)
    } else {
        std::fs::read(path)
    };
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    parse_json(&text).with_context(|| format!("{} is not JSON", path.display()))
}

fn print_report(outcome: &InvocationReport) -> io::Result<()> {
    let mut out = io::stdout().lock();
    outcome.notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
    writeln!(out, "{}", outcome.report)?;
    outcome.warnings.iter().for_each(print_warning);
    outcome.problems.iter().for_each(print_error);
    outcome.mismatch.iter().for_each(print_error);
    Ok(())
}
