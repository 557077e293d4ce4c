//! The same for queries in EQL, and regular expressions with anchors, which Lucene has not.

use eql::{Constant, Expr, ExprKind, Leaf, Query, Test};
use query_core::{Case, Span};

use super::{Lint, describe_values};
use crate::ecs::{self, ValueKind};
use crate::rule::toml_file::problem::hint;

/// Every part of a query that no record can meet, in the order written.
pub(crate) fn find_unsatisfiable_eql(query: &Query) -> Vec<Lint> {
    let mut lints: Vec<Lint> = unknown_category(query).into_iter().collect();
    collect_lints(query.expr(), &mut lints);
    lints
}

fn unknown_category(query: &Query) -> Option<Lint> {
    let category = query.category()?;
    let field = query.category_field();
    let known = ecs::known_categories(field)?;
    if known.contains(category) {
        return None;
    }
    let hint = hint(query_core::nearest_name(category, known));
    let category = category.escape_debug();
    let message = format!("can never be true: no record has the `{field}` `{category}`{hint}");
    Some(Lint { span: Span { start: 0, end: 0 }, message })
}

fn collect_lints(expr: &Expr, lints: &mut Vec<Lint>) {
    let (leaf, never) = match expr.kind() {
        ExprKind::Leaf(leaf) => (leaf, "can never be true"),
        // `!=` and `not in` are at the place of the condition that they negate.
        ExprKind::Not(inner) if inner.span() == expr.span() => match inner.kind() {
            ExprKind::Leaf(leaf) => (leaf, "is always true"),
            _ => return collect_lints(inner, lints),
        },
        _ => return expr.children().iter().for_each(|child| collect_lints(child, lints)),
    };
    let reason = leaf_reason(leaf).map(|reason| format!("{never}: {reason}"));
    let messages = reason.into_iter().chain(anchored_regex(leaf));
    lints.extend(messages.map(|message| Lint { span: expr.span(), message }));
}

/// Why no value of the leaf's field passes its test.
fn leaf_reason(leaf: &Leaf) -> Option<String> {
    let field = leaf.field()?;
    let (kind, _) = ecs::field_shape(field)?;
    (!can_match(kind, leaf.test())).then(|| describe_values(field, kind))
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
        ValueKind::LowerCase => is_present && (case == Case::Any || text == text.to_lowercase()),
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
