//! Exceptions: a finding that matches one is recorded and counted as suppressed, not alerted.
//!
//! ```toml
//! [[exception]]
//! name = "terraform"                       # unique in all files
//! rules = ["AWS IAM Group Creation"]       # ids or names, or "*" for every rule
//! query = 'user.name: TerraformRole and source.ip: 192.0.2.0/24'
//! reason = "The pipeline makes the groups of every new team"
//! owner = "platform@example.com"
//! starts = 2026-11-01                      # optional
//! expires = 2027-03-31                     # includes the whole day in UTC; or "never"
//! ```

mod cover;
mod expiry;
mod file;
mod load;
#[cfg(test)]
mod tests;
mod trust;

use std::path::PathBuf;

use jiff::Timestamp;
use kql::Query;

pub use expiry::{EXPIRY_NOTICE, Expiry, format_days};
pub use file::PLACEHOLDER;
pub use load::{ExceptionsError, LoadedExceptions, check_exception_files};

use super::definition::RuleInfo;
use super::toml_file::problem::Position;
use crate::ecs::View;

/// Findings of some rules that are not to be alerted.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// The name that suppressed findings carry.
    pub name: String,
    /// The rules whose findings it can match.
    pub rules: Vec<RuleSelector>,
    /// The condition that the record must meet.
    pub query: Query,
    /// Why there is no need to alert.
    pub reason: String,
    /// The person or team responsible for it.
    pub owner: String,
    /// The first instant at which it is active; `None` if it has no start.
    pub starts: Option<Timestamp>,
    /// The last instant at which it is active.
    pub expires: Expiry,
    /// The file it was read from.
    pub path: PathBuf,
    /// Where in the file it is.
    pub position: Position,
}

/// One entry of an exception's `rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSelector {
    /// An id, a name, or `*`.
    pub text: String,
    /// Where in the file it is.
    pub position: Position,
}

/// Whether an exception is active at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionState {
    /// It starts later.
    NotYet,
    /// It is active.
    Active,
    /// It has ended.
    Expired,
}

impl Exception {
    /// The state at `now`. The first and the last instant are active.
    pub fn state(&self, now: Timestamp) -> ExceptionState {
        if self.starts.is_some_and(|starts| now < starts) {
            return ExceptionState::NotYet;
        }
        match self.expires {
            Expiry::At(last) if last < now => ExceptionState::Expired,
            Expiry::At(_) | Expiry::Never => ExceptionState::Active,
        }
    }

    /// Returns true if it is for this rule.
    pub fn applies_to(&self, rule: &RuleInfo) -> bool {
        self.rules.iter().any(|selector| selector.selects(rule))
    }

    /// Returns true if it suppresses a finding of `rule` about the record at `now`.
    pub fn matches(&self, rule: &RuleInfo, view: &View<'_>, now: Timestamp) -> bool {
        self.state(now) == ExceptionState::Active
            && self.applies_to(rule)
            && self.query.matches(view, now)
    }

    /// The same exception, active at any time: to see what it would have suppressed.
    pub fn without_times(self) -> Exception {
        Exception { starts: None, expires: Expiry::Never, ..self }
    }

    /// A line for people if it expires within 30 days of `now`, or expired within the last 30.
    pub fn expiry_notice(&self, now: Timestamp) -> Option<String> {
        let Expiry::At(last) = self.expires else { return None };
        let left = last.duration_since(now);
        if left.abs() > EXPIRY_NOTICE {
            return None;
        }
        let name = self.name.escape_debug();
        let owner = self.owner.escape_debug();
        let end = last.strftime("%Y-%m-%d %H:%M UTC");
        let days = format_days(left);
        Some(if left.is_negative() {
            format!(
                "exception `{name}` expired {days} ago ({end}), its findings are alerted again; \
                 owner: {owner}"
            )
        } else {
            format!("exception `{name}` expires in {days} ({end}); owner: {owner}")
        })
    }
}

impl RuleSelector {
    /// Returns true if it selects this rule. Ids and names are compared exactly.
    pub fn selects(&self, rule: &RuleInfo) -> bool {
        self.selects_every_rule() || self.text == rule.id || self.text == rule.name
    }

    /// Returns true if it is `*`.
    pub fn selects_every_rule(&self) -> bool {
        self.text == "*"
    }
}

/// All exceptions of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exceptions(Vec<Exception>);

impl Exceptions {
    /// The first exception that matches a finding suppresses it.
    pub fn new(exceptions: Vec<Exception>) -> Exceptions {
        Exceptions(exceptions)
    }

    /// The exceptions, in the order of the files.
    pub fn as_slice(&self) -> &[Exception] {
        &self.0
    }

    /// The exception that suppresses a finding of `rule` about the record at `now`.
    pub fn matching(&self, rule: &RuleInfo, view: &View<'_>, now: Timestamp) -> Option<&Exception> {
        self.0.iter().find(|exception| exception.matches(rule, view, now))
    }

    /// See [`Exception::expiry_notice`].
    pub fn expiry_notices(&self, now: Timestamp) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(move |exception| exception.expiry_notice(now))
    }
}
