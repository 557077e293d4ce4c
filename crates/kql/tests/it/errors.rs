//! What people read when a query is none: one case each, as displayed.

use kql::{MAX_BYTES, MAX_DEPTH, Query};

macro_rules! fails {
    ($($name:ident: $query:expr => $($line:expr),+;)*) => {
        $(#[test]
        fn $name() {
            let error = Query::parse($query).expect_err(&format!("{:?} is no query", $query));
            assert_eq!(error.to_string(), [$($line),+].join("\n"), "{:?}", $query);
        })*
    };
}

fails! {
    value_missing: "a:" =>
        "expected a value, `not`, `(` or `{`, found the end of the query (line 1, column 3)",
        "1 | a:",
        "  |   ^";
    second_colon: "a b: c: d" =>
        "expected `and`, `or` or the end of the query, found `:`; a value that holds it must be quoted (line 1, column 7)",
        "1 | a b: c: d",
        "  |       ^";
    parenthesis_open: "(a or b" =>
        "expected `and`, `or` or `)`, found the end of the query (line 1, column 8)",
        "1 | (a or b",
        "  |        ^";
    parenthesis_too_many: "a or b)" =>
        "expected `and`, `or` or the end of the query, found `)` (line 1, column 7)",
        "1 | a or b)",
        "  |       ^";
    operand_missing: "a or" =>
        "expected a field, a value, `not` or `(`, found the end of the query (line 1, column 5)",
        "1 | a or",
        "  |     ^";
    keyword_first: "and a" =>
        "expected a field, a value, `not` or `(`, found `and` (line 1, column 1)",
        "1 | and a",
        "  | ^^^";
    not_after_value: "a not b" =>
        "expected `and`, `or` or the end of the query, found `not` (line 1, column 3)",
        "1 | a not b",
        "  |   ^^^";
    not_alone: "not" =>
        "expected a field, a value, `not` or `(`, found the end of the query (line 1, column 4)",
        "1 | not",
        "  |    ^";
    quote_open: r#"a: "b c"# =>
        "expected a quote that closes this one, found the end of the query (line 1, column 4)",
        r#"1 | a: "b c"#,
        "  |    ^";
    quote_after_word: r#"a "b""# =>
        r#"expected `and`, `or` or the end of the query, found `"b"` (line 1, column 3)"#,
        r#"1 | a "b""#,
        "  |   ^^^";
    escape_unknown: r"a: C\x" =>
        r"expected an escape, such as `\*`, `\\` or `\u002a`, found `\x` (line 1, column 5)",
        r"1 | a: C\x",
        "  |     ^^";
    escape_of_nothing: r"a: b\" =>
        r"expected an escape, such as `\*`, `\\` or `\u002a`, found `\` (line 1, column 5)",
        r"1 | a: b\",
        "  |     ^";
    escape_of_half_a_pair: r"a: \ud83d" =>
        r"expected an escape, such as `\*`, `\\` or `\u002a`, found `\u` (line 1, column 4)",
        r"1 | a: \ud83d",
        "  |    ^^";
    list_empty: "a: ()" =>
        "expected a value, `not` or `(`, found `)` (line 1, column 5)",
        "1 | a: ()",
        "  |     ^";
    parentheses_empty: "()" =>
        "expected a field, a value, `not` or `(`, found `)` (line 1, column 2)",
        "1 | ()",
        "  |  ^";
    braces_empty: "a: {}" =>
        "expected a field, a value, `not` or `(`, found `}` (line 1, column 5)",
        "1 | a: {}",
        "  |     ^";
    nested_under_wildcard: "a*: { b }" =>
        "expected a path without wildcards before `{`, found a wildcard (line 1, column 1)",
        "1 | a*: { b }",
        "  | ^^";
    brace_open: "a: { b" =>
        "expected `and`, `or` or `}`, found the end of the query (line 1, column 7)",
        "1 | a: { b",
        "  |       ^";
    brace_too_many: "a: b }" =>
        "expected `and`, `or` or the end of the query, found `}` (line 1, column 6)",
        "1 | a: b }",
        "  |      ^";
    range_of_wildcard: "a > b*" =>
        "expected a value without wildcards, found a wildcard (line 1, column 5)",
        "1 | a > b*",
        "  |     ^^";
    range_of_nothing: "a >" =>
        "expected a value, found the end of the query (line 1, column 4)",
        "1 | a >",
        "  |    ^";
    range_of_list: "a > (b or c)" =>
        "expected a value, found `(` (line 1, column 5)",
        "1 | a > (b or c)",
        "  |     ^";
    range_after_colon: "a: < 5" =>
        "expected a value, `not`, `(` or `{`, found `<`; a value that holds it must be quoted (line 1, column 4)",
        "1 | a: < 5",
        "  |    ^";
    range_without_field: "> 5" =>
        "expected a field, a value, `not` or `(`, found `>` (line 1, column 1)",
        "1 | > 5",
        "  | ^";
    colon_without_field: ": 5" =>
        "expected a field, a value, `not` or `(`, found `:` (line 1, column 1)",
        "1 | : 5",
        "  | ^";
    field_in_list: "a: (b: c)" =>
        "expected `and`, `or` or `)`, found `:`; a value that holds it must be quoted (line 1, column 6)",
        "1 | a: (b: c)",
        "  |      ^";
    second_of_many_lines: "a: b\nand c: (d\n  or)\nand e" =>
        "expected a value, `not` or `(`, found `)` (line 3, column 5)",
        "3 |   or)",
        "  |     ^";
    carriage_returns: "a: b and\r\n\tc:\r\nd: e" =>
        "expected `and`, `or` or the end of the query, found `:`; a value that holds it must be quoted (line 3, column 2)",
        "3 | d: e",
        "  |  ^";
    columns_are_characters: "é中😀: (" =>
        "expected a value, `not` or `(`, found the end of the query (line 1, column 7)",
        "1 | é中😀: (",
        "  |       ^";
    controls_are_not_shown: "a\u{1b}[31m: \u{202e}b \"\u{7}\"" =>
        r#"expected `and`, `or` or the end of the query, found `"�"` (line 1, column 12)"#,
        r#"1 | a�[31m: �b "�""#,
        "  |            ^^^";
    caret_ends_with_the_line: "a: \"b\nc\" \"d\ne\"" =>
        r#"expected `and`, `or` or the end of the query, found `"d�e"` (line 2, column 4)"#,
        r#"2 | c" "d"#,
        "  |    ^^";
    long_line_before_and_after: &format!("{} ) {}", "x".repeat(100), "y".repeat(100)) =>
        "expected `and`, `or` or the end of the query, found `)` (line 1, column 102)",
        "1 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ) yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…",
        "  |                                                              ^";
    long_token: &format!("a: b \"{}\"", "z".repeat(100)) =>
        r#"expected `and`, `or` or the end of the query, found `"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…` (line 1, column 6)"#,
        r#"1 | a: b "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…"#,
        "  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^";
    keyword_twice: "a and and b" =>
        "expected a field, a value, `not` or `(`, found `and` (line 1, column 7)",
        "1 | a and and b",
        "  |       ^^^";
    time_without_quotes: "@timestamp >= 2026-01-01T00:00:00Z" =>
        "expected `and`, `or` or the end of the query, found `:`; a value that holds it must be quoted (line 1, column 28)",
        "1 | @timestamp >= 2026-01-01T00:00:00Z",
        "  |                            ^";
    line_break_at_the_end: "a:\n" =>
        "expected a value, `not`, `(` or `{`, found the end of the query (line 1, column 3)",
        "1 | a:",
        "  |   ^";
}

#[test]
fn the_place_is_told_in_numbers_too() {
    let error = Query::parse("a: b\nand é: (").expect_err("no value");
    assert_eq!((error.line(), error.column()), (2, 9), "{error}");
    assert_eq!((error.span().start, error.span().end), (14, 14), "{error}");
    assert_eq!(error.message(), "expected a value, `not` or `(`, found the end of the query");
}

#[test]
fn depth_is_limited() {
    let nests = [("(", ")"), ("not ", ""), ("a: { ", " }"), ("not (", ")")];
    for (open, close) in nests {
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
        Query::parse(&open.repeat(MAX_BYTES / open.len())).expect_err("far too deep");
    }
    let list = format!("f: {}x{}", "(".repeat(MAX_DEPTH + 1), ")".repeat(MAX_DEPTH + 1));
    Query::parse(&list).expect_err("a list too deep");
}

#[test]
fn depth_is_not_spent_by_neighbours() {
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
