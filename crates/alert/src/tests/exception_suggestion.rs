//! The suggested exception, pasted into a file: it can be loaded, and matches that call by that
//! principal.

use std::sync::Arc;

use detect::cloudtrail::Record;
use detect::ecs::View;
use detect::finding::{Context, Finding, Origin};
use detect::rule::{Exceptions, LoadedExceptions, RuleInfo};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::rule;
use crate::{Accounts, render_finding};

const USER: &str = "arn:aws:iam::111122223333:user/alice";

fn record(action: &str, identity: Value) -> Value {
    json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventTime": "2026-03-01T10:00:00Z",
        "eventID": "e-1",
        "recipientAccountId": "111122223333",
        "userIdentity": identity,
    })
}

fn parsed(record: &Value) -> Record {
    Record::from_value(record.clone()).unwrap()
}

fn alert_of(record: &Value, rule: RuleInfo) -> (Value, String) {
    let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
    let finding = Finding::new(&Arc::new(rule), &parsed(record), origin);
    let alert = render_finding(&finding, &Context::default(), &Accounts::default());
    (alert.document["trailbell"]["exception_suggestion"].clone(), alert.text)
}

/// The exception in a mail; `None` if there was no room for it.
fn pasted(mail: &str) -> Option<&str> {
    let (_, section) = mail.split_once("\nEXCEPTION\n")?;
    section.split("\n\n").next()
}

fn load(toml: &str) -> Exceptions {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("e.toml"), toml).unwrap();
    let loaded = LoadedExceptions::from_paths(&[folder.path().to_owned()]);
    assert!(loaded.problems.is_empty(), "{loaded:?}\n{toml}");
    // What a forged record has for an ARN may name no account.
    let names_account = toml.contains("arn:aws:") || !toml.contains("user_identity.arn:");
    assert!(loaded.warnings.is_empty() || !names_account, "{loaded:?}\n{toml}");
    loaded.into_exceptions().unwrap()
}

fn is_suppressed(exceptions: &Exceptions, rule: &RuleInfo, record: &Value, now: &str) -> bool {
    exceptions.matching(rule, &View::new(&parsed(record)), now.parse().unwrap()).is_some()
}

fn session(name: &str) -> Value {
    let issuer = json!({"arn": "arn:aws:iam::111122223333:role/Deploy", "userName": "Deploy"});
    json!({
        "type": "AssumedRole",
        "principalId": format!("AROA1:{name}"),
        "arn": format!("arn:aws:sts::111122223333:assumed-role/Deploy/{name}"),
        "sessionContext": {"sessionIssuer": issuer},
    })
}

fn service(name: &str) -> Value {
    json!({"type": "AWSService", "invokedBy": name})
}

#[test]
fn it_matches_this_principal_and_call_and_no_other() {
    let user = json!({"type": "IAMUser", "arn": USER, "principalId": "AIDA1", "userName": "alice"});
    let namesake = "arn:aws:iam::444455556666:user/alice";
    let federated = "arn:aws:sts::111122223333:federated-user/bob";
    let web_identity = "accounts.google.com:app:1";
    let on_behalf_of = json!({"userId": "9067-1"});
    let account = "111122223333";
    let principals = [
        user.clone(),
        json!({"type": "IAMUser", "arn": namesake, "userName": "alice"}),
        json!({"type": "Root", "arn": "arn:aws:iam::111122223333:root", "principalId": account}),
        session("deploy-7"),
        session("deploy-8"),
        json!({"type": "FederatedUser", "arn": federated, "principalId": "1:bob"}),
        json!({"type": "IdentityCenterUser", "onBehalfOf": on_behalf_of, "principalId": account}),
        json!({"type": "WebIdentityUser", "principalId": web_identity, "userName": "bob"}),
        json!({"type": "AWSAccount", "principalId": "AIDA2", "accountId": "444455556666"}),
        service("cloudformation.amazonaws.com"),
        service("sso.amazonaws.com"),
    ];
    for principal in &principals {
        let (exception, _) = alert_of(&record("CreateGroup", principal.clone()), rule());
        let exceptions = load(exception["toml"].as_str().expect("an exception"));
        for other in &principals {
            for action in ["CreateGroup", "DeleteGroup"] {
                let matches = is_suppressed(
                    &exceptions,
                    &rule(),
                    &record(action, other.clone()),
                    "2026-03-02T00:00:00Z",
                );
                assert_eq!(
                    matches,
                    other == principal && action == "CreateGroup",
                    "{principal} against {action} by {other}"
                );
            }
        }
        let other_rule = RuleInfo { id: "r-2".to_owned(), name: "Other".to_owned(), ..rule() };
        assert!(!is_suppressed(
            &exceptions,
            &other_rule,
            &record("CreateGroup", principal.clone()),
            "2026-03-02T00:00:00Z"
        ));
    }
    let (exception, _) = alert_of(&record("CreateGroup", service("x.amazonaws.com")), rule());
    let mut elsewhere = record("CreateGroup", service("x.amazonaws.com"));
    elsewhere["recipientAccountId"] = json!("444455556666");
    assert!(!is_suppressed(
        &load(exception["toml"].as_str().unwrap()),
        &rule(),
        &elsewhere,
        "2026-03-02T00:00:00Z"
    ));
}

#[test]
fn it_expires_within_90_days_of_the_call() {
    let user = record("CreateGroup", json!({"type": "IAMUser", "arn": USER}));
    let (exception, _) = alert_of(&user, rule());
    let exceptions = load(exception["toml"].as_str().unwrap());
    assert!(is_suppressed(&exceptions, &rule(), &user, "2026-05-29T10:00:00Z"));
    assert!(!is_suppressed(&exceptions, &rule(), &user, "2026-05-30T10:00:00Z"));
}

#[test]
fn a_name_with_spaces_is_the_same_after_it_is_folded() {
    for padding in 0..80 {
        let name = format!("{USER}{}{}", "x".repeat(padding), " a ".repeat(40));
        let user = record("CreateGroup", json!({"type": "IAMUser", "arn": name}));
        let (exception, _) = alert_of(&user, rule());
        let exceptions = load(exception["toml"].as_str().unwrap());
        assert!(is_suppressed(&exceptions, &rule(), &user, "2026-05-29T10:00:00Z"), "{padding}");
    }
}

#[test]
fn the_mail_and_the_document_have_the_same_exception() {
    let user = record(
        "CreateGroup",
        json!({"type": "IAMUser", "arn": format!("{USER}/{}", "long/".repeat(60))}),
    );
    let (exception, text) = alert_of(&user, rule());
    let pasted = pasted(&text).expect("an exception in the mail");
    assert!(pasted.lines().all(|line| line.len() <= 76), "{pasted}");
    for toml in [pasted, exception["toml"].as_str().unwrap()] {
        assert!(is_suppressed(&load(toml), &rule(), &user, "2026-03-02T00:00:00Z"), "{toml}");
    }
}

#[test]
fn without_principal_call_or_time_the_alert_says_why_there_is_none() {
    let user = json!({"type": "IAMUser", "arn": USER});
    let without = |key: &str| {
        let mut record = record("CreateGroup", user.clone());
        record.as_object_mut().unwrap().remove(key);
        record
    };
    let at = |time: &str| {
        let mut record = record("CreateGroup", user.clone());
        record["eventTime"] = json!(time);
        record
    };
    for (record, reason) in [
        (without("userIdentity"), "the record does not name the principal"),
        (without("eventName"), "the record does not name the call"),
        (without("eventTime"), "the record has no usable time"),
        (at("9999-12-30T00:00:00Z"), "the record has no usable time"),
        (at("-000400-12-30T00:00:00Z"), "the record has no usable time"),
        (
            record("CreateGroup", json!({"type": "IAMUser", "arn": "x".repeat(10_000)})),
            "it would be too long",
        ),
    ] {
        let (exception, text) = alert_of(&record, rule());
        assert_eq!(exception, json!({"unavailable": reason}), "{}", record["eventTime"]);
        assert!(text.contains(&format!("\nEXCEPTION\n  None is suggested: {reason}.\n")), "{text}");
    }
}

/// Texts that end a string, a query or a line, and every kind of character.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"\"\"\nrules = [\"*\"]\nquery = '*'\n".to_owned()),
        Just("\" or user.id: *".to_owned()),
        Just("\\\" \\\\ \\u0041 \\".to_owned()),
        Just("'''\n[[exception]]\n".to_owned()),
        Just("\u{202e}\u{0}\u{7f}\u{85}😀 ".to_owned()),
        "[ -~]{0,120}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_hostile_name_stays_a_value(
        arn in hostile(), action in hostile(), id in hostile(), other in hostile()
    ) {
        let by = |arn: &str| record(&action, json!({"type": "IAMUser", "arn": arn}));
        let rule = RuleInfo { id: format!("r{id}r"), ..rule() };
        let (exception, text) = alert_of(&by(&arn), rule.clone());
        let Some(toml) = exception["toml"].as_str() else { return Ok(()) };
        for toml in std::iter::once(toml).chain(pasted(&text)) {
            let exceptions = load(toml);
            prop_assert_eq!(exceptions.as_slice().len(), 1);
            let matches =
                |arn: &str| is_suppressed(&exceptions, &rule, &by(arn), "2026-03-02T00:00:00Z");
            prop_assert!(matches(&arn), "{}", toml);
            prop_assert_eq!(matches(&other), arn == other);
        }
    }
}
