//! Which parts of queries are reported, and that those never match.

use kql::{Expr, ExprKind, Query, Span};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cloudtrail::Record;
use crate::ecs::View;

fn lints(query: &str) -> Vec<String> {
    let query = Query::parse(query).unwrap();
    let format_lint = |lint: Lint| {
        let reason = lint.message.strip_prefix("can never be true: ").unwrap();
        format!("{}: {reason}", lint.span.text(query.source()))
    };
    find_unsatisfiable(query.expr()).into_iter().map(format_lint).collect()
}

#[test]
fn a_value_of_the_wrong_type_is_reported() {
    let ip = "is an IP address; it can equal a block, but not be compared with one";
    let date = "is a date, without wildcards: compare it with `>=` and `<`";
    let boolean = "is `true` or `false`, without wildcards or order";
    let cases = [
        ("source.ip: 10.0.0.300", ip),
        ("source.ip >= 10.0.0.0/8", ip),
        ("@timestamp >= yesterday", date),
        ("@timestamp: soon", date),
        ("@timestamp: 2026-*", date),
        ("aws.cloudtrail.read_only: yes", boolean),
        ("aws.cloudtrail.read_only: t*", boolean),
        ("aws.cloudtrail.read_only > false", boolean),
        ("event.dataset: aws.s3access", "is always `aws.cloudtrail`"),
        ("cloud.provider: g*", "is always `aws`"),
        ("user.name: none", "is absent if the record has an empty text, `-` or `none` for it"),
    ];
    for (query, reason) in cases {
        let field = query.split([':', ' ']).next().unwrap();
        assert_eq!(lints(query), [format!("{query}: `{field}` {reason}")]);
    }
    for (query, value, hint) in [
        ("event.outcome: Failure", "Failure", "; did you mean `failure`?"),
        ("event.outcome: sucess", "sucess", "; did you mean `success`?"),
        ("event.category: IAM", "IAM", "; did you mean `iam`?"),
        ("event.type: created", "created", ""),
    ] {
        let field = query.split(':').next().unwrap();
        assert_eq!(lints(query), [format!("{query}: no record has the `{field}` `{value}`{hint}")]);
    }
    let in_list = lints("event.outcome: (success or Failure)");
    assert!(in_list.len() == 1 && in_list[0].starts_with("Failure: "), "{in_list:?}");
}

#[test]
fn two_values_for_a_single_valued_field_are_reported_at_the_second() {
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
fn satisfiable_queries_are_not_reported() {
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
        "aws.cloudtrail.flattened.request_parameters.a: 1 and \
         aws.cloudtrail.flattened.request_parameters.a: 2",
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
    #[test]
    fn reported_parts_never_match(
        query in query(),
        action in prop::sample::select(vec!["A", "B", "AB", "192.0.2.1", ""]),
        target in prop::sample::select(vec![json!("A"), json!(["A", "B"]), json!(null)]),
        read_only in any::<bool>(),
    ) {
        let query = Query::parse(&query).unwrap();
        let record = json!({
            "eventName": action,
            "readOnly": read_only,
            "sourceIPAddress": "192.0.2.1",
            "requestParameters": {"userName": target},
        });
        let record = Record::from_value(record).unwrap();
        let view = View::new(&record);
        let reported: Vec<Span> =
            find_unsatisfiable(query.expr()).iter().map(|lint| lint.span).collect();
        let matching = reported_parts_that_match(query.expr(), &reported, &view);
        prop_assert_eq!(matching, [""; 0], "{}", query.source());
    }
}

/// Conditions in EQL over few fields and values.
const EQL_CONDITIONS: [&str; 26] = [
    r#"event.action == "A""#,
    r#"event.action != "A""#,
    r#"event.action == "B""#,
    r#"event.action in ("A", "B")"#,
    r#"event.action in~ ("a", "b")"#,
    r#"event.action : "a""#,
    r#"event.action : "A*""#,
    r#"event.action like ("B", "AB*")"#,
    r#"event.action regex "A|AB""#,
    r#"event.action regex~ "b""#,
    r#"event.action == null"#,
    r#"event.action >= "B""#,
    r#"event.action == 5"#,
    r#"event.action in ("5", "A")"#,
    r#"event.action == "192.0.2.0/24""#,
    r#"length(event.action) == 1"#,
    r#"event.outcome == "success""#,
    r#"user.target.name == "A""#,
    r#"user.target.name == "B""#,
    r#"source.ip == "192.0.2.0/24""#,
    r#"source.ip == "192.0.2.1""#,
    "aws.cloudtrail.read_only",
    r#"aws.cloudtrail.read_only == "true""#,
    "aws.cloudtrail.read_only == true",
    "aws.cloudtrail.read_only == false",
    "true",
];

#[test]
fn chains_in_eql_that_are_reported_never_match() {
    let record = |action: &str, target: Value, read_only: bool| {
        let record = json!({
            "eventName": action,
            "readOnly": read_only,
            "sourceIPAddress": "192.0.2.1",
            "requestParameters": {"userName": target},
        });
        Record::from_value(record).unwrap()
    };
    let records: Vec<Record> = ["A", "a", "B", "AB", "5", "5.0", "192.0.2.1", ""]
        .iter()
        .flat_map(|action| {
            [record(action, json!(["A", "B"]), true), record(action, json!("A"), false)]
        })
        .collect();
    let mut reported = 0;
    for one in EQL_CONDITIONS {
        for other in EQL_CONDITIONS {
            for condition in [
                format!("{one} and {other}"),
                format!("{one} and not {other}"),
                format!("not ({one} or {other}) and {one}"),
                format!("({one} or {other}) and event.action == \"B\""),
            ] {
                let query = eql::Query::parse(&format!("any where {condition}")).unwrap();
                if find_unsatisfiable_eql(&query).is_empty() {
                    continue;
                }
                reported += 1;
                for record in &records {
                    let is_match = query.matches(&View::new(record), jiff::Timestamp::UNIX_EPOCH);
                    assert!(!is_match, "{condition}: {record:?}");
                }
            }
        }
    }
    assert!(reported > 100, "{reported}");
}

/// The parts that match although they, or a part of the chain of `and` that they are, were
/// reported.
fn reported_parts_that_match(expr: &Expr, reported: &[Span], view: &View<'_>) -> Vec<String> {
    let is_chain = matches!(expr.kind(), ExprKind::And(_))
        && expr.children().iter().any(|part| reported.contains(&part.span()));
    // A part that conflicts with others can match by itself.
    let is_leaf = matches!(expr.kind(), ExprKind::Leaf(_))
        && reported.contains(&expr.span())
        && !find_unsatisfiable(expr).is_empty();
    let is_wrong = (is_chain || is_leaf) && expr.matches(view, jiff::Timestamp::UNIX_EPOCH);
    let parts = expr.children().iter();
    let below = parts.flat_map(|part| reported_parts_that_match(part, reported, view));
    is_wrong.then(|| format!("{expr:?}")).into_iter().chain(below).collect()
}
