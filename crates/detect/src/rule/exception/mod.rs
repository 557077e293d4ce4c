//! Exceptions: authored "not this one". A finding that one of them matches is kept, marked and
//! counted, not alerted.
//!
//! ```toml
//! [[exception]]
//! name = "terraform"                       # once in all files
//! rules = ["AWS IAM Group Creation"]       # ids or names, or "*" for every rule
//! query = 'user.name: TerraformRole and source.ip: 192.0.2.0/24'
//! reason = "The pipeline makes the groups of every new team"
//! owner = "platform@example.com"
//! starts = 2026-11-01                      # may be left out
//! expires = 2027-03-31                     # the whole day counts, in UTC; or "never"
//! ```

mod caller;
mod date;
mod file;
mod load;
mod set;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use jiff::Timestamp;

pub use load::{ExceptionsError, LoadedExceptions};
pub use set::{EXPIRY_NOTICE, Exceptions, format_days};

use super::RuleInfo;
use super::load::Position;
use crate::ecs::View;
use kql::Query;

/// An exception, ready to be held against records.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// What findings that it matched are marked with.
    pub name: String,
    /// The rules whose findings it can match.
    pub rules: Vec<RuleSelector>,
    /// What a record must meet.
    pub query: Query,
    /// Why it is right not to alert.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The first instant at which it holds; absent where it holds since ever.
    pub starts: Option<Timestamp>,
    /// How long it holds.
    pub expires: Expiry,
    /// The file it was read from.
    pub path: PathBuf,
    /// Where in the file it stands.
    pub position: Position,
}

/// One entry of an exception's `rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSelector {
    /// An id, a name, or `*`.
    pub text: String,
    /// Where in the file it stands.
    pub position: Position,
}

/// How long an exception holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Until someone takes it away.
    Never,
    /// Up to and with this instant.
    At(Timestamp),
}

/// What an exception does at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionState {
    /// It starts later.
    NotYet,
    /// It holds.
    Active,
    /// It holds no more.
    Expired,
}

impl Exception {
    /// Whether it holds at `now`. The first and the last instant count.
    pub fn state(&self, now: Timestamp) -> ExceptionState {
        if self.starts.is_some_and(|starts| now < starts) {
            return ExceptionState::NotYet;
        }
        match self.expires {
            Expiry::At(last) if last < now => ExceptionState::Expired,
            Expiry::At(_) | Expiry::Never => ExceptionState::Active,
        }
    }

    /// Whether it is meant for this rule.
    pub fn applies_to(&self, rule: &RuleInfo) -> bool {
        self.rules.iter().any(|of| of.selects(rule))
    }

    /// Whether a finding that `rule` made of the record is not to be alerted at `now`.
    pub fn matches(&self, rule: &RuleInfo, view: &View<'_>, now: Timestamp) -> bool {
        self.state(now) == ExceptionState::Active
            && self.applies_to(rule)
            && self.query.matches(view, now)
    }
}

impl RuleSelector {
    /// Whether it takes in this rule. Ids and names are compared exactly.
    pub fn selects(&self, rule: &RuleInfo) -> bool {
        self.selects_every_rule() || self.text == rule.id || self.text == rule.name
    }

    /// Whether it takes in every rule.
    pub fn selects_every_rule(&self) -> bool {
        self.text == "*"
    }
}
