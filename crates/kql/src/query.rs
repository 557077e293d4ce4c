//! A query, and how it matches a document. Matching does not allocate.

use jiff::Timestamp;
use query_core::{Case, Document, Literal, ParseError, ShortText, Value, Wildcard};

use super::ast::{Expr, ExprKind, Field, Leaf, Test};
use super::parser;

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    source: String,
    expr: Expr,
}

impl Query {
    /// Parses a query of at most [`MAX_BYTES`](super::MAX_BYTES), nested at most
    /// [`MAX_DEPTH`](super::MAX_DEPTH) deep.
    ///
    /// # Errors
    /// Fails if the text is not a query. The error says what was expected, what was found, and
    /// where.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        Ok(Self { source: source.to_owned(), expr: parser::parse(source)? })
    }

    /// The text that was parsed, to which the spans of the expressions refer.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The query as a syntax tree.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Returns true if the document matches. `now` is the time that date math counts from.
    pub fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        self.expr.matches(document, now)
    }
}

impl Expr {
    /// Returns true if the document matches this node. The results of all nodes explain why the
    /// query matches or not. `now` is the time that date math counts from.
    pub fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        match &self.kind {
            ExprKind::All => true,
            ExprKind::Leaf(leaf) => leaf.matches(document, now),
            ExprKind::Nested { path, expr } => {
                document.any_object(path, &mut |object| expr.matches(object, now))
            }
            ExprKind::Not(expr) => !expr.matches(document, now),
            ExprKind::And(exprs) => exprs.iter().all(|expr| expr.matches(document, now)),
            ExprKind::Or(exprs) => exprs.iter().any(|expr| expr.matches(document, now)),
        }
    }
}

impl Leaf {
    fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        match &*self.field {
            Field::Any => document.any_leaf(&mut |_, value| self.test.accepts(value, now)),
            Field::Like(names) => document.any_leaf(&mut |name, value| {
                names.matches(name, Case::Exact) && self.test.accepts(value, now)
            }),
            Field::Named(name) => {
                document.any_value(name, &mut |value| self.test.accepts(value, now))
                    || (self.test == Test::Exists && has_object(document, name))
            }
        }
    }
}

/// To Elasticsearch an object exists if it has a value.
fn has_object(document: &dyn Document, path: &str) -> bool {
    document.any_object(path, &mut |object| object.any_leaf(&mut |_, _| true))
}

impl Test {
    fn accepts(&self, value: Value<'_>, now: Timestamp) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals(literal) => literal.equals(value, now) || is_in_block(literal, value),
            Self::Like(wildcard) => is_like(wildcard, value),
            Self::Range(comparison, literal) => literal.compares(*comparison, value, now),
        }
    }
}

/// Elasticsearch never takes a keyword for an address. The evaluator of Elastic's rules does, and a
/// document without a mapping has only text.
fn is_in_block(literal: &Literal, value: Value<'_>) -> bool {
    let Value::Text(text) = value else { return false };
    literal.is_cidr() && text.parse().is_ok_and(|address| literal.contains_ip(address))
}

/// Elasticsearch refuses wildcards on anything but keywords. The evaluator of Elastic's rules
/// treats addresses as text, and `source.ip: 10.*` has only one meaning, so it works here as well.
fn is_like(wildcard: &Wildcard, value: Value<'_>) -> bool {
    match value {
        Value::Text(text) => wildcard.matches(text, Case::Exact),
        Value::Name(name) => wildcard.matches(name, Case::Any),
        Value::Ip(address) => {
            ShortText::new(address).is_some_and(|text| wildcard.matches(text.as_str(), Case::Exact))
        }
        Value::Number(_) | Value::Bool(_) | Value::Date(_) => false,
    }
}
