//! What commands need before they run: settings, rules, the pipeline, the clock.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use alert::Accounts;
use anyhow::{Context, Result};
use detect::finding::PrivilegedGroups;
use detect::rule::{Detections, EmbeddedSets, LoadedExceptions, LoadedRules, RuleSet};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use trailbell::app::accounts::AccountsPlace;
use trailbell::app::config::{Config, ConfigError};
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger;
use trailbell::pipeline::{Clock, Pipeline};

use crate::commands::output::print_warning;

/// After this time another worker may take over a claim, and alert a second time.
const MAX_RUN: Duration = Duration::from_secs(15 * 60);

/// A setting by its environment variable.
pub type SettingOverride<'a> = (&'static str, Option<&'a str>);

/// The function's configuration. A setting is taken from `overrides`, then from the environment,
/// then from `defaults`.
pub fn load_config(
    overrides: &[SettingOverride<'_>],
    defaults: &[SettingOverride<'_>],
) -> Result<Config, ConfigError> {
    let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    let defaults = defaults.iter().filter(|(name, _)| unset(name));
    let variables = overrides
        .iter()
        .chain(defaults)
        .filter_map(|(name, value)| Some((OsString::from(name), OsString::from((*value)?))));
    Config::from_vars(variables.chain(std::env::vars_os()))
}

/// The function's pipeline. Unlike the function, fails if the exceptions cannot be used.
pub async fn build_pipeline(config: &Config, clock: Clock, aws: &Aws) -> Result<Pipeline> {
    let detections = load_detections(config, clock.now, aws).await?;
    let accounts = load_accounts(config, clock.now, aws).await?;
    Ok(wiring::build_pipeline(config, detections, accounts, aws).await)
}

/// The names of accounts of the configuration.
pub async fn load_accounts(config: &Config, now: Timestamp, aws: &Aws) -> Result<Accounts> {
    match wiring::build_stored_accounts(config, aws).await {
        Some(mut stored) => Ok(stored.check(now).await?.unwrap_or_default()),
        None => Ok(AccountsPlace::local_names(config.accounts.as_ref())?),
    }
}

/// The rules and exceptions of the configuration.
pub async fn load_detections(config: &Config, now: Timestamp, aws: &Aws) -> Result<Detections> {
    let detections = match wiring::build_reload(config, aws).await {
        Some(mut reload) => reload.check(now).await?.context("there are no rules")?,
        None => {
            let rules = load_rules(&config.rule_sets, &config.local_rules())?;
            let exceptions =
                load_exceptions(&config.local_exceptions(), &rules, &config.privileged_groups);
            Detections::new(rules, exceptions.into_exceptions()?)
                .with_settings(config.detection_settings())
        }
    };
    match detections.exceptions_error {
        Some(error) => Err(error.into()),
        None => Ok(detections),
    }
}

/// Loads the built-in rules of these sets, and those at `paths`. Prints warnings,
/// also for unsupported rules. Fails if a rule file cannot be used.
pub fn load_rules(sets: &EmbeddedSets, paths: &[PathBuf]) -> Result<RuleSet> {
    let loaded = LoadedRules::from_paths(sets, paths);
    loaded.warnings.iter().chain(&loaded.unsupported).for_each(print_warning);
    Ok(loaded.into_rule_set()?)
}

/// Loads the exceptions at `paths` and prints warnings.
pub fn load_exceptions(
    paths: &[PathBuf],
    rules: &RuleSet,
    groups: &PrivilegedGroups,
) -> LoadedExceptions {
    let mut loaded = LoadedExceptions::from_paths(paths);
    loaded.check_rules(rules);
    loaded.check_privileged(rules, groups);
    loaded.warnings.iter().for_each(print_warning);
    loaded
}

/// Two workers: one fetches a large object while the other waits for its bytes.
pub fn build_runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// The current time, for a run of any length.
pub fn clock() -> Clock {
    Clock { now: now(), last_start: None, lease: ledger::lease(MAX_RUN) }
}

#[expect(clippy::disallowed_methods, reason = "the one place where commands read the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
