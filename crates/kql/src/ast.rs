//! The syntax tree of a query.

use std::sync::Arc;

use query_core::{Comparison, Literal, Span, Wildcard};

/// A node of a query, with its position in the text. Equality ignores the position.
#[derive(Debug, Clone)]
pub struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: Span,
}

/// What a node asks for. Chains are flat: `a and b and c` is one [`ExprKind::And`] of three.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// Matches every document: the empty query, `*`, `*: *`.
    All,
    /// One condition.
    Leaf(Leaf),
    /// `path: { … }`: one object at the path matches the inner expression, whose field names are
    /// relative to the path.
    Nested {
        /// The dotted name of an object or an array of objects, relative to the enclosing path.
        path: String,
        /// The inner expression.
        expr: Box<Expr>,
    },
    /// Matches what the inner expression does not match.
    Not(Box<Expr>),
    /// Two or more, all of which match.
    And(Vec<Expr>),
    /// Two or more, any of which matches.
    Or(Vec<Expr>),
}

/// One condition: a field has a value that passes the test. `field: (a or b)` is an `or` of two
/// conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    // Shared by all values of a list.
    pub(super) field: Arc<Field>,
    pub(super) test: Test,
}

/// The fields of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// Every field: a bare value, or `*: value`.
    Any,
    /// The field of exactly this dotted name.
    Named(String),
    /// Every field whose dotted name matches the wildcard, as in `a.b.*: value`. A star matches
    /// dots as well.
    Like(Wildcard),
}

/// The test of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `field: *`: there is a value, or an object with one.
    Exists,
    /// `field: value`.
    Equals(Literal),
    /// `field: val*`.
    Like(Wildcard),
    /// `field >= value`.
    Range(Comparison, Literal),
}

impl Expr {
    /// What the node asks for.
    pub fn kind(&self) -> &ExprKind {
        &self.kind
    }

    /// The position in the query text. Excludes parentheses around the node; for a value of a list,
    /// the position of the value alone.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The nodes directly below this one, in the order written.
    pub fn children(&self) -> &[Expr] {
        match &self.kind {
            ExprKind::All | ExprKind::Leaf(_) => &[],
            ExprKind::Nested { expr, .. } | ExprKind::Not(expr) => std::slice::from_ref(expr),
            ExprKind::And(exprs) | ExprKind::Or(exprs) => exprs,
        }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Leaf {
    /// The fields whose values are tested.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// The test that one of the values passes.
    pub fn test(&self) -> &Test {
        &self.test
    }
}
