//! Conditions that no record can meet: a value of the wrong type, or two values for a field that
//! has one. Only certain cases are reported.

mod conflict;
mod eql_lints;
mod foreign_syntax;
#[cfg(test)]
mod tests;

use kql::{Case, Expr, ExprKind, Field, Leaf, Span, Test};

use self::conflict::{Condition, Part, find_conflict};
pub(crate) use self::eql_lints::find_unsatisfiable_eql;
pub(crate) use self::foreign_syntax::find_foreign_syntax;
use crate::ecs::{self, ValueKind};
use crate::rule::toml_file::problem::hint;

/// A suspicious part of a query.
pub(crate) struct Lint {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// Every part of a query that no record can meet, in the order written. Conditions inside
/// `path: { … }` are not checked.
pub(crate) fn find_unsatisfiable(expr: &Expr) -> Vec<Lint> {
    let mut lints = Vec::new();
    collect_lints(expr, &mut lints);
    lints
}

fn collect_lints(expr: &Expr, lints: &mut Vec<Lint>) {
    match expr.kind() {
        ExprKind::Leaf(leaf) => {
            let reason = leaf_reason(leaf);
            lints.extend(reason.map(|reason| Lint::never(expr.span(), &reason)));
        }
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) => {
            expr.children().iter().for_each(|child| collect_lints(child, lints));
        }
        ExprKind::All | ExprKind::Nested { .. } => {}
    }
    if let ExprKind::And(children) = expr.kind() {
        lints.extend(find_conflict(children));
    }
}

impl Lint {
    fn never(span: Span, reason: &str) -> Lint {
        Lint { span, message: format!("can never be true: {reason}") }
    }
}

/// Why no value of the leaf's field passes its test.
fn leaf_reason(leaf: &Leaf) -> Option<String> {
    let Field::Named(field) = leaf.field() else { return None };
    let (kind, _) = ecs::field_shape(field)?;
    if !can_match(kind, leaf.test()) {
        return Some(describe_values(field, kind));
    }
    match leaf.test() {
        Test::Equals(literal) if !literal.is_cidr() => unknown_value(field, literal.text()),
        _ => None,
    }
}

/// What values a field has, for a condition that none of them meets.
fn describe_values(field: &str, kind: ValueKind) -> String {
    let reason = match kind {
        ValueKind::Keyword => "is absent if the record has an empty text, `-` or `none` for it",
        ValueKind::Constant(text) => return format!("`{field}` is always `{text}`"),
        ValueKind::Boolean => "is `true` or `false`, without wildcards or order",
        ValueKind::Date => "is a date, without wildcards: compare it with `>=` and `<`",
        ValueKind::Ip => "is an IP address; it can equal a block, but not be compared with one",
    };
    format!("`{field}` {reason}")
}

fn can_match(kind: ValueKind, test: &Test) -> bool {
    let is_absent = |text: &str| ["", "-", "none"].contains(&text);
    match (kind, test) {
        (_, Test::Exists) => true,
        (ValueKind::Boolean, Test::Equals(literal)) => literal.is_boolean(),
        (ValueKind::Boolean, Test::Like(_) | Test::Range(..)) => false,
        (ValueKind::Date, Test::Equals(literal) | Test::Range(_, literal)) => literal.is_date(),
        (ValueKind::Date, Test::Like(_)) => false,
        (ValueKind::Ip, Test::Equals(literal)) => literal.is_ip() || literal.is_cidr(),
        (ValueKind::Ip, Test::Range(_, bound)) => bound.is_ip(),
        // A block of addresses equals every address in it, in keywords too.
        (_, Test::Equals(literal)) if literal.is_cidr() => true,
        (ValueKind::Keyword, Test::Equals(literal)) => !is_absent(literal.text()),
        (ValueKind::Constant(text), Test::Equals(literal)) => literal.text() == text,
        (ValueKind::Constant(text), Test::Like(wildcard)) => wildcard.matches(text, Case::Exact),
        (ValueKind::Ip | ValueKind::Keyword, Test::Like(_)) => true,
        (ValueKind::Keyword | ValueKind::Constant(_), Test::Range(..)) => true,
    }
}

/// Why no record has the value in a field of few values.
fn unknown_value(field: &str, value: &str) -> Option<String> {
    let known = ecs::known_values(field)?;
    (!known.contains(value)).then(|| {
        let same = known.iter().copied().find(|known| known.eq_ignore_ascii_case(value));
        let hint = hint(same.or_else(|| query_core::nearest_name(value, known)));
        format!("no record has the `{field}` `{}`{hint}", value.escape_debug())
    })
}

impl Condition for Expr {
    fn part(&self) -> Part<'_, Expr> {
        match self.kind() {
            ExprKind::Leaf(_) => Part::Leaf,
            ExprKind::Not(inner) => Part::Not(inner),
            ExprKind::And(children) => Part::And(children),
            ExprKind::Or(children) => Part::Or(children),
            ExprKind::All | ExprKind::Nested { .. } => Part::Other,
        }
    }

    fn span(&self) -> Span {
        Expr::span(self)
    }

    fn field(&self) -> Option<&str> {
        let ExprKind::Leaf(leaf) = self.kind() else { return None };
        let Field::Named(field) = leaf.field() else { return None };
        Some(field)
    }

    fn only_values(&self) -> Option<Vec<&str>> {
        let ExprKind::Leaf(leaf) = self.kind() else { return None };
        match leaf.test() {
            Test::Equals(literal) if !literal.is_cidr() => Some(vec![literal.text()]),
            _ => None,
        }
    }

    fn passes(&self, value: &str) -> Option<bool> {
        let ExprKind::Leaf(leaf) = self.kind() else { return None };
        match leaf.test() {
            Test::Like(wildcard) => Some(wildcard.matches(value, Case::Exact)),
            Test::Equals(literal) if !literal.is_cidr() => Some(literal.text() == value),
            Test::Exists => Some(true),
            Test::Equals(_) | Test::Range(..) => None,
        }
    }
}
