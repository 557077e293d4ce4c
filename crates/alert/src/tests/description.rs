//! The first sentence and the subject, for every kind of principal and call.

use detect::finding::Context;
use serde_json::{Value, json};

use super::fixture::{document, finding};
use crate::{Accounts, render_finding};

/// The principal in the sentence of a CreateGroup that records nothing but the principal, its name
/// and id, and the accounts.
fn described_principal(identity: Value, name: Option<&str>, id: Option<&str>) -> String {
    let ecs = json!({
        "event": {"action": "CreateGroup", "provider": "iam.amazonaws.com", "outcome": "success"},
        "cloud": {"account": {"id": "444455556666"}},
        "group": {"name": "Admins"},
        "user": {"name": name, "id": id},
        "aws": {"cloudtrail": {"recipient_account_id": "111122223333", "user_identity": identity}},
    });
    let text = render_finding(&finding(ecs), &Context::default(), &Accounts::default()).text;
    let paragraph =
        text.split("\n\n").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let (principal, rest) =
        paragraph.split_once(" created the IAM group Admins").expect("a sentence");
    assert_eq!(rest, " in account 111122223333 at an unknown time.");
    principal.to_owned()
}

#[test]
fn every_identity_type_has_words() {
    let mfa =
        |kind: &str, value| json!({"type": kind, "session_context": {"mfa_authenticated": value}});
    let key = json!({"type": "IAMUser", "access_key_id": "AKIAIOSFODNN7EXAMPLE"});
    let role = json!({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/Deploy/deploy-7"});
    let (session, sso) = (Some("AROA1:deploy-7"), "AWSReservedSSO_Read_Only_0123456789abcdef");
    for (identity, name, id, words) in [
        (mfa("IAMUser", json!("true")), Some("alice"), None, "alice (IAM user, with MFA)"),
        (mfa("IAMUser", json!(false)), Some("alice"), None, "alice (IAM user, no MFA)"),
        (key, Some("alice"), None, "alice (IAM user, long-term access key, no MFA)"),
        (json!({"type": "IAMUser"}), Some("alice"), None, "alice (IAM user, MFA not recorded)"),
        (
            mfa("Root", json!("false")),
            None,
            None,
            "The root user (of account 444455556666, no MFA)",
        ),
        (role.clone(), Some("Deploy"), session, "deploy-7 (session of the role Deploy)"),
        (role.clone(), Some("Deploy"), None, "deploy-7 (session of the role Deploy)"),
        (role.clone(), None, None, "deploy-7 (session of a role)"),
        (role, Some(sso), session, "deploy-7 (IAM Identity Center, permission set Read_Only)"),
        (
            json!({"type": "FederatedUser"}),
            Some("alice"),
            Some("1:bob"),
            "bob (federated user, through alice)",
        ),
        (
            json!({"type": "IdentityCenterUser"}),
            None,
            Some("9067-1"),
            "9067-1 (IAM Identity Center user)",
        ),
        (
            json!({"type": "WebIdentityUser"}),
            Some("bob"),
            None,
            "bob (signed in with an external identity provider)",
        ),
        (
            json!({"type": "WebIdentityUser"}),
            Some("bob"),
            Some("example.com:app:1"),
            "bob (signed in with example.com)",
        ),
        (json!({"type": "SAMLUser"}), Some("bob"), None, "bob (signed in with SAML)"),
        (json!({"type": "AWSAccount"}), None, None, "AIDA1 (a principal of account 444455556666)"),
        (json!({"type": "Directory"}), Some("bob"), None, "bob (Directory)"),
        (json!({}), None, None, "AIDA1 (type not recorded)"),
    ] {
        let context = identity.to_string();
        assert_eq!(described_principal(identity, name, id), words, "{context}");
    }
    let service = json!({"type": "AWSService", "invoked_by": "cloudformation.amazonaws.com"});
    assert_eq!(
        described_principal(service, Some("cloudformation.amazonaws.com"), None),
        "The AWS service cloudformation.amazonaws.com"
    );
}

#[test]
fn calls_of_other_services_with_the_same_name_are_not_group_calls() {
    let mut ecs = document("CreateGroup");
    ecs["event"]["provider"] = json!("resource-groups.amazonaws.com");
    let alert = render_finding(&finding(ecs), &Context::default(), &Accounts::default());
    let sentence = alert.document["message"].as_str().unwrap();
    assert!(sentence.contains("called CreateGroup (resource-groups.amazonaws.com)"), "{sentence}");
    assert!(!alert.text.contains("aws iam delete-group"), "{}", alert.text);
}

#[test]
fn a_failed_call_is_described_as_an_attempt() {
    for (code, verdict) in [("AccessDenied", "denied"), ("EntityAlreadyExists", "failed")] {
        let mut ecs = document("CreateGroup");
        ecs["event"]["outcome"] = json!("failure");
        ecs["aws"]["cloudtrail"]["error_code"] = json!(code);
        let alert = render_finding(&finding(ecs), &Context::default(), &Accounts::default());
        let sentence = alert.document["message"].as_str().unwrap();
        assert!(sentence.contains("tried to create the IAM group Admins"), "{sentence}");
        assert!(
            sentence.contains(&format!("{verdict} ({code}), so nothing changed")),
            "{sentence}"
        );
        assert!(
            alert.subject.starts_with(&format!("[low] {verdict}: CreateGroup on Admins by alice")),
            "{}",
            alert.subject
        );
    }
}

#[test]
fn a_subject_keeps_the_account_however_long_the_names_are() {
    let mut ecs = document("AddUserToGroup");
    for pointer in ["/group/name", "/user/target/name", "/user/name"] {
        *ecs.pointer_mut(pointer).unwrap() = json!("n".repeat(128));
    }
    let subject = render_finding(&finding(ecs), &Context::default(), &Accounts::default()).subject;
    assert!(subject.len() <= 99 && subject.ends_with(" in 111122223333"), "{subject}");
    assert!(subject.len() > 90, "names are cut no more than needed: {subject}");
}
