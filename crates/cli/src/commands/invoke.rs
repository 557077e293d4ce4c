//! `trailbell invoke`: one payload, down the whole way of the function.

use std::error::Error;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use alert::Accounts;
use serde_json::Value;
use trailbell::app::config::Config;
use trailbell::app::wiring::{self, Aws};
use trailbell::pipeline::{self, InvocationReport};

use crate::commands::args::InvokeArgs;
use crate::commands::output::say;
use crate::commands::settings;

/// What holds where the environment does not say otherwise.
const DEFAULTS: [(&str, &str); 3] = [
    ("TRAILBELL_STORE", "dir:events/store"),
    ("TRAILBELL_ALERTS", "stdout"),
    ("TRAILBELL_LEDGER", "none"),
];

pub fn run(args: &InvokeArgs) -> Result<ExitCode, Box<dyn Error>> {
    let payload = payload(&args.payload)?;
    let config = settings::config(&[], &DEFAULTS)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(outcome(&config, &payload))?;
    tell(&outcome)?;
    Ok(if outcome.reply().is_ok() && outcome.retry.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

async fn outcome(config: &Config, payload: &Value) -> Result<InvocationReport, Box<dyn Error>> {
    let (clock, aws) = (settings::clock(), Aws::from_default_chain());
    let detections = settings::detections(config, clock.now, &aws).await?;
    let accounts = Accounts::from_file(config.accounts.as_deref())?;
    let pipeline = Arc::new(wiring::build_pipeline(config, detections, accounts, &aws).await);
    // Who did not ask for a ledger is trying things out.
    let asked = std::env::var_os("TRAILBELL_LEDGER").is_some();
    if let Some(idle) = pipeline.idle_correlations().filter(|_| asked) {
        say(format_args!("trailbell: warning: {idle}"));
    }
    Ok(pipeline::run(&pipeline, payload, clock).await)
}

fn payload(path: &Path) -> Result<Value, Box<dyn Error>> {
    let mut text = String::new();
    let name = if path == Path::new("-") {
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| format!("standard input: {error}"))?;
        "standard input".to_owned()
    } else {
        text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        path.display().to_string()
    };
    serde_json::from_str(&text).map_err(|error| format!("{name}: not JSON: {error}").into())
}

fn tell(outcome: &InvocationReport) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for note in &outcome.notes {
        writeln!(out, "{note}")?;
    }
    writeln!(out, "{}", outcome.report)?;
    for warning in &outcome.warnings {
        say(format_args!("trailbell: warning: {warning}"));
    }
    for problem in &outcome.problems {
        say(format_args!("trailbell: {problem}"));
    }
    if let Some(mismatch) = &outcome.mismatch {
        say(format_args!("trailbell: {mismatch}"));
    }
    Ok(())
}
