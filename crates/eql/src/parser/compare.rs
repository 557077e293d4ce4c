//! Comparisons, which have a constant on one side.

use query_core::{Case, Comparison, Span, shorten};

use super::operator::Operator;
use super::{Operand, ParseResult, Parsed, Parser, boolean};
use crate::ast::{Expr, ExprKind, Term, Test};
use crate::constant::Constant;
use crate::function::{Function, Kind};

impl Parser<'_> {
    pub(super) fn compare(
        &self,
        left: Parsed,
        operator: Operator,
        operator_span: Span,
        right: Parsed,
    ) -> ParseResult<Expr> {
        let span = Span { start: span_of(&left).start, end: self.end };
        let is_equality = !matches!(operator, Operator::Order(_));
        // A condition, compared with `true` or `false`, is the condition or its negation.
        let (left, right) = match (left, right) {
            (Parsed::Condition(expr), Parsed::Value(value))
            | (Parsed::Value(value), Parsed::Condition(expr))
                if is_equality && as_boolean(&value.term).is_some() =>
            {
                let is_equal = operator == Operator::Equal;
                let is_same = as_boolean(&value.term) == Some(is_equal);
                return Ok(if is_same { expr } else { self.negated(expr) });
            }
            (left, right) => (self.value(left)?, self.value(right)?),
        };
        if !left.term.is_constant() && !right.term.is_constant() {
            let message = format!(
                "expected a constant on one side, found two fields; fields cannot be compared with \
                 each other{}",
                quotes_hint(&right.term)
            );
            return Err(self.error(operator_span, message));
        }
        let kind = left.term.kind();
        if !kind.accepts(right.term.kind()) {
            let found = shorten(right.span.text(self.query), 32);
            let hint = if is_hyphenated(&left.term) {
                "; a name with a hyphen is written in backticks"
            } else {
                ""
            };
            let message = format!("expected {} to compare, found `{found}`{hint}", kind.describe());
            return Err(self.error(right.span, message));
        }
        Ok(if left.term.is_constant() && !right.term.is_constant() {
            self.with_constant(span, right, swap(operator), &left.term)
        } else {
            self.with_constant(span, left, operator, &right.term)
        })
    }

    fn with_constant(
        &self,
        span: Span,
        operand: Operand,
        operator: Operator,
        constant: &Term,
    ) -> Expr {
        let term = operand.term;
        let Term::Constant(constant) = constant else {
            return self.with_null(span, term, operator);
        };
        // `null` is different from every constant.
        if term == Term::Null {
            return Expr { kind: ExprKind::Constant(operator == Operator::Different), span };
        }
        let is_plain = matches!(term, Term::Field { .. });
        let is_boolean_call = matches!(term, Term::Call(_)) && term.kind() == Kind::Boolean;
        let equal = |constant: Constant| Test::In(vec![constant], Case::Exact);
        match operator {
            Operator::Order(comparison) => {
                self.leaf(span, term, Test::Compare(comparison, constant.clone()))
            }
            // A function compared with `true` or `false` is the condition or its negation, too.
            _ if is_boolean_call && boolean(constant).is_some() => {
                let is_same = boolean(constant) == Some(operator == Operator::Equal);
                let expr = self.leaf(span, term, equal(Constant::boolean(true)));
                if is_same { expr } else { self.negated(expr) }
            }
            Operator::Equal => self.leaf(span, term, equal(constant.clone())),
            Operator::Different if is_plain => {
                self.negated(self.leaf(span, term, equal(constant.clone())))
            }
            _ => self.leaf(span, term, Test::Differs(constant.clone())),
        }
    }

    /// `null` is only equal to `null`, and neither above nor below anything.
    fn with_null(&self, span: Span, term: Term, operator: Operator) -> Expr {
        let constant = |value| Expr { kind: ExprKind::Constant(value), span };
        match (operator, &term) {
            (Operator::Equal, Term::Null) | (Operator::Different, Term::Constant(_)) => {
                constant(true)
            }
            (Operator::Different, Term::Null) | (Operator::Equal, Term::Constant(_)) => {
                constant(false)
            }
            (Operator::Equal, _) => self.leaf(span, term, Test::IsNull),
            (Operator::Different, _) => self.negated(self.leaf(span, term, Test::IsNull)),
            _ => constant(false),
        }
    }
}

/// A name without a dot is probably a text.
pub(super) fn quotes_hint(term: &Term) -> String {
    match term {
        Term::Field { name, .. } if !name.contains('.') => {
            format!(", and a text is in quotes: `\"{}\"`", shorten(name, 32))
        }
        _ => String::new(),
    }
}

fn as_boolean(term: &Term) -> Option<bool> {
    match term {
        Term::Constant(constant) => boolean(constant),
        _ => None,
    }
}

fn span_of(parsed: &Parsed) -> Span {
    match parsed {
        Parsed::Condition(expr) => expr.span,
        Parsed::Value(operand) => operand.span,
    }
}

/// Returns true for a difference of fields, which can be a name.
fn is_hyphenated(term: &Term) -> bool {
    let Term::Call(call) = term else { return false };
    call.function == Function::Subtract
        && call.arguments.iter().all(|side| matches!(side, Term::Field { .. }))
}

/// The operator with its sides exchanged.
fn swap(operator: Operator) -> Operator {
    match operator {
        Operator::Order(comparison) => Operator::Order(match comparison {
            Comparison::Below => Comparison::Above,
            Comparison::AtMost => Comparison::AtLeast,
            Comparison::Above => Comparison::Below,
            Comparison::AtLeast => Comparison::AtMost,
        }),
        other => other,
    }
}
