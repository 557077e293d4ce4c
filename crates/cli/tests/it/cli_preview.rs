//! `trailbell preview`: what the alert of a rule looks like.
use std::process::Command;

use detect::rule::LoadedRules;
use serde_json::Value;

fn preview(args: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_trailbell")).arg("preview").args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_rule_of_the_program_has_a_mail_and_a_document() {
    let rules = LoadedRules::embedded().rules;
    let (code, list, _) = preview(&[]);
    let correlations = LoadedRules::embedded().correlations;
    assert_eq!((code, list.lines().count()), (0, rules.len() + correlations.len()), "{list}");
    for correlation in correlations {
        let info = &correlation.info;
        assert!(list.contains(&info.id) && list.contains(&info.name), "{} in {list}", info.name);
        let (code, mail, error) = preview(&[&info.id]);
        assert_eq!((code, error.as_str()), (0, ""), "{}", info.name);
        assert!(
            mail.contains(&format!("] {}: ", info.name)) && mail.contains("\nTIMELINE\n"),
            "{mail}"
        );
        let (_, document, _) = preview(&[&info.name, "--format", "json"]);
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["trailbell"]["kind"], "correlation", "{}", info.name);
    }
    for rule in rules {
        let info = &rule.info;
        assert!(list.contains(&info.id) && list.contains(&info.name), "{} in {list}", info.name);
        let (code, mail, error) = preview(&[&info.id]);
        assert_eq!((code, error.as_str()), (0, ""), "{}", info.name);
        assert!(mail.starts_with(&format!("Subject: [{}] ", info.severity.as_str())), "{mail}");
        assert!(mail.contains(&format!("\n  Rule            {} (", info.name)), "{mail}");
        let (code, document, _) = preview(&[&info.name, "--format", "json"]);
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(
            (code, &document["rule"]["id"]),
            (0, &Value::from(info.id.as_str())),
            "{}",
            info.name
        );
    }
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "[rule]\nname = \"Lone\"\nrule_id = \"l\"\ntype = \"query\"\nlanguage = \"kuery\"\ndescription = \"d\"\n\
                severity = \"low\"\nrisk_score = 21\nquery = 'event.action: X'\n";
    std::fs::write(folder.path().join("lone.toml"), rule).unwrap();
    let path = folder.path().to_str().unwrap();
    for (args, reason) in [
        (&["no such rule"][..], "no rule has the id or the name \"no such rule\""),
        (&["Lone", "--rules", path], "rule \"Lone\" has no sample"),
        (&["--accounts", "no/such.toml"], "no/such.toml: "),
    ] {
        let (code, out, error) = preview(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(error.contains(reason), "{reason} in {error}");
    }
}
