//! The same for queries in EQL, wildcards in equality, which KQL has, and regular expressions with
//! anchors, which Lucene has not.

use eql::{Constant, ConstantKind, Expr, ExprKind, Leaf, Query, Test};
use query_core::{Case, Span};

use super::conflict::{Condition, Part, find_conflict};
use super::{Lint, describe_values, unknown_value};
use crate::ecs::{self, ValueKind};

/// Every part of a query that no record can meet, in the order written.
pub(crate) fn find_unsatisfiable_eql(query: &Query) -> Vec<Lint> {
    let mut lints: Vec<Lint> = unknown_category(query).into_iter().collect();
    collect_lints(query.expr(), &mut lints);
    lints
}

fn unknown_category(query: &Query) -> Option<Lint> {
    let reason = unknown_value(query.category_field(), query.category()?)?;
    Some(Lint::never(Span { start: 0, end: 0 }, &reason))
}

fn collect_lints(expr: &Expr, lints: &mut Vec<Lint>) {
    if let Some((leaf, never)) = tested_leaf(expr) {
        let messages: Vec<String> = match wildcard_in_equality(leaf) {
            Some(message) => vec![message],
            None => leaf_reason(leaf, never).into_iter().chain(anchored_regex(leaf)).collect(),
        };
        lints.extend(messages.into_iter().map(|message| Lint { span: expr.span(), message }));
        return;
    }
    expr.children().iter().for_each(|child| collect_lints(child, lints));
    if let ExprKind::And(children) = expr.kind() {
        lints.extend(find_conflict(children));
    }
}

/// A leaf, and what the condition is if no value passes its test.
fn tested_leaf(expr: &Expr) -> Option<(&Leaf, &'static str)> {
    match expr.kind() {
        ExprKind::Leaf(leaf) => Some((leaf, "can never be true")),
        // `!=` and `not in` are at the place of the condition that they negate.
        ExprKind::Not(inner) if inner.span() == expr.span() => match inner.kind() {
            ExprKind::Leaf(leaf) => Some((leaf, "is always true")),
            _ => None,
        },
        _ => None,
    }
}

/// Why no value of the leaf's field passes its test, or is one of its list. `never` is what the
/// condition is without such a value.
fn leaf_reason(leaf: &Leaf, never: &str) -> Option<String> {
    let field = leaf.field()?;
    let (kind, _) = ecs::field_shape(field)?;
    if !can_match(kind, leaf.test()) {
        return Some(format!("{never}: {}", describe_values(field, kind)));
    }
    let Test::In(constants, case) = leaf.test() else { return None };
    let known = ecs::known_values(field)?;
    let is_known = |text: &str| known.iter().any(|known| case.equal(known, text));
    let texts = constants.iter().map(|constant| constant.literal().text());
    let unknown: Vec<&str> = texts.filter(|text| !is_known(text)).collect();
    let reason = unknown_value(field, unknown.first()?)?;
    // The others of a list can occur.
    let is_all = unknown.len() == constants.len();
    Some(if is_all { format!("{never}: {reason}") } else { reason })
}

/// What is `==` or in a list has no wildcards, which it has in KQL.
fn wildcard_in_equality(leaf: &Leaf) -> Option<String> {
    let Test::In(constants, _) = leaf.test() else { return None };
    let is_pattern = |text: &&str| text.contains('*');
    let texts = constants.iter().map(|constant| constant.literal().text());
    let text = texts.into_iter().find(is_pattern)?;
    let field = leaf.field()?;
    if text == "*" {
        // It is a value of its own in policies.
        let is_parameter = ecs::field_shape(field).is_none_or(|(_, is_single)| !is_single);
        let message = "`*` is an ordinary character here: `!= null` is true for every value";
        return (!is_parameter).then(|| message.to_owned());
    }
    Some(format!(
        "`*` is an ordinary character in `{}`: with `:` or `like` it is a wildcard",
        text.escape_debug()
    ))
}

impl Condition for Expr {
    fn part(&self) -> Part<'_, Expr> {
        match self.kind() {
            ExprKind::Leaf(_) => Part::Leaf,
            ExprKind::Not(inner) => Part::Not(inner),
            ExprKind::And(children) => Part::And(children),
            ExprKind::Or(children) => Part::Or(children),
            ExprKind::Constant(_) => Part::Other,
        }
    }

    fn span(&self) -> Span {
        Expr::span(self)
    }

    fn field(&self) -> Option<&str> {
        let ExprKind::Leaf(leaf) = self.kind() else { return None };
        leaf.field()
    }

    fn only_values(&self) -> Option<Vec<&str>> {
        let ExprKind::Leaf(leaf) = self.kind() else { return None };
        match leaf.test() {
            Test::In(constants, Case::Exact) if constants.iter().all(is_exact) => {
                Some(constants.iter().map(|constant| constant.literal().text()).collect())
            }
            _ => None,
        }
    }

    fn passes(&self, value: &str) -> Option<bool> {
        let ExprKind::Leaf(leaf) = self.kind() else { return None };
        match leaf.test() {
            Test::IsNull => Some(false),
            Test::In(constants, case) if constants.iter().all(is_exact) => {
                Some(constants.iter().any(|it| case.equal(it.literal().text(), value)))
            }
            Test::Like(wildcards, case) => {
                Some(wildcards.iter().any(|wildcard| wildcard.matches(value, *case)))
            }
            Test::Regex(regexes, case) => {
                Some(regexes.iter().any(|regex| regex.matches(value, *case)))
            }
            Test::In(..) | Test::Differs(_) | Test::Compare(..) => None,
        }
    }
}

/// Returns true if the constant equals its own text only: a number has several, and a block of
/// addresses equals each of them.
fn is_exact(constant: &Constant) -> bool {
    !matches!(constant.kind(), ConstantKind::Number { .. }) && !constant.literal().is_cidr()
}

fn can_match(kind: ValueKind, test: &Test) -> bool {
    match (kind, test) {
        (_, Test::IsNull | Test::Differs(_)) => true,
        (_, Test::In(constants, case)) => {
            constants.iter().any(|constant| can_equal(kind, constant, *case))
        }
        (ValueKind::Boolean, _) | (ValueKind::Date, Test::Like(..) | Test::Regex(..)) => false,
        (ValueKind::Date, Test::Compare(_, bound)) => bound.literal().is_date(),
        (ValueKind::Ip, Test::Compare(_, bound)) => bound.literal().is_ip(),
        (ValueKind::Constant(text), Test::Like(wildcards, case)) => {
            wildcards.iter().any(|wildcard| wildcard.matches(text, *case))
        }
        (ValueKind::Constant(text), Test::Regex(regexes, case)) => {
            regexes.iter().any(|regex| regex.matches(text, *case))
        }
        _ => true,
    }
}

fn can_equal(kind: ValueKind, constant: &Constant, case: Case) -> bool {
    let literal = constant.literal();
    let text = literal.text();
    let is_present = !["", "-", "none"].contains(&text);
    match kind {
        ValueKind::Boolean => literal.is_boolean(),
        ValueKind::Date => literal.is_date(),
        ValueKind::Ip => literal.is_ip() || literal.is_cidr(),
        ValueKind::Keyword => is_present,
        ValueKind::Constant(value) => case.equal(value, text),
    }
}

/// A pattern that seems to have anchors matches less than it says.
fn anchored_regex(leaf: &Leaf) -> Option<String> {
    let Test::Regex(regexes, _) = leaf.test() else { return None };
    let is_anchored = |source: &str| {
        source.starts_with('^') || (source.ends_with('$') && !source.ends_with("\\$"))
    };
    let source = regexes.iter().map(|regex| regex.source()).find(|source| is_anchored(source))?;
    let source = source.escape_debug();
    Some(format!(
        "`^` and `$` are ordinary characters in `{source}`: a regular expression always matches \
         the whole value"
    ))
}
