//! Properties of any query: parsing does not panic, printing and parsing give the same tree, and
//! matching agrees with the reference.

use kql::{Case, ExprKind, Field, Query, Test};
use proptest::prelude::*;

use crate::document::{Leaf, Typed};
use crate::reference;

/// Sequences of tokens, and of text that resembles them.
fn tokens() -> impl Strategy<Value = String> {
    let words = [
        "and",
        "OR",
        "Not",
        "\\not",
        "\\and",
        "android",
        "a",
        "b.c",
        "a.*",
        "*",
        "**",
        ":",
        ":",
        "(",
        ")",
        "(",
        ")",
        "{",
        "}",
        "<",
        "<=",
        ">",
        ">=",
        "\"",
        "\"q r\"",
        "\\\"",
        "\\*",
        "\\",
        "\\u0041",
        "\\ud83d",
        "\\ude00",
        "\\u00",
        " ",
        " ",
        " ",
        "\n",
        "ot",
        "\t",
        "\u{a0}",
        "5",
        "-1e3",
        "true",
        "10.0.0.0/8",
        "2026-01",
        "now-1d/d",
        "é",
        "😀",
        "\u{202e}",
        "\u{0}",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..24)
        .prop_map(|words| words.concat())
}

/// Valid queries over few fields and values, so that they often match.
fn query() -> impl Strategy<Value = String> {
    let fields = ["a", "b", "a.b", "o.a", "o", "*", "a*", "*b", "o.*", "\"a\"", "none"];
    let values = [
        "x",
        "X",
        "xy",
        "x*",
        "*y",
        "*x*y*",
        "*",
        "\"x*\"",
        "\"\"",
        "1",
        "01",
        "1.0",
        "-2",
        "1e0",
        "true",
        "false",
        "192.0.2.1",
        "192.0.2.0/24",
        "192.*",
        "\"2001:db8::/32\"",
        "2026-01-01",
        "2026",
        "now-1d",
        "now/M",
        "\"2026-01-01T12:00:00Z\"",
        "x y",
        "\\*",
        "\\and",
        "é*",
        "1767268800000",
    ];
    let comparisons = [" < ", "<=", " > ", ">="];
    let field = || prop::sample::select(fields.to_vec());
    let value = || prop::sample::select(values.to_vec());
    let list = value().prop_map(str::to_owned).prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|values| format!("({})", values.join(" or "))),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|values| format!("({})", values.join(" and "))),
            inner.prop_map(|value| format!("(not {value})")),
        ]
    });
    let plain = value().prop_filter("ranges take no wildcards", |value| {
        !value.contains('*') || value.contains(['"', '\\'])
    });
    let leaf = prop_oneof![
        4 => (field(), list).prop_map(|(field, list)| format!("{field}: {list}")),
        2 => (field(), prop::sample::select(comparisons.to_vec()), plain)
            .prop_map(|(field, operator, value)| format!("{field}{operator}{value}")),
        1 => value().prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|exprs| exprs.join(" and ")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|exprs| exprs.join(" OR ")),
            inner.clone().prop_map(|expr| format!("not {expr}")),
            inner.clone().prop_map(|expr| format!("({expr})")),
            inner.prop_map(|expr| format!("o: {{ {expr} }}")),
        ]
    })
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let text = [
        "x",
        "X",
        "xy",
        "xxyy",
        "y",
        "",
        "1",
        "01",
        "true",
        "192.0.2.1",
        "2026-01-01T12:00:00Z",
        "x y",
        "*",
        "and",
        "éa",
    ];
    let address = ["192.0.2.1", "198.51.100.1", "2001:db8::1", "::ffff:192.0.2.7"];
    let date = [
        "2026-01-01T12:00:00Z",
        "2026-01-01T00:00:00Z",
        "2026-03-17T12:34:56Z",
        "2026-03-18T00:00:00.5Z",
    ];
    prop_oneof![
        3 => prop::sample::select(text.to_vec()).prop_map(|text| Leaf::Text(text.to_owned())),
        1 => prop::sample::select(vec![1.0, -2.0, 0.5]).prop_map(Leaf::Number),
        1 => any::<bool>().prop_map(Leaf::Bool),
        1 => prop::sample::select(address.to_vec())
            .prop_map(|text| Leaf::Ip(text.parse().expect("an address"))),
        1 => prop::sample::select(date.to_vec())
            .prop_map(|text| Leaf::Date(text.parse().expect("a date"))),
    ]
}

fn document() -> impl Strategy<Value = Typed> {
    let names =
        |names: &[&'static str]| prop::sample::select(names.to_vec()).prop_map(str::to_owned);
    let leaves = prop::collection::vec((names(&["a", "b", "a.b"]), leaf()), 0..5);
    let flat = leaves.prop_map(|leaves| Typed { leaves, objects: Vec::new() });
    flat.prop_recursive(2, 12, 3, move |inner| {
        let leaves = prop::collection::vec((names(&["a", "b", "a.b"]), leaf()), 0..5);
        (leaves, prop::collection::vec((names(&["o"]), inner), 0..3))
            .prop_map(|(leaves, objects)| Typed { leaves, objects })
    })
}

/// Parses, prints and parses again, or checks the error.
fn check_round_trip(text: &str) -> Result<(), TestCaseError> {
    match Query::parse(text) {
        Ok(query) => {
            let printed = query.expr().to_string();
            let again = Query::parse(&printed)
                .map_err(|error| TestCaseError::fail(format!("{text:?}\n{error}")))?;
            prop_assert_eq!(again.expr(), query.expr(), "{:?} printed as {:?}", text, &printed);
            prop_assert_eq!(again.expr().to_string(), printed, "printing is stable: {:?}", text);
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
    fn any_text_is_a_query_or_an_error(text in any::<String>()) {
        check_round_trip(&text)?;
    }

    #[test]
    fn any_tokens_are_a_query_or_an_error(text in tokens()) {
        check_round_trip(&text)?;
    }

    #[test]
    fn any_literal_survives_quoting(text in any::<String>(), field in any::<String>()) {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let source = format!("{}: {}", quote(&field), quote(&text));
        let query = Query::parse(&source).expect("quoted");
        let ExprKind::Leaf(leaf) = query.expr().kind() else { panic!("{source}") };
        prop_assert_eq!(leaf.field(), &Field::Named(field));
        let Test::Equals(literal) = leaf.test() else { panic!("{source}") };
        prop_assert_eq!(literal.text(), text);
        check_round_trip(&source)?;
    }

    #[test]
    fn any_wildcard_survives_printing(
        pieces in prop::collection::vec("[ a\\\\n:\t\u{a0}(é]{0,5}|and|not x| or |\nOT", 2..5),
    ) {
        let escape = |c| format!("\\u{:04x}", u32::from(c));
        let pieces = pieces.iter().map(|piece| piece.chars().map(escape).collect::<String>());
        let source = format!("f: {}", pieces.collect::<Vec<_>>().join("*"));
        check_round_trip(&source)?;
    }

    #[test]
    fn wildcards_agree_with_the_reference(
        pattern in "[ab*é]{0,8}\\*[ab*é]{0,4}",
        text in "[abé]{0,12}",
    ) {
        let query = Query::parse(&format!("f*: {pattern}")).expect("a wildcard");
        let ExprKind::Leaf(leaf) = query.expr().kind() else { panic!("{pattern}") };
        if let Test::Like(wildcard) = leaf.test() {
            let expected = reference::like(wildcard, &text);
            prop_assert_eq!(wildcard.matches(&text, Case::Exact), expected, "{} {}", pattern, text);
        }
    }

    #[test]
    fn matching_agrees_with_the_reference(
        query in query(),
        documents in prop::collection::vec(document(), 8),
    ) {
        check_round_trip(&query)?;
        let query = Query::parse(&query).expect("valid");
        for document in documents {
            let result = query.matches(&document, reference::now());
            let expected = reference::matches(query.expr(), &document);
            prop_assert_eq!(result, expected, "{} {:?}", query.source(), document);
        }
    }
}
