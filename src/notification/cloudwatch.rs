//! A CloudWatch Logs subscription: each log event's message is one record.

use aws_lambda_events::cloudwatch_logs::{LogEntry, LogsEvent};
use detect::cloudtrail::Record;
use serde::Deserialize;
use serde_json::Value;

use super::{DecodeError, InlineRecord, Item};

/// The records of `awslogs.data`: base64, gzip, JSON with `logEvents[].message`.
pub(super) fn items(value: &Value) -> Vec<Item> {
    match LogsEvent::deserialize(value) {
        Ok(event) => of(event),
        Err(error) => {
            vec![Item::Unreadable(DecodeError::malformed("CloudWatch Logs subscription", error))]
        }
    }
}

fn of(event: LogsEvent) -> Vec<Item> {
    let data = event.aws_logs.data;
    if data.message_type == "CONTROL_MESSAGE" {
        return vec![Item::Ignored(
            "CloudWatch Logs control message: the subscription is set up".to_owned(),
        )];
    }
    if data.log_events.is_empty() {
        return vec![Item::Ignored("a CloudWatch Logs subscription without log events".to_owned())];
    }
    data.log_events.iter().enumerate().map(|(index, entry)| item(index, entry)).collect()
}

fn item(index: usize, entry: &LogEntry) -> Item {
    let record =
        serde_json::from_str(&entry.message).ok().and_then(|value| Record::from_value(value).ok());
    match record {
        Some(record) => Item::Record(InlineRecord { record, envelope: "CloudWatch Logs", index }),
        None => {
            let envelope = format!("CloudWatch Logs event {index}");
            Item::BadRecord(DecodeError::malformed(envelope, "the message is not a record"))
        }
    }
}
