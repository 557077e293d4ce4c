//! The document for machines.

use std::sync::Arc;

use detect::finding::Context;
use detect::rule::{RuleInfo, Tactic, Technique, Threat};
use serde_json::json;

use super::fixture::{document, finding, rule};
use crate::{Accounts, AttributeKind, render_finding};

fn threat(tactic: &str) -> Threat {
    let technique = |id: &str, subtechnique| Technique {
        id: id.to_owned(),
        name: format!("name of {id}"),
        reference: format!("https://example.com/{id}"),
        subtechnique,
    };
    Threat {
        framework: "MITRE ATT&CK".to_owned(),
        tactic: Tactic {
            id: tactic.to_owned(),
            name: format!("name of {tactic}"),
            reference: "u".to_owned(),
        },
        technique: vec![technique("T1098", vec![technique("T1098.003", Vec::new())])],
    }
}

#[test]
fn the_record_is_in_ecs_fields_and_the_rest_under_trailbell() {
    let alert = render_finding(
        &finding(document("CreateGroup")),
        &Context::default(),
        &Accounts::default(),
    );
    for (pointer, value) in [
        ("/event/kind", json!("alert")),
        ("/event/action", json!("CreateGroup")),
        ("/event/severity", json!(21)),
        ("/event/risk_score", json!(21)),
        ("/rule/id", json!("r-1")),
        ("/rule/name", json!("Group Changed")),
        ("/user/name", json!("alice")),
        ("/group/name", json!("Admins")),
        ("/source/ip", json!("203.0.113.7")),
        ("/cloud/region", json!("us-east-1")),
        ("/aws/cloudtrail/user_identity/type", json!("IAMUser")),
        ("/trailbell/schema_version", json!(1)),
        ("/trailbell/subject", json!(alert.subject)),
        ("/trailbell/id", json!(alert.finding)),
        ("/trailbell/origin/bucket", json!("example-trail")),
        ("/trailbell/principal/label", json!("alice")),
        ("/trailbell/rule/severity", json!("low")),
        ("/trailbell/check/1/command", json!("aws iam get-group --group-name=Admins")),
        (
            "/trailbell/check/4/link",
            json!("https://console.aws.amazon.com/iam/home#/groups/details/Admins"),
        ),
    ] {
        assert_eq!(alert.document.pointer(pointer), Some(&value), "{pointer}");
    }
    assert!(alert.document.pointer("/trailbell/cut").is_none());
}

#[test]
fn the_threats_of_a_rule_are_merged_without_repeats() {
    let mut finding = finding(document("AddUserToGroup"));
    finding.rule =
        Arc::new(RuleInfo { threat: vec![threat("TA0003"), threat("TA0004")], ..rule() });
    let threat =
        &render_finding(&finding, &Context::default(), &Accounts::default()).document["threat"];
    assert_eq!(threat["framework"], "MITRE ATT&CK");
    assert_eq!(threat["tactic"]["id"], json!(["TA0003", "TA0004"]));
    assert_eq!(threat["technique"]["id"], json!(["T1098"]));
    assert_eq!(threat["technique"]["subtechnique"]["name"], json!(["name of T1098.003"]));
}

#[test]
fn a_message_holds_the_document_and_the_mail_as_strings() {
    let alert = render_finding(
        &finding(document("CreateGroup")),
        &Context::default(),
        &Accounts::default(),
    );
    let message: serde_json::Value = serde_json::from_str(&alert.message()).unwrap();
    let default: serde_json::Value =
        serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
    assert_eq!(default, alert.document);
    assert_eq!(message["email"], json!(alert.text));
}

#[test]
fn missing_attributes_are_unknown() {
    let alert = render_finding(&finding(json!({})), &Context::default(), &Accounts::default());
    let value = |name| {
        alert.attributes.iter().find(|it| it.name == name).map(|it| (it.kind, it.value.as_str()))
    };
    assert_eq!(value("region"), Some((AttributeKind::String, "unknown")));
    assert_eq!(value("risk_score"), Some((AttributeKind::Number, "21")));
    assert_eq!(value("kind"), Some((AttributeKind::String, "alert")));
}

#[test]
fn account_names_are_shown_next_to_their_ids() {
    let accounts = "\"111122223333\" = \"production\"\n\"444455556666\" = \"build\"";
    let accounts = Accounts::parse("accounts.toml", accounts).unwrap();
    let mut ecs = document("CreateGroup");
    ecs["cloud"]["account"]["id"] = json!("444455556666");
    let alert = render_finding(&finding(ecs), &Context::default(), &accounts);
    assert_eq!(alert.document["cloud"]["account"], json!({"id": "444455556666", "name": "build"}));
    assert_eq!(alert.document["trailbell"]["account_name"], "production");
    assert_eq!(
        alert.subject,
        "[low] IAM group Admins created by alice in 111122223333 (production)"
    );
    let text = alert.text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [" in account 111122223333 (production)", "444455556666 (build), another account"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
