//! `trailbell canary`: a call that nobody made, sent to the topic, and how long each step took.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alert::Accounts;
use clap::Args;
use comfy_table::Table;
use detect::rule::Detections;
use detect::text::clean;
use detect::text::error::error_chain;
use trailbell::app::config::{Config, StorePlace};
use trailbell::app::wiring::{self, Aws};
use trailbell::pipeline;

use crate::commands::output::{self, say};
use crate::commands::settings::{self, PlaceArgs};

/// Send a test alert down the whole way, from rules to topic, and say how long each step took.
///
/// A CreateGroup that nobody called, in the account 000000000000, is held against the rules in
/// force, claimed in the ledger, published and completed. Its alert says that it is a test: in the
/// subject first, in the text, in the JSON, and in the attribute `kind`, which is `canary`.
/// Exceptions do not keep it back, and it counts for nothing else. TRAILBELL_* variables are read
/// as the function reads them. That the topic took it does not say that anyone got it: look for the
/// mail.
///
/// Exit codes: 0 every step worked; 1 one failed, and why; 2 the configuration cannot be used.
#[derive(Debug, Args)]
pub struct CanaryArgs {
    #[command(flatten)]
    pub places: PlaceArgs,
}

/// One step of a canary: what it took, and its result or why it failed.
struct Step {
    name: &'static str,
    took: Duration,
    result: Result<String, String>,
}

/// The most characters of a cell.
const CELL: usize = 1200;

pub fn run(args: &CanaryArgs) -> Result<ExitCode, Box<dyn Error>> {
    // It reads no log object, so no client is made for that.
    let store = StorePlace::Dir(PathBuf::new());
    let config = Config { store, ..args.places.config(&[("TRAILBELL_STORE", "s3")])? };
    let accounts = Accounts::from_file(config.accounts.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let steps = runtime.block_on(steps(&config, accounts));
    print(&steps, start.elapsed())?;
    let failed = steps.iter().find_map(|step| Some((step.name, step.result.as_ref().err()?)));
    if let Some((name, why)) = failed {
        say(format_args!("trailbell: the canary failed: {name}: {}", clean::text(why, CELL)));
    }
    Ok(ExitCode::from(u8::from(failed.is_some())))
}

async fn steps(config: &Config, accounts: Accounts) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut start = Instant::now();
    let mut add = |name, result: Result<String, String>| {
        steps.push(Step { name, took: start.elapsed(), result });
        start = Instant::now();
    };
    let clock = settings::clock();
    let aws = Aws::from_default_chain();
    match settings::detections(config, clock.now, &aws).await {
        Err(error) => add("read rules", Err(error_chain(&*error))),
        Ok(detections) => {
            add("read rules", Ok(counted(&detections)));
            let pipeline = wiring::build_pipeline(config, detections, accounts, &aws).await;
            add("make clients", Ok(String::new()));
            let run = clock.now.as_nanosecond().to_string();
            let canary = pipeline::run_canary(&Arc::new(pipeline), &run, clock).await;
            add("deliver", canary.failure().map_or_else(|| Ok(canary.to_string()), Err));
        }
    }
    steps
}

fn counted(detections: &Detections) -> String {
    format!(
        "{} rules, {} exceptions",
        detections.rule_set.rules().len(),
        detections.exceptions.as_slice().len()
    )
}

fn print(steps: &[Step], total: Duration) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(output::STYLE).set_header(["Step", "Took", "Result"]);
    table.add_rows(steps.iter().map(row));
    table.add_row(["total".to_owned(), spoken(total), String::new()]);
    writeln!(io::stdout().lock(), "{table}")
}

fn row(step: &Step) -> [String; 3] {
    let result = match &step.result {
        Ok(told) => clean::text(told, CELL),
        Err(_) => "FAILED".to_owned(),
    };
    [step.name.to_owned(), spoken(step.took), result]
}

fn spoken(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
