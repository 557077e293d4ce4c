//! The function's settings for commands that do its work: from flags, the environment and defaults.

use std::error::Error;
use std::ffi::OsString;
use std::time::Duration;

use detect::rule::Detections;
use jiff::Timestamp;
use trailbell::app::config::{Config, ConfigError};
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger;
use trailbell::pipeline::Clock;

use crate::commands::{exceptions, rules};

/// What takes longer than this may be told twice.
const LONGEST_RUN: Duration = Duration::from_secs(15 * 60);

/// Places that can be said on the command line too.
#[derive(Debug, clap::Args)]
pub struct PlaceArgs {
    /// Where alerts go, instead of TRAILBELL_ALERTS: the ARN of an SNS topic, stdout or dir:PATH
    #[arg(long, value_name = "PLACE")]
    pub alerts: Option<String>,

    /// Where findings are remembered, instead of TRAILBELL_LEDGER: s3://BUCKET/PREFIX, dir:PATH or
    /// none
    #[arg(long, value_name = "PLACE")]
    pub ledger: Option<String>,
}

impl PlaceArgs {
    /// The configuration that follows; what is said nowhere is taken from `defaults`.
    pub fn config(&self, defaults: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let said = [("TRAILBELL_ALERTS", &self.alerts), ("TRAILBELL_LEDGER", &self.ledger)];
        let said = said
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .collect::<Vec<_>>();
        config(&said, defaults)
    }
}

/// The configuration of what is said here, in the environment, or by default: the first that says
/// something counts.
pub fn config(said: &[(&str, &str)], defaults: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let var = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let unsaid =
        |(name, _): &&(&str, &str)| !set(name) && said.iter().all(|(other, _)| other != name);
    let defaults = defaults.iter().filter(unsaid).map(var);
    Config::from_vars(said.iter().map(var).chain(defaults).chain(std::env::vars_os()))
}

/// The rules and exceptions of the configuration. On a laptop there is someone to mend what cannot
/// be used: it is an error.
pub async fn detections(
    config: &Config,
    now: Timestamp,
    aws: &Aws,
) -> Result<Detections, Box<dyn Error>> {
    let detections = match wiring::build_reload(config, aws).await {
        Some(mut reload) => reload.check(now).await?.ok_or("there are no rules")?,
        None => local(config)?,
    };
    match detections.exceptions_error {
        Some(fault) => Err(fault.into()),
        None => Ok(detections),
    }
}

fn local(config: &Config) -> Result<Detections, Box<dyn Error>> {
    let rules = rules::load(config.default_rules, &config.local_rules())?;
    let exceptions = exceptions::load(&config.local_exceptions(), &rules)?;
    Ok(Detections::new(rules, exceptions))
}

/// Now, for a run of any length.
#[expect(clippy::disallowed_methods, reason = "where these commands read the clock")]
pub fn clock() -> Clock {
    Clock { now: Timestamp::now(), last_start: None, lease: ledger::lease(LONGEST_RUN) }
}
