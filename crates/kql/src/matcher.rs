//! A tree held against a document. Nothing here allocates.

use std::fmt::{self, Write};
use std::net::IpAddr;

use jiff::Timestamp;

use super::ast::{Expr, ExprKind, Field, Leaf, Test};
use super::document::{Document, Value};
use super::wildcard::Wildcard;

impl Expr {
    /// Whether the document matches this node: asked of each node in turn, it explains why the
    /// whole matched or not. `now` is what date math counts from.
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
            Field::Any => document.any_leaf(&mut |_, value| self.test.passes(value, now)),
            Field::Like(names) => document
                .any_leaf(&mut |name, value| names.matches(name) && self.test.passes(value, now)),
            Field::Named(name) => {
                document.any_value(name, &mut |value| self.test.passes(value, now))
                    || (self.test == Test::Exists && has_object(document, name))
            }
        }
    }
}

/// To Elasticsearch an object exists if anything in it does.
fn has_object(document: &dyn Document, path: &str) -> bool {
    document.any_object(path, &mut |object| object.any_leaf(&mut |_, _| true))
}

impl Test {
    fn passes(&self, value: Value<'_>, now: Timestamp) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals(literal) => literal.equals(value, now),
            Self::Like(wildcard) => is_like(wildcard, value),
            Self::Range(comparison, literal) => literal.bounds(*comparison, value, now),
        }
    }
}

/// Elasticsearch refuses a wildcard on anything but keywords. Elastic's rule evaluator sees
/// addresses as texts, and `source.ip: 10.*` has only one meaning, so that works here too.
fn is_like(wildcard: &Wildcard, value: Value<'_>) -> bool {
    match value {
        Value::Text(text) => wildcard.matches(text),
        Value::Ip(address) => wildcard.matches(AddressText::new(address).as_str()),
        Value::Number(_) | Value::Bool(_) | Value::Date(_) => false,
    }
}

/// An address as text, on the stack: the longest has 45 characters.
struct AddressText {
    bytes: [u8; 48],
    length: usize,
}

impl AddressText {
    fn new(address: IpAddr) -> Self {
        let mut text = Self { bytes: [0; 48], length: 0 };
        // Cannot fail: no address is longer than the buffer.
        let _ = write!(text, "{address}");
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
