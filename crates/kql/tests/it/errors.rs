//! Error messages, as people read them.

use kql::{MAX_BYTES, MAX_DEPTH, Query};

#[test]
fn errors_say_what_was_expected_and_where() {
    let long_line = format!("{} ) {}", "x".repeat(100), "y".repeat(100));
    let long_token = format!("a: b \"{}\"", "z".repeat(100));
    let cases = [
        ("value missing", "a:"),
        ("second colon", "a b: c: d"),
        ("parenthesis open", "(a or b"),
        ("parenthesis too many", "a or b)"),
        ("operand missing", "a or"),
        ("keyword first", "and a"),
        ("not after value", "a not b"),
        ("not alone", "not"),
        ("quote open", r#"a: "b c"#),
        ("quote after word", r#"a "b""#),
        ("escape unknown", r"a: C\x"),
        ("escape of nothing", r"a: b\"),
        ("escape of half a pair", r"a: \ud83d"),
        ("list empty", "a: ()"),
        ("parentheses empty", "()"),
        ("braces empty", "a: {}"),
        ("nested under wildcard", "a*: { b }"),
        ("brace open", "a: { b"),
        ("brace too many", "a: b }"),
        ("range of wildcard", "a > b*"),
        ("range of nothing", "a >"),
        ("range of list", "a > (b or c)"),
        ("range after colon", "a: < 5"),
        ("range without field", "> 5"),
        ("colon without field", ": 5"),
        ("field in list", "a: (b: c)"),
        ("second of many lines", "a: b\nand c: (d\n  or)\nand e"),
        ("carriage returns", "a: b and\r\n\tc:\r\nd: e"),
        ("columns are characters", "é中😀: ("),
        ("controls are not shown", "a\u{1b}[31m: \u{202e}b \"\u{7}\""),
        ("caret ends with the line", "a: \"b\nc\" \"d\ne\""),
        ("long line before and after", &long_line),
        ("long token", &long_token),
        ("keyword twice", "a and and b"),
        ("time without quotes", "@timestamp >= 2026-01-01T00:00:00Z"),
        ("line break at the end", "a:\n"),
    ];
    let errors = cases.map(|(case, query)| {
        let error = Query::parse(query).expect_err(case);
        format!("# {case}\n{error}\n")
    });
    insta::assert_snapshot!("errors", errors.join("\n"));
}

#[test]
fn the_position_is_available_as_numbers() {
    let error = Query::parse("a: b\nand é: (").expect_err("no value");
    assert_eq!((error.line(), error.column()), (2, 9), "{error}");
    assert_eq!((error.span().start, error.span().end), (14, 14), "{error}");
    assert_eq!(error.message(), "expected a value, `not` or `(`, found the end of the query");
}

#[test]
fn depth_is_limited() {
    for (open, close) in [("(", ")"), ("not ", ""), ("a: { ", " }"), ("not (", ")")] {
        let levels = if open == "not (" { MAX_DEPTH / 2 } else { MAX_DEPTH };
        let nested = |levels| format!("{}x{}", open.repeat(levels), close.repeat(levels));
        Query::parse(&nested(levels))
            .unwrap_or_else(|error| panic!("{open} at the limit\n{error}"));
        let error = Query::parse(&nested(levels + 1)).expect_err("one too deep");
        assert_eq!(
            error.message(),
            "expected at most 100 levels of `not`, `(` and `{`, found one more",
            "{open}"
        );
        Query::parse(&open.repeat(MAX_BYTES / open.len())).expect_err("much too deep");
    }
    let list = format!("f: {}x{}", "(".repeat(MAX_DEPTH + 1), ")".repeat(MAX_DEPTH + 1));
    Query::parse(&list).expect_err("a list too deep");
}

#[test]
fn siblings_do_not_add_to_the_depth() {
    let query = vec!["not (a)"; MAX_DEPTH * 2].join(" and ");
    Query::parse(&query).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn length_is_limited() {
    Query::parse(&"x".repeat(MAX_BYTES)).expect("at the limit");
    let error = Query::parse(&"x".repeat(MAX_BYTES + 1)).expect_err("one byte too long");
    assert_eq!(error.message(), "expected at most 1048576 bytes, found 1048577");
    assert!(error.to_string().len() < 300, "{error}");
}
