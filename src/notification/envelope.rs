//! Opening envelopes until something is found that says which objects landed.

use aws_lambda_events::sns::SnsRecord;
use aws_lambda_events::sqs::SqsMessage;
use serde_json::Value;

use super::{
    DecodeError, Item, Message, Notification, ObjectRef, Reply, cloudwatch, eventbridge, s3,
};

/// Real notifications are four deep at most (on-failure, SQS, SNS, S3).
const MAX_NESTED: usize = 8;

/// What CloudTrail sends as plain text when it is told of an SNS topic.
const VALIDATION: &str = "CloudTrail validation message";

/// Understands an invocation's payload. Never fails as a whole: what cannot be understood is an
/// [`Item::Unreadable`] of its own message.
pub fn decode(payload: &Value) -> Notification {
    match records_of(payload, "eventSource", "aws:sqs") {
        Some(records) => Notification {
            reply: Reply::BatchItemFailures,
            messages: records.iter().map(queued).collect(),
        },
        None => {
            let mut items = Vec::new();
            open(payload, 0, &mut items);
            Notification { reply: Reply::Invocation, messages: vec![Message { id: None, items }] }
        }
    }
}

fn queued(record: &Value) -> Message {
    let id = record.get("messageId").and_then(Value::as_str).map(str::to_owned);
    let mut items = Vec::new();
    open_queued(record, 0, &mut items);
    Message { id, items }
}

/// Opens one envelope, and what is in it. `depth` counts the envelopes around it.
fn open(value: &Value, depth: usize, items: &mut Vec<Item>) {
    if depth == MAX_NESTED {
        return items.push(Item::Unreadable(DecodeError::TooNested { limit: MAX_NESTED }));
    }
    if let Some(records) = value.get("Records").and_then(Value::as_array) {
        return open_records(value, records, depth, items);
    }
    if let Some(inner) = value.get("requestPayload") {
        return open(inner, depth + 1, items);
    }
    if value.get("Type").and_then(Value::as_str) == Some("Notification")
        && let Some(message) = value.get("Message").and_then(Value::as_str)
    {
        return open_text("SNS message", message, depth + 1, items);
    }
    items.extend(leaf(value));
}

/// What is not around something else.
fn leaf(value: &Value) -> Vec<Item> {
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return vec![Item::Ignored("S3 test event: the notification is set up".to_owned())];
    }
    match value.get("trailbell").and_then(Value::as_str) {
        Some("sweep") => return vec![Item::Sweep],
        Some("canary") => return vec![Item::Canary],
        _ => {}
    }
    if value.get("detail-type").is_some() && value.get("detail").is_some() {
        return vec![eventbridge::item(value)];
    }
    if let Some(items) = cloudtrail_delivery(value) {
        return items;
    }
    if value.get("awslogs").is_some() {
        return cloudwatch::items(value);
    }
    vec![Item::Unreadable(DecodeError::unknown(value))]
}

/// `Records` of S3, SNS or SQS: each by its own shape, so that one that is broken fails alone.
fn open_records(envelope: &Value, records: &[Value], depth: usize, items: &mut Vec<Item>) {
    if records.is_empty() {
        return items.push(Item::Ignored("a notification without records".to_owned()));
    }
    for (index, record) in records.iter().enumerate() {
        match source_of(record) {
            Some("aws:sqs") => open_queued(record, depth, items),
            Some("aws:sns") => open_published(record, depth, items),
            _ if record.get("s3").is_some() => items.push(s3::item(index, record)),
            _ => items.push(Item::Unreadable(unknown_record(envelope, index, record))),
        }
    }
}

fn unknown_record(envelope: &Value, index: usize, record: &Value) -> DecodeError {
    match envelope.as_object().map(serde_json::Map::len) {
        Some(1) => DecodeError::malformed(format!("record {index}"), DecodeError::unknown(record)),
        _ => DecodeError::unknown(envelope),
    }
}

fn open_queued(record: &Value, depth: usize, items: &mut Vec<Item>) {
    match serde_json::from_value::<SqsMessage>(record.clone()) {
        Ok(SqsMessage { body: Some(body), .. }) => open_text("SQS body", &body, depth + 1, items),
        Ok(_) => items.push(Item::Unreadable(DecodeError::malformed("SQS message", "no body"))),
        Err(error) => items.push(Item::Unreadable(DecodeError::malformed("SQS message", error))),
    }
}

fn open_published(record: &Value, depth: usize, items: &mut Vec<Item>) {
    // Some emitters leave out what SNS itself always writes; the message is all that counts.
    let complete =
        serde_json::from_value::<SnsRecord>(record.clone()).map(|record| record.sns.message).ok();
    let message = || record.get("Sns")?.get("Message")?.as_str().map(str::to_owned);
    match complete.or_else(message) {
        Some(message) => open_text("SNS message", &message, depth + 1, items),
        None => {
            items.push(Item::Unreadable(DecodeError::malformed("SNS record", "no Sns.Message")))
        }
    }
}

fn open_text(envelope: &'static str, text: &str, depth: usize, items: &mut Vec<Item>) {
    if text.trim_start().starts_with(VALIDATION) {
        return items
            .push(Item::Ignored("CloudTrail validation message: the topic is set up".to_owned()));
    }
    match serde_json::from_str(text) {
        Ok(value) => open(&value, depth, items),
        Err(cause) => items.push(Item::Unreadable(DecodeError::NotJson { envelope, cause })),
    }
}

/// CloudTrail's own message, `{"s3Bucket":"…","s3ObjectKey":["…",…]}`. Its keys are not encoded.
fn cloudtrail_delivery(value: &Value) -> Option<Vec<Item>> {
    let bucket = value.get("s3Bucket")?;
    let keys = value.get("s3ObjectKey")?;
    let (Some(bucket), Some(keys)) = (bucket.as_str(), keys.as_array()) else {
        let problem = "s3Bucket must be a string and s3ObjectKey an array of strings";
        return Some(vec![Item::Unreadable(DecodeError::malformed(
            "CloudTrail delivery",
            problem,
        ))]);
    };
    if keys.is_empty() {
        return Some(vec![Item::Ignored("a CloudTrail delivery without keys".to_owned())]);
    }
    Some(keys.iter().enumerate().map(|(index, key)| delivered(bucket, index, key)).collect())
}

fn delivered(bucket: &str, index: usize, key: &Value) -> Item {
    match key.as_str() {
        Some(key) => Item::Object(ObjectRef {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: None,
        }),
        None => Item::Unreadable(DecodeError::malformed(
            format!("CloudTrail delivery, key {index}"),
            "not a string",
        )),
    }
}

/// The elements of `Records`, where the first says it comes from `source`.
fn records_of<'a>(value: &'a Value, field: &str, source: &str) -> Option<&'a Vec<Value>> {
    let records = value.get("Records")?.as_array()?;
    (records.first()?.get(field)?.as_str()? == source).then_some(records)
}

/// SNS writes `EventSource`, S3 and SQS write `eventSource`.
fn source_of(record: &Value) -> Option<&str> {
    record.get("eventSource").or_else(|| record.get("EventSource"))?.as_str()
}
