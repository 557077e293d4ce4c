//! `trailbell canary`.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use detect::text::error::error_chain;
use serde_json::{Value, json};
use trailbell::app::config::{Config, StorePlace};
use trailbell::app::wiring::{self, Aws};
use trailbell::pipeline;

use crate::commands::arguments::PlaceArgs;
use crate::commands::output::{
    Format, FormatArg, clean_text, is_broken_pipe, print_error, write_document, write_documents,
};
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
///
/// Exit codes: 0 all steps succeeded; 1 a step failed; 2 the configuration cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    places: PlaceArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let config = setup::load_config(&args.places.settings(), &[("TRAILBELL_STORE", Some("s3"))])?;
    // No log object is read, so no client is needed for that.
    let config = Config { store: StorePlace::Dir(PathBuf::new()), ..config };
    let aws = args.places.ledger.aws.connect();
    let mut steps = Steps { format: args.format.format, documents: Vec::new() };
    let ended = setup::build_runtime()?.block_on(run_steps(&config, &aws, &mut steps));
    let code = match ended {
        Err(error) if !is_broken_pipe(&error) => {
            print_error(format_args!("the canary failed: {}", error_chain(error.as_ref())));
            ExitCode::from(1)
        }
        ended => ended.map(|()| ExitCode::SUCCESS)?,
    };
    steps.finish()?;
    Ok(code)
}

/// The steps that succeeded. A list of JSON is printed at the end.
struct Steps {
    format: Format,
    documents: Vec<Value>,
}

impl Steps {
    fn print(&mut self, name: &str, time: Duration, result: impl Display) -> io::Result<()> {
        let milliseconds = time.as_secs_f64() * 1e3;
        let result = clean_text(&result.to_string());
        let document = json!({"step": name, "milliseconds": milliseconds, "result": result});
        match self.format {
            Format::Table => {
                let line = format!("{name:<14}{milliseconds:>8.1} ms  {result}");
                writeln!(io::stdout(), "{}", line.trim_end())
            }
            Format::Ndjson => write_document(&mut io::stdout(), self.format, &document),
            Format::Json => {
                self.documents.push(document);
                Ok(())
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        match self.format {
            Format::Json => write_documents(&mut io::stdout(), self.format, self.documents),
            Format::Table | Format::Ndjson => Ok(()),
        }
    }
}

/// Prints each step that succeeded, and how long it took.
async fn run_steps(config: &Config, aws: &Aws, steps: &mut Steps) -> Result<()> {
    let start = Instant::now();
    let clock = setup::clock();
    let detections = setup::load_detections(config, clock.now, aws).await.context("read rules")?;
    let accounts = setup::load_accounts(config, clock.now, aws).await?;
    let rules = detections.rule_set.rules().len();
    let exceptions = detections.exceptions.as_slice().len();
    let read = start.elapsed();
    steps.print("read rules", read, format_args!("{rules} rules, {exceptions} exceptions"))?;
    let pipeline = wiring::build_pipeline(config, detections, accounts, aws).await;
    steps.print("make clients", start.elapsed() - read, "")?;
    let run = clock.now.as_nanosecond().to_string();
    let canary = pipeline::run_canary(&Arc::new(pipeline), &run, clock).await;
    if let Some(failure) = canary.failure() {
        bail!("deliver: {failure}");
    }
    steps.print("deliver", canary.elapsed, &canary)?;
    steps.print("total", start.elapsed(), "")?;
    Ok(())
}
