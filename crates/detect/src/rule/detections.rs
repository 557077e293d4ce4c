//! The rules and exceptions of a run.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::exception::{Exceptions, ExceptionsError, LoadedExceptions};
use super::scope::ReadScope;
use super::set::{NoRules, RuleSet};
use crate::ecs::OwnResources;
use crate::finding::{Call, Finding, PrivilegedGroups};

/// The rules and exceptions of a run. They are replaced together.
#[derive(Debug)]
pub struct Detections {
    /// The rules.
    pub rule_set: RuleSet,
    /// The exceptions. Empty if `exceptions_error` is set.
    pub exceptions: Exceptions,
    /// What the operator says of the environment.
    pub settings: DetectionSettings,
    /// Why the configured exceptions are not in use.
    pub exceptions_error: Option<ExceptionsError>,
    /// Why earlier rules or exceptions are still in use.
    pub reload_errors: Vec<String>,
}

/// What the operator says of the environment in which rules are matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetectionSettings {
    /// Groups that are privileged by their names.
    pub privileged_groups: PrivilegedGroups,
    /// What Trailbell itself consists of.
    pub own: OwnResources,
    /// Which log objects are read for certain embedded rules.
    pub read_scope: ReadScope,
}

impl Detections {
    /// Rules and exceptions that can be used.
    pub fn new(rule_set: RuleSet, exceptions: Exceptions) -> Detections {
        Detections {
            rule_set,
            exceptions,
            settings: DetectionSettings::default(),
            exceptions_error: None,
            reload_errors: Vec::new(),
        }
    }

    /// Rules, and the exceptions if all of them can be used. Otherwise no exception is in use and
    /// every finding is alerted: invalid exceptions must never suppress an alert.
    pub fn with_loaded(rule_set: RuleSet, loaded: LoadedExceptions) -> Detections {
        match loaded.into_exceptions() {
            Ok(exceptions) => Detections::new(rule_set, exceptions),
            Err(error) => {
                Detections { exceptions_error: Some(error), ..Detections::from(rule_set) }
            }
        }
    }

    /// Adds why the latest rules or exceptions are not in use.
    pub fn with_reload_errors(self, reload_errors: Vec<String>) -> Detections {
        Detections { reload_errors, ..self }
    }

    /// Sets what the operator says of the environment.
    pub fn with_settings(self, settings: DetectionSettings) -> Detections {
        Detections { settings, ..self }
    }

    /// The same with those rules only that look for new values.
    /// Fails if there is none.
    pub fn with_new_terms_only(&self) -> Result<Detections, NoRules> {
        let rule_set = self.rule_set.with_new_terms_only()?;
        let detections = Detections::new(rule_set, self.exceptions.clone());
        Ok(detections.with_settings(self.settings.clone()))
    }

    /// Returns true if log objects of an account and region can hold records that some rule is to
    /// be matched against.
    pub fn can_match_in(&self, account: &str, region: &str) -> bool {
        self.rule_set.can_match_in(account, region, &self.settings.read_scope)
    }

    /// The regions of an account, in the partition of AWS that is read, in which
    /// [`can_match_in`](Detections::can_match_in) is true. `None` if they cannot all be named.
    pub fn regions(&self, account: &str) -> Option<BTreeSet<String>> {
        self.rule_set.regions(account, &self.settings.read_scope)
    }

    /// Returns true if the finding's group is privileged by its name, the new or the old one.
    pub fn is_privileged(&self, finding: &Finding) -> bool {
        let names = [finding.group.as_deref(), Call::new(finding).current_group()];
        names.into_iter().flatten().any(|name| self.settings.privileged_groups.include(name))
    }

    /// The number of problems that keep the exceptions from being used.
    pub fn exception_problems(&self) -> u64 {
        self.exceptions_error.as_ref().map_or(0, |error| error.0.len() as u64)
    }

    /// What the operator should fix: rules and exceptions that are not in use, and exceptions that
    /// expire soon or expired recently.
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let error = self.exceptions_error.iter();
        error
            .map(|error| format!("no exception is in use, every finding is alerted: {error}"))
            .chain(self.reload_errors.iter().cloned())
            .chain(self.exceptions.expiry_notices(now))
            .collect()
    }
}

impl From<RuleSet> for Detections {
    /// Rules without exceptions.
    fn from(rule_set: RuleSet) -> Detections {
        Detections::new(rule_set, Exceptions::default())
    }
}
