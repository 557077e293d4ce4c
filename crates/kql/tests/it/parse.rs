//! Query text to syntax tree, written as an s-expression, one line for each case.

use kql::{Expr, ExprKind, Field, Query, Test};

/// `(or a (and f:b f:c))`; a literal is in Rust's quotes, a wildcard between slashes.
fn shape(expr: &Expr) -> String {
    let list = |name: &str| {
        let inner: Vec<String> = expr.children().iter().map(shape).collect();
        format!("({name} {})", inner.join(" "))
    };
    match expr.kind() {
        ExprKind::All => "all".to_owned(),
        ExprKind::Leaf(leaf) => format!("{}{}", field(leaf.field()), test(leaf.test())),
        ExprKind::Nested { path, .. } => list(&format!("in {path}")),
        ExprKind::Not(_) => list("not"),
        ExprKind::And(_) => list("and"),
        ExprKind::Or(_) => list("or"),
    }
}

fn field(field: &Field) -> String {
    match field {
        Field::Any => String::new(),
        Field::Named(name) => format!("{name}:"),
        Field::Like(wildcard) => {
            format!("/{}/:", wildcard.pieces().flatten().cloned().collect::<Vec<_>>().join("*"))
        }
    }
}

fn test(test: &Test) -> String {
    match test {
        Test::Exists => "exists".to_owned(),
        Test::Equals(literal) => format!("{:?}", literal.text()),
        Test::Like(wildcard) => {
            format!("/{}/", wildcard.pieces().flatten().cloned().collect::<Vec<_>>().join("*"))
        }
        Test::Range(comparison, literal) => format!("{comparison}{:?}", literal.text()),
    }
}

macro_rules! parses {
    ($($name:ident: $query:expr => $shape:expr;)*) => {
        $(#[test]
        fn $name() {
            let query = Query::parse($query).unwrap_or_else(|error| panic!("{}\n{error}", $query));
            assert_eq!(shape(query.expr()), $shape, "{}", $query);
            let printed = query.expr().to_string();
            let again = Query::parse(&printed)
                .unwrap_or_else(|error| panic!("printed {printed}\n{error}"));
            assert_eq!(again.expr(), query.expr(), "{} printed as {printed}", $query);
        })*
    };
}

parses! {
    empty: "" => "all";
    blank: " \t\r\n\u{a0}" => "all";
    star: "*" => "all";
    stars: "**" => "all";
    star_in_any_field: "*: *" => "all";
    field_and_value: "a: b" => r#"a:"b""#;
    no_spaces: "event.action:CreateGroup" => r#"event.action:"CreateGroup""#;
    spaces_around_colon: "a \n:\t b" => r#"a:"b""#;
    sign_in_field: "@timestamp: x" => r#"@timestamp:"x""#;
    quoted_field: r#""a b": c"# => r#"a b:"c""#;
    bare_value: "hello" => r#""hello""#;
    bare_phrase: r#""hello: world""# => r#""hello: world""#;
    any_field: "*: v" => r#""v""#;
    empty_phrase: r#"a: """# => r#"a:"""#;

    words: "s: hello world" => r#"s:"hello world""#;
    words_keep_their_spaces: "s: hello \t world  " => r#"s:"hello \t world""#;
    words_before_and: "s: hello world and t: x y" => r#"(and s:"hello world" t:"x y")"#;
    words_before_parenthesis: "(s: hello world )" => r#"s:"hello world""#;
    keyword_inside_word: "s: android or nothing" => r#"(or s:"android" "nothing")"#;
    keyword_at_end_of_word: "s: band not_x sensor" => r#"s:"band not_x sensor""#;
    cannot_is_one_word: "s: cannot bar" => r#"s:"cannot bar""#;

    and_before_or: "a or b and c or d" => r#"(or "a" (and "b" "c") "d")"#;
    not_before_and: "not a and b" => r#"(and (not "a") "b")"#;
    not_not: "not not a" => r#"(not (not "a"))"#;
    parentheses: "(a or b) and c" => r#"(and (or "a" "b") "c")"#;
    parentheses_do_not_flow: "(a or b) or c" => r#"(or (or "a" "b") "c")"#;
    parentheses_around_and: "a and (b and c)" => r#"(and "a" (and "b" "c"))"#;
    needless_parentheses: "((a))" => r#""a""#;
    not_of_a_group: "not (a or b)" => r#"(not (or "a" "b"))"#;
    chain_is_flat: "a and b and c and d" => r#"(and "a" "b" "c" "d")"#;
    any_case: "a AND b Or NoT c" => r#"(or (and "a" "b") (not "c"))"#;
    keyword_next_to_parenthesis: "(a)or(not(b))and(c)" => r#"(or "a" (and (not "b") "c"))"#;

    exists: "a.b: *" => "a.b:exists";
    exists_with_more_stars: "a: **" => "a:exists";
    wildcard: "a: b*c" => "a:/b*c/";
    wildcard_of_words: "a: *S3 Browser*" => "a:/*S3 Browser*/";
    wildcard_both_ends: "a: **b**" => "a:/*b*/";
    field_wildcard: "a.b.*: v" => r#"/a.b.*/:"v""#;
    field_wildcard_inside: "a.*.c < 5" => r#"/a.*.c/:<"5""#;
    quoted_star: r#"a: "b*""# => r#"a:"b*""#;
    quoted_star_alone: r#"a: "*""# => r#"a:"*""#;
    escaped_star: r"a: b\*" => r#"a:"b*""#;
    escaped_star_and_star: r"a: \**" => "a:/**/";
    unicode_star: r"a: b\u002a" => r#"a:"b*""#;
    quoted_field_star: r#""a.*": v"# => r#"a.*:"v""#;

    below: "a < 5" => r#"a:<"5""#;
    at_most: "a<=5" => r#"a:<="5""#;
    above: "a > 5" => r#"a:>"5""#;
    at_least: r#"a >= "5 6""# => r#"a:>="5 6""#;
    range_of_words: "a > b c and d" => r#"(and a:>"b c" "d")"#;
    range_of_any: "* > 5" => r#">"5""#;

    values_or: "f: (a or b or c)" => r#"(or f:"a" f:"b" f:"c")"#;
    values_and: "f: (a and b)" => r#"(and f:"a" f:"b")"#;
    values_not: "f: (not a)" => r#"(not f:"a")"#;
    values_mixed: "f: (a or b and not c)" => r#"(or f:"a" (and f:"b" (not f:"c")))"#;
    values_nested: "f: ((a or b) and not (c or d*))" =>
        r#"(and (or f:"a" f:"b") (not (or f:"c" f:/d*/)))"#;
    values_one: "f: ( a )" => r#"f:"a""#;
    values_words: "f: (a b or c)" => r#"(or f:"a b" f:"c")"#;
    values_of_field_wildcard: "f.*: (a or b)" => r#"(or /f.*/:"a" /f.*/:"b")"#;
    values_then_more: "f: (a or b) and c" => r#"(and (or f:"a" f:"b") "c")"#;
    values_under_not: "not f: (a or b)" => r#"(not (or f:"a" f:"b"))"#;
    values_with_exists: "f: (* and not a)" => r#"(and f:exists (not f:"a"))"#;
    value_not: "f: not a and b" => r#"(and (not f:"a") "b")"#;
    same_field_spelled_out: "f: a or f: b" => r#"(or f:"a" f:"b")"#;
    same_field_range: "f > 1 and f < 3" => r#"(and f:>"1" f:<"3")"#;
    same_field_in_chain: "(f: a or f: b) or f: c" => r#"(or (or f:"a" f:"b") f:"c")"#;
    any_field_values: "*: (a or b)" => r#"(or "a" "b")"#;
    any_field_in_chain: "not (a or b)" => r#"(not (or "a" "b"))"#;

    nested: "a.b: { c: 1 and d: 2 }" => r#"(in a.b (and c:"1" d:"2"))"#;
    nested_tight: "a:{b:{c:d}}" => r#"(in a (in b c:"d"))"#;
    nested_anything: "a: { * }" => "(in a all)";
    nested_chain: "a: { b or c } and d" => r#"(and (in a (or "b" "c")) "d")"#;

    escapes_of_specials: r#"a: \(\)\:\<\>\"\*\{\}\\"# => r#"a:"():<>\"*{}\\""#;
    escapes_of_space: r"a: x\ty\rz\n" => r#"a:"x\ty\rz\n""#;
    escaped_space_is_not_trimmed: r"a: \u0020x\u0020 " => r#"a:" x ""#;
    unicode: r"a: \u00e9\u4E2D" => "a:\"é中\"";
    unicode_pair: r"a: \ud83d\ude00" => "a:\"😀\"";
    escaped_and: r"a: x \and y" => r#"a:"x and y""#;
    escaped_or: r"a: \OR" => r#"a:"OR""#;
    escaped_not: r"a: \not" => r#"a:"not""#;
    escaped_not_in_words: r"a: x \not y" => r#"a:"x not y""#;
    escaped_line_break_before_ot: r"a: \nothing" => r#"a:"\nothing""#;
    line_break_before_ot_in_wildcard: r"a: *x\u000aot" => "a:/*x\not/";
    escaped_keyword_as_field: r"\and: x" => r#"and:"x""#;
    escaped_keyword_in_wildcard: r"a: \and* x" => "a:/and* x/";
    escaped_keyword_between_stars: r"a: * \or *" => "a:/* or */";
    special_in_wildcard: r"a: \(*\\" => r"a:/(*\/";
    escaped_dots: r"a: arn\:aws\:iam\:\:aws\:policy/*" => "a:/arn:aws:iam::aws:policy/*/";

    quoted_escapes: r#"a: "x\t\r\n\"\\\u00e9""# => "a:\"x\\t\\r\\n\\\"\\\\é\"";
    quoted_backslash: r#"a: "C:\users\foo""# => r#"a:"C:\\users\\foo""#;
    quoted_half_of_a_pair: r#"a: "\ud83d""# => r#"a:"\\ud83d""#;
    quoted_specials: r#"a: "(x) and {y}: <z>*""# => r#"a:"(x) and {y}: <z>*""#;
    quoted_lines: "a: \"x\ny\"" => r#"a:"x\ny""#;
    quoted_hidden: "a: \"\u{1b}[31m\u{202e}\u{e0041}\"" => r#"a:"\u{1b}[31m\u{202e}\u{e0041}""#;
    hidden_in_wildcard: "a: \u{7f}*\u{feff}" => "a:/\u{7f}*\u{feff}/";
    other_unicode_space_is_text: "a: x\u{3000}y" => r#"a:"x\u{3000}y""#;
    leading_zero: "cloud.account.id: 012345678901" => r#"cloud.account.id:"012345678901""#;
    null_is_text: "a: null" => r#"a:"null""#;
    many_lines: "a: b\n  and\n  not c: d\n" => r#"(and a:"b" (not c:"d"))"#;
}

#[test]
fn every_node_has_its_position() {
    let source = "not f: (a or b*) and (p: { q > 1 } or c)";
    let query = Query::parse(source).expect("valid");
    let mut spans = Vec::new();
    let mut open = vec![query.expr()];
    while let Some(expr) = open.pop() {
        spans.push(expr.span().text(query.source()));
        open.extend(expr.children().iter().rev());
    }
    let expected = [
        source,
        "not f: (a or b*)",
        "f: (a or b*)",
        "a",
        "b*",
        "p: { q > 1 } or c",
        "p: { q > 1 }",
        "q > 1",
        "c",
    ];
    assert_eq!(spans, expected);
}

#[test]
fn lists_of_values_are_printed_as_lists() {
    let query =
        Query::parse("event.action: (CreateGroup or \"a b\") and not (x:1 or y:2)").expect("valid");
    assert_eq!(
        query.expr().to_string(),
        r#"event.action: (CreateGroup or "a b") and not (x: 1 or y: 2)"#
    );
}

#[test]
fn a_chain_of_ten_thousand_is_flat() {
    for keyword in ["and", "or"] {
        let query = vec!["a: b"; 10_000].join(&format!(" {keyword} "));
        let parsed = Query::parse(&query).expect("valid");
        assert_eq!(parsed.expr().children().len(), 10_000, "{keyword}");
    }
}
