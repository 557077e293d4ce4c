//! Chains of `and` that ask a field with one value for two, in either language.

use std::collections::{BTreeMap, BTreeSet};

use query_core::Span;

use super::Lint;
use crate::ecs::{self, ValueKind};

/// What a condition consists of.
pub(super) enum Part<'e, E> {
    /// A test of one field.
    Leaf,
    Not(&'e E),
    And(&'e [E]),
    Or(&'e [E]),
    /// Something that says nothing of single fields.
    Other,
}

/// A condition of a query.
pub(super) trait Condition: Sized {
    fn part(&self) -> Part<'_, Self>;

    fn span(&self) -> Span;

    /// The field that a leaf tests.
    fn field(&self) -> Option<&str>;

    /// The only values that pass the test of a leaf; `None` if there can be others.
    fn only_values(&self) -> Option<Vec<&str>>;

    /// Whether a value passes the test of a leaf; `None` if that is not known.
    fn passes(&self, value: &str) -> Option<bool>;
}

/// The values that single-valued fields can still have, by field. A field that is not in it can
/// have any value.
type Allowed<'e> = BTreeMap<&'e str, BTreeSet<&'e str>>;

fn allowed_by<E: Condition>(expr: &E) -> Allowed<'_> {
    match expr.part() {
        Part::Leaf => exact_values(expr).into_iter().collect(),
        Part::And(children) => {
            let mut allowed = Allowed::new();
            children.iter().for_each(|child| intersect(&mut allowed, child));
            children.iter().for_each(|child| exclude(&mut allowed, child));
            allowed
        }
        Part::Or(children) => children.iter().map(allowed_by).reduce(union).unwrap_or_default(),
        Part::Not(_) | Part::Other => Allowed::new(),
    }
}

/// The field and the values of an equality test on a single-valued field of text.
fn exact_values<E: Condition>(leaf: &E) -> Option<(&str, BTreeSet<&str>)> {
    let field = leaf.field()?;
    let values = leaf.only_values()?;
    let (kind, is_single) = ecs::field_shape(field)?;
    let is_text = !matches!(kind, ValueKind::Date | ValueKind::Ip);
    (is_text && is_single).then(|| (field, values.into_iter().collect()))
}

fn intersect<'e, E: Condition>(allowed: &mut Allowed<'e>, expr: &'e E) {
    for (field, values) in allowed_by(expr) {
        allowed
            .entry(field)
            .and_modify(|left| left.retain(|value| values.contains(value)))
            .or_insert(values);
    }
}

fn union<'e>(one: Allowed<'e>, mut other: Allowed<'e>) -> Allowed<'e> {
    let both = one.into_iter().filter_map(|(field, mut values)| {
        values.append(other.get_mut(field)?);
        Some((field, values))
    });
    both.collect()
}

/// Removes the values that a wildcard or a negation in a chain of `and` rules out.
fn exclude<'e, E: Condition>(allowed: &mut Allowed<'e>, expr: &'e E) {
    match expr.part() {
        Part::Leaf => retain_values(allowed, expr, true),
        Part::Not(inner) => match inner.part() {
            Part::Leaf => retain_values(allowed, inner, false),
            Part::Or(children) => {
                let leaves = children.iter().filter(|child| matches!(child.part(), Part::Leaf));
                leaves.for_each(|leaf| retain_values(allowed, leaf, false));
            }
            _ => {}
        },
        _ => {}
    }
}

/// Keeps the values of the leaf's field that may pass its test, or fail it if `pass` is false.
fn retain_values<E: Condition>(allowed: &mut Allowed<'_>, leaf: &E, pass: bool) {
    let Some(values) = leaf.field().and_then(|field| allowed.get_mut(field)) else { return };
    values.retain(|value| leaf.passes(value) != Some(!pass));
}

/// The first part of a chain of `and` that leaves a field without a value.
pub(super) fn find_conflict<E: Condition>(children: &[E]) -> Option<Lint> {
    type Step<E> = for<'e, 'a> fn(&'a mut Allowed<'e>, &'e E);
    let mut allowed = Allowed::new();
    for step in [intersect as Step<E>, exclude as Step<E>] {
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
            return Some(Lint::never(child.span(), &reason));
        }
    }
    None
}
