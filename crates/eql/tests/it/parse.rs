//! Query text to the text that is printed for its tree, one line for each case.

use eql::{JoinKey, Query, Statement, Term};

#[test]
fn queries_are_printed_in_one_form() {
    for (source, printed) in [
        ("any where true", "any where true"),
        ("iam where false", "iam where false"),
        ("\"a b\" where true", "\"a b\" where true"),
        ("\"iam\" where true", "iam where true"),
        ("\"any\" where true", "\"any\" where true"),
        ("any where a==1", "any where a == 1"),
        ("any where 1 == a", "any where a == 1"),
        ("any where 1 < a", "any where a > 1"),
        ("any where a != 1", "any where a != 1"),
        ("any where not a == 1", "any where a != 1"),
        ("any where not a != 1", "any where not a != 1"),
        ("any where a", "any where a == true"),
        (
            "any where a == \"x\" and b == 2.50 or c",
            "any where a == \"x\" and b == 2.5 or c == true",
        ),
        ("any where a and (b or c)", "any where a == true and (b == true or c == true)"),
        ("any where (a and b) and c", "any where (a == true and b == true) and c == true"),
        ("any where not (a and b)", "any where not (a == true and b == true)"),
        ("any where a in (1)", "any where a == 1"),
        ("any where a in (1, \"x\", true)", "any where a in (1, \"x\", true)"),
        ("any where a not in (1, 2)", "any where a not in (1, 2)"),
        ("any where not a in (1, 2)", "any where a not in (1, 2)"),
        ("any where a in~ (\"x\")", "any where a : \"x\""),
        ("any where a in~ (\"x*\")", "any where a in~ (\"x*\")"),
        ("any where a : (\"x\", \"y\")", "any where a in~ (\"x\", \"y\")"),
        ("any where a : (\"x*\", \"y\")", "any where a : (\"x*\", \"y\")"),
        ("any where a like~ \"x**\"", "any where a : \"x*\""),
        ("any where a like (\"x?\")", "any where a like \"x?\""),
        ("any where a like \"x\"", "any where a == \"x\""),
        ("any where a regex~ (\"x\", \"y.\")", "any where a regex~ (\"x\", \"y.\")"),
        ("any where a == null", "any where a == null"),
        ("any where not a == null", "any where a != null"),
        ("any where ?a.b != null", "any where ?a.b != null"),
        ("any where `a-b`.c == 1", "any where `a-b.c` == 1"),
        ("any where `a`.b == 1", "any where a.b == 1"),
        ("any where `in` == 1", "any where `in` == 1"),
        ("any where a == \"\\u{202e}\\n\"", "any where a == \"\\u{202e}\\n\""),
        ("any where a == \"\"\"\\d \"q\" \"\"\"", "any where a == \"\\\\d \\\"q\\\" \""),
        ("any where STRINGCONTAINS~(a, \"x\")", "any where stringContains~(a, \"x\")"),
        ("any where length(a) == 3", "any where length(a) == 3"),
        ("any where length(a) != 3", "any where length(a) != 3"),
        ("any where not length(a) == 3", "any where not length(a) == 3"),
        ("any where startsWith(a, \"x\") == false", "any where not startsWith(a, \"x\")"),
        ("any where startsWith(a, \"x\") in (false)", "any where startsWith(a, \"x\") in (false)"),
        ("any where add(a, 1) > 2", "any where a + 1 > 2"),
        ("any where a + 1 - 2 * b > 2", "any where a + 1 - 2 * b > 2"),
        ("any where (a + 1) * 2 > 2", "any where add(a, 1) * 2 > 2"),
        ("any where a - (b - 1) > 2", "any where a - subtract(b, 1) > 2"),
        ("any where -a < -5", "any where 0 - a < -5"),
        ("any where a == 2 * 3 + 1", "any where a == 7"),
        ("any where a == 1e3", "any where a == 1000.0"),
        ("any where a == 0 * -3", "any where a == 0"),
        ("any where a == -0.0 * 1", "any where a == 0.0"),
        ("any where a == concat(\"x\", 1, true)", "any where a == \"x1true\""),
        ("any where a == number(\"x\")", "any where a == null"),
        ("any where 1 == 1.0", "any where true"),
        ("any where null in (1)", "any where false"),
        ("any where (a == 1) == false", "any where a != 1"),
    ] {
        let query = Query::parse(source).unwrap_or_else(|error| panic!("{source}\n{error}"));
        assert_eq!(query.to_string(), printed, "{source}");
        let again = Query::parse(printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
        assert_eq!((again.category(), again.expr()), (query.category(), query.expr()), "{source}");
    }
}

#[test]
fn spans_are_the_text_of_conditions() {
    let source = "any where a == 1 and not (b in (2, 3) or length( c ) > 4)";
    let query = Query::parse(source).unwrap();
    let text = |expr: &eql::Expr| expr.span().text(source).to_owned();
    let [first, second] = query.expr().children() else { panic!("two conditions") };
    assert_eq!(text(first), "a == 1");
    assert_eq!(text(second), "not (b in (2, 3) or length( c ) > 4)");
    let inner: Vec<_> = second.children()[0].children().iter().map(text).collect();
    assert_eq!(inner, ["b in (2, 3)", "length( c ) > 4"]);
}

#[test]
fn fields_of_a_condition_can_be_listed() {
    let query = Query::parse("any where concat(a.b, ?c, a.b, \"x\") == \"y\"").unwrap();
    let eql::ExprKind::Leaf(leaf) = query.expr().kind() else { panic!("a condition") };
    let mut fields = Vec::new();
    leaf.term()
        .for_each_field(&mut |name, is_optional| fields.push((name.to_owned(), is_optional)));
    let expected = [("a.b", false), ("c", true), ("a.b", false)];
    assert_eq!(fields, expected.map(|(name, is_optional)| (name.to_owned(), is_optional)));
    assert!(matches!(leaf.term(), Term::Call(call) if call.function().name() == "concat"));
    assert_eq!(leaf.field(), None);
}

#[test]
fn sequences_are_printed_in_one_form() {
    for (source, printed) in [
        (
            "sequence [any where a==1] [iam where true]",
            "sequence [any where a == 1] [iam where true]",
        ),
        (
            "sequence by user.name with maxspan = 5 m\n  [any where a]\n  [any where b]",
            "sequence by user.name with maxspan=5m [any where a == true] [any where b == true]",
        ),
        (
            "sequence by a, ?b.c, `d-e` [any where true][any where true] with runs=1",
            "sequence by a, ?b.c, `d-e` [any where true] [any where true]",
        ),
        (
            "sequence by a [any where true] by b with runs=3 [any where true] by `c` \
             until [x where false] by ?d",
            "sequence by a [any where true] by b with runs=3 [any where true] by c \
             until [x where false] by ?d",
        ),
        (
            "sequence with maxspan=120s /* long */ [any where true] with runs=100 // end",
            "sequence with maxspan=2m [any where true] with runs=100",
        ),
        (
            "sequence with maxspan=1500ms [any where true] [any where true]",
            "sequence with maxspan=1500ms [any where true] [any where true]",
        ),
        (
            "sequence with maxspan=48h [any where true] [any where true]",
            "sequence with maxspan=2d [any where true] [any where true]",
        ),
        ("any where sequenc == 1", "any where sequenc == 1"),
    ] {
        let statement =
            Statement::parse(source).unwrap_or_else(|error| panic!("{source}\n{error}"));
        assert_eq!(statement.to_string(), printed, "{source}");
        let again = Statement::parse(printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
        assert_eq!(again.to_string(), printed, "{source}");
    }
}

#[test]
fn each_step_has_its_keys_and_its_part_of_the_text() {
    let source = "sequence by a with maxspan=90s [any where b == 1] by ?c with runs=2 \
                  [iam where d == 2] by e until [any where f == 3] by g";
    let Ok(Statement::Sequence(sequence)) = Statement::parse(source) else { panic!("a sequence") };
    assert_eq!(sequence.source(), source);
    assert_eq!(sequence.maxspan().map(|maxspan| maxspan.as_secs()), Some(90));
    let described: Vec<_> = sequence
        .all_steps()
        .map(|step| {
            let condition = step.query().expr().span().text(source);
            let names = step.keys().iter().map(|JoinKey { field, is_optional, .. }| {
                format!("{}{field}", if *is_optional { "?" } else { "" })
            });
            (condition, names.collect::<Vec<_>>().join(" "), step.runs())
        })
        .collect();
    let expected = [("b == 1", "a ?c", 2), ("d == 2", "a e", 1), ("f == 3", "a g", 1)];
    assert_eq!(described, expected.map(|(text, keys, runs)| (text, keys.to_owned(), runs)));
}

#[test]
fn a_step_needs_a_value_for_each_key_that_is_not_optional() {
    let source = "sequence by a, ?b [any where true] [x where true] until [y where true]";
    let Ok(Statement::Sequence(sequence)) = Statement::parse(source) else { panic!("a sequence") };
    for (document, expected) in [
        (serde_json::json!({ "a": 1, "b": 2 }), [true, false, false]),
        (serde_json::json!({ "a": 1, "event.category": "x" }), [true, true, false]),
        (serde_json::json!({ "a": 1, "event.category": "y" }), [true, false, true]),
        (serde_json::json!({ "b": 1, "event.category": "y" }), [false, false, false]),
    ] {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let found: Vec<bool> =
            sequence.all_steps().map(|step| step.matches(&document, now)).collect();
        assert_eq!(found, expected, "{document}");
        assert_eq!(sequence.matches_any_step(&document, now), expected.contains(&true));
    }
}
