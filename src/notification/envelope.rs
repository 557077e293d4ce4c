//! Opens envelopes, down to what they contain.

use aws_lambda_events::sns::SnsRecord;
use aws_lambda_events::sqs::SqsMessage;
use detect::cloudtrail::parse_json;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{DecodeError, Item, Message, Notification, Reply, contents};

/// Real notifications are nested four deep at most (on-failure, SQS, SNS, S3).
const MAX_NESTED: usize = 8;

/// What CloudTrail sends, as plain text, to a new SNS topic.
const VALIDATION: &str = "CloudTrail validation message";

/// Decodes an invocation's payload. Never fails as a whole: what cannot be understood is an
/// [`Item::Unreadable`] of its own message.
pub fn decode(payload: &Value) -> Notification {
    let records = payload.get("Records").and_then(Value::as_array);
    let is_queue = |records: &&Vec<Value>| {
        records.first().is_some_and(|record| record["eventSource"] == "aws:sqs")
    };
    match records.filter(is_queue) {
        Some(records) => Notification {
            reply: Reply::BatchItemFailures,
            messages: records.iter().map(decode_queued).collect(),
        },
        None => {
            let mut items = Vec::new();
            open(payload, 0, &mut items);
            Notification {
                reply: Reply::Invocation,
                messages: vec![Message { id: None, receives: 1, items }],
            }
        }
    }
}

fn decode_queued(record: &Value) -> Message {
    let id = record.get("messageId").and_then(Value::as_str).map(str::to_owned);
    let mut items = Vec::new();
    open_queued(record, 0, &mut items);
    Message { id, receives: receives(record), items }
}

/// Source:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
fn receives(record: &Value) -> u32 {
    let count = record["attributes"]["ApproximateReceiveCount"].as_str();
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
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
    items.extend(contents::items(value));
}

/// `Records` of S3, SNS or SQS: each by its own shape, so that a broken one fails alone.
fn open_records(envelope: &Value, records: &[Value], depth: usize, items: &mut Vec<Item>) {
    if records.is_empty() {
        return items.push(Item::Ignored("a notification without records".to_owned()));
    }
    for (index, record) in records.iter().enumerate() {
        // SNS writes `EventSource`, S3 and SQS write `eventSource`.
        let source = record.get("eventSource").or_else(|| record.get("EventSource"));
        match source.and_then(Value::as_str) {
            Some("aws:sqs") => open_queued(record, depth, items),
            Some("aws:sns") => open_published(record, depth, items),
            _ if record.get("s3").is_some() => items.push(contents::s3_record(index, record)),
            _ => items.push(Item::Unreadable(unknown_record(envelope, index, record))),
        }
    }
}

fn unknown_record(envelope: &Value, index: usize, record: &Value) -> DecodeError {
    match envelope.as_object().map(Map::len) {
        Some(1) => DecodeError::malformed(format!("record {index}"), DecodeError::unknown(record)),
        _ => DecodeError::unknown(envelope),
    }
}

fn open_queued(record: &Value, depth: usize, items: &mut Vec<Item>) {
    let problem = match SqsMessage::deserialize(record) {
        Ok(SqsMessage { body: Some(body), .. }) => {
            return open_text("SQS body", &body, depth + 1, items);
        }
        Ok(_) => "no body".to_owned(),
        Err(error) => error.to_string(),
    };
    items.push(Item::Unreadable(DecodeError::malformed("SQS message", problem)));
}

fn open_published(record: &Value, depth: usize, items: &mut Vec<Item>) {
    // Some emitters leave out what SNS itself always writes; only the message matters.
    let message = match SnsRecord::deserialize(record) {
        Ok(record) => Some(record.sns.message),
        Err(_) => record["Sns"]["Message"].as_str().map(str::to_owned),
    };
    match message {
        Some(message) => open_text("SNS message", &message, depth + 1, items),
        None => {
            let error = DecodeError::malformed("SNS record", "no Sns.Message");
            items.push(Item::Unreadable(error));
        }
    }
}

fn open_text(envelope: &'static str, text: &str, depth: usize, items: &mut Vec<Item>) {
    if text.trim_start().starts_with(VALIDATION) {
        let reason = "CloudTrail validation message: the topic is set up";
        return items.push(Item::Ignored(reason.to_owned()));
    }
    match parse_json(text.as_bytes()) {
        Ok(value) => open(&value, depth, items),
        Err(source) => {
            items.push(Item::Unreadable(DecodeError::NotJson { envelope, source }));
        }
    }
}
