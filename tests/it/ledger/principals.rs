//! Rights that go around groups: of users and roles.

use alert::Alert;
use detect::finding::Outcome;
use serde_json::{Value, json};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::timelines::assert_snapshot;
use crate::ledger::world::{attribute, call, deliver, pipeline};

const ARN: &str = "arn:aws:iam::111122223333:policy/deploy";

fn document(actions: &str) -> String {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn record(action: &str, second: usize, parameters: Value) -> Value {
    call(action, &format!("2026-03-01T10:00:{second:02}Z"), "mallory", parameters)
}

fn create_policy(actions: &str) -> Value {
    let parameters = json!({"policyName": "deploy", "policyDocument": document(actions)});
    record("CreatePolicy", 0, parameters)
}

/// Alerts of the rules of `iam-principals`.
fn principal_alerts(topic: &Topic) -> Vec<Alert> {
    let mut alerts = topic.accepted();
    let of_groups = |alert: &Alert| attribute(alert, "rule_name").contains("Group");
    alerts.retain(|alert| !of_groups(alert));
    alerts
}

async fn subjects(before: &[Value], records: &[Value]) -> (Vec<String>, u64) {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    if !before.is_empty() {
        deliver(&pipeline, before).await;
    }
    let report = deliver(&pipeline, records).await;
    let subjects = principal_alerts(&topic).into_iter().map(|alert| alert.subject).collect();
    (subjects, report.report.findings_that(Outcome::Suppressed))
}

#[tokio::test]
async fn only_what_gives_power_to_a_user_or_a_role_is_alerted() {
    let user = |policy: &str| json!({"userName": "bob", "policyArn": policy});
    let role = |policy: &str| json!({"roleName": "App", "policyArn": policy});
    let aws = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    let inline = |actions: &str| json!({"roleName": "App", "policyName": "i", "policyDocument": document(actions)});
    let boundary = |policy: &str| json!({"userName": "bob", "permissionsBoundary": policy});
    let trust = |account: &str| {
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": account}});
        json!({"roleName": "App", "policyDocument": json!({"Statement": statement}).to_string()})
    };
    let all = create_policy("*");
    let mut elsewhere = create_policy("s3:*");
    elsewhere["recipientAccountId"] = json!("444455556666");
    for (before, action, parameters, expected) in [
        (
            None,
            "AttachUserPolicy",
            user(&aws("AdministratorAccess")),
            Some("[critical] AdministratorAccess attached to user bob by mallory in 111122223333"),
        ),
        (None, "AttachUserPolicy", user(&aws("ReadOnlyAccess")), None),
        (None, "AttachUserPolicy", user(ARN), None),
        (
            Some(&all),
            "AttachUserPolicy",
            user(ARN),
            Some("[critical] deploy attached to user bob by mallory in 111122223333"),
        ),
        (
            None,
            "AttachRolePolicy",
            role(&aws("AWSLambda_FullAccess")),
            Some("[medium] AWSLambda_FullAccess attached to role App by mallory in 111122223333"),
        ),
        (
            None,
            "PutRolePolicy",
            inline("*"),
            Some("[high] inline policy i put in role App by mallory in 111122223333"),
        ),
        (None, "PutRolePolicy", inline("s3:*"), None),
        (
            None,
            "DeleteUserPermissionsBoundary",
            json!({"userName": "bob"}),
            Some("[high] permissions boundary of user bob removed by mallory in 111122223333"),
        ),
        (
            None,
            "DeleteUserPermissionsBoundary",
            json!({"userName": "mallory"}),
            Some(
                "[critical] permissions boundary of user mallory removed by mallory in \
                 111122223333",
            ),
        ),
        (None, "PutUserPermissionsBoundary", boundary(&aws("PowerUserAccess")), None),
        (None, "PutUserPermissionsBoundary", boundary(ARN), None),
        (
            Some(&all),
            "PutUserPermissionsBoundary",
            boundary(ARN),
            Some("[high] deploy made the boundary of user bob by mallory in 111122223333"),
        ),
        (None, "UpdateAssumeRolePolicy", trust("111122223333"), None),
        (
            None,
            "UpdateAssumeRolePolicy",
            trust("444455556666"),
            Some("[high] role App opened to other accounts by mallory in 111122223333"),
        ),
        (Some(&elsewhere), "UpdateAssumeRolePolicy", trust("444455556666"), None),
        (
            Some(&elsewhere),
            "UpdateAssumeRolePolicy",
            trust("777788889999"),
            Some("[high] role App opened to other accounts by mallory in 111122223333"),
        ),
        (
            None,
            "UpdateAssumeRolePolicy",
            trust("*"),
            Some("[critical] role App opened to everyone by mallory in 111122223333"),
        ),
        (None, "CreateAccessKey", json!({"userName": "bob"}), None),
    ] {
        let before: Vec<Value> = before.into_iter().cloned().collect();
        let (subjects, suppressed) = subjects(&before, &[record(action, 5, parameters)]).await;
        assert_eq!(subjects, expected.into_iter().collect::<Vec<_>>(), "{action}");
        assert_eq!(suppressed, u64::from(expected.is_none()), "{action}");
    }
}

#[tokio::test]
async fn credentials_for_another_user_are_alerted_if_it_has_power() {
    let group = |action: &str, second, more: Value| {
        let mut parameters = json!({"groupName": "Ops"});
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record(action, second, parameters)
    };
    let policy = |actions: &str| {
        let document = json!({"policyName": "i", "policyDocument": document(actions)});
        group("PutGroupPolicy", 1, document)
    };
    let add = group("AddUserToGroup", 2, json!({"userName": "Bob"}));
    let remove = group("RemoveUserFromGroup", 3, json!({"userName": "Bob"}));
    let key = |user: &str| record("CreateAccessKey", 5, json!({"userName": user}));
    let password = record("CreateLoginProfile", 5, json!({"userName": "bob"}));
    let own = |action: &str, second, parameters: Value| {
        let mut parameters = parameters;
        parameters["userName"] = json!("bob");
        record(action, second, parameters)
    };
    let write = |actions: &str| {
        own("PutUserPolicy", 1, json!({"policyName": "i", "policyDocument": document(actions)}))
    };
    let attach = own("AttachUserPolicy", 2, json!({"policyArn": ARN}));
    let rename = own("UpdateUser", 3, json!({"newUserName": "eve"}));
    let of_mallory = group("AddUserToGroup", 2, json!({"userName": "mallory"}));
    for (before, call, expected) in [
        (
            vec![policy("*"), add.clone()],
            key("bob"),
            Some("[critical] access key created for user bob by mallory in 111122223333"),
        ),
        (
            vec![policy("iam:PutUserPolicy"), add.clone()],
            password,
            Some("[high] password created for user bob by mallory in 111122223333"),
        ),
        (vec![policy("s3:*"), add.clone()], key("bob"), None),
        (vec![policy("*"), add.clone()], key("eve"), None),
        (vec![policy("*"), add.clone(), remove], key("bob"), None),
        (vec![policy("*"), of_mallory], key("mallory"), None),
        (
            vec![write("*")],
            key("Bob"),
            Some("[critical] access key created for user Bob by mallory in 111122223333"),
        ),
        (vec![write("s3:*")], key("bob"), None),
        (
            vec![write("*"), own("DeleteUserPolicy", 2, json!({"policyName": "I"}))],
            key("bob"),
            None,
        ),
        (vec![write("*"), own("DeleteUser", 2, json!({}))], key("bob"), None),
        (vec![write("*"), rename.clone()], key("bob"), None),
        (
            vec![write("*"), rename],
            key("eve"),
            Some("[critical] access key created for user eve by mallory in 111122223333"),
        ),
        (
            vec![create_policy("iam:PutUserPolicy"), attach],
            key("bob"),
            Some("[high] access key created for user bob by mallory in 111122223333"),
        ),
        // A way through a policy of a group and one of its own.
        (
            vec![policy("iam:PassRole"), add.clone(), write("lambda:*")],
            key("bob"),
            Some("[high] access key created for user bob by mallory in 111122223333"),
        ),
    ] {
        let (mut subjects, _) = subjects(&before, std::slice::from_ref(&call)).await;
        subjects.retain(|subject| subject.contains("created for"));
        assert_eq!(subjects, expected.into_iter().collect::<Vec<_>>(), "{before:?} {call}");
    }
}

#[tokio::test]
async fn mails_say_who_got_which_rights() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let parameters =
        json!({"groupName": "Ops", "policyName": "i", "policyDocument": document("*")});
    let before = [
        record("PutGroupPolicy", 1, parameters),
        record("AddUserToGroup", 2, json!({"groupName": "Ops", "userName": "bob"})),
    ];
    deliver(&pipeline, &before).await;
    let trust = json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": "444455556666"}}});
    let lambda = "arn:aws:iam::aws:policy/AWSLambda_FullAccess";
    let records = [
        record("CreateAccessKey", 5, json!({"userName": "bob"})),
        record("AttachUserPolicy", 6, json!({"userName": "bob", "policyArn": lambda})),
        record(
            "UpdateAssumeRolePolicy",
            7,
            json!({"roleName": "App", "policyDocument": trust.to_string()}),
        ),
    ];
    deliver(&pipeline, &records).await;
    let mails = principal_alerts(&topic).into_iter();
    let mails: Vec<String> =
        mails.map(|alert| format!("Subject: {}\n\n{}", alert.subject, alert.text)).collect();
    assert_snapshot("principals", &mails.join("\n\n"));
}
