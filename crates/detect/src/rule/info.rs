//! What a rule says about itself to people: carried by every finding, so that an alert can be
//! written, or written again, without the rule file it came from.

use serde::{Deserialize, Serialize};

/// How bad it is if true, in Elastic's four steps. Ordered: `Low < Medium < High < Critical`.
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
    /// The lower-case word of the rule file: `low`, `medium`, `high`, `critical`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// The describing part of a rule file. Texts are Markdown, as authored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// `rule_id`, a UUID in Elastic's files; any non-empty string here.
    pub id: String,
    /// `name`, one line.
    pub name: String,
    /// `description`: what the rule sees and why it matters.
    pub description: String,
    /// `severity`.
    pub severity: Severity,
    /// `risk_score`, 0 to 100.
    pub risk_score: u8,
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
    /// Its page.
    pub reference: String,
}

/// An ATT&CK technique, or a sub-technique (which has none below it).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Technique {
    /// E.g. `T1136`, or `T1136.003`.
    pub id: String,
    /// E.g. `Create Account`.
    pub name: String,
    /// Its page.
    pub reference: String,
    /// The sub-techniques; may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtechnique: Vec<Technique>,
}
