//! An alert as a message of SNS, and how many fit into one request.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>

use std::ops::Range;

use alert::{Alert, AttributeKind};
use serde_json::{Map, Value, json};

/// The most bytes of one message, and of one request, with attributes: 256 KiB.
pub const MAX_BYTES: usize = 256 * 1024;

/// The most messages of one request.
pub(super) const MAX_ENTRIES: usize = 10;

/// The bytes that count towards [`MAX_BYTES`], attributes included.
pub fn message_bytes(message: &str, alert: &Alert) -> usize {
    let attributes = alert.attributes.iter();
    let attributes: usize =
        attributes.map(|it| it.name.len() + data_type(it.kind).len() + it.value.len()).sum();
    message.len() + alert.subject.len() + attributes
}

/// SNS's name of an attribute's data type.
pub(super) fn data_type(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::String => "String",
        AttributeKind::Number => "Number",
    }
}

/// Everything that SNS would get, as one JSON document: for the outbox.
pub(super) fn envelope(alert: &Alert) -> Value {
    let attributes = alert.attributes.iter();
    let attributes: Map<String, Value> = attributes
        .map(|it| (it.name.to_owned(), json!({"Type": data_type(it.kind), "Value": it.value})))
        .collect();
    json!({
        "Subject": alert.subject,
        "MessageAttributes": attributes,
        "Message": {"default": alert.document, "email": alert.text, "sms": alert.sms},
        "Chat": alert.chat,
    })
}

/// Splits messages of these sizes (bytes), in order, into batches of at most `max_entries` messages
/// and `max_bytes` bytes. A message that is too large by itself is a batch of its own, for SNS to
/// refuse.
pub(super) fn split_batches(
    sizes: &[usize],
    max_entries: usize,
    max_bytes: usize,
) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (index, size) in sizes.iter().enumerate() {
        let is_full = index - start == max_entries || bytes + size > max_bytes;
        if is_full && index > start {
            batches.push(start..index);
            start = index;
            bytes = 0;
        }
        bytes += size;
    }
    if start < sizes.len() {
        batches.push(start..sizes.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn batches_are_full_by_number_or_by_size() {
        assert_eq!(split_batches(&[1; 25], 10, 100), [0..10, 10..20, 20..25]);
        assert_eq!(split_batches(&[60, 60, 30, 30], 10, 100), [0..1, 1..3, 3..4]);
        assert_eq!(split_batches(&[500, 1], 10, 100), [0..1, 1..2]);
        assert!(split_batches(&[], 10, 100).is_empty());
    }

    proptest! {
        #[test]
        fn every_message_is_in_one_batch_and_no_batch_is_too_large(
            sizes in prop::collection::vec(0usize..120, 0..60),
        ) {
            let batches = split_batches(&sizes, 10, 100);
            let all: Vec<usize> = batches.iter().cloned().flatten().collect();
            prop_assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>());
            for batch in batches {
                let bytes: usize = sizes[batch.clone()].iter().sum();
                prop_assert!(!batch.is_empty() && batch.len() <= 10);
                prop_assert!(bytes <= 100 || batch.len() == 1);
            }
        }
    }
}
