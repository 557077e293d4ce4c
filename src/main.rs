//! The Lambda function. Wiring only: configuration, clients, run.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use alert::Accounts;
use detect::rule::{Detections, LoadedExceptions, LoadedRules, RuleSet};
use detect::text::error::error_chain;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use trailbell::app::config::{Config, LedgerPlace};
use trailbell::app::reload::Reload;
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger;
use trailbell::pipeline::{self, Clock, Pipeline};
use trailbell::telemetry::{log, metrics};

/// No object is started in the last part of the function's time (this, or a quarter), so that those
/// in flight can end.
const RESERVE: Duration = Duration::from_secs(10);

/// What Lambda gives a function at most.
const LONGEST_LIFE: Duration = Duration::from_secs(15 * 60);

// One thread takes turns between requests; inflating and matching have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let log = log::start();
    let served = match log {
        Ok(()) => serve().await,
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = error_chain(&*error), "cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    let config = Config::from_vars(std::env::vars_os())?;
    let aws = Aws::in_lambda();
    let reload = wiring::reload(&config, &aws).await;
    if config.ledger == LedgerPlace::None {
        tracing::warn!(
            "TRAILBELL_LEDGER=none: nothing is remembered, so what is delivered twice is told twice"
        );
    }
    let accounts = Accounts::from_file(config.accounts.as_deref())?;
    let mut function = Function { config, accounts, aws, reload, pipeline: None };
    if function.reload.is_none() {
        let detections = detections(&function.config)?;
        function.start(detections).await;
    }
    let function = Mutex::new(function);
    lambda_runtime::run(service_fn(|event| handle(&function, event))).await
}

/// The function between invocations.
struct Function {
    config: Config,
    accounts: Accounts,
    aws: Aws,
    /// Where rules or exceptions are in S3.
    reload: Option<Reload>,
    /// None until there are rules.
    pipeline: Option<Arc<Pipeline>>,
}

impl Function {
    async fn start(&mut self, detections: Detections) {
        let (rules, exceptions) =
            (detections.rule_set.rules().len(), detections.exceptions.as_slice().len());
        let probe = detections.rule_set.prefilter_summary();
        tracing::info!(config = ?self.config, rules, exceptions, probe, "started");
        let pipeline =
            wiring::pipeline(&self.config, detections, self.accounts.clone(), &self.aws).await;
        if let Some(idle) = pipeline.idle_correlations() {
            tracing::warn!("{idle}");
        }
        self.pipeline = Some(Arc::new(pipeline));
    }

    /// The pipeline with the latest rules and exceptions.
    async fn ready(&mut self, now: Timestamp) -> Result<Arc<Pipeline>, Error> {
        let changed = match &mut self.reload {
            Some(reload) => reload.changed(now).await?,
            None => None,
        };
        if let Some(detections) = changed {
            // Between invocations nobody else holds the pipeline.
            match self.pipeline.as_mut().and_then(Arc::get_mut) {
                Some(pipeline) => pipeline.detections = Arc::new(detections),
                None => self.start(detections).await,
            }
        }
        self.pipeline.clone().ok_or_else(|| "there are no rules yet".into())
    }
}

/// Exceptions that cannot be used are no reason not to start: every invocation says so until they
/// are mended.
fn detections(config: &Config) -> Result<Detections, Error> {
    let rules = rules(config)?;
    let mut exceptions = LoadedExceptions::from_paths(&config.local_exceptions());
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
    let gathered = LoadedRules::from_paths(config.default_rules, &config.local_rules());
    for warning in &gathered.warnings {
        tracing::warn!(%warning, "rule file");
    }
    Ok(gathered.into_complete_rule_set()?)
}

async fn handle(function: &Mutex<Function>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let clock = clock(event.context.deadline());
    let pipeline = function.lock().await.ready(clock.now).await.inspect_err(|error| {
        tracing::error!(error = error_chain(&**error), "there are no rules to run with");
    })?;
    let outcome =
        pipeline::run_request(&pipeline, &event.payload, &event.context.request_id, clock).await;
    log::log_invocation(&outcome);
    log::print_metrics(&metrics::lines(
        &outcome,
        &event.context.env_config.function_name,
        clock.now,
    ));
    Ok(outcome.reply()?)
}

#[expect(clippy::disallowed_methods, reason = "the one place of the function that reads the clock")]
fn clock(deadline: SystemTime) -> Clock {
    // A deadline that was over before the start is none: local emulators send such.
    let left = deadline.duration_since(SystemTime::now()).ok();
    let last_start = left.map(|left| Instant::now() + left.saturating_sub(RESERVE.min(left / 4)));
    let lease = ledger::lease(left.unwrap_or(LONGEST_LIFE));
    Clock { now: Timestamp::now(), last_start, lease }
}
