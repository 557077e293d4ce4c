//! The lazy view and the whole document say the same.

use std::collections::BTreeMap;

use kql::Document;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{records, shown, values};
use crate::cloudtrail::Record;
use crate::ecs::{View, document};

/// Field name → values as text, sorted.
type Leaves = BTreeMap<String, Vec<String>>;

fn of_view(record: &Record) -> Leaves {
    let mut leaves = Leaves::new();
    View::new(record).any_leaf(&mut |name, leaf| {
        leaves.entry(name.to_owned()).or_default().push(shown(leaf));
        false
    });
    leaves.values_mut().for_each(|values| values.sort());
    leaves
}

fn of_document(value: &Value, name: &str, leaves: &mut Leaves) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                of_document(
                    inner,
                    &if name.is_empty() { key.clone() } else { format!("{name}.{key}") },
                    leaves,
                );
            }
        }
        Value::Array(items) => items.iter().for_each(|item| of_document(item, name, leaves)),
        scalar => {
            leaves.entry(name.to_owned()).or_default().push(super::super::java::to_string(scalar))
        }
    }
}

fn check(record: &Record) -> Result<(), TestCaseError> {
    let mut whole = Leaves::new();
    of_document(&document(record), "", &mut whole);
    whole.values_mut().for_each(|values| values.sort());
    prop_assert_eq!(&whole, &of_view(record));
    for (name, expected) in whole {
        let mut one_by_one = values(record, &name);
        one_by_one.sort();
        prop_assert_eq!(one_by_one, expected, "{}", name);
    }
    Ok(())
}

fn scalar() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "",
        "-",
        "none",
        "No",
        "Yes",
        "alice",
        "a@b",
        "AssumedRole",
        "ConsoleLogin",
        "CreateGroup",
        "192.0.2.1",
        "2026-03-01T10:00:00Z",
        "arn:aws:sts::1:x/y@z",
        "aws-cli/2",
        "é\n",
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f32>().prop_filter("JSON has no NaN", |n| n.is_finite()).prop_map(Value::from),
        text.prop_map(Value::from)
    ]
}

const KEYS: &[&str] = &[
    "eventName",
    "eventSource",
    "eventTime",
    "errorCode",
    "userIdentity",
    "type",
    "arn",
    "ARN",
    "accountId",
    "userName",
    "principalId",
    "sessionContext",
    "sessionIssuer",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "MFAUsed",
    "ConsoleLogin",
    "resources",
    "sourceIPAddress",
    "userAgent",
    "readOnly",
    "a.b",
    "a",
    "b",
];

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(KEYS).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
        ]
    })
}

proptest! {
    #[test]
    fn of_any_record(fields in btree_map(key(), value(), 0..16)) {
        check(&Record::from_value(fields.into_iter().collect()).unwrap())?;
    }

    #[test]
    fn of_records_that_are_nearly_real(base in prop::sample::select(vec![records::create_group(), records::console_login()]), changes in vec((key(), value()), 0..5)) {
        let mut record = base;
        for (key, value) in changes {
            record[key] = value;
        }
        check(&Record::from_value(record).unwrap())?;
    }
}

#[test]
fn the_document_is_nested_and_always_the_same() {
    let record = Record::from_value(json!({
        "eventName": "CreateGroup", "awsRegion": "us-east-1", "requestParameters": {"b": 1, "a": [true, null]},
        "resources": [{"ARN": "arn:1", "accountId": "111122223333"}]
    }))
    .unwrap();
    let expected = r#"{"aws":{"cloudtrail":{"request_parameters":"{a=[true], b=1}","resources":[{"account_id":"111122223333","arn":"arn:1"}],"flattened":{"request_parameters":{"b":1,"a":[true]}}}},"cloud":{"provider":"aws","region":"us-east-1"},"data_stream":{"dataset":"aws.cloudtrail"},"event":{"action":"CreateGroup","category":["iam"],"dataset":"aws.cloudtrail","kind":"event","module":"aws","outcome":"success","type":["group","creation"]}}"#;
    assert_eq!(document(&record).to_string(), expected);
}
