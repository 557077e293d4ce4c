//! The detections: what a rule is, how its file is read, checked and tested, and which rules match
//! a record.

pub mod check;
mod correlation;
mod detection;
mod detections;
mod embedded;
pub mod exception;
pub mod explain;
mod info;
pub mod load;
mod prefilter;
mod required_fields;
mod set;
mod sources;
pub mod testing;

pub use correlation::{Condition, Correlation, POWER_FIELD, RuleReference, SeverityRaise, Stage};
pub use detection::{Rule, RuleOrigin};
pub use detections::Detections;
pub use exception::{Exception, Exceptions, ExceptionsError, LoadedExceptions};
pub use info::{RuleInfo, Severity, Tactic, Technique, Threat};
pub use load::{LoadedRules, UnsupportedRule};
pub use required_fields::RequiredFields;
pub use set::{NoRules, RuleSet};
pub use sources::{RuleSources, RulesError};
