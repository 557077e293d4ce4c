//! Properties of any query: parsing does not panic, printing and parsing give the same tree, and
//! matching agrees with the reference.

use eql::{ExprKind, MAX_EVENTS, MAX_STEPS, Query, Statement, Step, Test};
use proptest::prelude::*;

use crate::document::{Leaf, Typed};
use crate::matching::now;
use crate::reference;

/// Tokens, and text that resembles them.
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
        "sequence ",
        "sequence by a [any where true] [",
        "[any where true] ",
        "![",
        " by ",
        " with ",
        " until ",
        "maxspan=",
        "5m",
        " runs=",
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
        1 => (inner(), -3..4).prop_map(|(term, start)| {
            format!("substring(string({term}), {start})")
        }),
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

/// What a query asks for, without its text and the places in it.
fn meaning(statement: &Statement) -> impl PartialEq + std::fmt::Debug {
    let of_query = |query: &Query| (query.category().map(str::to_owned), query.expr().clone());
    match statement {
        Statement::Event(query) => (vec![(of_query(query), vec![], 1)], None, 0),
        Statement::Sequence(sequence) => {
            let of_step = |step: &Step| (of_query(step.query()), step.keys().to_vec(), step.runs());
            let steps = sequence.all_steps().map(of_step).collect();
            (steps, sequence.maxspan(), sequence.steps().len())
        }
    }
}

/// Parses, prints and parses again, or checks the error.
fn check_round_trip(text: &str) -> Result<(), TestCaseError> {
    let parsed = Statement::parse(text);
    // A query of single events is the same for both.
    match (Query::parse(text), &parsed) {
        (Ok(query), Ok(Statement::Event(event))) => prop_assert_eq!(&query, event),
        (Err(error), Err(other)) => {
            prop_assert!(error == *other || text.contains("sequence"), "{text:?}");
        }
        (Err(error), Ok(Statement::Sequence(_))) => prop_assert!(error.is_unsupported()),
        (query, _) => prop_assert!(false, "{query:?} {parsed:?}"),
    }
    match parsed {
        Ok(statement) => {
            let printed = statement.to_string();
            prop_assert!(!printed.chars().any(char::is_control), "{:?}", printed);
            let again = Statement::parse(&printed)
                .map_err(|error| TestCaseError::fail(format!("{text:?}\n{error}")))?;
            let is_same = meaning(&again) == meaning(&statement);
            prop_assert!(is_same, "{:?} printed as {:?}", text, &printed);
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

/// The unit of a `maxspan`, or a wrong one.
fn unit() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["ms", "s", "m", "h", "d", "w"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_a_query_or_an_error(
        text in any::<String>(),
        start in "(any where |sequence by a \\[any where true\\] \\[any where )?",
    ) {
        check_round_trip(&format!("{start}{text}"))?;
    }

    #[test]
    fn any_tokens_are_a_query_or_an_error(text in tokens()) {
        check_round_trip(&text)?;
    }

    #[test]
    fn any_sequence_is_printed_as_one(
        by in prop::sample::select(vec!["", " by a", " by ?a, `b c`", " by"]),
        maxspan in prop::option::of((0..5000_u32, unit())),
        steps in prop::collection::vec((condition(), prop::option::of(0..60_u32)), 1..5),
        own_key in any::<bool>(),
        until in prop::option::of(condition()),
    ) {
        let own = if own_key { " by c" } else { "" };
        let mut source = format!("sequence{by}");
        source.extend(maxspan.map(|(count, unit)| format!(" with maxspan={count}{unit}")));
        for (condition, runs) in &steps {
            source += &format!(" [any where {condition}]{own}");
            source.extend(runs.map(|runs| format!(" with runs={runs}")));
        }
        source.extend(until.map(|condition| format!(" until [iam where {condition}]{own}")));
        check_round_trip(&source)?;
        let runs = || steps.iter().map(|(_, runs)| runs.unwrap_or(1));
        let is_valid = by != " by"
            && maxspan.is_none_or(|(count, unit)| count > 0 && unit != "w")
            && steps.len() <= MAX_STEPS
            && runs().all(|runs| runs > 0)
            && (2..=MAX_EVENTS).contains(&runs().sum());
        prop_assert_eq!(Statement::parse(&source).is_ok(), is_valid, "{}", source);
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
    fn any_regular_expression_is_compiled_or_an_error(
        regex in "[ab.*+?{}(),|\\[\\]^\\\\\"@-]{0,12}",
    ) {
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
