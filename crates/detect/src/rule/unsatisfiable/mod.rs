//! Conditions that no record can meet: a value of the wrong type, or two values for a field that
//! has one. Only certain cases are reported.

mod eql_lints;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kql::{Case, Expr, ExprKind, Field, Leaf, Span, Test};

pub(crate) use self::eql_lints::find_unsatisfiable_eql;
use crate::ecs::{self, ValueKind};

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
        ExprKind::Leaf(leaf) => lints.extend(leaf_reason(leaf).map(|reason| lint(expr, &reason))),
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) => {
            expr.children().iter().for_each(|child| collect_lints(child, lints));
        }
        ExprKind::All | ExprKind::Nested { .. } => {}
    }
    if let ExprKind::And(children) = expr.kind() {
        lints.extend(find_conflict(children));
    }
}

fn lint(expr: &Expr, reason: &str) -> Lint {
    Lint { span: expr.span(), message: format!("can never be true: {reason}") }
}

/// Why no value of the leaf's field passes its test.
fn leaf_reason(leaf: &Leaf) -> Option<String> {
    let Field::Named(field) = leaf.field() else { return None };
    let (kind, _) = ecs::field_shape(field)?;
    (!can_match(kind, leaf.test())).then(|| describe_values(field, kind))
}

/// What values a field has, for a condition that none of them meets.
fn describe_values(field: &str, kind: ValueKind) -> String {
    let reason = match kind {
        ValueKind::Keyword => "is absent if the record has an empty text, `-` or `none` for it",
        ValueKind::LowerCase => "is in lower case, and absent instead of empty, `-` or `none`",
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
        (ValueKind::LowerCase, Test::Equals(literal)) => {
            !is_absent(literal.text()) && literal.text() == literal.text().to_lowercase()
        }
        (ValueKind::Constant(text), Test::Equals(literal)) => literal.text() == text,
        (ValueKind::Constant(text), Test::Like(wildcard)) => wildcard.matches(text, Case::Exact),
        (ValueKind::Ip | ValueKind::Keyword | ValueKind::LowerCase, Test::Like(_)) => true,
        (ValueKind::Keyword | ValueKind::LowerCase | ValueKind::Constant(_), Test::Range(..)) => {
            true
        }
    }
}

/// The values that single-valued fields can still have, by field. A field that is not in it can
/// have any value.
type Allowed<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn allowed_by(expr: &Expr) -> Allowed<'_> {
    match expr.kind() {
        ExprKind::Leaf(leaf) => {
            let exact = exact_value(leaf).into_iter();
            exact.map(|(field, text)| (field, BTreeSet::from([text]))).collect()
        }
        ExprKind::And(children) => {
            let mut allowed = Allowed::new();
            children.iter().for_each(|child| intersect(&mut allowed, child));
            children.iter().for_each(|child| exclude(&mut allowed, child));
            allowed
        }
        ExprKind::Or(children) => children.iter().map(allowed_by).reduce(union).unwrap_or_default(),
        ExprKind::All | ExprKind::Nested { .. } | ExprKind::Not(_) => Allowed::new(),
    }
}

/// The field and value of an equality test on a single-valued field of text.
fn exact_value(leaf: &Leaf) -> Option<(&str, &str)> {
    let Field::Named(field) = leaf.field() else { return None };
    let Test::Equals(literal) = leaf.test() else { return None };
    let (kind, is_single) = ecs::field_shape(field)?;
    let is_text = !matches!(kind, ValueKind::Date | ValueKind::Ip);
    (is_text && is_single && !literal.is_cidr()).then_some((field, literal.text()))
}

fn intersect<'a>(allowed: &mut Allowed<'a>, expr: &'a Expr) {
    for (field, values) in allowed_by(expr) {
        allowed
            .entry(field)
            .and_modify(|left| left.retain(|value| values.contains(value)))
            .or_insert(values);
    }
}

fn union<'a>(one: Allowed<'a>, mut other: Allowed<'a>) -> Allowed<'a> {
    let both = one.into_iter().filter_map(|(field, mut values)| {
        values.append(other.get_mut(field)?);
        Some((field, values))
    });
    both.collect()
}

/// Removes the values that a wildcard or a negation in a chain of `and` rules out.
fn exclude<'a>(allowed: &mut Allowed<'a>, expr: &'a Expr) {
    match expr.kind() {
        ExprKind::Leaf(leaf) => retain_values(allowed, leaf, true),
        ExprKind::Not(inner) => match inner.kind() {
            ExprKind::Leaf(leaf) => retain_values(allowed, leaf, false),
            ExprKind::Or(children) => {
                for child in children {
                    if let ExprKind::Leaf(leaf) = child.kind() {
                        retain_values(allowed, leaf, false);
                    }
                }
            }
            _ => {}
        },
        _ => {}
    }
}

/// Keeps the values of the leaf's field that pass its test, or fail it if `pass` is false.
fn retain_values(allowed: &mut Allowed<'_>, leaf: &Leaf, pass: bool) {
    let Field::Named(field) = leaf.field() else { return };
    let Some(values) = allowed.get_mut(field.as_str()) else { return };
    match leaf.test() {
        Test::Like(wildcard) => values.retain(|value| wildcard.matches(value, Case::Exact) == pass),
        Test::Equals(literal) if !literal.is_cidr() && !pass => {
            values.remove(literal.text());
        }
        Test::Exists if !pass => values.clear(),
        Test::Equals(_) | Test::Range(..) | Test::Exists => {}
    }
}

/// The first part of a chain of `and` that leaves a field without a value.
fn find_conflict(children: &[Expr]) -> Option<Lint> {
    type Step = for<'a, 'b> fn(&'b mut Allowed<'a>, &'a Expr);
    let mut allowed = Allowed::new();
    for step in [intersect as Step, exclude as Step] {
        for child in children {
            let before = allowed.clone();
            step(&mut allowed, child);
            let Some((field, _)) = allowed.iter().find(|(_, values)| values.is_empty()) else {
                continue;
            };
            // A part that has no value by itself was reported already.
            let left = before.get(field)?.iter().map(|value| format!("`{}`", value.escape_debug()));
            let left = left.collect::<Vec<_>>().join(" or ");
            let reason = format!("`{field}` has one value, and elsewhere it must be {left}");
            return Some(lint(child, &reason));
        }
    }
    None
}
