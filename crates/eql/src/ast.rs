//! The syntax tree of a query.

use query_core::{Case, Comparison, Span, Wildcard};

use super::constant::Constant;
use super::function::Function;
use super::regex::Regex;

/// A condition, with its position in the text. Equality ignores the position.
#[derive(Debug, Clone)]
pub struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: Span,
}

/// What a condition asks for. Chains are flat: `a and b and c` is one [`ExprKind::And`] of three.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `true` or `false`, or a comparison of constants.
    Constant(bool),
    /// A test of one value.
    Leaf(Box<Leaf>),
    /// Matches what the inner condition does not match. `a != 1` is `not a == 1`.
    Not(Box<Expr>),
    /// Two or more, all of which match.
    And(Vec<Expr>),
    /// Two or more, any of which matches.
    Or(Vec<Expr>),
}

/// A test of one value. If fields of the value are lists, it is met if some combination of their
/// elements meets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    pub(super) term: Term,
    pub(super) test: Test,
    /// The names of the fields of the term, each once.
    pub(super) fields: Vec<String>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// The field of this dotted name.
    Field {
        /// The name.
        name: String,
        /// It was written with a `?`: the field may be unknown.
        is_optional: bool,
    },
    /// `null`.
    Null,
    /// A text, a number or a boolean.
    Constant(Constant),
    /// A call of a function, or an arithmetic operator.
    Call(Box<Call>),
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub(super) function: Function,
    pub(super) case: Case,
    pub(super) arguments: Vec<Term>,
    /// The patterns of `wildcard`, and of functions that Elasticsearch replaces by a pattern.
    pub(super) patterns: Vec<Wildcard>,
}

/// The test of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `== null`: there is no value.
    IsNull,
    /// `==`, `in`, `in~`, and `:` without wildcards: the value is one of these.
    In(Vec<Constant>, Case),
    /// `!=` with a function before it: there is a value, and it is another one.
    Differs(Constant),
    /// `<`, `<=`, `>`, `>=`.
    Compare(Comparison, Constant),
    /// `like`, `like~` and `:`: the value matches one of the patterns.
    Like(Vec<Wildcard>, Case),
    /// `regex` and `regex~`: the value matches one of the regular expressions.
    Regex(Vec<Regex>, Case),
}

impl Expr {
    /// What the condition asks for.
    pub fn kind(&self) -> &ExprKind {
        &self.kind
    }

    /// The position in the query text, without parentheses around the condition.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The conditions directly below this one, in the order written.
    pub fn children(&self) -> &[Expr] {
        match &self.kind {
            ExprKind::Constant(_) | ExprKind::Leaf(_) => &[],
            ExprKind::Not(expr) => std::slice::from_ref(expr),
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
    pub(super) fn new(term: Term, test: Test) -> Self {
        let mut fields = Vec::new();
        term.collect_fields(&mut fields);
        Self { term, test, fields }
    }

    /// The value that is tested.
    pub fn term(&self) -> &Term {
        &self.term
    }

    /// The test of the value.
    pub fn test(&self) -> &Test {
        &self.test
    }

    /// The field that is tested, if it is tested itself and not the result of a function.
    pub fn field(&self) -> Option<&str> {
        match &self.term {
            Term::Field { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl Term {
    fn collect_fields(&self, fields: &mut Vec<String>) {
        match self {
            Term::Field { name, .. } if !fields.contains(name) => fields.push(name.clone()),
            Term::Field { .. } | Term::Null | Term::Constant(_) => {}
            Term::Call(call) => {
                call.arguments.iter().for_each(|argument| argument.collect_fields(fields));
            }
        }
    }

    /// Calls back with every field of the term and whether it is optional, in the order written.
    pub fn for_each_field(&self, on_field: &mut dyn FnMut(&str, bool)) {
        match self {
            Term::Field { name, is_optional } => on_field(name, *is_optional),
            Term::Null | Term::Constant(_) => {}
            Term::Call(call) => {
                call.arguments.iter().for_each(|argument| argument.for_each_field(on_field));
            }
        }
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Term::Null | Term::Constant(_))
    }
}

impl Call {
    /// The function.
    pub fn function(&self) -> Function {
        self.function
    }

    /// Whether the function was called with a `~`.
    pub fn case(&self) -> Case {
        self.case
    }

    /// The arguments, in the order written.
    pub fn arguments(&self) -> &[Term] {
        &self.arguments
    }
}
