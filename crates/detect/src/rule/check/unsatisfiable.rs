//! Conditions that no record can meet: a value of the wrong type, or two values for a field that
//! has one.
//!
//! What is said here is certain. What cannot be decided is not said.

use std::collections::{BTreeMap, BTreeSet};

use kql::{Expr, ExprKind, Field, Leaf, Literal, Span, Test};

use crate::ecs::{self, ValueKind};

/// Something about a part of a query.
pub(in crate::rule) struct Lint {
    pub(in crate::rule) span: Span,
    pub(in crate::rule) message: String,
}

/// Every part that no record can meet, in the order written. What stands in `path: { … }` is not
/// looked at.
pub(in crate::rule) fn lints(expr: &Expr) -> Vec<Lint> {
    let mut lints = Vec::new();
    collect(expr, &mut lints);
    lints
}

fn collect(expr: &Expr, lints: &mut Vec<Lint>) {
    match expr.kind() {
        ExprKind::Leaf(leaf) => {
            let reason = unsatisfiable(leaf);
            lints.extend(reason.map(|reason| lint(expr, &reason)));
        }
        ExprKind::And(children) => {
            children.iter().for_each(|child| collect(child, lints));
            lints.extend(conflict(children));
        }
        ExprKind::Or(_) | ExprKind::Not(_) => {
            expr.children().iter().for_each(|child| collect(child, lints))
        }
        ExprKind::All | ExprKind::Nested { .. } => {}
    }
}

fn lint(expr: &Expr, reason: &str) -> Lint {
    Lint { span: expr.span(), message: format!("can never be true: {reason}") }
}

/// Why no value of the field passes the test.
fn unsatisfiable(leaf: &Leaf) -> Option<String> {
    let Field::Named(field) = leaf.field() else { return None };
    let (kind, _) = ecs::field_shape(field)?;
    let expected = match leaf.test() {
        Test::Exists => None,
        Test::Equals(literal) => unequal(kind, literal),
        Test::Like(wildcard) => match kind {
            ValueKind::Constant(text) => (!wildcard.matches(text)).then(|| always(text)),
            ValueKind::Boolean => Some("is `true` or `false`, without wildcards".to_owned()),
            ValueKind::Date => {
                Some("is a date, without wildcards: compare it with `>=` and `<`".to_owned())
            }
            ValueKind::Keyword | ValueKind::LowerCase | ValueKind::Ip => None,
        },
        Test::Range(_, bound) => match kind {
            ValueKind::Boolean => {
                Some("is `true` or `false`, and neither is more than the other".to_owned())
            }
            ValueKind::Date => (!bound.is_date()).then(|| date(bound)),
            ValueKind::Ip => {
                (!bound.is_ip()).then(|| format!("is an IP address, and {} is none", shown(bound)))
            }
            ValueKind::Keyword | ValueKind::Constant(_) | ValueKind::LowerCase => None,
        },
    };
    expected.map(|expected| format!("`{field}` {expected}"))
}

fn unequal(kind: ValueKind, literal: &Literal) -> Option<String> {
    let text = literal.text();
    let shown = shown(literal);
    match kind {
        // A block of addresses equals every address in it, in keywords too.
        _ if literal.is_cidr() => match kind {
            ValueKind::Boolean => Some(format!("is `true` or `false`, not {shown}")),
            ValueKind::Date => Some(date(literal)),
            _ => None,
        },
        ValueKind::Keyword | ValueKind::LowerCase if ["", "-", "none"].contains(&text) => {
            Some(format!("is left out where a record has {shown} for it"))
        }
        ValueKind::Keyword => None,
        ValueKind::LowerCase => {
            (text != text.to_lowercase()).then(|| format!("is in lower case, and {shown} is not"))
        }
        ValueKind::Constant(always_text) => (text != always_text).then(|| always(always_text)),
        ValueKind::Boolean => {
            (!literal.is_boolean()).then(|| format!("is `true` or `false`, not {shown}"))
        }
        ValueKind::Date => (!literal.is_date()).then(|| date(literal)),
        ValueKind::Ip => (!literal.is_ip())
            .then(|| format!("is an IP address, and {shown} is none, nor a block")),
    }
}

fn always(text: &str) -> String {
    format!("is always `{text}`")
}

fn date(literal: &Literal) -> String {
    format!("is a date, and {} is none", shown(literal))
}

fn shown(literal: &Literal) -> String {
    format!("`{}`", literal.text().escape_debug())
}

/// The values that some fields are left with, by field. A field that is not in it may have any.
type Allowed<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn allowed(expr: &Expr) -> Allowed<'_> {
    match expr.kind() {
        ExprKind::Leaf(leaf) => {
            exact(leaf).into_iter().map(|(field, text)| (field, BTreeSet::from([text]))).collect()
        }
        ExprKind::And(children) => {
            let mut all = Allowed::new();
            children.iter().for_each(|child| narrow(&mut all, &allowed(child)));
            children.iter().for_each(|child| exclude(&mut all, child));
            all
        }
        ExprKind::Or(children) => children.iter().map(allowed).reduce(either).unwrap_or_default(),
        ExprKind::All | ExprKind::Nested { .. } | ExprKind::Not(_) => Allowed::new(),
    }
}

/// The field and the value, where a field that has one value must be exactly that text.
fn exact(leaf: &Leaf) -> Option<(&str, &str)> {
    let (Field::Named(field), Test::Equals(literal)) = (leaf.field(), leaf.test()) else {
        return None;
    };
    let comparable = matches!(
        ecs::field_shape(field),
        Some((
            ValueKind::Keyword | ValueKind::LowerCase | ValueKind::Constant(_) | ValueKind::Boolean,
            true
        ))
    );
    (comparable && !literal.is_cidr()).then_some((field, literal.text()))
}

fn narrow<'a>(all: &mut Allowed<'a>, by: &Allowed<'a>) {
    for (field, values) in by {
        all.entry(field)
            .and_modify(|left| left.retain(|value| values.contains(value)))
            .or_insert_with(|| values.clone());
    }
}

fn either<'a>(one: Allowed<'a>, mut other: Allowed<'a>) -> Allowed<'a> {
    let both = one.into_iter().filter_map(|(field, mut values)| {
        values.append(other.get_mut(field)?);
        Some((field, values))
    });
    both.collect()
}

/// Takes out the values that a wildcard or a negation in a chain of `and` leaves no room for.
fn exclude<'a>(all: &mut Allowed<'a>, expr: &'a Expr) {
    match expr.kind() {
        ExprKind::Leaf(leaf) => retain(all, leaf, true),
        ExprKind::Not(inner) => match inner.kind() {
            ExprKind::Leaf(leaf) => retain(all, leaf, false),
            ExprKind::Or(_) => {
                inner.children().iter().filter_map(leaf).for_each(|leaf| retain(all, leaf, false))
            }
            _ => {}
        },
        _ => {}
    }
}

fn leaf(expr: &Expr) -> Option<&Leaf> {
    if let ExprKind::Leaf(leaf) = expr.kind() { Some(leaf) } else { None }
}

fn retain(all: &mut Allowed<'_>, leaf: &Leaf, wanted: bool) {
    let Field::Named(field) = leaf.field() else { return };
    let Some(values) = all.get_mut(field.as_str()) else { return };
    match leaf.test() {
        Test::Like(wildcard) => values.retain(|value| wildcard.matches(value) == wanted),
        Test::Equals(literal) if !literal.is_cidr() && !wanted => {
            values.remove(literal.text());
        }
        Test::Equals(_) | Test::Range(..) => {}
        Test::Exists => {
            if !wanted {
                values.clear();
            }
        }
    }
}

/// The first part of a chain of `and` that leaves a field without a value. A part that has none by
/// itself was told.
fn conflict(children: &[Expr]) -> Option<Lint> {
    let narrowing = children.iter().map(|child| (child, narrow_by as Step));
    let steps: Vec<(&Expr, Step)> =
        narrowing.chain(children.iter().map(|child| (child, exclude as Step))).collect();
    let mut all = Allowed::new();
    let at = steps.iter().position(|(child, step)| {
        step(&mut all, child);
        all.values().any(BTreeSet::is_empty)
    })?;
    let (field, _) = all.into_iter().find(|(_, values)| values.is_empty())?;
    let mut before = Allowed::new();
    steps[..at].iter().for_each(|(child, step)| step(&mut before, child));
    let left: Vec<String> =
        before.get(field)?.iter().map(|value| format!("`{}`", value.escape_debug())).collect();
    let reason = format!("`{field}` has one value, and elsewhere it must be {}", left.join(" or "));
    Some(lint(steps[at].0, &reason))
}

/// What a part of a chain of `and` does to the values that are left.
type Step = for<'a, 'b> fn(&'b mut Allowed<'a>, &'a Expr);

fn narrow_by<'a>(all: &mut Allowed<'a>, child: &'a Expr) {
    narrow(all, &allowed(child));
}
