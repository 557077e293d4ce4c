//! Properties of any query: parsing does not panic, printing and parsing give the same tree, and
//! matching agrees with the reference.

use eql::{ExprKind, Query, Test};
use proptest::prelude::*;

use crate::document::{Leaf, Typed};
use crate::matching::now;
use crate::reference;

/// Sequences of tokens, and of text that resembles them.
fn tokens() -> impl Strategy<Value = String> {
    let words = [
        "any where ",
        "any where ",
        "any where ",
        "iam where ",
        "\"x y\" where ",
        "and",
        "or",
        "not",
        "AND",
        "in",
        "in~",
        "like",
        "like~",
        "regex",
        "regex~",
        "true",
        "false",
        "null",
        "a",
        "b.c",
        "`d-e`",
        "``",
        "?",
        "?f",
        ".",
        ",",
        ":",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=",
        "(",
        ")",
        "(",
        ")",
        "[",
        "]",
        "|",
        "+",
        "-",
        "*",
        "/",
        "%",
        "~",
        "\"",
        "\"x*\"",
        "\"\"\"r\"\"\"",
        "\"\\u{41}\"",
        "\"\\n\"",
        "\"10.0.0.0/8\"",
        "\\",
        "5",
        "-1",
        "2.5e3",
        ".5",
        "length(",
        "stringContains(",
        "concat~(",
        "between(",
        "substring(a,1)",
        "cidrMatch(a,\"::1\")",
        "//",
        "/*",
        "*/",
        "\n",
        " ",
        " ",
        "é",
        "\u{202e}",
        "\u{0}",
        "sequence",
        "by",
        "'",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..24)
        .prop_map(|words| words.concat())
}

/// A value that is a text, a number, or any of them.
fn term(depth: u32) -> BoxedStrategy<String> {
    let field = prop::sample::select(vec!["a", "b", "?none", "`c-d`"]).prop_map(str::to_owned);
    if depth == 0 {
        return field.boxed();
    }
    let inner = move || term(depth - 1);
    let text = prop::sample::select(vec!["\"a\"", "\"B\"", "\"ab\"", "\"é\"", "null", "\"\""]);
    prop_oneof![
        4 => field,
        1 => (inner(), text).prop_map(|(term, text)| format!("concat({term}, {text})")),
        1 => (inner(), inner()).prop_map(|(one, other)| format!("concat({one}, \"-\", {other})")),
        1 => (inner(), -3..4).prop_map(|(term, start)| format!("substring(string({term}), {start})")),
        1 => (inner(), -3..4, -3..4).prop_map(|(term, start, end)| {
            format!("substring(string({term}), {start}, {end})")
        }),
    ]
    .boxed()
}

/// Conditions over few fields and values, so that they are often met.
fn condition() -> impl Strategy<Value = String> {
    let constant = || {
        prop::sample::select(vec![
            "\"a\"", "\"A\"", "\"ab\"", "\"aB\"", "\"\"", "\"é\"", "\"a*\"", "1", "2.0", "-1",
            "true",
        ])
    };
    let pattern = || {
        prop::sample::select(vec![
            "\"a*\"", "\"*B\"", "\"?\"", "\"a?*\"", "\"*\"", "\"ab\"", "\"*é?\"",
        ])
    };
    let order = prop::sample::select(vec!["<", "<=", ">", ">="]);
    let bound = prop::sample::select(vec!["\"a\"", "\"B\"", "\"ab\"", "1", "0.5"]);
    let part = || prop::sample::select(vec!["\"a\"", "\"b\"", "\"\"", "\"a?\"", "\"*b\"", "b"]);
    let search = prop::sample::select(vec![
        "startsWith",
        "endsWith",
        "stringContains",
        "stringContains~",
        "endsWith~",
    ]);
    let regex = prop::sample::select(vec!["\"a.*\"", "(\"[ab]+\", \"a.*\")"]);
    let count = prop::sample::select(vec![
        "length(string(a))",
        "a + 1",
        "2 * b - a",
        "length(concat(a, b))",
    ]);
    let field = || prop::sample::select(vec!["a", "b", "none", "?none", "`c-d`"]);
    let text_term = || term(2);
    let leaf = prop_oneof![
        (field(), prop::sample::select(vec!["==", "!="]), constant())
            .prop_map(|(term, operator, value)| format!("{term} {operator} {value}")),
        (
            text_term(),
            prop::sample::select(vec!["==", "!="]),
            prop::sample::select(vec!["\"a\"", "\"ab\"", "\"1\"", "null"])
        )
            .prop_map(|(term, operator, value)| format!("{term} {operator} {value}")),
        (field(), order, bound).prop_map(|(term, order, bound)| format!("{term} {order} {bound}")),
        (
            field(),
            prop::sample::select(vec!["in", "not in"]),
            prop::collection::vec(constant(), 1..3)
        )
            .prop_map(|(term, operator, values)| format!(
                "{term} {operator} ({})",
                values.join(", ")
            )),
        (
            text_term(),
            prop::sample::select(vec![":", "like", "like~"]),
            prop::collection::vec(pattern(), 1..3)
        )
            .prop_map(|(term, operator, values)| format!(
                "{term} {operator} ({})",
                values.join(", ")
            )),
        (text_term(), prop::sample::select(vec!["regex", "regex~"]), regex)
            .prop_map(|(term, operator, regex)| format!("{term} {operator} {regex}")),
        (
            search,
            text_term(),
            part(),
            prop::sample::select(vec!["", " == true", " != true", " == false"])
        )
            .prop_map(|(function, term, part, end)| format!("{function}({term}, {part}){end}")),
        (text_term(), pattern(), pattern())
            .prop_map(|(term, one, other)| format!("wildcard({term}, {one}, {other})")),
        (count, prop::sample::select(vec!["==", "!=", "<", ">="]), 0..4)
            .prop_map(|(term, operator, number)| format!("{term} {operator} {number}")),
        prop::sample::select(vec!["true", "a", "not b", "1 == 1.0", "none == null"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.clone().prop_map(|part| format!("not ({part})")),
            inner.prop_map(|part| format!("not {part}")),
        ]
    })
}

fn document() -> impl Strategy<Value = Typed> {
    let text = ["a", "A", "ab", "aB", "B", "", "é", "aé", "aéb", "1", "true", "a*"];
    let leaf = prop_oneof![
        4 => prop::sample::select(text.to_vec()).prop_map(|text| Leaf::Text(text.to_owned())),
        2 => prop::sample::select(vec![1.0, 2.0, 0.5, -1.0]).prop_map(Leaf::Number),
        1 => any::<bool>().prop_map(Leaf::Bool),
    ];
    let name = prop::sample::select(vec!["a", "b", "c-d"]).prop_map(str::to_owned);
    prop::collection::vec((name, leaf), 0..5)
        .prop_map(|leaves| Typed { leaves, objects: Vec::new() })
}

/// Parses, prints and parses again, or checks the error.
fn check_round_trip(text: &str) -> Result<(), TestCaseError> {
    match Query::parse(text) {
        Ok(query) => {
            let printed = query.to_string();
            prop_assert!(!printed.chars().any(char::is_control), "{:?}", printed);
            let again = Query::parse(&printed)
                .map_err(|error| TestCaseError::fail(format!("{text:?}\n{error}")))?;
            prop_assert_eq!(again.category(), query.category(), "{:?} as {:?}", text, &printed);
            prop_assert_eq!(again.expr(), query.expr(), "{:?} printed as {:?}", text, &printed);
            prop_assert_eq!(again.to_string(), printed, "printing is stable: {:?}", text);
        }
        Err(error) => {
            let display = error.to_string();
            prop_assert!(!display.chars().any(|c| c.is_control() && c != '\n'), "{:?}", display);
            prop_assert_eq!(display.lines().count(), 3, "{:?}", display);
            prop_assert!(
                text.is_char_boundary(error.span().start)
                    && text.is_char_boundary(error.span().end)
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_a_query_or_an_error(text in any::<String>(), start in "(any where )?") {
        check_round_trip(&format!("{start}{text}"))?;
    }

    #[test]
    fn any_tokens_are_a_query_or_an_error(text in tokens()) {
        check_round_trip(&text)?;
    }

    #[test]
    fn any_string_survives_quoting(text in any::<String>(), name in "[a-z`. é-]{1,8}") {
        let text = text.replace('\0', "");
        let unicode = |c: char| format!("\\u{{{:02x}}}", u32::from(c));
        let quoted = text.chars().map(unicode).collect::<String>();
        let source = format!("any where `{}` == \"{quoted}\"", name.replace('`', "``"));
        let query = Query::parse(&source).expect("quoted");
        let ExprKind::Leaf(leaf) = query.expr().kind() else { panic!("{source}") };
        prop_assert_eq!(leaf.field(), Some(name.as_str()));
        let Test::In(constants, _) = leaf.test() else { panic!("{source}") };
        prop_assert_eq!(constants[0].literal().text(), text);
        check_round_trip(&source)?;
    }

    #[test]
    fn any_regular_expression_is_compiled_or_an_error(regex in "[ab.*+?{}(),|\\[\\]^\\\\\"@-]{0,12}") {
        let source = format!("any where a regex {}", format!("{regex:?}").replace("\\'", "'"));
        check_round_trip(&source)?;
    }

    #[test]
    fn matching_agrees_with_the_reference(
        condition in condition(),
        documents in prop::collection::vec(document(), 8),
    ) {
        let source = format!("any where {condition}");
        check_round_trip(&source)?;
        let query = Query::parse(&source).unwrap_or_else(|error| panic!("{error}"));
        for document in documents {
            let result = query.matches(&document, now());
            let expected = reference::matches(query.expr(), &document);
            prop_assert_eq!(result, expected, "{} {:?}", query.source(), document);
        }
    }
}
