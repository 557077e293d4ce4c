//! The Lambda function. Wiring only: configuration, clients, run.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::time::Instant;
use trailbell::config::Config;
use trailbell::pipeline::{self, Clock, Pipeline};
use trailbell::rule::{Detections, Gathered, LoadedExceptions, RuleSet};
use trailbell::{assemble, telemetry};

/// No object is started in the last part of the function's time (this, or a quarter), so that those in flight can end.
const RESERVE: Duration = Duration::from_secs(10);

// One thread takes turns between requests; inflating and matching have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let log = telemetry::start();
    let served = match log {
        Ok(()) => serve().await,
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    let config = Config::from_vars(std::env::vars_os())?;
    let detections = detections(&config)?;
    let (rules, exceptions) = (detections.rules.rules().len(), detections.exceptions.all().len());
    let probe = detections.rules.probe();
    let pipeline = Arc::new(assemble::pipeline(&config, detections).await);
    tracing::info!(?config, rules, exceptions, probe, "started");
    lambda_runtime::run(service_fn(|event| handle(&pipeline, event))).await
}

/// Exceptions that cannot be used are no reason not to start: every invocation says so until they are mended.
fn detections(config: &Config) -> Result<Detections, Error> {
    let rules = rules(config)?;
    let mut exceptions = LoadedExceptions::from_paths(config.exceptions.as_slice());
    exceptions.check_rules(&rules);
    for warning in &exceptions.warnings {
        tracing::warn!(%warning, "exception file");
    }
    for problem in &exceptions.problems {
        tracing::error!(%problem, "no exception is in use");
    }
    Ok(Detections::with_loaded(rules, exceptions))
}

/// The function's rules: nothing starts with a part of what the operator wanted.
fn rules(config: &Config) -> Result<RuleSet, Error> {
    let gathered = Gathered::from_places(config.default_rules, config.rules.as_slice());
    for warning in &gathered.warnings {
        tracing::warn!(%warning, "rule file");
    }
    Ok(gathered.into_all_rules()?)
}

async fn handle(pipeline: &Arc<Pipeline>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let outcome = pipeline::run(pipeline, &event.payload, clock(event.context.deadline())).await;
    telemetry::tell(&outcome);
    Ok(outcome.reply()?)
}

#[expect(clippy::disallowed_methods, reason = "the one place of the function that reads the clock")]
fn clock(deadline: SystemTime) -> Clock {
    // A deadline that was over before the start is none: local emulators send such.
    let left = deadline.duration_since(SystemTime::now()).ok();
    let last_start = left.map(|left| Instant::now() + left.saturating_sub(RESERVE.min(left / 4)));
    Clock { now: Timestamp::now(), last_start }
}
