//! A query as a tree.

use std::sync::Arc;

use super::literal::Literal;
use super::span::Span;
use super::wildcard::Wildcard;

/// One node of a query, with the place it was written at.
///
/// Two expressions are equal if they say the same, wherever they stand.
#[derive(Debug, Clone)]
pub struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: Span,
}

/// What a node says. Chains are flat: `a and b and c` is one [`ExprKind::And`] of three.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// Matches every document: the empty query, `*`, `*: *`.
    All,
    /// One condition.
    Leaf(Leaf),
    /// `path: { … }`: one object at the path meets the whole of the inner expression, whose field
    /// names are relative to the path.
    Nested {
        /// The dotted name of the array of objects, relative to the enclosing path if there is one.
        path: String,
        /// What one of the objects must meet.
        expr: Box<Expr>,
    },
    /// Matches what the inner expression does not.
    Not(Box<Expr>),
    /// Two or more, all of which match.
    And(Vec<Expr>),
    /// Two or more, any of which matches.
    Or(Vec<Expr>),
}

/// One condition: a field has a value that passes the test. `field: (a or b)` is two leaves under
/// an `or`.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    // Shared, because every value of a list names the same field.
    pub(super) field: Arc<Field>,
    pub(super) test: Test,
}

/// Which fields a leaf looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// Every field: a bare value, or `*: value`.
    Any,
    /// The field of exactly this dotted name.
    Named(String),
    /// Every field whose dotted name the wildcard matches, as in `a.b.*: value`. A star takes in
    /// dots.
    Like(Wildcard),
}

/// What a value must be.
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

/// The operator of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Expr {
    /// What the node says.
    pub fn kind(&self) -> &ExprKind {
        &self.kind
    }

    /// Where it stands in the query text. A value of a list has the span of the value alone; an
    /// expression in parentheses has the span of what is between them.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The nodes right under this one, in the order written; none under a leaf.
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
    /// Which fields it looks at.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// What one of their values must be.
    pub fn test(&self) -> &Test {
        &self.test
    }
}
