//! A new version of a policy gives groups more power, and nothing about the groups changes.

use alert::Alert;
use detect::finding::Outcome;
use serde_json::{Value, json};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::timelines::assert_snapshot;
use crate::ledger::world::{attribute, call, deliver, pipeline};

const ARN: &str = "arn:aws:iam::111122223333:policy/deploy";
const RULE: &str = "AWS IAM Policy Version Raises the Power of Groups";

fn document(actions: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": "*"},
    ]})
    .to_string()
}

fn record(action: &str, second: usize, parameters: Value) -> Value {
    let time = format!("2026-03-01T10:00:{second:02}Z");
    let mut record = call(action, &time, "mallory", parameters);
    record["responseElements"] = json!({"policyVersion": {"versionId": "v2"}});
    record
}

fn create_policy() -> Value {
    record("CreatePolicy", 0, json!({"policyName": "deploy", "policyDocument": document("s3:*")}))
}

fn new_version(second: usize, actions: &str, default: bool) -> Value {
    let parameters =
        json!({"policyArn": ARN, "policyDocument": document(actions), "setAsDefault": default});
    record("CreatePolicyVersion", second, parameters)
}

fn on_group(action: &str, second: usize, more: Value) -> Value {
    let mut parameters = json!({"groupName": "Ops"});
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record(action, second, parameters)
}

fn attach() -> Value {
    on_group("AttachGroupPolicy", 2, json!({"policyArn": ARN}))
}

fn create_and_add() -> [Value; 2] {
    [
        on_group("CreateGroup", 1, json!({})),
        on_group("AddUserToGroup", 3, json!({"userName": "bob"})),
    ]
}

fn drift_alerts(topic: &Topic) -> Vec<Alert> {
    let mut alerts = topic.accepted();
    alerts.retain(|alert| attribute(alert, "rule_name") == RULE);
    alerts
}

#[tokio::test]
async fn a_new_version_that_raises_the_power_of_a_group_is_alerted() {
    let [create, add] = create_and_add();
    for (records, expected) in [
        (
            vec![new_version(5, "*", true)],
            Some(
                "[critical] policy deploy lets IAM group Ops do everything by mallory in \
                 111122223333",
            ),
        ),
        (
            vec![new_version(5, "iam:PutUserPolicy", true)],
            Some(
                "[high] policy deploy lets IAM group Ops escalate its rights by mallory in \
                 111122223333",
            ),
        ),
        (
            vec![
                new_version(5, "*", false),
                record("SetDefaultPolicyVersion", 6, json!({"policyArn": ARN, "versionId": "v2"})),
            ],
            Some(
                "[critical] policy deploy lets IAM group Ops do everything by mallory in \
                 111122223333",
            ),
        ),
        (
            vec![
                on_group("UpdateGroup", 4, json!({"newGroupName": "Lunch"})),
                new_version(5, "*", true),
            ],
            Some(
                "[critical] policy deploy lets IAM group Lunch do everything by mallory in \
                 111122223333",
            ),
        ),
        (vec![new_version(5, "s3:Get*", true)], None),
        (vec![new_version(5, "*", false)], None),
        (
            vec![
                on_group("DetachGroupPolicy", 4, json!({"policyArn": ARN})),
                new_version(5, "*", true),
            ],
            None,
        ),
    ] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        deliver(&pipeline, &[create_policy(), create.clone(), attach(), add.clone()]).await;
        let report = deliver(&pipeline, &records).await;
        let subjects: Vec<String> =
            drift_alerts(&topic).into_iter().map(|alert| alert.subject).collect();
        assert_eq!(subjects, expected.into_iter().collect::<Vec<_>>(), "{records:?}");
        let recorded = report.report.findings_that(Outcome::Suppressed);
        let versions = records.iter().filter(|it| it["eventName"] != "UpdateGroup");
        let versions = versions.filter(|it| it["eventName"] != "DetachGroupPolicy").count();
        assert_eq!(recorded as usize, versions - subjects.len(), "{records:?}");
    }
}

#[tokio::test]
async fn the_mail_names_members_and_the_version_to_go_back_to() {
    let [create, add] = create_and_add();
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    // All in one object, in another order.
    let records = [new_version(5, "*", true), add, attach(), create_policy(), create];
    deliver(&pipeline, &records).await;
    let alerts = drift_alerts(&topic);
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    let words = alert.text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "put version v2 of the customer managed policy",
        "Ops can do everything now. Known members: bob.",
        "aws iam set-default-policy-version",
        "--version-id=v1",
    ] {
        assert!(words.contains(part), "{part}\n{}", alert.text);
    }
    let drift = &alert.document["trailbell"]["drift"];
    assert_eq!((&drift["power"], &drift["previous"]), (&json!("admin"), &json!("v1")));
    assert_eq!(drift["groups"][0]["members"], json!(["bob"]));
    assert_snapshot("drift", &format!("Subject: {}\n\n{}", alert.subject, alert.text));
}

#[tokio::test]
async fn a_policy_that_is_attached_to_no_known_group_is_only_recorded() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let report = deliver(&pipeline, &[create_policy(), new_version(5, "*", true)]).await;
    assert_eq!(drift_alerts(&topic).len(), 0);
    assert_eq!(report.report.findings_that(Outcome::Suppressed), 1);
}
