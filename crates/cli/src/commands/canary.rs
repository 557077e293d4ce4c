//! `trailbell canary`: sends a test alert and measures each step.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alert::Accounts;
use anyhow::Result;
use detect::text::error::error_chain;
use trailbell::app::config::{Config, StorePlace};
use trailbell::app::wiring::{self, Aws};
use trailbell::pipeline;

use crate::commands::arguments::{AlertsArg, LedgerArg};
use crate::commands::output::{clean_text, new_table, print_error};
use crate::commands::setup;

/// Verify end-to-end delivery with a test alert.
///
/// Matches a made-up CreateGroup call in account 000000000000 against the rules, claims it in the
/// ledger, publishes the alert and completes the claim. The alert says that it is a test: in its
/// subject, text and JSON, and in the message attribute kind=canary. Exceptions do not suppress it,
/// and it counts towards no limit.
///
/// Reads the same TRAILBELL_* variables as the function. A topic that accepted the alert may still
/// fail to deliver it, so check that the mail arrives.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  all steps succeeded
  1  a step failed
  2  the configuration cannot be used")]
pub struct Args {
    #[command(flatten)]
    alerts: AlertsArg,

    #[command(flatten)]
    ledger: LedgerArg,
}

/// A step, how long it took, and its result or why it failed.
struct Step {
    name: &'static str,
    elapsed: Duration,
    result: Result<String, String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let overrides = [
        ("TRAILBELL_ALERTS", args.alerts.alerts.as_deref()),
        ("TRAILBELL_LEDGER", args.ledger.ledger.as_deref()),
    ];
    let config = setup::config(&overrides, &[("TRAILBELL_STORE", Some("s3"))])?;
    // No log object is read, so no client is needed for that.
    let config = Config { store: StorePlace::Dir(PathBuf::new()), ..config };
    let accounts = Accounts::from_file(config.accounts.as_deref())?;
    let start = Instant::now();
    let steps = setup::runtime()?.block_on(run_steps(&config, accounts));
    print_steps(&steps, start.elapsed())?;
    let failure = steps.iter().find_map(|step| Some((step.name, step.result.as_ref().err()?)));
    if let Some((name, reason)) = failure {
        print_error(format_args!("the canary failed: {name}: {}", clean_text(reason)));
    }
    Ok(ExitCode::from(u8::from(failure.is_some())))
}

async fn run_steps(config: &Config, accounts: Accounts) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut start = Instant::now();
    let mut add_step = |name, result: Result<String, String>| {
        steps.push(Step { name, elapsed: start.elapsed(), result });
        start = Instant::now();
    };
    let clock = setup::clock();
    let aws = Aws::from_default_chain();
    match setup::detections(config, clock.now, &aws).await {
        Err(error) => add_step("read rules", Err(error_chain(error.as_ref()))),
        Ok(detections) => {
            let rules = detections.rule_set.rules().len();
            let exceptions = detections.exceptions.as_slice().len();
            add_step("read rules", Ok(format!("{rules} rules, {exceptions} exceptions")));
            let pipeline = wiring::build_pipeline(config, detections, accounts, &aws).await;
            add_step("make clients", Ok(String::new()));
            let run = clock.now.as_nanosecond().to_string();
            let canary = pipeline::run_canary(&Arc::new(pipeline), &run, clock).await;
            add_step("deliver", canary.failure().map_or_else(|| Ok(canary.to_string()), Err));
        }
    }
    steps
}

fn print_steps(steps: &[Step], total: Duration) -> io::Result<()> {
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let mut table = new_table(["Step", "Time", "Result"]);
    for step in steps {
        let result = step.result.as_ref().map_or("FAILED".to_owned(), |text| clean_text(text));
        table.add_row([step.name.to_owned(), milliseconds(step.elapsed), result]);
    }
    table.add_row(["total".to_owned(), milliseconds(total), String::new()]);
    writeln!(io::stdout().lock(), "{table}")
}
