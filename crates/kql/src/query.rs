//! A query, and how it matches a document. Matching does not allocate.

use std::fmt::{self, Write};
use std::net::IpAddr;

use jiff::Timestamp;

use super::ast::{Expr, ExprKind, Field, Leaf, Test};
use super::document::{Document, Value};
use super::error::ParseError;
use super::parser;
use super::wildcard::Wildcard;

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
            Field::Like(names) => document
                .any_leaf(&mut |name, value| names.matches(name) && self.test.accepts(value, now)),
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
            Self::Equals(literal) => literal.equals(value, now),
            Self::Like(wildcard) => is_like(wildcard, value),
            Self::Range(comparison, literal) => literal.compares(*comparison, value, now),
        }
    }
}

/// Elasticsearch refuses wildcards on anything but keywords. The evaluator of Elastic's rules
/// treats addresses as text, and `source.ip: 10.*` has only one meaning, so it works here as well.
fn is_like(wildcard: &Wildcard, value: Value<'_>) -> bool {
    match value {
        Value::Text(text) => wildcard.matches(text),
        Value::Name(name) => wildcard.matches_in_any_case(name),
        Value::Ip(address) => wildcard.matches(AddressText::new(address).as_str()),
        Value::Number(_) | Value::Bool(_) | Value::Date(_) => false,
    }
}

/// An address as text, without allocation. The longest has 45 characters.
struct AddressText {
    bytes: [u8; 48],
    length: usize,
}

impl AddressText {
    fn new(address: IpAddr) -> Self {
        let mut text = Self { bytes: [0; 48], length: 0 };
        let _infallible = write!(text, "{address}");
        text
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.length + part.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}
