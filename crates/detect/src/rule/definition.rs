//! What a rule is.

use std::fmt;
use std::ops::Not;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kql::Query;
use serde::{Deserialize, Serialize};

use super::correlation::Correlation;
use super::embedded::EmbeddedSet;
use super::new_terms::NewTerms;
use super::rule_query::RuleQuery;
use super::sequence;
use super::severity::{SeverityRules, asks_for};
use super::suppression::AlertSuppression;
use super::threshold::Threshold;
use crate::finding::{FactDocument, Facts, Finding};

/// A rule that can be matched against records.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The descriptive part.
    pub info: Arc<RuleInfo>,
    /// The condition that a record must meet.
    pub query: RuleQuery,
    /// `interval`: the length of the window in which its alerts are counted, at least a second.
    pub interval: Duration,
    /// `from`: how far back a window reaches for late records, at least a second.
    pub from: Duration,
    /// `max_signals`: how many single alerts are sent in one window, at least 1.
    pub max_signals: u32,
    /// What changes the severity of a finding.
    pub severity_rules: SeverityRules,
    /// `alert_when`, matched against the [`FactDocument`] of a
    /// finding: one that does not match is recorded, not alerted.
    pub alert_when: Option<Query>,
    /// Where the rule was read.
    pub origin: RuleOrigin,
}

impl Rule {
    /// Returns true if severity or alert can depend on what the ledger knows of the group.
    pub fn needs_timeline(&self) -> bool {
        let asks = |field| self.alert_when.as_ref().is_some_and(|query| asks_for(query, field));
        let alert = asks("trailbell.group.power") || asks("trailbell.self");
        alert || self.severity_rules.needs_timeline()
    }

    /// Returns true if severity or alert can depend on what the ledger knows of the principal.
    pub fn needs_history(&self) -> bool {
        let is_asked = |query| asks_for(query, "trailbell.principal.first_seen");
        self.alert_when.as_ref().is_some_and(is_asked) || self.severity_rules.needs_history()
    }

    /// The correlation that counts the matches of a threshold, or finds the sequences. `None` if each
    /// match is decided by itself.
    pub fn correlation(&self) -> Option<Correlation> {
        sequence::correlation(self).or_else(|| Threshold::correlation(self))
    }

    /// Returns true if these facts of a finding meet `alert_when`. Date math counts from `now`.
    pub fn is_alerted(&self, finding: &Finding, facts: &Facts, now: Timestamp) -> bool {
        let alert_when = self.alert_when.as_ref();
        alert_when.is_none_or(|query| query.matches(&FactDocument::new(finding, facts), now))
    }
}

/// Where a rule was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleOrigin {
    /// It is part of the program, under this file name.
    Embedded(&'static str),
    /// In a file.
    File(PathBuf),
}

impl RuleOrigin {
    /// The set of an embedded rule.
    pub fn embedded_set(&self) -> Option<EmbeddedSet> {
        match self {
            RuleOrigin::Embedded(name) => Some(EmbeddedSet::of_file(name)),
            RuleOrigin::File(_) => None,
        }
    }
}

impl fmt::Display for RuleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleOrigin::Embedded(name) => write!(f, "embedded:{name}"),
            RuleOrigin::File(path) => path.display().fmt(f),
        }
    }
}

/// The descriptive part of a rule file; texts are Markdown. Every finding carries it, so that an
/// alert can be written again without the rule file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// `rule_id`: a UUID in Elastic's files, any non-empty string here.
    pub id: String,
    /// `name`, one line.
    pub name: String,
    /// `description`: what the rule detects and why that matters.
    pub description: String,
    /// `severity`.
    pub severity: Severity,
    /// `risk_score`, 0 to 100.
    pub risk_score: u8,
    /// `version`: raised with every change of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// `setup`: what must be in place for the rule to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<String>,
    /// `note`: the triage guide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// `tags`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `references`: URLs.
    #[serde(default)]
    pub references: Vec<String>,
    /// `false_positives`, one sentence or more each.
    #[serde(default)]
    pub false_positives: Vec<String>,
    /// `[[rule.threat]]`: the ATT&CK mapping.
    #[serde(default)]
    pub threat: Vec<Threat>,
    /// `investigation_fields`: the fields to look at first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub investigation_fields: Vec<String>,
    /// `building_block_type`: findings are recorded and correlated, but not alerted.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub building_block: bool,
    /// `alert_suppression`: which findings one alert stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_suppression: Option<AlertSuppression>,
    /// `threshold`: findings are recorded, and alerted once there are enough of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// `new_terms_fields`: matches are findings only if their values are new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_terms: Option<NewTerms>,
    /// The query is a sequence: findings are recorded, and alerted once they complete it.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub sequence: bool,
}

/// How serious a finding is, in Elastic's four steps. Ordered: `Low < Medium < High < Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth looking at today.
    Medium,
    /// Worth looking at now.
    High,
    /// Worth waking someone.
    Critical,
}

impl Severity {
    /// All severities, in ascending order.
    pub const ALL: [Severity; 4] =
        [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// The word in rule files: `low`, `medium`, `high` or `critical`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// Reads what [`Severity::as_str`] returns.
    pub fn from_word(word: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.as_str() == word)
    }
}

/// One `[[rule.threat]]`: a tactic and the techniques under it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threat {
    /// `MITRE ATT&CK`.
    pub framework: String,
    /// The tactic, e.g. TA0003 Persistence.
    pub tactic: Tactic,
    /// The techniques under it; may be empty.
    #[serde(default)]
    pub technique: Vec<Technique>,
}

/// An ATT&CK tactic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tactic {
    /// E.g. `TA0003`.
    pub id: String,
    /// E.g. `Persistence`.
    pub name: String,
    /// The URL of its page.
    pub reference: String,
}

/// An ATT&CK technique or sub-technique.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Technique {
    /// E.g. `T1136`, or `T1136.003`.
    pub id: String,
    /// E.g. `Create Account`.
    pub name: String,
    /// The URL of its page.
    pub reference: String,
    /// The sub-techniques; may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtechnique: Vec<Technique>,
}
