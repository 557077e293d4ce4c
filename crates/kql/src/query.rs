//! A query, ready to be held against documents.

use jiff::Timestamp;

use super::ast::Expr;
use super::document::Document;
use super::error::ParseError;
use super::parser;

/// A parsed query, its literals read into every type they can be compared as. Matching does not
/// allocate.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    source: String,
    expr: Expr,
}

impl Query {
    /// Reads a query of at most [`MAX_BYTES`](super::MAX_BYTES), nested at most
    /// [`MAX_DEPTH`](super::MAX_DEPTH) deep.
    ///
    /// # Errors
    /// Says what was expected and what was found instead, and where.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        Ok(Self { source: source.to_owned(), expr: parser::parse(source)? })
    }

    /// The text it was read from: what the spans of its expressions are spans of.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The query as a tree.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Whether the document matches. `now` is what date math counts from.
    pub fn matches(&self, document: &dyn Document, now: Timestamp) -> bool {
        self.expr.matches(document, now)
    }
}
