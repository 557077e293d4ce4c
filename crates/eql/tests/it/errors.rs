//! Error messages, as people read them.

use eql::{MAX_BYTES, MAX_DEPTH, Query, Statement};

#[test]
fn errors_say_what_was_expected_and_where() {
    let long_line = format!("any where a == 1 {} ) {}", "x".repeat(100), "y".repeat(100));
    let cases = [
        ("empty", ""),
        ("condition alone", "event.action == \"x\""),
        ("where missing", "iam event.action == \"x\""),
        ("where in upper case", "any WHERE true"),
        ("condition missing", "any where"),
        ("number as category", "42 where true"),
        ("optional category", "?x where true"),
        ("operator missing", "any where a b"),
        ("single equals sign", "any where a = 1"),
        ("keyword in upper case", "any where a == 1 AND b == 2"),
        ("ampersands", "any where a == 1 && b == 2"),
        ("bars", "any where a == 1 || b == 2"),
        ("exclamation mark", "any where !a"),
        ("value missing", "any where a =="),
        ("chained comparison", "any where 1 < a < 3"),
        ("condition in parentheses alone", "(event.action == \"x\")"),
        ("negation alone", "not event.action : \"x\""),
        ("comparison alone", "outcome == \"x\""),
        ("two fields", "any where a == b"),
        ("two fields of objects", "any where user.name == user.id"),
        ("text without quotes", "any where user.name == alice"),
        ("pattern without quotes", "any where user.name : alice"),
        ("patterns without quotes", "any where user.name like (\"a\", alice)"),
        ("two fields in functions", "any where length(a) == length(b)"),
        ("field in list", "any where a in (b, 1)"),
        ("list without parentheses", "any where a in 1"),
        ("list empty", "any where a in ()"),
        ("list open", "any where a in (1, 2"),
        ("not like", "any where a not like \"x\""),
        ("number after colon", "any where a : 5"),
        ("wildcard of a number", "any where length(a) : \"5\""),
        ("function unknown", "any where stringContain(a, \"x\")"),
        ("function far from any", "any where match(a, \"x\")"),
        ("arguments missing", "any where stringContains(a)"),
        ("arguments too many", "any where length(a, b) == 1"),
        ("argument optional", "any where between(a, \"x\") == \"y\""),
        ("argument of wrong type", "any where stringContains(a, 1)"),
        ("argument is no condition", "any where length(a == 1) == 2"),
        ("argument is no block", "any where cidrMatch(a, \"10.0.0\")"),
        ("argument is a field", "any where cidrMatch(a, b)"),
        ("tilde without meaning", "any where length~(a) == 1"),
        ("tilde without function", "any where a~ == 1"),
        ("value as condition", "any where length(a)"),
        ("text as condition", "any where \"a\""),
        ("null as condition", "any where null and true"),
        ("text in arithmetic", "any where a + \"1\" == 2"),
        ("parenthesis open", "any where (a == 1"),
        ("parenthesis too many", "any where a == 1)"),
        ("element of a list", "any where a[0] == 1"),
        ("relation of processes", "any where child of [any where true]"),
        ("single quotes", "any where a == 'x'"),
        ("old raw string", "any where a == ?\"x\""),
        ("string open", "any where a == \"x"),
        ("string over lines", "any where a == \"x\ny\""),
        ("raw string over lines", "any where a == \"\"\"x\ny\"\"\""),
        ("escape unknown", "any where a == \"C:\\dir\""),
        ("escape of too few digits", "any where a == \"\\u{d}\""),
        ("escape of NUL", "any where a == \"\\u0000\""),
        ("escape of half a pair", "any where a == \"\\ud83d\""),
        ("name with a digit first", "any where a.6b == 1"),
        ("name with a hyphen", "any where x-amz == \"a\""),
        ("keyword in a name", "any where a.in == 1"),
        ("backtick open", "any where `a == 1"),
        ("backticks empty", "any where `` == 1"),
        ("comment open", "any where /* a == 1"),
        ("regular expression", "any where a regex \"(x\""),
        ("regular expression with an operator of Lucene", "any where a regex (\"x\", \"a~b\")"),
        ("regular expression too large", "any where a regex \"((x{1000}){1000}){1000}\""),
        ("second of many lines", "any where a == 1\n  and b == (2\n  or c"),
        ("controls are not shown", "any where a\u{1b}[31m == 1"),
        ("long line before and after", &long_line),
        ("sequence", "sequence by user.name [any where true] [any where true]"),
        ("sample", "sample by host [any where true] [any where true]"),
        ("pipe", "any where true | head 10"),
    ];
    let errors = cases.map(|(case, query)| {
        let error = Query::parse(query).expect_err(case);
        let kind = if error.is_unsupported() { " (unsupported)" } else { "" };
        format!("# {case}{kind}\n{error}\n")
    });
    insta::assert_snapshot!("errors", errors.join("\n"));
}

#[test]
fn errors_in_sequences_say_what_was_expected_and_where() {
    let many = |count: usize| format!("sequence {}", "[any where true] ".repeat(count));
    let [too_many, with_runs] = [
        many(17),
        format!("{0} with runs=100 {0} with runs=100 {0}", many(1).replace("sequence ", "")),
    ];
    let cases = [
        ("steps missing", "sequence by a"),
        ("one event", "sequence by a [any where true]"),
        ("one event and until", "sequence [any where true] until [any where true]"),
        ("bracket missing", "sequence by a any where true"),
        ("bracket open", "sequence [any where true] [any where a == 1"),
        ("condition missing", "sequence [any where] [any where true]"),
        ("category missing", "sequence [a == 1] [any where true]"),
        ("key missing", "sequence by [any where true] [any where true]"),
        ("key is a value", "sequence by \"a\" [any where true] [any where true]"),
        ("key is a function", "sequence by length(a) [any where true] [any where true]"),
        ("comma without key", "sequence by a, [any where true] [any where true]"),
        ("keys of one step only", "sequence [any where true] by a [any where true]"),
        ("too few keys", "sequence [any where true] by a, b [any where true] by c"),
        (
            "keys of until",
            "sequence [any where true] by a [any where true] by b until [any where true]",
        ),
        ("maxspan before by", "sequence with maxspan=5m by a [any where true] [any where true]"),
        ("maxspan without unit", "sequence with maxspan=5 [any where true] [any where true]"),
        ("maxspan of another unit", "sequence with maxspan=5w [any where true] [any where true]"),
        ("maxspan with a fraction", "sequence with maxspan=1.5h [any where true] [any where true]"),
        ("maxspan of nothing", "sequence with maxspan=0s [any where true] [any where true]"),
        ("maxspan missing", "sequence with maxspan=[any where true] [any where true]"),
        (
            "maxspan too long",
            "sequence with maxspan=99999999999999999999d [any where true] [any where true]",
        ),
        ("another setting", "sequence with span=5m [any where true] [any where true]"),
        ("runs missing", "sequence [any where true] with [any where true]"),
        ("no runs", "sequence [any where true] with runs=0 [any where true]"),
        ("runs with a fraction", "sequence [any where true] with runs=1.5 [any where true]"),
        ("too many runs", "sequence [any where true] with runs=101 [any where true]"),
        ("too many runs in all", &format!("sequence {with_runs}")),
        ("too many steps", &too_many),
        ("missing event", "sequence by a [any where true] ![any where true]"),
        ("by after runs", "sequence by x [any where true] with runs=2 by y [any where true]"),
        (
            "until twice",
            "sequence [any where true] [any where true] until [any where a] until [any where b]",
        ),
        ("text after the steps", "sequence [any where true] [any where true] and true"),
        (
            "two until",
            "sequence [any where true] [any where true] until [any where true] [any where true]",
        ),
        ("pipe", "sequence by a\n  [any where true]\n  [any where true]\n| tail 1"),
        ("sample", "sample by host [any where true] [any where true]"),
    ];
    let errors = cases.map(|(case, query)| {
        let error = Statement::parse(query).expect_err(case);
        let kind = if error.is_unsupported() { " (unsupported)" } else { "" };
        format!("# {case}{kind}\n{error}\n")
    });
    insta::assert_snapshot!("sequence_errors", errors.join("\n"));
}

#[test]
fn depth_is_limited() {
    for (open, inner, close) in [
        ("(", "a", ")"),
        ("not ", "a", ""),
        ("-", "a", ""),
        ("string(", "a", ")"),
        ("1 + ", "a", ""),
        ("1 + (", "a", ")"),
        ("a in (", "1", ")"),
    ] {
        let nested = |levels: usize| {
            let condition = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
            let end = match open {
                "(" | "not " | "a in (" => "",
                "string(" => " == \"1\"",
                _ => " == 1",
            };
            format!("any where {condition}{end}")
        };
        let levels = if open == "1 + (" { MAX_DEPTH / 2 } else { MAX_DEPTH };
        if open != "a in (" {
            Query::parse(&nested(levels)).unwrap_or_else(|error| panic!("{open}\n{error}"));
        }
        let error = Query::parse(&nested(levels + 1)).expect_err("one too deep");
        let expected = "expected at most 100 levels of `not`, `(` and arithmetic, found one more";
        assert_eq!(error.message(), expected, "{open}");
        Query::parse(&nested(MAX_BYTES / 20)).expect_err("much too deep");
    }
}

#[test]
fn siblings_do_not_add_to_the_depth() {
    let query = format!("any where {}", vec!["not (a)"; MAX_DEPTH * 2].join(" and "));
    Query::parse(&query).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn length_is_limited() {
    let start = "any where a == \"";
    let query = |length: usize| format!("{start}{}\"", "x".repeat(length - start.len() - 1));
    Query::parse(&query(MAX_BYTES)).expect("at the limit");
    let error = Query::parse(&query(MAX_BYTES + 1)).expect_err("one byte too long");
    assert_eq!(error.message(), "expected at most 1048576 bytes, found 1048577");
}
