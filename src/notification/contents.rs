//! What is in the innermost envelope: objects, records, or a request.

use detect::cloudtrail::Record;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{DecodeError, InlineRecord, InlineSource, Item, ObjectRef, log_events};

/// What a value says that has no other envelope in it.
pub(super) fn items(value: &Value) -> Vec<Item> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    if text("Event") == Some("s3:TestEvent") {
        return vec![Item::Ignored("S3 test event: the notification is set up".to_owned())];
    }
    match text("trailbell") {
        Some("sweep") => return vec![Item::Sweep],
        Some("canary") => return vec![Item::Canary],
        Some("report") => return vec![Item::Report],
        _ => {}
    }
    if value.get("detail-type").is_some() && value.get("detail").is_some() {
        return vec![eventbridge_event(value)];
    }
    if let (Some(bucket), Some(keys)) = (value.get("s3Bucket"), value.get("s3ObjectKey")) {
        return cloudtrail_delivery(bucket, keys);
    }
    if let Some(subscription) = value.get("awslogs") {
        return vec![log_events::item(subscription)];
    }
    vec![Item::Unreadable(DecodeError::unknown(value))]
}

pub(super) fn unreadable(envelope: impl Into<String>, problem: impl ToString) -> Item {
    Item::Unreadable(DecodeError::malformed(envelope, problem))
}

/// The record at `index` of an S3 notification. Tolerant: emitters differ in what they leave out.
///
/// Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
pub(super) fn s3_record(index: usize, record: &Value) -> Item {
    parse_s3_record(record)
        .unwrap_or_else(|problem| unreadable(format!("S3 record {index}"), problem))
}

fn parse_s3_record(record: &Value) -> Result<Item, String> {
    let version = text_at(record, "/eventVersion")?;
    // Newer minor versions only add.
    if version.split('.').next() != Some("2") {
        let version: String = version.chars().take(10).collect();
        return Err(format!("eventVersion is {version:?}, only 2.x is known"));
    }
    // Some emitters write the name of the event as in configurations, with `s3:` in front.
    let name = text_at(record, "/eventName")?.trim_start_matches("s3:");
    if !name.starts_with("ObjectCreated:") {
        return Ok(Item::Ignored(format!("S3 {}: no new object", name.escape_debug())));
    }
    Ok(Item::Object(ObjectRef {
        bucket: text_at(record, "/s3/bucket/name")?.to_owned(),
        key: decode_key(text_at(record, "/s3/object/key")?)?,
        version_id: version_id(record.pointer("/s3/object/versionId")),
    }))
}

/// The text at a JSON pointer. The error names the place, and never what is there.
fn text_at<'a>(record: &'a Value, pointer: &str) -> Result<&'a str, String> {
    let place = || pointer.trim_start_matches('/').replace('/', ".");
    match record.pointer(pointer) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{} is not a string", place())),
        None => Err(format!("{} is missing", place())),
    }
}

fn version_id(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// S3 encodes keys as HTML forms do: a plus is a space, the rest is percent-encoded UTF-8.
fn decode_key(key: &str) -> Result<String, String> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|_| "the key is not percent-encoded UTF-8")?;
    Ok(decoded.into_owned())
}

fn eventbridge_event(event: &Value) -> Item {
    let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
    let source = text("source");
    let detail_type = text("detail-type");
    let detail = &event["detail"];
    match (source, detail_type) {
        ("aws.s3", "Object Created") => created_object(detail).map_or_else(
            || unreadable("EventBridge event", "bucket.name and object.key must be strings"),
            Item::Object,
        ),
        // A rule with a schedule, or EventBridge Scheduler, without an input of its own.
        ("aws.events" | "aws.scheduler", "Scheduled Event") => Item::Sweep,
        (_, "AWS Insight via CloudTrail") => not_wanted(source, detail_type),
        // "AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail", "AWS Service Event
        // via CloudTrail".
        _ if detail_type.ends_with(" via CloudTrail") => match Record::from_value(detail.clone()) {
            Ok(record) => {
                Item::Record(InlineRecord { record, source: InlineSource::EventBridge, index: 0 })
            }
            Err(_) => unreadable("EventBridge event", "detail must be a record"),
        },
        _ => not_wanted(source, detail_type),
    }
}

fn not_wanted(source: &str, detail_type: &str) -> Item {
    Item::Ignored(format!(
        "EventBridge {detail_type:?} from {source:?}: neither a new object nor a record"
    ))
}

/// The key is not encoded here. Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
fn created_object(detail: &Value) -> Option<ObjectRef> {
    let object = &detail["object"];
    Some(ObjectRef {
        bucket: detail["bucket"]["name"].as_str()?.to_owned(),
        key: object["key"].as_str()?.to_owned(),
        version_id: version_id(object.get("version-id")),
    })
}

/// CloudTrail's own message, `{"s3Bucket":"…","s3ObjectKey":["…",…]}`. Its keys are not encoded.
fn cloudtrail_delivery(bucket: &Value, keys: &Value) -> Vec<Item> {
    let (Some(bucket), Some(keys)) = (bucket.as_str(), keys.as_array()) else {
        let problem = "s3Bucket must be a string and s3ObjectKey an array of strings";
        return vec![unreadable("CloudTrail delivery", problem)];
    };
    if keys.is_empty() {
        return vec![Item::Ignored("a CloudTrail delivery without keys".to_owned())];
    }
    let item = |(index, key): (usize, &Value)| match key.as_str() {
        Some(key) => Item::Object(ObjectRef {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: None,
        }),
        None => unreadable(format!("CloudTrail delivery, key {index}"), "not a string"),
    };
    keys.iter().enumerate().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_forms_are() {
        for (encoded, decoded) in [
            ("AWSLogs/a.json.gz", "AWSLogs/a.json.gz"),
            ("a+b/c%2Bd", "a b/c+d"),
            ("a%2Fb%20c", "a/b c"),
            ("caf%C3%A9", "café"),
            ("100%", "100%"),
        ] {
            assert_eq!(decode_key(encoded).as_deref(), Ok(decoded), "{encoded}");
        }
        assert!(decode_key("%ff%fe").is_err());
    }
}
