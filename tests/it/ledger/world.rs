//! Payloads, and a pipeline in memory.

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use alert::Accounts;
use detect::rule::{Detections, LoadedRules, RuleSet};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{Clock, Pipeline};

use crate::ledger::memory::{Memory, Topic};

/// Seconds.
pub const LEASE: i64 = 360;

/// Seconds: the interval of the rules, and a little.
pub const WINDOW: i64 = 601;

/// A pipeline whose ledger and log objects are in `memory`.
pub fn pipeline(memory: &Memory, topic: &Topic) -> Arc<Pipeline> {
    Arc::new(Pipeline {
        store: Box::new(memory.clone()),
        sink: Box::new(topic.clone()),
        accounts: Accounts::default(),
        ledger: Ledger::Stored(StoredLedger::new(Box::new(memory.clone()), "state", "")),
        detections: detections(),
        trails: vec![],
        max_object_bytes: 1 << 30,
    })
}

fn detections() -> Arc<Detections> {
    static DETECTIONS: OnceLock<Arc<Detections>> = OnceLock::new();
    let load = || Arc::new(RuleSet::new(LoadedRules::embedded().rules).unwrap().into());
    Arc::clone(DETECTIONS.get_or_init(load))
}

/// The local clock, which no decision of the ledger goes by.
pub fn clock() -> Clock {
    let now: Timestamp = "2026-03-01T11:00:00Z".parse().unwrap();
    Clock { now, last_start: None::<Instant>, lease: Duration::from_secs(LEASE as u64) }
}

/// A call that one rule matches.
pub fn create_group(event_id: &str, user: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateGroup",
        "eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "eventID": event_id,
        "recipientAccountId": "111122223333", "requestParameters": {"groupName": format!("group-{event_id}")},
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}")}})
}

/// A call to IAM with these parameters. Its event id is made of its name and its time.
pub fn call(action: &str, time: &str, user: &str, parameters: Value) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": action, "eventTime": time,
        "awsRegion": "us-east-1", "eventID": format!("{action}-{time}"), "recipientAccountId": "111122223333",
        "sourceIPAddress": "203.0.113.7", "requestParameters": parameters,
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}")}})
}

/// One notification with these records in it: of a CloudWatch Logs subscription.
pub fn inline(records: &[Value]) -> Value {
    let event = |(index, record): (usize, &Value)| json!({"id": index.to_string(), "timestamp": 0, "message": record.to_string()});
    let data = json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "trail", "logStream": "s",
        "subscriptionFilters": ["f"], "logEvents": records.iter().enumerate().map(event).collect::<Vec<_>>(),
    });
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(data.to_string().as_bytes()).unwrap();
    json!({"awslogs": {"data": base64(&gzip.finish().unwrap())}})
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut number = 0;
        for at in 0..3 {
            number = number << 8 | usize::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let digit = char::from(DIGITS[number >> (18 - 6 * at) & 63]);
            text.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
