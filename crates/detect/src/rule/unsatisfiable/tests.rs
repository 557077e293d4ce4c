//! Which parts of queries are reported, and that those never match.

use kql::{Expr, ExprKind, Query, Span};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cloudtrail::Record;
use crate::ecs::View;

fn lints(query: &str) -> Vec<String> {
    let query = Query::parse(query).unwrap();
    let told = |lint: unsatisfiable::Lint| {
        let message = lint.message.strip_prefix("can never be true: ").unwrap();
        format!("{}: {message}", lint.span.text(query.source()))
    };
    unsatisfiable::lints(query.expr()).into_iter().map(told).collect()
}

#[test]
fn a_value_of_the_wrong_type_is_told() {
    let cases = [
        (
            "source.ip: 10.0.0.300",
            "source.ip: 10.0.0.300: `source.ip` is an IP address, and `10.0.0.300` is none, nor a block",
        ),
        (
            "source.ip >= 10.0.0.0/8",
            "source.ip >= 10.0.0.0/8: `source.ip` is an IP address, and `10.0.0.0/8` is none",
        ),
        (
            "@timestamp >= yesterday",
            "@timestamp >= yesterday: `@timestamp` is a date, and `yesterday` is none",
        ),
        ("@timestamp: soon", "@timestamp: soon: `@timestamp` is a date, and `soon` is none"),
        (
            "@timestamp: 2026-*",
            "@timestamp: 2026-*: `@timestamp` is a date, without wildcards: compare it with `>=` and `<`",
        ),
        (
            "aws.cloudtrail.read_only: yes",
            "aws.cloudtrail.read_only: yes: `aws.cloudtrail.read_only` is `true` or `false`, not `yes`",
        ),
        (
            "aws.cloudtrail.read_only > false",
            "aws.cloudtrail.read_only > false: `aws.cloudtrail.read_only` is `true` or `false`, and neither is more than the other",
        ),
        (
            "event.outcome: (success or Failure)",
            "Failure: `event.outcome` is in lower case, and `Failure` is not",
        ),
        (
            "event.dataset: aws.s3access",
            "event.dataset: aws.s3access: `event.dataset` is always `aws.cloudtrail`",
        ),
        ("cloud.provider: g*", "cloud.provider: g*: `cloud.provider` is always `aws`"),
        (
            "user.name: none",
            "user.name: none: `user.name` is left out where a record has `none` for it",
        ),
    ];
    for (query, expected) in cases {
        let expected = expected
            .strip_prefix(query)
            .map_or(expected.to_owned(), |rest| format!("{query}{rest}"));
        assert_eq!(lints(query), [expected], "{query}");
    }
}

#[test]
fn two_values_for_a_field_that_has_one_are_told_at_the_second() {
    let one = |left: &str| format!("`event.action` has one value, and elsewhere it must be {left}");
    let cases = [
        ("event.action: A and event.action: B", "event.action: B", one("`A`")),
        (
            "event.action: (A or B) and user.name: x and event.action: (C or D)",
            "event.action: (C or D)",
            one("`A` or `B`"),
        ),
        ("event.action: (A and B)", "B", one("`A`")),
        (
            "event.action: A and (event.action: B and user.name: x)",
            "event.action: B and user.name: x",
            one("`A`"),
        ),
        ("event.action: A and not event.action: A", "not event.action: A", one("`A`")),
        (
            "not event.action: (A or B) and event.action: B",
            "not event.action: (A or B)",
            one("`B`"),
        ),
        (
            "event.action: Delete* and event.action: CreateGroup",
            "event.action: Delete*",
            one("`CreateGroup`"),
        ),
        ("event.action: A and not event.action: *", "not event.action: *", one("`A`")),
        ("user.name: x or (event.action: A and event.action: B)", "event.action: B", one("`A`")),
        (
            "((event.action: A and user.name: x) or event.action: B) and event.action: C",
            "event.action: C",
            one("`A` or `B`"),
        ),
    ];
    for (query, place, reason) in cases {
        assert_eq!(lints(query), [format!("{place}: {reason}")], "{query}");
    }
}

#[test]
fn what_can_be_true_is_let_be() {
    for query in [
        "source.ip: (10.0.0.0/8 or 192.0.2.1 or 198.51.*)",
        "source.ip: 10.0.0.1 and source.ip: \"::ffff:10.0.0.1\"",
        "@timestamp >= now-1d/d and @timestamp < 2027 and @timestamp: 2026-03-01",
        "aws.cloudtrail.read_only: (true or \"false\")",
        "event.action: (A or B) and event.action: (B or C)",
        "event.action: A or event.action: B",
        "event.action: A and event.action: A*",
        "event.category: iam and event.category: configuration",
        "related.user: alice and related.user: bob",
        "user.target.name: alice and user.target.name: bob",
        "aws.cloudtrail.flattened.request_parameters.a: 1 and aws.cloudtrail.flattened.request_parameters.a: 2",
        "aws.cloudtrail.resources: { arn: a and arn: b }",
        "event.action: 192.0.2.0/24 and event.action: 192.0.2.1",
        "event.action: * and event.action: A and not event.action: B",
        "user.name >= a and user.name: b",
        "unknown.field: a and unknown.field: b",
        "not (event.action: A and user.name: b) and event.action: A",
        "",
    ] {
        assert_eq!(lints(query), [""; 0], "{query}");
    }
}

/// Queries over few fields and values, so that they contradict themselves often.
fn query() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "event.action: A",
        "event.action: B",
        "event.action: (A or B)",
        "event.action: A*",
        "event.action: *",
        "event.outcome: success",
        "event.outcome: Success",
        "user.target.name: A",
        "user.target.name: B",
        "source.ip: 192.0.2.0/24",
        "source.ip: x",
        "event.action: 192.0.2.0/24",
        "aws.cloudtrail.read_only: true",
        "aws.cloudtrail.read_only: false",
        "event.dataset: aws.cloudtrail",
        "event.dataset: b",
        "event.type: info",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("(not {part})")),
        ]
    })
}

proptest! {
    /// The parts that are told are never true of any record.
    #[test]
    fn what_is_told_is_so(
        query in query(),
        action in prop::sample::select(vec!["A", "B", "AB", "192.0.2.1", ""]),
        target in prop::sample::select(vec![json!("A"), json!(["A", "B"]), json!(null)]),
        read_only in any::<bool>(),
    ) {
        let query = Query::parse(&query).unwrap();
        let record = json!({"eventName": action, "readOnly": read_only, "sourceIPAddress": "192.0.2.1",
            "requestParameters": {"userName": target}});
        let record = Record::from_value(record).unwrap();
        let view = View::new(&record);
        let told: Vec<Span> = unsatisfiable::lints(query.expr()).iter().map(|lint| lint.span).collect();
        prop_assert_eq!(impossible_that_match(query.expr(), &told, &view), [""; 0], "{}", query.source());
    }
}

/// The parts that match although they, or one of a chain of `and` that they are, were told never
/// to.
fn impossible_that_match(expr: &Expr, told: &[Span], view: &View<'_>) -> Vec<String> {
    let chain = matches!(expr.kind(), ExprKind::And(_))
        && expr.children().iter().any(|it| told.contains(&it.span()));
    let leaf = matches!(expr.kind(), ExprKind::Leaf(_))
        && told.contains(&expr.span())
        && !in_conflict(expr);
    let wrong = (chain || leaf) && expr.matches(view, jiff::Timestamp::UNIX_EPOCH);
    let below = expr.children().iter().flat_map(|child| impossible_that_match(child, told, view));
    wrong.then(|| format!("{expr:?}")).into_iter().chain(below).collect()
}

/// A part that is told only because of what stands beside it can be true by itself.
fn in_conflict(expr: &Expr) -> bool {
    unsatisfiable::lints(expr).is_empty()
}
