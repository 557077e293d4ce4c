//! How severe the alert of one finding is: that of the rule, unless facts change it.

use jiff::Timestamp;
use kql::{Case, Document, Expr, ExprKind, Field, Query};
use serde::{Deserialize, Serialize};

use super::definition::{RuleInfo, Severity};
use crate::finding::FactDocument;

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
    /// The first field of Elastic's `risk_score_mapping`: its own number is the risk score. Kibana
    /// ignores all others.
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
    /// Matched against the [`FactDocument`] of a finding.
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
    /// Rates a finding of the rule by its [`FactDocument`]. Returns
    /// `None` if severity and risk score are those of the rule. Date math counts from `now`.
    pub fn rate(&self, rule: &RuleInfo, document: &FactDocument, now: Timestamp) -> Option<Rating> {
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

    /// Returns true if the severity can depend on what the ledger knows of the group.
    pub fn needs_timeline(&self) -> bool {
        self.ask_for("trailbell.group.power") || self.ask_for("trailbell.self")
    }

    /// Returns true if the severity can depend on what the ledger knows of the principal.
    pub fn needs_history(&self) -> bool {
        self.ask_for("trailbell.principal.first_seen")
    }

    fn ask_for(&self, field: &str) -> bool {
        let is_mapped = self.mappings.iter().any(|mapping| mapping.field == field);
        let is_score = self.risk_score_field.as_deref() == Some(field);
        is_mapped || is_score || self.raises.iter().any(|raise| asks_for(&raise.query, field))
    }

    /// Elastic's mappings. Of several that match, the highest severity counts.
    fn mapped(&self, own: &Rating, document: &FactDocument) -> Rating {
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

    /// The highest number from 0 to 100 among the values of the field, rounded. A text that is a
    /// number counts, and any other value is ignored, as in Kibana.
    fn mapped_risk_score(&self, document: &FactDocument) -> Option<u8> {
        let mut highest: Option<u8> = None;
        document.any_value(self.risk_score_field.as_ref()?, &mut |value| {
            highest = highest.max(to_risk_score(value));
            false
        });
        highest
    }
}

fn to_risk_score(value: kql::Value<'_>) -> Option<u8> {
    let number = match value {
        kql::Value::Number(number) => number,
        kql::Value::Text(text) | kql::Value::Name(text) => text.trim().parse().ok()?,
        kql::Value::Bool(_) | kql::Value::Ip(_) | kql::Value::Date(_) => return None,
    };
    let rounded = number.round();
    let is_score = (0.0..=100.0).contains(&number);
    (0..=100).find(|score: &u8| is_score && f64::from(*score) == rounded)
}

impl SeverityMapping {
    /// Texts must be equal, and numbers whole, as in Kibana. There, a boolean equals nothing; here,
    /// facts can be booleans.
    fn matches(&self, document: &FactDocument) -> bool {
        document.any_value(&self.field, &mut |value| match value {
            kql::Value::Text(text) => text == self.value,
            kql::Value::Name(text) => text.eq_ignore_ascii_case(&self.value),
            kql::Value::Bool(flag) => {
                self.field.starts_with("trailbell.") && flag.to_string() == self.value
            }
            kql::Value::Number(number) => number.fract() == 0.0 && number.to_string() == self.value,
            kql::Value::Ip(_) | kql::Value::Date(_) => false,
        })
    }
}

/// Returns true if a condition of the query can be about this field.
pub(super) fn asks_for(query: &Query, field: &str) -> bool {
    is_about(query.expr(), "", field)
}

fn is_about(expr: &Expr, prefix: &str, field: &str) -> bool {
    let inner_prefix = match expr.kind() {
        ExprKind::Nested { path, .. } => &format!("{prefix}{path}."),
        _ => prefix,
    };
    let is_asked = match expr.kind() {
        ExprKind::Leaf(leaf) => match leaf.field() {
            Field::Any => true,
            // `trailbell.group: *` asks for everything below it.
            Field::Named(name) => {
                let name = format!("{prefix}{name}");
                let rest = field.strip_prefix(&name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            Field::Like(wildcard) => wildcard.matches(field, Case::Exact),
        },
        _ => false,
    };
    is_asked || expr.children().iter().any(|child| is_about(child, inner_prefix, field))
}

/// The first of the raises with the highest severity whose query matches.
pub(crate) fn highest_raise<'r>(
    raises: &'r [SeverityRaise],
    document: &FactDocument,
    now: Timestamp,
) -> Option<&'r SeverityRaise> {
    let matching = raises.iter().filter(|raise| raise.query.matches(document, now));
    matching.rev().max_by_key(|raise| raise.severity)
}
