//! A query, and how it matches a document.

use std::cell::Cell;
use std::sync::Arc;

use jiff::Timestamp;
use query_core::{Case, Document, ParseError, ShortText, Value};

use super::ast::{Expr, ExprKind, Leaf, Term, Test};
use super::constant::{Constant, ConstantKind};
use super::evaluate::Bindings;
use super::parser;

/// The most combinations of values that are tried for one condition over several fields. A
/// condition that only later ones meet is not met.
pub const MAX_COMBINATIONS: u32 = 100_000;

const CATEGORY_FIELD: &str = "event.category";

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    source: Arc<str>,
    pub(super) category: Option<String>,
    category_field: String,
    pub(super) expr: Expr,
}

impl Query {
    /// Parses a query of at most [`MAX_BYTES`](super::MAX_BYTES), nested at most
    /// [`MAX_DEPTH`](super::MAX_DEPTH) deep. The category is a value of `event.category`.
    ///
    /// # Errors
    /// Fails if the text is not a query of single events. The error says what was expected, what
    /// was found, and where, and whether it is another kind of query.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        parser::parse_event(source)
    }

    /// The query of events with this condition, which is a part of `source`.
    pub(super) fn new(source: Arc<str>, category: Option<String>, expr: Expr) -> Self {
        Self { source, category, category_field: CATEGORY_FIELD.to_owned(), expr }
    }

    /// The same query with the category in another field.
    pub fn with_category_field(self, category_field: String) -> Self {
        Self { category_field, ..self }
    }

    /// The text that was parsed, to which the spans of the expressions refer.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The category; `None` for `any`.
    pub fn category(&self) -> Option<&str> {
        self.category.as_deref()
    }

    /// The field of the category.
    pub fn category_field(&self) -> &str {
        &self.category_field
    }

    /// The condition, as a syntax tree.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Returns true if the document matches. `now` is the time that date math counts from.
    pub fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        self.matches_category(document) && self.expr.matches(document, now)
    }

    /// Returns true if the document is of the category.
    pub fn matches_category(&self, document: &dyn Document) -> bool {
        self.category().is_none_or(|category| {
            document.any_value(&self.category_field, &mut |value| match value {
                Value::Text(text) | Value::Name(text) => text == category,
                _ => false,
            })
        })
    }
}

impl Expr {
    /// Returns true if the document meets this condition. The results of all conditions explain why
    /// the query matches or not. `now` is the time that date math counts from.
    pub fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        match &self.kind {
            ExprKind::Constant(value) => *value,
            ExprKind::Leaf(leaf) => leaf.matches(document, now),
            // `not` applies to the result, so a missing field meets it. Elasticsearch negates the
            // query that the condition becomes.
            ExprKind::Not(expr) => !expr.matches(document, now),
            ExprKind::And(exprs) => exprs.iter().all(|expr| expr.matches(document, now)),
            ExprKind::Or(exprs) => exprs.iter().any(|expr| expr.matches(document, now)),
        }
    }
}

impl Leaf {
    fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        match (&self.term, &self.test) {
            (Term::Field { name, .. }, Test::IsNull) => !document.any_value(name, &mut |_| true),
            (Term::Field { name, .. }, test) => {
                document.any_value(name, &mut |value| test.accepts(value, now))
            }
            (term, test) => {
                let left = Cell::new(MAX_COMBINATIONS);
                any_combination(document, &self.fields, None, &mut |bindings| {
                    if left.get() == 0 {
                        return false;
                    }
                    left.set(left.get() - 1);
                    match term.evaluate(bindings) {
                        Some(scalar) => test.accepts(scalar.value(), now),
                        None => *test == Test::IsNull,
                    }
                })
            }
        }
    }
}

/// Calls back with every combination of a value of each field, until the callback returns true. A
/// field without a value is `null`.
fn any_combination(
    document: &dyn Document,
    fields: &[String],
    outer: Option<&Bindings<'_>>,
    accept: &mut dyn FnMut(Option<&Bindings<'_>>) -> bool,
) -> bool {
    let Some((name, fields)) = fields.split_first() else { return accept(outer) };
    let mut is_missing = true;
    let found = document.any_value(name, &mut |value| {
        is_missing = false;
        let bindings = Bindings { name, value: Some(value), outer };
        any_combination(document, fields, Some(&bindings), accept)
    });
    let missing = Bindings { name, value: None, outer };
    found || (is_missing && any_combination(document, fields, Some(&missing), accept))
}

impl Test {
    /// The result of the test of a constant; `None` for other terms.
    pub(super) fn accepts_constant(&self, term: &Term) -> Option<bool> {
        match term {
            Term::Null => Some(*self == Test::IsNull),
            // Only date math needs the time, and a constant is no date.
            Term::Constant(constant) => {
                Some(self.accepts(constant.scalar().value(), Timestamp::UNIX_EPOCH))
            }
            Term::Field { .. } | Term::Call(_) => None,
        }
    }

    /// Returns true if a value passes.
    fn accepts(&self, value: Value<'_>, now: Timestamp) -> bool {
        match self {
            Test::IsNull => false,
            Test::In(constants, case) => {
                constants.iter().any(|constant| is_equal(constant, *case, value, now))
            }
            Test::Differs(constant) => !constant.literal().equals(value, now),
            Test::Compare(comparison, constant) => {
                constant.literal().compares(*comparison, value, now)
            }
            Test::Like(wildcards, case) => with_text(value, *case, |text, case| {
                wildcards.iter().any(|wildcard| wildcard.matches(text, case))
            }),
            Test::Regex(regexes, case) => with_text(value, *case, |text, case| {
                regexes.iter().any(|regex| regex.matches(text, case))
            }),
        }
    }
}

fn is_equal(constant: &Constant, case: Case, value: Value<'_>, now: Timestamp) -> bool {
    let is_text = constant.kind() == ConstantKind::Text;
    match value {
        Value::Text(text) if is_text => case.equal(text, constant.literal().text()),
        _ => constant.literal().equals(value, now),
    }
}

/// Elasticsearch refuses patterns on anything but keywords. An address is text here, as in KQL.
fn with_text(value: Value<'_>, case: Case, accept: impl Fn(&str, Case) -> bool) -> bool {
    match value {
        Value::Text(text) => accept(text, case),
        Value::Name(name) => accept(name, Case::Any),
        Value::Ip(address) => {
            ShortText::new(address).is_some_and(|text| accept(text.as_str(), case))
        }
        Value::Number(_) | Value::Bool(_) | Value::Date(_) => false,
    }
}
