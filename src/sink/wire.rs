//! An alert as SNS takes it.

use alert::{Alert, AttributeKind};
use serde_json::{Value, json};

/// The most bytes of one message, or of one batch, with attributes: 256 KiB.
///
/// Source: <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>
pub const MAX_BYTES: usize = 256 * 1024;

/// What the message weighs against [`MAX_BYTES`], attributes included.
pub fn weight(message: &str, alert: &Alert) -> usize {
    let attributes = alert.attributes.iter();
    let attributes: usize =
        attributes.map(|a| a.name.len() + data_type(a.kind).len() + a.value.len()).sum();
    message.len() + alert.subject.len() + attributes
}

/// SNS's name of an attribute's data type.
pub fn data_type(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::String => "String",
        AttributeKind::Number => "Number",
    }
}

/// Everything that SNS would be given, as one JSON document: for the outbox.
pub fn envelope(alert: &Alert) -> Value {
    let attributes = alert.attributes.iter();
    let attributes: serde_json::Map<String, Value> = attributes
        .map(|a| (a.name.to_owned(), json!({"Type": data_type(a.kind), "Value": a.value})))
        .collect();
    json!({
        "Subject": alert.subject,
        "MessageAttributes": attributes,
        "Message": {"default": alert.document, "email": alert.text},
    })
}
