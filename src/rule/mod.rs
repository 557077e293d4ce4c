//! The detections: what a rule is, how its file is read, and which rules match a record.

mod info;

pub use info::{RuleInfo, Severity, Tactic, Technique, Threat};
