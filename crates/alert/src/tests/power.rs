//! What alerts say of the power of a policy.

use detect::finding::Context;
use detect::power::Way;
use serde_json::{Value, json};

use super::fixture::{document, finding};
use crate::{Accounts, render_finding};

/// The mail of an inline policy, with line breaks and indentation as one space.
fn mail(policy: &Value) -> String {
    let mut document = document("PutGroupPolicy");
    let parameters = &mut document["aws"]["cloudtrail"]["flattened"]["request_parameters"];
    parameters["policyArn"] = Value::Null;
    parameters["policyDocument"] = json!(policy.to_string());
    let alert = render_finding(&finding(document), &Context::default(), &Accounts::default());
    alert.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn allow(actions: impl serde::Serialize) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

#[test]
fn the_mail_names_each_way_that_an_inline_policy_opens() {
    for way in Way::all() {
        let mail = mail(&allow(&way.actions));
        let line = format!("- {}: {} (statement 1)", way.id, way.description);
        assert!(mail.contains(&line), "{}\n{mail}", way.id);
    }
}

#[test]
fn of_many_ways_the_shortest_are_shown() {
    let mail = mail(&allow("iam:*"));
    assert!(mail.contains("(which opens 19 ways to more rights)"), "{mail}");
    assert!(mail.contains("A member may use - AttachUserPolicy:"), "{mail}");
    assert!(!mail.contains("CreateAndRotateAccessKey"), "{mail}");
    assert!(mail.contains("13 more than these"), "{mail}");
}

#[test]
fn a_policy_without_ways_and_one_that_cannot_be_read_are_named() {
    for (policy, expected) in [
        (allow("s3:*"), "Allows no known way to more rights"),
        (json!("x"), "The recorded policy cannot be parsed"),
        (allow("*"), "allows everything, for every member"),
    ] {
        let mail = mail(&policy);
        assert!(mail.contains(expected), "{expected}\n{mail}");
    }
}

#[test]
fn text_of_a_policy_cannot_forge_lines() {
    let policy = json!({"Statement": [{
        "Sid": "x\nUNDO\u{202e}",
        "Effect": "Allow",
        "Action": "iam:PutUserPolicy",
        "Resource": "arn:aws:iam::111122223333:user/\u{1b}[2J\nRULE",
        "Condition": {"StringEquals": {"aws:x\ny": "a\r\nb"}},
    }]});
    let mail = mail(&policy);
    assert!(!mail.contains(['\u{1b}', '\u{202e}']), "{mail}");
    assert!(mail.contains("PutUserPolicy: writes"), "{mail}");
}
