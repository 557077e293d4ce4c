//! How severe the alert of one finding is: that of the rule, unless facts change it.

use jiff::Timestamp;
use kql::{Document, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{RuleInfo, Severity};

/// The severity of an alert. It can differ from that of its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// The severity.
    pub severity: Severity,
    /// The risk score, 0 to 100.
    pub risk_score: u8,
    /// Why the severity is not that of the rule: the rest of a sentence that begins with "since".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What changes the severity of a rule's findings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeverityRules {
    /// Elastic's `severity_mapping`, which may also lower it.
    pub mappings: Vec<SeverityMapping>,
    /// The first field of Elastic's `risk_score_mapping`: its own number is the risk score.
    pub risk_score_field: Option<String>,
    /// `severity_when`, which only raises it. Of several with the same severity, the first counts.
    pub raises: Vec<SeverityRaise>,
}

/// One `severity_mapping`: the severity of a finding whose field has this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeverityMapping {
    /// The field's name.
    pub field: String,
    /// The value, as text.
    pub value: String,
    /// The severity.
    pub severity: Severity,
}

/// One `severity_when`.
#[derive(Debug, Clone, PartialEq)]
pub struct SeverityRaise {
    /// Matched against the [`fact_document`](crate::finding::fact_document) of a finding.
    pub query: Query,
    /// The severity if the query matches.
    pub severity: Severity,
    /// The risk score if the query matches, 0 to 100.
    pub risk_score: u8,
    /// Why, in the words of the rule's author: the rest of a sentence that begins with "since".
    pub reason: Option<String>,
}

impl Rating {
    /// The severity and the risk score of the rule itself.
    pub fn of_rule(rule: &RuleInfo) -> Rating {
        Rating { severity: rule.severity, risk_score: rule.risk_score, reason: None }
    }
}

impl SeverityRaise {
    /// The author's reason; otherwise the query, on one line.
    pub fn reason_in_words(&self) -> String {
        let query = || self.query.source().split_whitespace().collect::<Vec<_>>().join(" ");
        self.reason.clone().unwrap_or_else(|| format!("it matches {}", query()))
    }
}

impl SeverityRules {
    /// Rates a finding of the rule by its [`fact_document`](crate::finding::fact_document). Returns
    /// `None` if severity and risk score are those of the rule. Date math counts from `now`.
    pub fn rate(&self, rule: &RuleInfo, document: &Value, now: Timestamp) -> Option<Rating> {
        let own = Rating::of_rule(rule);
        let mut rating = self.mapped(&own, document);
        if let Some(raise) = highest_raise(&self.raises, document, now)
            && raise.severity > rating.severity
        {
            rating = Rating {
                severity: raise.severity,
                risk_score: raise.risk_score.max(rating.risk_score),
                reason: Some(raise.reason_in_words()),
            };
        }
        (rating != own).then_some(rating)
    }

    /// Returns true if no finding's severity or risk score can differ from the rule's.
    pub fn is_empty(&self) -> bool {
        *self == SeverityRules::default()
    }

    /// Elastic's mappings. Of several that match, the highest severity counts.
    fn mapped(&self, own: &Rating, document: &Value) -> Rating {
        let matching = self.mappings.iter().filter(|mapping| mapping.matches(document));
        let mapping = matching.max_by_key(|mapping| mapping.severity);
        let severity = mapping.map_or(own.severity, |mapping| mapping.severity);
        let reason = mapping.filter(|mapping| mapping.severity != own.severity);
        Rating {
            severity,
            risk_score: self.mapped_risk_score(document).unwrap_or(own.risk_score),
            reason: reason.map(|mapping| format!("{} is {}", mapping.field, mapping.value)),
        }
    }

    /// A whole number from 0 to 100. Any other value is ignored, as in Kibana.
    fn mapped_risk_score(&self, document: &Value) -> Option<u8> {
        let mut score = None;
        document.any_value(self.risk_score_field.as_ref()?, &mut |value| {
            let kql::Value::Number(number) = value else { return false };
            score = (0..=100).find(|score: &u8| f64::from(*score) == number);
            score.is_some()
        });
        score
    }
}

impl SeverityMapping {
    fn matches(&self, document: &Value) -> bool {
        document.any_value(&self.field, &mut |value| match value {
            kql::Value::Text(text) | kql::Value::Name(text) => text == self.value,
            kql::Value::Bool(flag) => flag.to_string() == self.value,
            kql::Value::Number(number) => number.to_string() == self.value,
            kql::Value::Ip(_) | kql::Value::Date(_) => false,
        })
    }
}

/// The first of the raises with the highest severity whose query matches.
pub(crate) fn highest_raise<'r>(
    raises: &'r [SeverityRaise],
    document: &Value,
    now: Timestamp,
) -> Option<&'r SeverityRaise> {
    let matching = raises.iter().filter(|raise| raise.query.matches(document, now));
    matching.rev().max_by_key(|raise| raise.severity)
}
