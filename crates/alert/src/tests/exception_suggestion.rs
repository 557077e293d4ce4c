//! The suggested exception, pasted into a file: it can be loaded, and matches that call by that
//! principal.

use std::sync::Arc;

use detect::cloudtrail::Record;
use detect::ecs::View;
use detect::finding::{Context, Finding, Origin};
use detect::rule::{Exceptions, LoadedExceptions, Rating, RuleInfo, Severity};
use jiff::{SignedDuration, Timestamp};
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
        "requestParameters": {"groupName": "billing"},
        "userIdentity": identity,
    })
}

fn alice() -> Value {
    json!({"type": "IAMUser", "arn": USER, "principalId": "AIDA1", "userName": "alice"})
}

fn parsed(record: &Value) -> Record {
    Record::from_value(record.clone()).unwrap()
}

fn finding_of(record: &Value, rule: RuleInfo) -> Finding {
    let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
    Finding::new(&Arc::new(rule), &parsed(record), origin)
}

fn alert_of(record: &Value, rule: RuleInfo) -> (Value, String) {
    suggested(&finding_of(record, rule), &Context::default())
}

/// The suggestion in the document, and the mail.
fn suggested(finding: &Finding, context: &Context) -> (Value, String) {
    let alert = render_finding(finding, context, &Accounts::default());
    (alert.document["trailbell"]["exception_suggestion"].clone(), alert.text)
}

/// The exception in a mail; `None` if there was no room for it.
fn pasted(mail: &str) -> Option<&str> {
    let (_, section) = mail.split_once("\nEXCEPTION\n")?;
    section.split("\n\n").next()
}

/// Loads a suggestion with its reason and owner filled in.
fn load(toml: &str) -> Exceptions {
    assert!(toml.lines().count() <= 10, "{toml}");
    let as_it_is = LoadedExceptions::from_texts([("e.toml", toml)].into_iter());
    let problems: Vec<String> = as_it_is.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 2, "nobody uses it as it is: {problems:?}");
    assert!(problems.iter().all(|it| it.contains("still says `FILL IN`")), "{problems:?}");
    let toml = toml.replace("FILL IN: ", "");
    let loaded = LoadedExceptions::from_texts([("e.toml", toml.as_str())].into_iter());
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
    let user = alice();
    let namesake = "arn:aws:iam::444455556666:user/alice";
    let federated = "arn:aws:sts::111122223333:federated-user/bob";
    let web_identity = "accounts.google.com:app:1";
    let on_behalf_of = json!({"userId": "9067-1"});
    let account = "111122223333";
    let principals = [
        user.clone(),
        json!({"type": "IAMUser", "arn": namesake, "userName": "alice"}),
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

/// A call of alice's on the group `billing`.
fn call(action: &str, parameters: Value) -> Value {
    let mut record = record(action, alice());
    record["requestParameters"] = parameters;
    record["requestParameters"]["groupName"] = "billing".into();
    record
}

#[test]
fn it_names_the_group_and_the_user_or_policy_too() {
    let policy = |name: &str| json!({"policyArn": format!("arn:aws:iam::aws:policy/{name}")});
    let inline = |action: &str| {
        let document = json!({"Statement": [{"Effect": "Allow", "Action": action}]});
        json!({"policyName": "p", "policyDocument": document.to_string()})
    };
    for (action, parameters, other) in [
        ("AddUserToGroup", json!({"userName": "bob"}), json!({"userName": "mallory"})),
        ("RemoveUserFromGroup", json!({"userName": "bob"}), json!({"userName": "carol"})),
        ("AttachGroupPolicy", policy("ReadOnlyAccess"), policy("AdministratorAccess")),
        ("DetachGroupPolicy", policy("ReadOnlyAccess"), policy("ViewOnlyAccess")),
        ("PutGroupPolicy", inline("s3:Get*"), inline("*")),
        ("DeleteGroupPolicy", json!({"policyName": "p"}), json!({"policyName": "q"})),
        ("UpdateGroup", json!({"newGroupName": "b"}), json!({"newGroupName": "Admins"})),
    ] {
        let record = call(action, parameters);
        let (exception, text) = alert_of(&record, rule());
        let exceptions = load(exception["toml"].as_str().unwrap_or_else(|| panic!("{exception}")));
        let now = "2026-03-02T00:00:00Z";
        assert!(is_suppressed(&exceptions, &rule(), &record, now), "{text}");
        assert!(!is_suppressed(&exceptions, &rule(), &call(action, other), now), "{text}");
        let mut elsewhere = record.clone();
        elsewhere["requestParameters"]["groupName"] = json!("Admins");
        assert!(!is_suppressed(&exceptions, &rule(), &elsewhere, now), "{text}");
        elsewhere["requestParameters"]["groupName"] = json!("BILLING");
        assert!(is_suppressed(&exceptions, &rule(), &elsewhere, now), "the same group: {text}");
    }
}

#[test]
fn what_should_not_become_usual_has_none() {
    let (add, root) = ("AddUserToGroup", "arn:aws:iam::111122223333:root");
    // Its mail has room for the reason.
    let record = call("RemoveUserFromGroup", json!({"userName": "bob"}));
    let finding = finding_of(&record, rule());
    let reason = |finding: &Finding| {
        let (exception, text) = suggested(finding, &Context::default());
        let reason = exception["unavailable"].as_str().unwrap_or("it is offered").to_owned();
        assert_eq!(text.contains("None is suggested"), reason != "it is offered", "{text}");
        reason
    };
    let rated = |severity, risk_score| Finding {
        rating: Some(Rating { severity, risk_score, reason: None }),
        ..finding.clone()
    };
    assert_eq!(reason(&rated(Severity::Medium, 47)), "it is offered");
    assert_eq!(reason(&rated(Severity::High, 73)), "the severity is above medium");
    assert_eq!(reason(&rated(Severity::Critical, 99)), "the severity is above medium");
    let privileged = Finding { privileged: true, ..finding.clone() };
    assert_eq!(reason(&privileged), "the group is privileged by its name");
    let conflict = Finding { conflict: Some(finding.id.clone()), ..finding.clone() };
    assert_eq!(reason(&conflict), "one of two records is forged");
    let mut by_root = record;
    by_root["userIdentity"] = json!({"type": "Root", "arn": root, "principalId": "111122223333"});
    let by_root = finding_of(&by_root, rule());
    assert_eq!(reason(&by_root), "calls by the root user should always be noticed");
    let no_user = finding_of(&call(add, json!({})), rule());
    assert_eq!(reason(&no_user), "the record does not say what the call was about");
    let mut denied = call(add, json!({}));
    denied["requestParameters"] = Value::Null;
    denied["errorCode"] = json!("AccessDenied");
    let denied = finding_of(&denied, rule());
    assert_eq!(reason(&denied), "the record does not name the group");
}

#[test]
fn it_expires_within_90_days_of_the_alert() {
    let user = record("CreateGroup", alice());
    for (alerted_at, last_day) in [
        (None, "2026-05-29"),
        (Some("2026-03-01T10:05:00Z"), "2026-05-29"),
        // Found much later.
        (Some("2026-06-01T23:59:59Z"), "2026-08-29"),
    ] {
        let alerted_at = alerted_at.map(|time| time.parse().unwrap());
        let context = Context { alerted_at, ..Context::default() };
        let (exception, _) = suggested(&finding_of(&user, rule()), &context);
        let exceptions = load(exception["toml"].as_str().unwrap());
        let at = |time: &str| format!("{last_day}T{time}Z");
        assert!(is_suppressed(&exceptions, &rule(), &user, &at("23:59:59")), "{last_day}");
        let next_day: Timestamp = at("23:59:59").parse().unwrap();
        let next_day = (next_day + SignedDuration::from_secs(1)).to_string();
        assert!(!is_suppressed(&exceptions, &rule(), &user, &next_day), "{last_day}");
    }
}

#[test]
fn a_name_with_spaces_is_the_same_after_it_is_folded() {
    for padding in 0..80 {
        let name = format!("{USER}{}{}", "x".repeat(padding), " a ".repeat(4));
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
        json!({"type": "IAMUser", "arn": format!("{USER}/{}", "long/".repeat(16))}),
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
        (without("requestParameters"), "the record does not name the group"),
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
        Just("https://login.example.net/".to_owned()),
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
