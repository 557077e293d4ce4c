//! Operators, matched against a typed document and a JSON document: one line for each case.

use eql::{Document, MAX_COMBINATIONS, Query};
use jiff::Timestamp;
use serde_json::json;

use crate::document::Typed;

pub fn now() -> Timestamp {
    "2026-03-18T12:34:56.789Z".parse().expect("a date")
}

pub fn matches(document: &dyn Document, query: &str) -> bool {
    Query::parse(query).unwrap_or_else(|error| panic!("{query}\n{error}")).matches(document, now())
}

/// Checks conditions, each with whether the document meets it.
pub fn check(document: &dyn Document, cases: &[(&str, bool)]) {
    for (condition, expected) in cases {
        let query = format!("any where {condition}");
        assert_eq!(matches(document, &query), *expected, "{condition}");
    }
}

fn typed() -> Typed {
    Typed::default()
        .text("event.category", "iam")
        .text("event.type", "group")
        .text("event.type", "creation")
        .text("event.action", "CreateGroup")
        .text("empty", "")
        .text("path", r"C:\Windows\system32\cmd.exe")
        .text("quote", "say \"hi\"")
        .text("lines", "one\ntwo")
        .text("star", "a*b")
        .text("digits", "5")
        .text("source.address", "192.0.2.10")
        .text("my-field", "dash")
        .text("a`b", "backtick")
        .number("count", 5.0)
        .number("ratio", -0.5)
        .number("port", 443.0)
        .number("port", 8443.0)
        .bool("on", true)
        .bool("off", false)
        .ip("source.ip", "192.0.2.10")
        .date("@timestamp", "2026-03-15T10:20:30Z")
}

#[test]
fn the_category_is_a_value_of_its_field() {
    for (query, expected) in [
        ("any where true", true),
        ("iam where true", true),
        ("IAM where true", false),
        ("group where true", false),
        ("\"iam\" where true", true),
        (r#""""iam""" where true"#, true),
        ("\"with space\" where true", false),
        ("iam where false", false),
    ] {
        assert_eq!(matches(&typed(), query), expected, "{query}");
    }
    let by_type =
        |source: &str| Query::parse(source).unwrap().with_category_field("event.type".to_owned());
    // A list of types: one of them is enough.
    for (source, expected) in [("creation where true", true), ("iam where true", false)] {
        assert_eq!(by_type(source).matches(&typed(), now()), expected, "{source}");
    }
    assert!(!matches(&Typed::default(), "iam where true"));
    assert!(matches(&Typed::default(), "any where true"));
}

#[test]
fn equality() {
    check(
        &typed(),
        &[
            (r#"event.action == "CreateGroup""#, true),
            (r#"event.action == "creategroup""#, false),
            (r#"event.action == "Create*""#, false),
            (r#""CreateGroup" == event.action"#, true),
            (r#"event.action != "CreateGroup""#, false),
            (r#"event.action != "creategroup""#, true),
            (r#"not event.action == "CreateGroup""#, false),
            (r#"empty == """#, true),
            (r#"event.type == "group""#, true),
            (r#"event.type == "creation""#, true),
            // None of a list's values may be equal.
            (r#"event.type != "group""#, false),
            (r#"event.type != "deletion""#, true),
            ("count == 5", true),
            ("count == 5.0", true),
            ("count == 6", false),
            ("count != 6", true),
            ("ratio == -0.5", true),
            ("ratio == -.5e0", true),
            ("port == 8443", true),
            ("port != 443", false),
            (r#"count == "5""#, true),
            ("digits == 5", true),
            ("on == true", true),
            ("on == false", false),
            ("on != true", false),
            ("off != true", true),
            (r#"on == "true""#, true),
            ("on", true),
            ("off", false),
            ("not off", true),
            (r#"source.ip == "192.0.2.10""#, true),
            (r#"source.ip == "192.0.2.0/24""#, true),
            // A keyword is no address.
            (r#"source.address == "192.0.2.0/24""#, false),
            (r#"@timestamp == "2026-03-15T10:20:30Z""#, true),
            (r#"@timestamp == "2026-03-15""#, true),
        ],
    );
}

#[test]
fn order() {
    check(
        &typed(),
        &[
            ("count < 5", false),
            ("count <= 5", true),
            ("count > 4", true),
            ("count >= 5.5", false),
            ("4 < count", true),
            ("5 <= count", true),
            ("5 > count", false),
            ("6 >= count", true),
            // Each condition can be met by another value.
            ("port > 8000 and port < 1000", true),
            ("ratio > -1", true),
            (r#"event.action > "Create""#, true),
            (r#"event.action < "create""#, true),
            (r#"@timestamp >= "2026-03-15""#, true),
            (r#"@timestamp < "2026-03-15""#, false),
            (r#"@timestamp > "now-4d""#, true),
            (r#"@timestamp > "now-1d""#, false),
            (r#"source.ip >= "192.0.2.9""#, true),
            ("on > false", false),
            ("count < null", false),
            ("count >= null", false),
        ],
    );
}

#[test]
fn equality_in_any_case_and_wildcards() {
    check(
        &typed(),
        &[
            (r#"event.action : "creategroup""#, true),
            (r#"event.action : "CREATE*""#, true),
            (r#"event.action:"create????p""#, true),
            (r#"event.action : "create???p""#, false),
            (r#"event.action : "group""#, false),
            (r#"event.action : ("x", "*GROUP")"#, true),
            (r#"event.action : ("x", "y")"#, false),
            (r#"not event.action : "creategroup""#, false),
            (r#"event.action like "Create*""#, true),
            (r#"event.action like "create*""#, false),
            (r#"event.action like~ "create*""#, true),
            (r#"event.action like "CreateGrou?""#, true),
            (r#"event.action like "CreateGroup?""#, false),
            (r#"event.action like "CreateGroup""#, true),
            (r#"event.action like~ "CREATEGROUP""#, true),
            (r#"event.action like ("Delete*", "*Group")"#, true),
            (r#"event.action like~ ("delete*", "*group")"#, true),
            (r#"not event.action like "Create*""#, false),
            (r#"event.type : "CREATION""#, true),
            (r#"empty : "*""#, true),
            (r#"empty : "?""#, false),
            // A backslash is an ordinary character of a pattern, and a star cannot be escaped.
            (r#"path : "C:\\*\\CMD.exe""#, true),
            (r#"path : """C:\*\cmd.exe""""#, true),
            (r#"star like "a\\*b""#, false),
            (r#"star == "a*b""#, true),
            (r#"source.ip : "192.0.2.*""#, true),
            (r#"count : "5*""#, false),
        ],
    );
}

#[test]
fn lists() {
    check(
        &typed(),
        &[
            (r#"event.action in ("DeleteGroup", "CreateGroup")"#, true),
            (r#"event.action in ("creategroup")"#, false),
            (r#"event.action in ("Create*")"#, false),
            (r#"event.action in~ ("creategroup", "x")"#, true),
            (r#"event.action in~ ("create*")"#, false),
            (r#"star in~ ("A*B")"#, true),
            (r#"event.action not in ("DeleteGroup")"#, true),
            (r#"event.action not in ("DeleteGroup", "CreateGroup")"#, false),
            (r#"event.action not in~ ("CREATEGROUP")"#, false),
            (r#"not event.action in ("CreateGroup")"#, false),
            (r#"event.type in ("x", "creation")"#, true),
            (r#"event.type not in ("creation")"#, false),
            ("count in (1, 2, 3 + 2)", true),
            ("count in (1.0, 5.0)", true),
            ("count in (4, null)", false),
            ("count in (null)", false),
            ("count not in (null)", true),
            ("on in (true)", true),
        ],
    );
}

#[test]
fn regular_expressions() {
    check(
        &typed(),
        &[
            (r#"event.action regex "Create.*""#, true),
            (r#"event.action regex "create.*""#, false),
            (r#"event.action regex~ "create.*""#, true),
            (r#"event.action regex "Create""#, false),
            (r#"event.action regex ("x", "[A-Z][a-z]+Group")"#, true),
            (r#"event.action regex~ ("x", "y")"#, false),
            (r#"not event.action regex "Create.*""#, false),
            (r#"event.type regex "cre.tion""#, true),
            (r#"path regex "C:\\\\.*\\.exe""#, true),
            (r#"path regex """C:\\.*\.exe""""#, true),
            (r#"lines regex "one.two""#, true),
            (r#"source.ip regex "192\\.0\\.2\\.[0-9]+""#, true),
            ("count regex \"5\"", false),
        ],
    );
}

#[test]
fn logic() {
    check(
        &typed(),
        &[
            ("true", true),
            ("false", false),
            ("not true", false),
            ("not not true", true),
            ("true or false and false", true),
            ("(true or false) and false", false),
            ("not false and false", false),
            ("not (false and false)", true),
            ("not false or false", true),
            ("1 == 1 and 2 > 1", true),
            (r#""a" == "A""#, false),
            (r#""a" : "A""#, true),
            ("null == null", true),
            ("null != null", false),
            ("5 == null", false),
            ("null != 5", true),
            ("null < 5", false),
            ("(count == 5) == true", true),
            ("true == (count in (5))", true),
            ("(count == 5) != true", false),
            ("(count == 5) == false", false),
            ("(count == 6) == false", true),
        ],
    );
}

#[test]
fn a_missing_field_meets_only_negations() {
    check(
        &typed(),
        &[
            (r#"none == "x""#, false),
            (r#"none != "x""#, true),
            (r#"not none == "x""#, true),
            (r#"none in ("x")"#, false),
            (r#"none not in ("x")"#, true),
            (r#"none : "*""#, false),
            (r#"not none : "*""#, true),
            (r#"none like "*""#, false),
            (r#"none regex ".*""#, false),
            (r#"not none regex ".*""#, true),
            ("none < 5", false),
            ("none >= 5", false),
            ("not none >= 5", true),
            ("none", false),
            ("not none", true),
            ("none == null", true),
            ("none != null", false),
            ("null == none", true),
            ("not none == null", false),
            ("event.action == null", false),
            ("event.action != null", true),
            ("event.type != null", true),
            ("empty == null", false),
            ("?none == null", true),
            (r#"?none == "x""#, false),
            (r#"?event.action == "CreateGroup""#, true),
        ],
    );
}

#[test]
fn strings_and_names_in_all_quotings() {
    check(
        &typed(),
        &[
            (r#"quote == "say \"hi\"""#, true),
            (r#"quote == """say "hi"""""#, true),
            (r#"quote == """say "hi" """"#, false),
            (r#"lines == "one\ntwo""#, true),
            (r#"lines == """one\ntwo""""#, false),
            (r#"path == "C:\\Windows\\system32\\cmd.exe""#, true),
            (r#"path == """C:\Windows\system32\cmd.exe""""#, true),
            (r#"event.action == "\u0043reate\u{47}roup""#, true),
            (r#"event.action == "\u{00000043}reateGroup""#, true),
            (r#"event.action == """CreateGroup""""#, true),
            (r#"`my-field` == "dash""#, true),
            (r#"`a``b` == "backtick""#, true),
            (r#"`event`.action == "CreateGroup""#, true),
            (r#"`event.action` == "CreateGroup""#, true),
            (r#"?`my-field` == "dash""#, true),
            ("@timestamp != null", true),
        ],
    );
}

#[test]
fn comments_and_white_space_separate() {
    let query = "// first\nany /* all of\nthem */ where\t count // the number\r\n == /**/ 5";
    assert!(matches(&typed(), query));
    assert!(matches(&typed(), "any where count==5//"));
}

#[test]
fn json_is_a_document() {
    let document = json!({
        "event": { "category": ["iam"], "action": "CreateGroup", "outcome": null },
        "source.ip": "192.0.2.10",
        "list": [["a"], "b"],
        "big": 9007199254740993_u64,
        "resources": [{ "arn": "one" }, { "arn": "two" }],
    });
    check(
        &document,
        &[
            (r#"event.action == "CreateGroup""#, true),
            ("event.outcome == null", true),
            (r#"source.ip == "192.0.2.10""#, true),
            (r#"cidrMatch(source.ip, "192.0.2.0/24")"#, true),
            (r#"list == "a" and list == "b""#, true),
            ("big > 9007199254740991", true),
            (r#"resources.arn == "two""#, true),
            (r#"stringContains(resources.arn, "tw")"#, true),
        ],
    );
    assert!(matches(&document, "iam where true"));
}

#[test]
fn each_condition_can_be_matched_alone() {
    let query = Query::parse(
        "iam where event.action == \"CreateGroup\" and (off or count > 3) and none != null",
    )
    .expect("valid");
    let results: Vec<_> = query
        .expr()
        .children()
        .iter()
        .map(|expr| (expr.to_string(), expr.matches(&typed(), now())))
        .collect();
    let expected = [
        ("event.action == \"CreateGroup\"", true),
        ("off == true or count > 3", true),
        ("none != null", false),
    ];
    assert_eq!(results, expected.map(|(text, result)| (text.to_owned(), result)));
    assert!(query.matches_category(&typed()) && !query.matches(&typed(), now()));
}

#[test]
fn combinations_are_limited() {
    let mut document = Typed::default();
    for at in 0..1_000 {
        document = document.text("a", &at.to_string()).text("b", "x");
    }
    let last = MAX_COMBINATIONS / 1_000 - 1;
    let meets =
        |number: u32| matches(&document, &format!("any where concat(a, b) == \"{number}x\""));
    assert!(meets(0) && meets(last) && !meets(last + 1));
}
