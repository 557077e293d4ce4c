//! Rules: reading, checking and testing their files, and matching them against records.

pub mod check;
mod correlation;
mod definition;
mod detections;
mod embedded;
pub mod exception;
pub mod explain;
pub mod load;
mod required_fields;
mod set;
pub mod testing;
mod toml_file;
mod unsatisfiable;

pub use correlation::{Condition, Correlation, POWER_FIELD, RuleReference, SeverityRaise, Stage};
pub use definition::{Rule, RuleInfo, RuleOrigin, Severity, Tactic, Technique, Threat};
pub use detections::Detections;
pub use exception::{
    Exception, Exceptions, ExceptionsError, LoadedExceptions, check_exception_files,
};
pub use load::{LoadedRules, RulesError};
pub use required_fields::RequiredFields;
pub use set::{NoRules, RuleSet};
pub use toml_file::problem::{Position, Problem};
