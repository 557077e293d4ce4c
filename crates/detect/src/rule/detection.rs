//! A rule, ready to be held against records.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kql::Query;

use super::RuleInfo;

/// A rule, ready to be held against records.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it says about itself to people.
    pub info: Arc<RuleInfo>,
    /// What a record must meet.
    pub query: Query,
    /// `interval`: how often it runs; one execution covers one interval. At least a second.
    pub interval: Duration,
    /// `from`: how far back an execution looks. At least a second.
    pub from: Duration,
    /// `max_signals`: how many of its alerts one execution may send one by one. At least 1.
    pub max_signals: u32,
    /// Where it was read.
    pub origin: RuleOrigin,
}

/// Where a rule was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleOrigin {
    /// It is part of the program, under this file name.
    Embedded(&'static str),
    /// In a file.
    File(PathBuf),
}

impl fmt::Display for RuleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleOrigin::Embedded(name) => write!(f, "embedded:{name}"),
            RuleOrigin::File(path) => path.display().fmt(f),
        }
    }
}
