//! What is looked for, and what of it is not to be alerted.

use jiff::Timestamp;

use super::{Exceptions, ExceptionsError, LoadedExceptions, RuleSet};

/// The rules and the exceptions of a run: one thing, so that both change at once.
#[derive(Debug)]
pub struct Detections {
    /// What is looked for.
    pub rules: RuleSet,
    /// What of it is not to be alerted. None at all while `fault` says why.
    pub exceptions: Exceptions,
    /// Why the exceptions that the operator wrote are not in use.
    pub fault: Option<ExceptionsError>,
    /// Why rules or exceptions are not those that the operator wrote last.
    pub troubles: Vec<String>,
}

impl Detections {
    /// Rules and exceptions that can be used.
    pub fn new(rules: RuleSet, exceptions: Exceptions) -> Detections {
        Detections { rules, exceptions, fault: None, troubles: Vec::new() }
    }

    /// Rules, and exceptions where all of them can be used. Otherwise there is none, and every
    /// finding is alerted: bad exceptions never silence an alert.
    pub fn with_loaded(rules: RuleSet, loaded: LoadedExceptions) -> Detections {
        match loaded.into_exceptions() {
            Ok(exceptions) => Detections::new(rules, exceptions),
            Err(fault) => Detections { fault: Some(fault), ..Detections::from(rules) },
        }
    }

    /// The same, with what kept the latest rules or exceptions from being used.
    pub fn with_troubles(self, troubles: Vec<String>) -> Detections {
        Detections { troubles, ..self }
    }

    /// How many problems keep the exceptions from being used.
    pub fn exception_problems(&self) -> u64 {
        self.fault.as_ref().map_or(0, |fault| fault.0.len() as u64)
    }

    /// What the operator should mend: rules and exceptions that are not in use, and those whose end
    /// is near or was lately.
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let fault = self
            .fault
            .iter()
            .map(|fault| format!("no exception is in use, every finding is alerted: {fault}"));
        let troubles = self.troubles.iter().cloned();
        fault.chain(troubles).chain(self.exceptions.expiring(now)).collect()
    }
}

impl From<RuleSet> for Detections {
    /// Rules alone.
    fn from(rules: RuleSet) -> Detections {
        Detections::new(rules, Exceptions::default())
    }
}
