//! Rules that look at several records: thresholds and new terms.

use super::{load, to_strings};
use crate::rule::{LoadedRules, NewTerms, RuleInfo, Threshold};

fn rule(rule_type: &str, lines: &str) -> LoadedRules {
    load(&format!(
        "[rule]\nname = \"A rule\"\nrule_id = \"r-1\"\ndescription = \"Detects.\"\ntype = \
         \"{rule_type}\"\nseverity = \"low\"\nrisk_score = 21\nquery = 'event.provider: \
         iam.amazonaws.com'\n{lines}\n"
    ))
}

fn info(loaded: &LoadedRules) -> RuleInfo {
    assert_eq!((to_strings(&loaded.problems), to_strings(&loaded.unsupported)), (vec![], vec![]));
    RuleInfo::clone(&loaded.rules[0].info)
}

#[test]
fn thresholds_are_read() {
    let words = |lines: &str| {
        let loaded = rule("threshold", lines);
        let RuleInfo { threshold, .. } = info(&loaded);
        let Threshold { fields, .. } = threshold.unwrap();
        let set = loaded.into_rule_set().unwrap();
        let [correlation] = set.correlations() else { panic!("one correlation") };
        assert!(correlation.is_threshold && correlation.group_by == fields);
        format!("{} by {}", correlation.condition_in_words(), fields.join(", "))
    };
    for (lines, expected) in [
        (
            "from = 'now-60m'\nthreshold = {field = ['user.name', 'source.ip'], value = 10}",
            "10 or more events within 1 hour by user.name, source.ip",
        ),
        ("threshold = {field = [], value = 1}", "1 or more events within 6 minutes by "),
        ("threshold = {value = 1000}", "1000 or more events within 6 minutes by "),
        (
            "[rule.threshold]\nfield = 'user.id'\nvalue = 1\n\
             [[rule.threshold.cardinality]]\nfield = 'event.id'\nvalue = 40",
            "40 or more values of event.id within 6 minutes by user.id",
        ),
        (
            "threshold = {value = 5, cardinality = [{field = 'user.id', value = 2}]}",
            "5 or more events with 2 or more values of user.id within 6 minutes by ",
        ),
    ] {
        assert_eq!(words(lines), expected);
    }
}

#[test]
fn alerts_of_a_threshold_are_suppressed_by_the_values_that_it_counts_by() {
    let load = |fields: &str, table: &str| {
        let threshold = format!("threshold = {{field = {fields}, value = 5}}");
        rule("threshold", &format!("alert_suppression = {table}\n{threshold}"))
    };
    let hour = "{duration = {value = 1, unit = 'h'}}";
    for (fields, expected) in [
        ("['user.name']", "not alerted for 1 hour while user.name is the same"),
        (
            "['user.name', 'source.ip']",
            "not alerted for 1 hour while user.name, source.ip are the same",
        ),
        ("[]", "not alerted again for 1 hour"),
    ] {
        let suppression = info(&load(fields, hour)).alert_suppression.unwrap();
        assert_eq!(suppression.describe(), expected);
    }
    for (table, expected) in [
        (
            "{group_by = ['user.name'], duration = {value = 1, unit = 'h'}}",
            "a.toml:9:22: in `alert_suppression`: unknown key `group_by`, expected `duration`",
        ),
        ("{}", "a.toml:9:21: in `alert_suppression`: `duration` is missing"),
        (
            "{duration = {value = 0, unit = 'h'}}",
            "a.toml:9:1: `value` in `alert_suppression.duration` must be a whole number above 0",
        ),
    ] {
        assert_eq!(to_strings(&load("[]", table).problems), [expected], "{table}");
    }
}

#[test]
fn new_terms_are_read_in_both_forms() {
    let nested = "[rule.new_terms]\nfield = 'new_terms_fields'\n\
                  value = ['user.name', 'source.ip']\n\
                  [[rule.new_terms.history_window_start]]\nfield = 'history_window_start'\n\
                  value = 'now-7d'";
    let flat = "new_terms_fields = ['user.name', 'source.ip']\nhistory_window_start = 'now-7d'";
    for lines in [nested, flat] {
        let NewTerms { fields, window, alerts_while_learning } =
            info(&rule("new_terms", lines)).new_terms.unwrap();
        assert_eq!((fields.join(" "), window.as_hours()), ("user.name source.ip".to_owned(), 168));
        assert!(!alerts_while_learning);
    }
    let eager = format!("learning = 'alert'\n{flat}");
    assert!(info(&rule("new_terms", &eager)).new_terms.unwrap().alerts_while_learning);
}

#[test]
fn what_cannot_be_meant_is_a_problem_with_its_place() {
    let count = "must be a whole number above 0, found";
    for (rule_type, lines, expected) in [
        ("threshold", "", "a.toml:1:2: `threshold` is missing in [rule]".to_owned()),
        (
            "threshold",
            "threshold = {field = ['user.name']}",
            "a.toml:9:13: in `threshold`: `value` is missing".to_owned(),
        ),
        (
            "threshold",
            "threshold = {value = 0}",
            format!("a.toml:9:22: `threshold.value` {count} 0"),
        ),
        (
            "threshold",
            "threshold = {value = 1, cardinality = [{field = 'user.name', value = -1}]}",
            format!("a.toml:9:70: `threshold.cardinality.value` {count} -1"),
        ),
        (
            "threshold",
            "from = 'now+5d'\nthreshold = {value = 1}",
            "a.toml:9:8: `from` must be a time back such as `now-60m`, found `now+5d`".to_owned(),
        ),
        (
            "threshold",
            "building_block_type = 'other'\nthreshold = {value = 2}",
            "a.toml:9:23: `building_block_type` must be `default`, found `other`".to_owned(),
        ),
        // What is invalid for Elastic, too, is not covered by what cannot run here.
        (
            "threshold",
            "from = 'now-3d'\nthreshold = {value = 0}",
            format!("a.toml:10:22: `threshold.value` {count} 0"),
        ),
        (
            "new_terms",
            "new_terms_fields = ['user.name', 'source.ip', 'event.action', 'cloud.region']\n\
             history_window_start = 'now-7d'",
            "a.toml:9:20: `new_terms_fields` must be 1 to 3 fields".to_owned(),
        ),
        (
            "new_terms",
            "new_terms_fields = []\nhistory_window_start = 'now-7d'",
            "a.toml:9:20: `new_terms_fields` must be 1 to 3 fields".to_owned(),
        ),
        (
            "new_terms",
            "new_terms_fields = ['user.name', 1]\nhistory_window_start = 'now-7d'",
            "a.toml:9:20: `new_terms_fields` must be 1 to 3 fields".to_owned(),
        ),
        (
            "new_terms",
            "new_terms_fields = ['user.name']\nhistory_window_start = '365d'",
            "a.toml:10:24: `history_window_start` must be a time back such as `now-10d`, found \
             `365d`"
                .to_owned(),
        ),
        (
            "new_terms",
            "new_terms_fields = ['user.name']\nhistory_window_start = 10",
            "a.toml:10:24: `history_window_start` must be a time back such as `now-10d`, found \
             integer"
                .to_owned(),
        ),
        (
            "new_terms",
            "new_terms_fields = ['user.name']",
            "a.toml:1:2: `history_window_start` is missing in [rule]".to_owned(),
        ),
        (
            "new_terms",
            "learning = 'never'\nnew_terms_fields = ['user.name']\nhistory_window_start = 'now-1d'",
            "a.toml:9:12: `learning` must be `record` or `alert`, found `never`".to_owned(),
        ),
    ] {
        let loaded = rule(rule_type, lines);
        assert_eq!(to_strings(&loaded.problems), [expected], "{lines}");
    }
}

#[test]
fn a_rule_that_can_match_every_record_must_be_accepted() {
    let text = |extra: &str| {
        format!(
            "[rule]\nname = \"A rule\"\nrule_id = \"r-1\"\ndescription = \"Detects.\"\ntype = \
             \"new_terms\"\nseverity = \"low\"\nrisk_score = 21\nquery = 'event.outcome: success'\n\
             new_terms_fields = ['user.name']\nhistory_window_start = 'now-7d'\n{extra}\n"
        )
    };
    for extra in ["", "high_volume = false"] {
        let loaded = load(&text(extra));
        let [problem] = &*loaded.unsupported else { panic!("{extra}") };
        let problem = problem.to_string();
        assert!(problem.starts_with("a.toml:8:9: unsupported rule \"A rule\": its"), "{problem}");
        assert!(problem.contains("`high_volume = true` accepts that"), "{problem}");
    }
    assert_eq!(load(&text("high_volume = true")).rules.len(), 1);
    let agent =
        text("").replace("event.outcome: success", "user_agent.original: (*Browser* or *duck/*)");
    assert_eq!(load(&agent).rules.len(), 1);
    let sequence = |step: &str, extra: &str| {
        format!(
            "[rule]\nname = \"A rule\"\nrule_id = \"r-1\"\ndescription = \"Detects.\"\n\
             type = \"eql\"\nlanguage = \"eql\"\nseverity = \"low\"\nrisk_score = 21\n\
             query = 'sequence by user.name [any where event.action == \"X\"] [any where {step}]'\n\
             {extra}\n"
        )
    };
    for (step, extra, is_refused) in [
        ("event.action == \"Y\"", "", false),
        ("event.outcome == \"success\"", "", true),
        ("event.outcome == \"success\"", "high_volume = false", true),
        ("event.outcome == \"success\"", "high_volume = true", false),
    ] {
        let loaded = load(&sequence(step, extra));
        assert_eq!(to_strings(&loaded.problems), [""; 0], "{step} {extra}");
        assert_eq!(loaded.unsupported.len(), usize::from(is_refused), "{step} {extra}");
    }
    let threshold = |query: &str, extra: &str| {
        let text = text(extra).replace("new_terms", "threshold");
        text.replace("threshold_fields = ['user.name']", "threshold = {value = 2}")
            .replace("history_window_start = 'now-7d'", "")
            .replace("event.outcome: success", query)
    };
    for (query, extra, is_refused) in [
        ("event.action: Y", "", false),
        ("*", "", true),
        ("event.outcome: success", "high_volume = false", true),
        ("*", "high_volume = true", false),
        ("user_agent.original: *tool*", "", false),
    ] {
        let loaded = load(&threshold(query, extra));
        assert_eq!(to_strings(&loaded.problems), [""; 0], "{query} {extra}");
        assert_eq!(loaded.unsupported.len(), usize::from(is_refused), "{query} {extra}");
        assert_eq!(loaded.rules.len(), usize::from(!is_refused), "{query} {extra}");
    }
    let wrong = load(&sequence("true", "high_volume = 'yes'"));
    assert!(!wrong.problems.is_empty() && wrong.rules.is_empty());
}

#[test]
fn a_threshold_cannot_be_correlated() {
    let threshold = "[rule]\nname = \"A rule\"\nrule_id = \"r-1\"\ndescription = \"Detects.\"\n\
                     type = \"threshold\"\nseverity = \"low\"\nrisk_score = 21\n\
                     query = 'event.provider: iam.amazonaws.com'\nthreshold = {value = 2}\n";
    let correlation = "[rule]\nname = \"Two\"\nrule_id = \"c-1\"\ndescription = \"Both.\"\ntype = \
                       \"correlation\"\nseverity = \"low\"\nrisk_score = 21\n\
                       [rule.correlation]\ntype = \"event_count\"\nrules = [\"r-1\"]\n\
                       condition = {gte = 2}\ntimespan = \"1h\"\n";
    let loaded =
        LoadedRules::from_texts([("t.toml", threshold), ("c.toml", correlation)].into_iter());
    let error = loaded.into_rule_set().unwrap_err().to_string();
    assert!(error.contains("`r-1` has a threshold, and cannot be correlated"), "{error}");
}
