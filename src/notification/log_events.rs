//! What a CloudWatch Logs subscription sends: `awslogs.data` is base64, gzip, JSON, and the message
//! of each log event is one record.
//!
//! Source:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>

use std::io::Read;

use aws_lambda_events::encodings::Base64Data;
use bytes::Bytes;
use detect::cloudtrail::parse_json;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::Item;
use super::contents::unreadable;

/// Control messages are shorter, in inflated bytes.
const MAX_CONTROL_MESSAGE: u64 = 16 * 1024;

/// The item of a subscription.
pub(super) fn item(subscription: &Value) -> Item {
    let Some(data) = subscription.get("data") else {
        return unreadable("CloudWatch Logs subscription", "no awslogs.data");
    };
    match Base64Data::deserialize(data) {
        Ok(stored) => match nothing_to_do(&stored) {
            Some(reason) => Item::Ignored(reason.to_owned()),
            None => Item::LogEvents(Bytes::from(stored.0)),
        },
        Err(error) => unreadable("CloudWatch Logs subscription", error),
    }
}

/// Why there is no record in it. `None` if there may be: that is found when it is read.
fn nothing_to_do(stored: &[u8]) -> Option<&'static str> {
    let mut text = Vec::new();
    MultiGzDecoder::new(stored).take(MAX_CONTROL_MESSAGE).read_to_end(&mut text).ok()?;
    let envelope = parse_json(&text).ok()?;
    if envelope["messageType"] == "CONTROL_MESSAGE" {
        return Some("CloudWatch Logs control message: the subscription is set up");
    }
    let is_empty = envelope["logEvents"].as_array().is_some_and(Vec::is_empty);
    is_empty.then_some("a CloudWatch Logs subscription without log events")
}
