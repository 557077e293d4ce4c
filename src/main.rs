//! The Lambda function. Wiring only: configuration, clients, run.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use alert::Accounts;
use detect::cloudtrail::parse_json;
use detect::rule::{Detections, LoadedExceptions, LoadedRules, check_exception_files};
use detect::text::error::error_chain;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{error, info, warn};
use trailbell::app::accounts::{AccountsPlace, StoredAccounts};
use trailbell::app::config::{Config, LedgerPlace};
use trailbell::app::reload::Reload;
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger;
use trailbell::pipeline::{self, Clock, Pipeline};
use trailbell::telemetry::{log, metrics};

/// No object is started in the last part of the function's time (this, or a quarter), so that those
/// in flight can end.
const RESERVED: Duration = Duration::from_secs(10);

/// Lambda's longest timeout.
const MAX_LIFE: Duration = Duration::from_secs(15 * 60);

// One thread takes turns between requests. Inflating and matching have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let served = match log::start() {
        Ok(()) => serve().await,
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = error_chain(&*error), "cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    let config = Config::from_vars(std::env::vars_os())?;
    let aws = Aws::from_environment();
    let reload = wiring::build_reload(&config, &aws).await;
    if config.ledger == LedgerPlace::None {
        warn!("redeliveries produce duplicate alerts");
    }
    if config.trails.is_empty() {
        warn!("log objects of any bucket are read");
    }
    let accounts = AccountsPlace::local_names(config.accounts.as_ref())?;
    let stored_accounts = wiring::build_stored_accounts(&config, &aws).await;
    let mut function = Function { config, accounts, stored_accounts, aws, reload, pipeline: None };
    if function.reload.is_none() {
        let detections = local_detections(&function.config)?;
        function.start(detections).await;
    }
    let function = Mutex::new(function);
    lambda_runtime::run(service_fn(|event| handle(&function, event))).await
}

/// What lives between invocations.
struct Function {
    config: Config,
    accounts: Accounts,
    /// `None` if the names of accounts are not in S3.
    stored_accounts: Option<StoredAccounts>,
    aws: Aws,
    /// `None` if neither rules nor exceptions are in S3.
    reload: Option<Reload>,
    /// `None` until there are rules.
    pipeline: Option<Arc<Pipeline>>,
}

impl Function {
    async fn start(&mut self, detections: Detections) {
        let rules = detections.rule_set.rules().len();
        let exceptions = detections.exceptions.as_slice().len();
        let prefilter = detections.rule_set.prefilter_summary();
        info!(config = ?self.config, rules, exceptions, prefilter, "started");
        let accounts = self.accounts.clone();
        let pipeline = wiring::build_pipeline(&self.config, detections, accounts, &self.aws).await;
        if let Some(idle) = pipeline.idle_correlations() {
            warn!(warning = idle, "to be fixed");
        }
        self.pipeline = Some(Arc::new(pipeline));
    }

    /// Names are not worth an alert: without them it has ids alone.
    async fn reload_accounts(&mut self, now: Timestamp) {
        let Some(stored) = &mut self.stored_accounts else { return };
        match stored.check(now).await {
            Ok(None) => {}
            Ok(Some(accounts)) => {
                if let Some(pipeline) = self.pipeline.as_mut().and_then(Arc::get_mut) {
                    pipeline.accounts = accounts.clone();
                }
                self.accounts = accounts;
            }
            Err(error) => {
                warn!(error = error_chain(&error), "names of accounts are not the latest");
            }
        }
    }

    /// The pipeline with the latest rules and exceptions.
    async fn latest_pipeline(&mut self, now: Timestamp) -> Result<Arc<Pipeline>, Error> {
        self.reload_accounts(now).await;
        let changed = match &mut self.reload {
            Some(reload) => reload.check(now).await?,
            None => None,
        };
        if let Some(detections) = changed {
            // Between invocations there is no other reference to the pipeline.
            match self.pipeline.as_mut().and_then(Arc::get_mut) {
                Some(pipeline) => pipeline.detections = Arc::new(detections),
                None => self.start(detections).await,
            }
        }
        self.pipeline.clone().ok_or_else(|| "there are no rules yet".into())
    }
}

/// The rules and exceptions on this machine. Rules that cannot be used are an error: nothing starts
/// with a part of them. Exceptions that cannot be used are not: every invocation reports them until
/// they are fixed. A pipe or a device among the files of either is an error.
fn local_detections(config: &Config) -> Result<Detections, Error> {
    let sources = LoadedRules::from_paths(&config.rule_sets, &config.local_rules());
    for warning in &sources.warnings {
        warn!(%warning, "rule file");
    }
    let rules = sources.into_complete_rule_set()?;
    check_exception_files(&config.local_exceptions())?;
    let mut exceptions = LoadedExceptions::from_paths(&config.local_exceptions());
    exceptions.check_rules(&rules);
    exceptions.check_privileged(&rules, &config.privileged_groups);
    for warning in &exceptions.warnings {
        warn!(%warning, "exception file");
    }
    for problem in &exceptions.problems {
        error!(%problem, "no exception is in use");
    }
    let detections = Detections::with_loaded(rules, exceptions);
    Ok(detections.with_settings(config.detection_settings()))
}

/// The payload is taken as text: the runtime's parser rejects half a surrogate pair, which a caller
/// of AWS can write into an event.
async fn handle(
    function: &Mutex<Function>,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Value, Error> {
    let payload = parse_json(event.payload.get().as_bytes())?;
    let clock = clock(event.context.deadline());
    let mut locked = function.lock().await;
    let monitoring = locked.config.monitoring;
    let pipeline = locked.latest_pipeline(clock.now).await;
    drop(locked);
    let pipeline = pipeline.inspect_err(|error| {
        error!(error = error_chain(&**error), "there are no rules to run with");
    })?;
    let request_id = &event.context.request_id;
    let outcome = pipeline::run_request(&pipeline, &payload, request_id, clock).await;
    log::log_invocation(&outcome, monitoring);
    let function_name = &event.context.env_config.function_name;
    log::print_metrics(&metrics::lines(&outcome, function_name, monitoring, clock.now));
    Ok(outcome.reply()?)
}

#[expect(clippy::disallowed_methods, reason = "the one place of the function that reads the clock")]
fn clock(deadline: SystemTime) -> Clock {
    // Local emulators send deadlines that are over: then there is none.
    let left = deadline.duration_since(SystemTime::now()).ok();
    let last_start = left.map(|left| Instant::now() + left.saturating_sub(RESERVED.min(left / 4)));
    let lease = ledger::lease(left.unwrap_or(MAX_LIFE));
    Clock { now: Timestamp::now(), last_start, lease }
}
