//! Sequences: queries of single events that must match one after another.
//!
//! This crate parses them and matches one event against each step. Which events follow one another
//! is up to the caller, who has them.

use std::time::Duration;

use jiff::Timestamp;
use query_core::{Document, ParseError, Span};

use super::parser;
use super::query::Query;

/// The most steps of a sequence, without the one after `until`.
pub const MAX_STEPS: usize = 16;

/// The most runs of a step, as in Elasticsearch.
pub const MAX_RUNS: u32 = 100;

/// The most events of a sequence: a step counts as often as it runs.
pub const MAX_EVENTS: u32 = 200;

/// Any query that can be run.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// A query of single events.
    Event(Query),
    /// A sequence of events.
    Sequence(Sequence),
}

/// Events that match one step after another, and have the values of some fields in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub(super) steps: Vec<Step>,
    pub(super) until: Option<Step>,
    /// Of the keys of each step, those at the start that all steps share.
    pub(super) shared_keys: usize,
    pub(super) maxspan: Option<Duration>,
}

/// A step of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub(super) query: Query,
    pub(super) keys: Vec<JoinKey>,
    pub(super) runs: u32,
}

/// A field whose values the events of a sequence have in common.
///
/// Equality ignores the position.
#[derive(Debug, Clone)]
pub struct JoinKey {
    /// The name of the field.
    pub field: String,
    /// It was written with a `?`: events without a value belong together. Otherwise an event
    /// without one is in no sequence.
    pub is_optional: bool,
    /// The position in the query text.
    pub span: Span,
}

impl PartialEq for JoinKey {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field && self.is_optional == other.is_optional
    }
}

impl Statement {
    /// Parses a query of single events, or a sequence, within the limits of [`Query::parse`].
    ///
    /// # Errors
    /// Fails if the text is neither. The error says what was expected, what was found, and where,
    /// and whether it is another kind of query.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        parser::parse_statement(source)
    }
}

impl Sequence {
    /// The steps in their order: 1 to [`MAX_STEPS`], of 2 to [`MAX_EVENTS`] events.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step whose events end a sequence that has begun.
    pub fn until(&self) -> Option<&Step> {
        self.until.as_ref()
    }

    /// All steps, and then the one after `until`.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.until)
    }

    /// The longest time from the first event to the last; `None` if the query has no limit.
    pub fn maxspan(&self) -> Option<Duration> {
        self.maxspan
    }

    /// The text that was parsed, to which the spans of the expressions refer.
    pub fn source(&self) -> &str {
        self.steps.first().map_or("", |step| step.query.source())
    }

    /// The same sequence with the category of all steps in another field.
    pub fn with_category_field(self, category_field: &str) -> Self {
        let set = |step: Step| Step {
            query: step.query.with_category_field(category_field.to_owned()),
            ..step
        };
        let steps = self.steps.into_iter().map(set).collect();
        Self { steps, until: self.until.map(set), ..self }
    }

    /// Returns true if the document matches a step, or the one after `until`. `now` is the time
    /// that date math counts from.
    pub fn matches_any_step(&self, document: &dyn Document, now: Timestamp) -> bool {
        self.all_steps().any(|step| step.matches(document, now))
    }
}

impl Step {
    /// The condition of its events.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The fields whose values must be those of the keys of the other steps, in this order. All
    /// steps have equally many.
    pub fn keys(&self) -> &[JoinKey] {
        &self.keys
    }

    /// How many events match it, one after another.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// Returns true if the document matches, and has a value for each key that is not optional.
    /// `now` is the time that date math counts from.
    pub fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        let has_value =
            |key: &JoinKey| key.is_optional || document.any_value(&key.field, &mut |_| true);
        self.query.matches(document, now) && self.keys.iter().all(has_value)
    }
}
