//! The services and calls that a query can match at all, read off its tree.

use std::collections::BTreeSet;

use kql::{ExprKind, Field, Test};
use query_core::Case;

use crate::cloudtrail::prefilter::{PlainName, Prefilter};
use crate::model::MODEL_ACTIONS;

type Names = BTreeSet<String>;

/// What `event.provider` and `event.action` must be among for a record to match; `None` if any
/// value can match. Never too narrow; may be too wide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredFields {
    /// The possible values of `event.provider`.
    pub providers: Option<Names>,
    /// The possible values of `event.action`.
    pub actions: Option<Names>,
}

impl RequiredFields {
    /// What a condition in KQL requires. A negation, wildcard, range or other field requires
    /// nothing.
    pub(super) fn from_kql(expr: &kql::Expr) -> RequiredFields {
        let children = expr.children().iter().map(RequiredFields::from_kql);
        match expr.kind() {
            ExprKind::Leaf(leaf) => RequiredFields::from_kql_leaf(leaf),
            ExprKind::And(_) => children.reduce(RequiredFields::and).unwrap_or_default(),
            ExprKind::Or(_) => children.reduce(RequiredFields::or).unwrap_or_default(),
            ExprKind::All | ExprKind::Nested { .. } | ExprKind::Not(_) => RequiredFields::default(),
        }
    }

    /// The same of a condition in EQL, where a function requires nothing, and neither does a
    /// comparison in any case.
    pub(super) fn from_eql(expr: &eql::Expr) -> RequiredFields {
        let children = expr.children().iter().map(RequiredFields::from_eql);
        match expr.kind() {
            eql::ExprKind::Leaf(leaf) => match (leaf.field(), leaf.test()) {
                (Some(field), eql::Test::In(constants, Case::Exact)) => {
                    let texts = constants.iter().map(|constant| constant.literal().text());
                    RequiredFields::from_names(field, texts.map(str::to_owned).collect())
                }
                _ => RequiredFields::default(),
            },
            eql::ExprKind::And(_) => children.reduce(RequiredFields::and).unwrap_or_default(),
            eql::ExprKind::Or(_) => children.reduce(RequiredFields::or).unwrap_or_default(),
            eql::ExprKind::Constant(_) | eql::ExprKind::Not(_) => RequiredFields::default(),
        }
    }

    /// The same of a sequence, a step of which a record must match.
    pub(super) fn from_sequence(sequence: &eql::Sequence) -> RequiredFields {
        let steps = sequence.all_steps().map(|step| RequiredFields::from_eql(step.query().expr()));
        steps.reduce(RequiredFields::or).unwrap_or_default()
    }

    fn from_kql_leaf(leaf: &kql::Leaf) -> RequiredFields {
        let (Field::Named(field), Test::Equals(literal)) = (leaf.field(), leaf.test()) else {
            return RequiredFields::default();
        };
        // A block of addresses equals every address in it, in keywords too.
        if literal.text().contains('/') {
            return RequiredFields::default();
        }
        RequiredFields::from_names(field, Names::from([literal.text().to_owned()]))
    }

    fn from_names(field: &str, names: Names) -> RequiredFields {
        match field {
            "event.provider" => RequiredFields { providers: Some(names), actions: None },
            "event.action" => RequiredFields { providers: None, actions: Some(names) },
            _ => RequiredFields::default(),
        }
    }

    fn and(self, other: RequiredFields) -> RequiredFields {
        RequiredFields {
            providers: intersection(self.providers, other.providers),
            actions: intersection(self.actions, other.actions),
        }
    }

    fn or(self, other: RequiredFields) -> RequiredFields {
        RequiredFields {
            providers: union(self.providers, other.providers),
            actions: union(self.actions, other.actions),
        }
    }
}

fn intersection(one: Option<Names>, other: Option<Names>) -> Option<Names> {
    match (one, other) {
        (Some(one), Some(other)) => Some(&one & &other),
        (one, other) => one.or(other),
    }
}

fn union(one: Option<Names>, other: Option<Names>) -> Option<Names> {
    Some(&one? | &other?)
}

/// The literals that the rules require, and the index of a rule that requires none. If every rule
/// requires one, every record that some rule matches has one of them.
///
/// If a rule requires both calls and services, only its calls are used: `CreateGroup` is in one
/// object of a thousand, `iam.amazonaws.com` in one of two.
///
/// If a rule is about IAM, the calls that the [model](crate::model) needs are among the literals.
pub(super) fn build_prefilter(rules: &[RequiredFields]) -> (Prefilter, Option<usize>) {
    let mut without = None;
    let mut actions = BTreeSet::new();
    let mut providers = BTreeSet::new();
    for (index, required) in rules.iter().enumerate() {
        match (plain_names(&required.actions), plain_names(&required.providers)) {
            (Some(names), _) => actions.extend(names),
            (None, Some(names)) => providers.extend(names),
            (None, None) => without = without.or(Some(index)),
        }
    }
    let is_iam = |names: &Names| names.contains("iam.amazonaws.com");
    if rules.iter().any(|required| required.providers.as_ref().is_some_and(is_iam)) {
        actions.extend(MODEL_ACTIONS.iter().filter_map(|name| PlainName::new(name)));
    }
    (Prefilter::new(actions, providers), without)
}

/// The names, if all of them can be searched for.
fn plain_names(names: &Option<Names>) -> Option<Vec<PlainName<'_>>> {
    names.as_ref()?.iter().map(|name| PlainName::new(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql::Query;

    fn required_by(query: &str) -> RequiredFields {
        RequiredFields::from_kql(Query::parse(query).unwrap().expr())
    }

    fn join_names(names: Option<Names>) -> String {
        names.map_or("*".to_owned(), |names| names.into_iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_values_that_every_match_has_are_required() {
        let cases = [
            (
                "event.provider: iam.amazonaws.com and event.action: CreateGroup",
                "iam.amazonaws.com",
                "CreateGroup",
            ),
            ("event.provider: a and event.action: (X or Y)", "a", "X Y"),
            (
                "(event.provider: a and event.action: X) or \
                 (event.provider: b and event.action: Y)",
                "a b",
                "X Y",
            ),
            ("event.provider: a or event.action: X", "*", "*"),
            ("event.provider: (a or b) and event.provider: (b or c)", "b", "*"),
            ("event.provider: a and event.provider: b", "", "*"),
            ("event.provider: a and not event.action: X", "a", "*"),
            ("not event.provider: a", "*", "*"),
            ("event.provider: a and event.action: Create*", "a", "*"),
            ("event.action: *", "*", "*"),
            ("event.action >= A", "*", "*"),
            ("event.*: X", "*", "*"),
            ("CreateGroup", "*", "*"),
            ("event: { action: X }", "*", "*"),
            ("event.action: 192.0.2.0/24", "*", "*"),
            ("user.name: alice and event.action: X", "*", "X"),
            ("", "*", "*"),
        ];
        for (query, providers, actions) in cases {
            let required = required_by(query);
            assert_eq!(join_names(required.providers), providers, "{query}");
            assert_eq!(join_names(required.actions), actions, "{query}");
        }
    }

    #[test]
    fn eql_requires_what_the_same_kql_requires() {
        let cases = [
            (
                r#"event.provider == "iam.amazonaws.com" and event.action in ("X", "Y")"#,
                "iam.amazonaws.com",
                "X Y",
            ),
            (r#"(event.action == "X" or "Y" == event.action) and true"#, "*", "X Y"),
            (r#"event.provider == "a" or event.action == "X""#, "*", "*"),
            (r#"event.action == "X" and event.action != "Y""#, "*", "X"),
            (r#"event.action != "X""#, "*", "*"),
            (r#"not event.action in ("X")"#, "*", "*"),
            // Names of calls have one spelling, but the query allows others.
            (r#"event.provider == "a" and event.action : "X""#, "a", "*"),
            (r#"event.provider == "a" and event.action : "X*""#, "a", "*"),
            (r#"event.action like "X""#, "*", "X"),
            (r#"event.action like ("X", "Y*")"#, "*", "*"),
            (r#"event.action in~ ("X")"#, "*", "*"),
            (r#"event.action regex "X""#, "*", "*"),
            (r#"event.action >= "X""#, "*", "*"),
            (r#"concat(event.action) == "X""#, "*", "*"),
            (r#"startsWith(event.action, "X")"#, "*", "*"),
            (r#"event.action == "X" and stringContains(user.name, "a")"#, "*", "X"),
            ("event.action == null", "*", "*"),
            ("true", "*", "*"),
            (r#"event.action == "X" or true"#, "*", "*"),
            (r#"event.action == "X" or false"#, "*", "*"),
            ("event.action == 5", "*", "5"),
        ];
        for (condition, providers, actions) in cases {
            let query = eql::Query::parse(&format!("iam where {condition}")).unwrap();
            let required = RequiredFields::from_eql(query.expr());
            assert_eq!(join_names(required.providers), providers, "{condition}");
            assert_eq!(join_names(required.actions), actions, "{condition}");
        }
    }

    fn prefilter_for(queries: &[&str]) -> (Prefilter, Option<usize>) {
        build_prefilter(&queries.iter().map(|query| required_by(query)).collect::<Vec<_>>())
    }

    #[test]
    fn the_prefilter_searches_for_calls_rather_than_services() {
        let (prefilter, without) = prefilter_for(&[
            "event.provider: iam.amazonaws.com and event.action: (CreateGroup or DeleteGroup)",
            "event.provider: kms.amazonaws.com and event.action: Disable*",
            "event.provider: s3.amazonaws.com and event.action: \"white space\"",
        ]);
        assert_eq!(without, None);
        let cases = [
            ("eventName", "CreateGroup", true),
            ("eventName", "DeleteGroup", true),
            ("eventSource", "iam.amazonaws.com", false),
            ("eventSource", "kms.amazonaws.com", true),
            ("eventSource", "s3.amazonaws.com", true),
            ("eventName", "white space", false),
        ];
        for (key, name, expected) in cases {
            let record = format!("{{\"{key}\":\"{name}\"}}");
            assert_eq!(prefilter.may_match(record.as_bytes()), expected, "{key} {name}");
        }
    }

    #[test]
    fn a_rule_that_requires_no_literal_is_named_and_those_of_others_are_kept() {
        let with = "event.action: CreateGroup";
        for without in [
            "*",
            "event.outcome: failure",
            "not event.action: X",
            "event.action: (X or Y*)",
            "CreateGroup",
        ] {
            let (prefilter, index) = prefilter_for(&[with, without, with]);
            assert_eq!(index, Some(1), "{without}");
            assert!(prefilter.may_match(br#"{"eventName":"CreateGroup"}"#), "{without}");
            assert!(!prefilter.may_match(br#"{"eventName":"DeleteGroup"}"#), "{without}");
        }
        assert_eq!(prefilter_for(&[with, "event.action: \"white space\""]).1, Some(1));
    }
}
