//! Rules: reading, checking and testing their files, and matching them against records.

pub mod check;
mod correlation;
mod definition;
mod detections;
mod embedded;
pub mod exception;
pub mod explain;
pub mod load;
mod new_terms;
mod required_fields;
mod rule_query;
mod scope;
mod sequence;
mod set;
mod severity;
mod suppression;
pub mod testing;
mod threshold;
mod toml_file;
mod unsatisfiable;

pub use correlation::{Condition, Correlation, RuleReference, Stage};
pub use definition::{Rule, RuleInfo, RuleOrigin, Severity, Tactic, Technique, Threat};
pub use detections::{DetectionSettings, Detections};
pub use embedded::{EmbeddedSet, EmbeddedSets, guide_page};
pub use exception::{
    Exception, Exceptions, ExceptionsError, Expiry, LoadedExceptions, check_exception_files,
};
pub use load::{LoadedRules, RulesError};
pub use new_terms::NewTerms;
pub use required_fields::RequiredFields;
pub use rule_query::RuleQuery;
pub use scope::{LogPlace, ReadScope};
pub use sequence::MatchedStep;
pub use set::{NoRules, RuleSet};
pub(crate) use severity::highest_raise;
pub use severity::{Rating, SeverityMapping, SeverityRaise, SeverityRules};
pub use suppression::{AlertSuppression, GroupAlerts, MissingFields};
pub use threshold::{Cardinality, Threshold};
pub use toml_file::problem::{Position, Problem};
