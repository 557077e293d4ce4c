//! Findings made by hand: the ECS document as given, the rest as [`Finding::new`] would take it
//! from the record.

use std::sync::Arc;

use detect::cloudtrail::Record;
use detect::finding::{Finding, FindingId, Origin, Principal};
use detect::rule::{RuleInfo, Severity};
use serde_json::{Value, json};

/// The calls that change a group.
pub const ACTIONS: [&str; 9] = [
    "CreateGroup",
    "DeleteGroup",
    "UpdateGroup",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "AttachGroupPolicy",
    "DetachGroupPolicy",
    "PutGroupPolicy",
    "DeleteGroupPolicy",
];

/// A rule of one line.
pub fn rule() -> RuleInfo {
    RuleInfo {
        id: "r-1".to_owned(),
        name: "Group Changed".to_owned(),
        description: "Someone changed a group.".to_owned(),
        severity: Severity::Low,
        risk_score: 21,
        version: None,
        setup: None,
        note: None,
        tags: Vec::new(),
        references: Vec::new(),
        false_positives: Vec::new(),
        threat: Vec::new(),
        investigation_fields: Vec::new(),
        building_block: false,
        alert_suppression: None,
        threshold: None,
        new_terms: None,
        sequence: false,
    }
}

/// The finding of a document.
pub fn finding(ecs: Value) -> Finding {
    let text = |pointer: &str| ecs.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let record = Record::from_value(json!({"eventID": "e-1"})).unwrap();
    let identity_type = text("/aws/cloudtrail/user_identity/type").unwrap_or("Unknown".to_owned());
    let label = if identity_type == "AssumedRole" {
        "Deploy/deploy-7".to_owned()
    } else {
        text("/user/name").unwrap_or("AIDA1".to_owned())
    };
    Finding {
        id: FindingId::for_record("r-1", &record),
        rule: Arc::new(rule()),
        time: text("/@timestamp").and_then(|time| time.parse().ok()),
        account: text("/aws/cloudtrail/recipient_account_id"),
        principal: Principal { key: label.clone(), label, identity_type },
        group: text("/group/name"),
        target_user: text("/user/target/name"),
        exception: None,
        unmet: false,
        conflict: None,
        privileged: false,
        own: Vec::new(),
        terms: None,
        steps: vec![],
        rating: None,
        origin: Origin::Object {
            bucket: "example-trail".to_owned(),
            key: "AWSLogs/x.json.gz".to_owned(),
            record: 0,
        },
        ecs,
    }
}

/// A document with every field that an alert reads, for an action on the group `Admins` by the user
/// `alice`.
pub fn document(action: &str) -> Value {
    json!({
        "@timestamp": "2026-03-01T10:00:00Z",
        "event": {
            "action": action,
            "provider": "iam.amazonaws.com",
            "id": "e-1",
            "outcome": "success",
        },
        "cloud": {"region": "us-east-1", "account": {"id": "111122223333"}},
        "user": {"name": "alice", "id": "AIDA1", "target": {"name": "bob"}},
        "group": {"name": "Admins"},
        "source": {"ip": "203.0.113.7", "address": "203.0.113.7"},
        "user_agent": {"original": "aws-cli/2.27.0"},
        "aws": {"cloudtrail": {
            "recipient_account_id": "111122223333",
            "request_id": "q-1",
            "vpc_endpoint_id": "vpce-1",
            "session_credential_from_console": "true",
            "request_parameters": "{groupName=Admins}",
            "user_identity": {
                "type": "IAMUser",
                "arn": "arn:aws:iam::111122223333:user/alice",
                "access_key_id": "AKIAIOSFODNN7EXAMPLE",
                "invoked_by": "cloudformation.amazonaws.com",
                "session_context": {
                    "mfa_authenticated": "true",
                    "creation_date": "2026-03-01T08:00:00Z",
                    "session_issuer": {"arn": "arn:aws:iam::111122223333:role/Deploy"},
                },
            },
            "flattened": {
                "request_parameters": {
                    "groupName": "Admins",
                    "userName": "bob",
                    "newGroupName": "Readers",
                    "newPath": "/ops/",
                    "path": "/",
                    "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
                    "policyName": "p",
                    "policyDocument": "{}",
                },
                "response_elements": {
                    "group": {"path": "/", "groupId": "AGPA1", "arn": "arn:aws:iam::1:group/A"},
                },
            },
        }},
    })
}
