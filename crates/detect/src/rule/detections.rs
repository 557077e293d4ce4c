//! What is looked for, and what of it is not to be alerted.

use jiff::Timestamp;

use super::{Exceptions, ExceptionsError, LoadedExceptions, RuleSet};

/// The rules and the exceptions of a run: one thing, so that both change at once.
#[derive(Debug)]
pub struct Detections {
    /// What is looked for.
    pub rule_set: RuleSet,
    /// What of it is not to be alerted. None at all while `exceptions_error` says why.
    pub exceptions: Exceptions,
    /// Why the exceptions that the operator wrote are not in use.
    pub exceptions_error: Option<ExceptionsError>,
    /// Why rules or exceptions are not those that the operator wrote last.
    pub reload_errors: Vec<String>,
}

impl Detections {
    /// Rules and exceptions that can be used.
    pub fn new(rule_set: RuleSet, exceptions: Exceptions) -> Detections {
        Detections { rule_set, exceptions, exceptions_error: None, reload_errors: Vec::new() }
    }

    /// Rules, and exceptions where all of them can be used. Otherwise there is none, and every
    /// finding is alerted: bad exceptions never silence an alert.
    pub fn with_loaded(rules: RuleSet, loaded: LoadedExceptions) -> Detections {
        match loaded.into_exceptions() {
            Ok(exceptions) => Detections::new(rules, exceptions),
            Err(exceptions_error) => {
                Detections { exceptions_error: Some(exceptions_error), ..Detections::from(rules) }
            }
        }
    }

    /// The same, with what kept the latest rules or exceptions from being used.
    pub fn with_reload_errors(self, reload_errors: Vec<String>) -> Detections {
        Detections { reload_errors, ..self }
    }

    /// How many problems keep the exceptions from being used.
    pub fn exception_problems(&self) -> u64 {
        self.exceptions_error.as_ref().map_or(0, |exceptions_error| exceptions_error.0.len() as u64)
    }

    /// What the operator should mend: rules and exceptions that are not in use, and those whose end
    /// is near or was lately.
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let exceptions_error = self.exceptions_error.iter().map(|exceptions_error| {
            format!("no exception is in use, every finding is alerted: {exceptions_error}")
        });
        let reload_errors = self.reload_errors.iter().cloned();
        exceptions_error.chain(reload_errors).chain(self.exceptions.expiry_notices(now)).collect()
    }
}

impl From<RuleSet> for Detections {
    /// Rules alone.
    fn from(rules: RuleSet) -> Detections {
        Detections::new(rules, Exceptions::default())
    }
}
