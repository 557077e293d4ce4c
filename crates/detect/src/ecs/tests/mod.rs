//! The view of records as AWS writes them.

mod agree;
mod records;

use kql::Document;
use serde_json::{Value, json};

use super::View;
use crate::cloudtrail::Record;

fn leaf_text(leaf: kql::Value<'_>) -> String {
    match leaf {
        kql::Value::Text(text) | kql::Value::Name(text) => text.to_owned(),
        kql::Value::Number(number) => number.to_string(),
        kql::Value::Bool(flag) => flag.to_string(),
        kql::Value::Ip(address) => address.to_string(),
        kql::Value::Date(time) => time.to_string(),
    }
}

fn values(record: &Record, field: &str) -> Vec<String> {
    let mut values = Vec::new();
    View::new(record).any_value(field, &mut |leaf| {
        values.push(leaf_text(leaf));
        false
    });
    values
}

#[track_caller]
fn check(record: Value, cases: &[(&str, &[&str])]) {
    let record = Record::from_value(record).unwrap();
    for (field, expected) in cases {
        assert_eq!(values(&record, field), *expected, "{field} of {:?}", record.fields());
    }
}

#[test]
fn leaves_are_typed_as_elasticsearch_types_them() {
    let record = Record::from_value(records::console_login()).unwrap();
    let cases = [
        ("source.ip", r#"Ip(192.0.2.10)"#),
        ("source.address", r#"Text("192.0.2.10")"#),
        ("@timestamp", "Date(2026-03-01T10:00:00Z)"),
        ("aws.cloudtrail.read_only", "Bool(false)"),
        ("aws.cloudtrail.management_event", r#"Text("true")"#),
        ("aws.cloudtrail.console_login.additional_eventdata.mfa_used", "Bool(true)"),
        ("aws.cloudtrail.flattened.additional_eventdata.attempts", r#"Text("2")"#),
    ];
    for (field, expected) in cases {
        let mut leaves = Vec::new();
        View::new(&record).any_value(field, &mut |leaf| {
            leaves.push(format!("{leaf:?}"));
            false
        });
        assert_eq!(leaves, [expected], "{field}");
    }
}

#[test]
fn objects_of_the_view_are_documents() {
    let record = Record::from_value(json!({
        "userIdentity": {"type": "IAMUser", "userName": "alice", "principalId": "AIDA1"},
        "requestParameters": {"rules": {"items": [{"port": 22}, {"port": 443}]}},
        "resources": [
            {"ARN": "arn:1", "type": "A"},
            {"ARN": "arn:2", "accountId": "111122223333"},
            null,
            {},
        ],
    }))
    .unwrap();
    let cases: [(&str, &str, &[&str]); 8] = [
        ("aws.cloudtrail.resources", "arn", &["arn:1", "arn:2"]),
        ("aws.cloudtrail.resources", "account_id", &["", "111122223333"]),
        ("aws.cloudtrail.flattened.request_parameters.rules.items", "port", &["22", "443"]),
        ("aws.cloudtrail.flattened.request_parameters", "rules.items.port", &["22 443"]),
        ("user", "name", &["alice"]),
        ("aws.cloudtrail", "user_identity.type", &["IAMUser"]),
        ("aws", "cloudtrail.resources.arn", &["arn:1 arn:2"]),
        ("user.nam", "e", &[]),
    ];
    for (path, field, expected) in cases {
        let mut objects = Vec::new();
        View::new(&record).any_object(path, &mut |object| {
            let mut values = Vec::new();
            object.any_value(field, &mut |leaf| {
                values.push(leaf_text(leaf));
                false
            });
            objects.push(values.join(" "));
            false
        });
        assert_eq!(objects, expected, "{path}: {{ {field} }}");
    }
}

#[test]
fn the_object_of_a_text_too_long_for_a_keyword_is_absent() {
    let record_of_length = |length: usize| {
        let value = "é".repeat(length - "{k=}".len());
        Record::from_value(json!({"requestParameters": {"k": value}})).unwrap()
    };
    for (length, objects) in [(32_765, 1), (32_766, 0)] {
        let record = record_of_length(length);
        assert_eq!(values(&record, "aws.cloudtrail.request_parameters")[0].chars().count(), length);
        assert_eq!(
            values(&record, "aws.cloudtrail.flattened.request_parameters.k").len(),
            objects,
            "{length}"
        );
    }
}

#[test]
fn returning_true_ends_the_search() {
    let record = Record::from_value(records::create_group()).unwrap();
    let mut calls = 0;
    let found = View::new(&record).any_leaf(&mut |_, _| {
        calls += 1;
        calls == 3
    });
    assert!(found);
    assert_eq!(calls, 3);
}

#[test]
fn every_level_of_the_deepest_record_is_visible() {
    // The limit of serde_json is a depth of 128.
    let nested = |depth: usize| {
        format!(r#"{{"requestParameters": {}1{}}}"#, r#"{"k": "#.repeat(depth), "}".repeat(depth))
    };
    assert!(serde_json::from_str::<Value>(&nested(127)).is_err());
    let record = Record::from_value(serde_json::from_str(&nested(126)).unwrap()).unwrap();
    let field = format!("aws.cloudtrail.flattened.request_parameters{}", ".k".repeat(126));
    assert_eq!(values(&record, &field), ["1"]);
    assert!(crate::ecs::document(&record).to_string().contains(r#"{"k":1}"#));
}
