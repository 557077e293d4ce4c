//! Keys that have no effect where they are.

use super::{HEAD, load, to_strings, with};
use crate::rule::LoadedRules;

fn rule(rule_type: &str, lines: &str) -> LoadedRules {
    let query = match rule_type {
        "eql" => "any where event.action == \"X\"",
        _ => "event.action: X",
    };
    let head = HEAD.replace("\"query\"", &format!("\"{rule_type}\""));
    load(&format!("{head}query = '{query}'\n{lines}\n"))
}

const THRESHOLD: &str = "threshold = {field = ['user.name'], value = 2}";

const NEW_TERMS: &str = "new_terms_fields = ['user.name']\nhistory_window_start = 'now-7d'";

const NESTED: &str = "[rule.new_terms]\nfield = 'new_terms_fields'\nvalue = ['user.name']\n\
                      [[rule.new_terms.history_window_start]]\nfield = 'history_window_start'\n\
                      value = 'now-7d'";

#[test]
fn what_makes_a_rule_of_another_type_is_a_problem() {
    let both = |lines: &str| format!("{THRESHOLD}\n{lines}");
    for (rule_type, lines, expected) in [
        (
            "query",
            THRESHOLD.to_owned(),
            vec![
                "a.toml:9:1: `threshold` has no meaning in a rule of type `query`, only in one of \
                  type `threshold`",
            ],
        ),
        (
            "query",
            "[rule.threshold]\nvalue = 2".to_owned(),
            vec![
                "a.toml:9:7: `threshold` has no meaning in a rule of type `query`, only in one of \
                  type `threshold`",
            ],
        ),
        (
            "eql",
            format!("language = 'eql'\n{THRESHOLD}"),
            vec![
                "a.toml:10:1: `threshold` has no meaning in a rule of type `eql`, only in one of \
                  type `threshold`",
            ],
        ),
        (
            "threshold",
            both(NEW_TERMS),
            vec![
                "a.toml:11:1: `history_window_start` has no meaning in a rule of type \
                 `threshold`, only in one of type `new_terms`",
                "a.toml:10:1: `new_terms_fields` has no meaning in a rule of type `threshold`, \
                 only in one of type `new_terms`",
            ],
        ),
        (
            "threshold",
            both(NESTED),
            vec![
                "a.toml:10:7: `new_terms` has no meaning in a rule of type `threshold`, only in \
                  one of type `new_terms`",
            ],
        ),
        (
            "new_terms",
            format!("{NEW_TERMS}\n{THRESHOLD}"),
            vec![
                "a.toml:11:1: `threshold` has no meaning in a rule of type `new_terms`, only in \
                  one of type `threshold`",
            ],
        ),
        (
            "query",
            "learning = 'alert'".to_owned(),
            vec![
                "a.toml:9:1: `learning` has no meaning in a rule of type `query`, only in one of \
                  type `new_terms`",
            ],
        ),
        (
            "query",
            "[rule.correlation]\ntype = 'temporal'".to_owned(),
            vec![
                "a.toml:9:7: `correlation` has no meaning in a rule of type `query`, only in one \
                  of type `correlation`",
            ],
        ),
    ] {
        let loaded = rule(rule_type, &lines);
        assert_eq!(to_strings(&loaded.problems), expected, "{rule_type} {lines}");
        assert!(loaded.rules.is_empty(), "{rule_type} {lines}");
    }
    let correlation = "[rule.correlation]\ntype = 'event_count'\nrules = ['r']\n\
                       condition = {gte = 2}\ntimespan = '1h'";
    let head = HEAD.replace("\"query\"", "\"correlation\"");
    let loaded = load(&format!("{head}{THRESHOLD}\n{correlation}\n"));
    assert_eq!(
        to_strings(&loaded.problems),
        ["a.toml:8:1: `threshold` has no meaning in a rule of type `correlation`, only in one of \
          type `threshold`"]
    );
}

#[test]
fn new_terms_in_both_spellings_are_the_same() {
    for (lines, expected) in [
        (format!("{NEW_TERMS}\n{NESTED}"), vec![]),
        (
            format!("{}\n{NESTED}", NEW_TERMS.replace("user.name", "user.id")),
            vec!["a.toml:9:20: `new_terms_fields` differs from that in [rule.new_terms]"],
        ),
        (
            format!("{}\n{NESTED}", NEW_TERMS.replace("7d", "8d")),
            vec!["a.toml:10:24: `history_window_start` differs from that in [rule.new_terms]"],
        ),
        (
            NESTED.replace("field = 'new_terms_fields'", "field = 'new_terms'"),
            vec!["a.toml:10:9: `field` must be `new_terms_fields`, found `new_terms`"],
        ),
        (
            NESTED.replace("'history_window_start'", "'history'"),
            vec!["a.toml:13:9: `field` must be `history_window_start`, found `history`"],
        ),
        (
            format!("{NESTED}\n[[rule.new_terms.history_window_start]]\nvalue = 'now-8d'"),
            vec!["a.toml:15:1: `history_window_start` must be one table"],
        ),
    ] {
        let loaded = rule("new_terms", &lines);
        assert_eq!(to_strings(&loaded.problems), expected, "{lines}");
        assert_eq!(to_strings(&loaded.warnings), [""; 0], "{lines}");
    }
}

#[test]
fn keys_that_seem_to_switch_a_rule_off_are_warnings() {
    let enabled =
        "a.toml:8:1: `enabled = false` has no effect: without the file the rule does not run";
    for (text, expected) in [
        (with("enabled = true"), vec![]),
        (with("enabled = false"), vec![enabled]),
        (format!("[metadata]\nmaturity = 'production'\n{}", with("")), vec![]),
        (
            format!("[metadata]\nmaturity = 'deprecated'\n{}", with("")),
            vec!["a.toml:2:12: its `maturity` is `deprecated`: its author no longer maintains it"],
        ),
        (with("filters = []\nexceptions_list = []"), vec![]),
    ] {
        let loaded = load(&text);
        assert_eq!(to_strings(&loaded.warnings), expected, "{text}");
        assert_eq!(loaded.rules.len(), 1, "{text}");
    }
    assert!(!load(&with("enabled = 'no'")).problems.is_empty());
}

#[test]
fn calls_that_are_counted_together_have_one_value_of_what_they_are_counted_by() {
    let count = |by: &str, field: &str, value: u32| {
        rule(
            "threshold",
            &format!(
                "threshold = {{field = ['{by}'], value = 5, cardinality = [{{field = '{field}', \
                 value = {value}}}]}}"
            ),
        )
    };
    for (by, field, value, is_warned) in [
        ("user.name", "user.name", 2, true),
        ("user.name", "user.name", 1, false),
        ("user.name", "source.ip", 2, false),
        // A call can have several.
        ("user.target.name", "user.target.name", 2, false),
    ] {
        let loaded = count(by, field, value);
        assert_eq!(loaded.rules.len(), 1, "{field}");
        let warnings = to_strings(&loaded.warnings);
        assert_eq!(warnings.len(), usize::from(is_warned), "{by} {field} {value}: {warnings:?}");
        if is_warned {
            let expected = "a.toml:9:72: can never be true: calls are counted by `user.name`, so \
                            all that are counted together have the same value of it";
            assert_eq!(warnings, [expected]);
        }
    }
}

#[test]
fn misspelt_fields_to_investigate_are_warnings() {
    let loaded = load(&with(
        "investigation_fields = {field_names = ['user.name', 'user.nam', 'source.geo.city_name']}",
    ));
    assert_eq!(
        to_strings(&loaded.warnings),
        ["a.toml:8:53: no record has the field `user.nam`; did you mean `user.name`?"]
    );
}
