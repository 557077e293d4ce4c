//! What a policy, or all policies of a group, let their holders do: everything, raise their own
//! rights, or neither. docs/power.md says what is judged and what is not.

mod condition;
mod document;
mod grants;
mod judge;
mod managed;
mod pattern;
#[cfg(test)]
mod tests;
mod ways;

use serde::{Deserialize, Serialize};

pub use document::PolicyError;
pub use grants::{Grant, Grants, JudgedDocument, Source, judge_text};
pub use judge::open_ways;
pub use managed::{aws_managed, managed_grants, managed_policies_date};
pub use ways::{RightSet, Way};

/// What policies let their holders do.
#[derive(Debug, Clone, PartialEq)]
pub enum Power {
    /// No document is known.
    Unknown,
    /// Neither everything, nor a known way to more.
    Limited,
    /// Some ways to more rights are open.
    Escalates(Vec<OpenWay>),
    /// Every action on every resource.
    Admin(Opening),
}

/// The power without its ways. Ordered by how much it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as in `Power`")]
pub enum PowerLevel {
    Unknown,
    Limited,
    Escalates,
    Admin,
}

/// A way that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenWay {
    /// The way.
    pub way: &'static Way,
    /// What opens it.
    pub opening: Opening,
}

/// The statements that give a power, and what limits it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// The statements. Not safe to print.
    pub sources: Vec<Source>,
    /// In words: `on 2 policies`, `iam:passrole if MFA is present`. Not safe to print.
    pub notes: Vec<String>,
}

impl Power {
    /// The power without its ways.
    pub fn level(&self) -> PowerLevel {
        match self {
            Power::Unknown => PowerLevel::Unknown,
            Power::Limited => PowerLevel::Limited,
            Power::Escalates(_) => PowerLevel::Escalates,
            Power::Admin(_) => PowerLevel::Admin,
        }
    }
}

impl PowerLevel {
    /// All levels, in ascending order.
    pub const ALL: [PowerLevel; 4] =
        [PowerLevel::Unknown, PowerLevel::Limited, PowerLevel::Escalates, PowerLevel::Admin];

    /// The power of a policy that AWS manages, by its ARN.
    pub fn from_managed(arn: &str) -> Option<PowerLevel> {
        managed_grants(arn).map(|grants| Power::from_grants(&grants).level())
    }

    /// Returns true if it is more than a limited power.
    pub fn is_powerful(self) -> bool {
        self >= PowerLevel::Escalates
    }

    /// `escalates`.
    pub fn as_str(self) -> &'static str {
        match self {
            PowerLevel::Unknown => "unknown",
            PowerLevel::Limited => "limited",
            PowerLevel::Escalates => "escalates",
            PowerLevel::Admin => "admin",
        }
    }
}

impl OpenWay {
    /// Returns true if another open way takes some of the same rights and no others, so that this
    /// one adds nothing to it.
    pub fn is_implied_by(&self, other: &OpenWay) -> bool {
        self.way.rights != other.way.rights && self.way.rights.includes(other.way.rights)
    }
}
