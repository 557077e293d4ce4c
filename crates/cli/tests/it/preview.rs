//! `trailbell preview`.

use detect::rule::{LoadedRules, RuleInfo, Severity};
use serde_json::Value;

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
