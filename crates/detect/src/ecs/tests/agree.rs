//! The view and the document have the same values.

use std::collections::BTreeMap;

use kql::Document;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{leaf_text, records, values};
use crate::cloudtrail::Record;
use crate::ecs::java::to_java_string;
use crate::ecs::{View, document};

/// Field name → values as text, sorted.
type Leaves = BTreeMap<String, Vec<String>>;

fn leaves_of_view(record: &Record) -> Leaves {
    let mut leaves = Leaves::new();
    View::new(record).any_leaf(&mut |name, leaf| {
        leaves.entry(name.to_owned()).or_default().push(leaf_text(leaf));
        false
    });
    leaves.values_mut().for_each(|values| values.sort());
    leaves
}

fn collect_leaves(value: &Value, name: &str, leaves: &mut Leaves) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                collect_leaves(
                    inner,
                    &if name.is_empty() { key.clone() } else { format!("{name}.{key}") },
                    leaves,
                );
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(item, name, leaves)),
        scalar => leaves.entry(name.to_owned()).or_default().push(to_java_string(scalar)),
    }
}

fn check_agreement(record: &Record) -> Result<(), TestCaseError> {
    let mut whole = Leaves::new();
    collect_leaves(&document(record), "", &mut whole);
    whole.values_mut().for_each(|values| values.sort());
    prop_assert_eq!(&whole, &leaves_of_view(record));
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
    fn view_and_document_agree_on_any_record(fields in btree_map(key(), value(), 0..16)) {
        check_agreement(&Record::from_value(fields.into_iter().collect()).unwrap())?;
    }

    #[test]
    fn view_and_document_agree_on_changed_real_records(
        base in prop::sample::select(vec![records::create_group(), records::console_login()]),
        changes in vec((key(), value()), 0..5),
    ) {
        let mut record = base;
        for (key, value) in changes {
            record[key] = value;
        }
        check_agreement(&Record::from_value(record).unwrap())?;
    }
}

#[test]
fn the_document_is_nested_and_deterministic() {
    let record = Record::from_value(json!({
        "eventName": "CreateGroup",
        "awsRegion": "us-east-1",
        "requestParameters": {"b": 1, "a": [true, null]},
        "resources": [{"ARN": "arn:1", "accountId": "111122223333"}],
    }))
    .unwrap();
    let document = serde_json::to_string_pretty(&document(&record)).unwrap();
    insta::assert_snapshot!("document", document);
}
