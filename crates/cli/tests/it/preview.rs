//! `trailbell preview`.

use detect::rule::{LoadedRules, RuleInfo, Severity};
use serde_json::{Value, json};

use crate::program::{TestDir, rule, trailbell};

fn preview(args: &[&str]) -> (i32, String, String) {
    trailbell(&[&["preview"], args].concat(), &[])
}

/// The mail by id and the document by name.
fn previews(info: &RuleInfo) -> (String, Value) {
    let (code, mail, err) = preview(&[&info.id]);
    assert_eq!((code, err.as_str()), (0, ""), "{}", info.name);
    let (code, document, err) = preview(&[&info.name, "--format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{}", info.name);
    (mail, serde_json::from_str(&document).unwrap())
}

#[test]
fn every_built_in_rule_has_a_mail_and_a_document() {
    let LoadedRules { rules, correlations, .. } = LoadedRules::embedded();
    for info in correlations.iter().map(|correlation| &correlation.info) {
        let (mail, document) = previews(info);
        let rules = [info.name.clone(), format!("trailbell rules show '{}'", info.name)];
        assert!(rules.iter().any(|it| mail.contains(&format!("\n  Rule     {it}\n"))), "{mail}");
        assert!(mail.starts_with("Subject: ["), "{mail}");
        assert!(mail.contains("\nWHAT HAPPENED\n"), "{mail}");
        assert_eq!(document["trailbell"]["kind"], "correlation", "{}", info.name);
    }
    for info in rules.iter().map(|rule| &rule.info) {
        let (mail, document) = previews(info);
        // What a sample shows can be more severe than its rule.
        let severity = mail.strip_prefix("Subject: [").and_then(|it| it.split_once(']'));
        let severity = severity.and_then(|(word, _)| Severity::from_word(word));
        assert!(severity >= Some(info.severity), "{mail}");
        let rules = [info.name.clone(), format!("trailbell rules show '{}'", info.name)];
        assert!(rules.iter().any(|it| mail.contains(&format!("\n  Rule     {it}\n"))), "{mail}");
        assert_eq!(document["rule"]["id"], info.id.as_str(), "{}", info.name);
    }
}

#[test]
fn a_missing_rule_sample_or_file_is_an_error() {
    let dir = TestDir::new();
    let path = dir.write("lone.toml", rule("l", "Lone", "event.action: X"));
    for (args, reason) in [
        (&["no such rule"][..], "no rule has \"no such rule\" in its name"),
        (&["Lone", "--rules", &path], "rule \"Lone\" has no sample"),
        (&["Lone", "--accounts", "no/such.toml"], "no/such.toml: "),
    ] {
        let (code, out, err) = preview(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(reason), "{reason} in {err}");
    }
}

/// A rule called `lone`, its query and its other lines.
fn lone_rule(rule_type: &str, query: &str, more: &str) -> String {
    let text = rule("l", "lone", query).replace("type = \"query\"", rule_type);
    format!("{text}{more}\n")
}

/// Cases of calls of alice, a minute apart.
fn cases(cases: &[&[&str]]) -> String {
    let base = json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": "A",
        "eventTime": "2026-03-01T10:00:00Z",
        "eventID": "e",
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "userName": "alice"},
    });
    let change = |(nth, action): (usize, &&str)| {
        let time = format!("2026-03-01T10:0{nth}:00Z");
        let change = json!({"eventName": action, "eventTime": time, "eventID": nth.to_string()});
        json!({"name": action, "change": change})
    };
    let case = |actions: &&[&str]| {
        let records: Value = actions.iter().enumerate().map(change).collect();
        match *actions {
            [_] => records[0].clone(),
            _ => json!({"name": "several", "records": records}),
        }
    };
    let must_match: Value = cases.iter().map(case).collect();
    json!({"base": base, "must_match": must_match, "must_not_match": []}).to_string()
}

const SEQUENCE: &str = "sequence by user.name with maxspan=5m \
                        [any where event.action == \"A\"] [any where event.action == \"B\"]";

#[test]
fn rules_over_several_calls_have_the_mail_that_is_sent() {
    let threshold = lone_rule(
        "type = \"threshold\"",
        "event.action: A",
        "threshold = { field = [], value = 3 }",
    );
    let sequence = lone_rule("type = \"eql\"", SEQUENCE, "").replace("kuery", "eql");
    let new_terms = lone_rule(
        "type = \"new_terms\"",
        "event.action: A",
        "new_terms_fields = [\"user.name\"]\nhistory_window_start = \"now-7d\"",
    );
    let several = &["A", "A", "A"][..];
    for (rule, tests, expected) in [
        (
            &threshold,
            cases(&[several]),
            "\nSubject: [high] lone: 3 events by alice in 111122223333\n",
        ),
        // The first sample that is enough.
        (&threshold, cases(&[&["A"], several]), "\nSubject: [high] lone: 3 events by alice in"),
        (&sequence, cases(&[&["A", "B"]]), "\n  -  The rule requires 2 calls one after another"),
        (&new_terms, cases(&[&["A"]]), "\n  New        user.name alice: not seen"),
    ] {
        let dir = TestDir::new();
        let path = dir.write("lone.toml", rule);
        dir.write("lone.tests.json", tests);
        let (code, mail, err) = preview(&["lone", "--rules", &path]);
        assert_eq!((code, err.as_str()), (0, ""), "{rule}");
        assert!(format!("\n{mail}").contains(expected), "{expected} in {mail}");
    }
}

#[test]
fn a_rule_that_sends_no_mail_for_its_sample_has_none() {
    let threshold = lone_rule(
        "type = \"threshold\"",
        "event.action: A",
        "threshold = { field = [], value = 3 }",
    );
    let sequence = lone_rule("type = \"eql\"", SEQUENCE, "").replace("kuery", "eql");
    let block =
        lone_rule("type = \"query\"", "event.action: A", "building_block_type = \"default\"");
    let (several, records) = ("is about several calls", "lists them in \"records\"");
    for (rule, tests, reasons) in [
        (&threshold, cases(&[&["A"]]), [several, "(3 or more events within"]),
        (&threshold, cases(&[&["A", "A"]]), [several, records]),
        (&sequence, cases(&[&["A"]]), [several, records]),
        (&block, cases(&[&["A"]]), ["is a building block", "no mail is sent"]),
    ] {
        let dir = TestDir::new();
        let path = dir.write("lone.toml", rule);
        dir.write("lone.tests.json", tests);
        let (code, out, err) = preview(&["lone", "--rules", &path]);
        assert_eq!((code, out.as_str()), (2, ""), "{rule}");
        assert!(reasons.iter().all(|reason| err.contains(reason)), "{reasons:?} in {err}");
    }
}
