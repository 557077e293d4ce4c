//! The detections: what a rule is, how its file is read, and which rules match a record.

mod detection;
mod embedded;
mod info;
pub mod load;
mod needles;
mod pin;
mod set;

pub use detection::{Rule, RuleOrigin};
pub use info::{RuleInfo, Severity, Tactic, Technique, Threat};
pub use set::{NoRules, RuleSet};
