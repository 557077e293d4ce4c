//! Events from EventBridge.

use detect::cloudtrail::Record;
use serde_json::Value;

use super::{DecodeError, InlineRecord, Item, ObjectRef};

/// What an event says: an object was created, or here is a record.
pub(super) fn item(event: &Value) -> Item {
    let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
    let (source, detail_type) = (text("source"), text("detail-type"));
    if source == "aws.s3" && detail_type == "Object Created" {
        return object_created(event)
            .unwrap_or_else(|| unreadable("bucket.name and object.key must be strings"));
    }
    // "AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail", "AWS Service Event via
    // CloudTrail".
    if detail_type.ends_with(" via CloudTrail") && detail_type != "AWS Insight via CloudTrail" {
        return record(event);
    }
    // A rule with a schedule, or EventBridge Scheduler, where no input of one's own is set.
    if detail_type == "Scheduled Event" && matches!(source, "aws.events" | "aws.scheduler") {
        return Item::Sweep;
    }
    Item::Ignored(format!(
        "EventBridge {:?} from {:?}: neither a new object nor a record",
        detail_type, source
    ))
}

/// The key is not encoded here. Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
fn object_created(event: &Value) -> Option<Item> {
    let detail = event.get("detail")?;
    let object = detail.get("object")?;
    Some(Item::Object(ObjectRef {
        bucket: detail.get("bucket")?.get("name")?.as_str()?.to_owned(),
        key: object.get("key")?.as_str()?.to_owned(),
        version_id: object
            .get("version-id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty())
            .map(str::to_owned),
    }))
}

fn record(event: &Value) -> Item {
    match event.get("detail").cloned().map(Record::from_value) {
        Some(Ok(record)) => {
            Item::Record(InlineRecord { record, envelope: "EventBridge", index: 0 })
        }
        _ => unreadable("detail must be a record"),
    }
}

fn unreadable(problem: &str) -> Item {
    Item::Unreadable(DecodeError::malformed("EventBridge event", problem))
}
