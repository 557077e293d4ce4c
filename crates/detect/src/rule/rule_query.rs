//! The query of a rule, in one of the languages that rules are written in.

use jiff::Timestamp;
use query_core::Document;

use super::required_fields::RequiredFields;
use super::sequence::{MatchedStep, matched_steps};

/// The query of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleQuery {
    /// The Kibana Query Language.
    Kql(kql::Query),
    /// The Event Query Language, for single events.
    Eql(eql::Query),
    /// A sequence in the Event Query Language. A record that matches any step is a finding.
    Sequence(Box<eql::Sequence>),
}

impl RuleQuery {
    /// The text of the query.
    pub fn source(&self) -> &str {
        match self {
            RuleQuery::Kql(query) => query.source(),
            RuleQuery::Eql(query) => query.source(),
            RuleQuery::Sequence(sequence) => sequence.source(),
        }
    }

    /// The language, as rule files name it: `kuery` or `eql`.
    pub fn language(&self) -> &'static str {
        match self {
            RuleQuery::Kql(_) => "kuery",
            RuleQuery::Eql(_) | RuleQuery::Sequence(_) => "eql",
        }
    }

    /// Returns true if the document matches. `now` is the time that date math counts from.
    pub fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        match self {
            RuleQuery::Kql(query) => query.matches(document, now),
            RuleQuery::Eql(query) => query.matches(document, now),
            RuleQuery::Sequence(sequence) => sequence.matches_any_step(document, now),
        }
    }

    /// The services and calls that it can match.
    pub fn required_fields(&self) -> RequiredFields {
        match self {
            RuleQuery::Kql(query) => RequiredFields::from_kql(query.expr()),
            RuleQuery::Eql(query) => RequiredFields::from_eql(query.expr()),
            RuleQuery::Sequence(sequence) => RequiredFields::from_sequence(sequence),
        }
    }

    /// The steps of a sequence that the document matches; none if the query is not a sequence.
    pub fn matched_steps(&self, document: &dyn Document, now: Timestamp) -> Vec<MatchedStep> {
        match self {
            RuleQuery::Kql(_) | RuleQuery::Eql(_) => Vec::new(),
            RuleQuery::Sequence(sequence) => matched_steps(sequence, document, now),
        }
    }
}

impl From<kql::Query> for RuleQuery {
    fn from(query: kql::Query) -> RuleQuery {
        RuleQuery::Kql(query)
    }
}

impl From<eql::Query> for RuleQuery {
    fn from(query: eql::Query) -> RuleQuery {
        RuleQuery::Eql(query)
    }
}
