//! Small log objects: quiet ones, and ones with one finding.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Records of a quiet object.
const RECORDS: usize = 20;

/// The key of an object that was delivered so many minutes before `now`.
pub fn key(now: Timestamp, minutes: i64, name: &str) -> String {
    let time = now.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    let (day, stamp) = (time.strftime("%Y/%m/%d"), time.strftime("%Y%m%dT%H%MZ"));
    format!(
        "AWSLogs/111122223333/CloudTrail/us-east-1/{day}/111122223333_CloudTrail_us-east-1_{stamp}_{name}.json.gz"
    )
}

/// An object in which nothing is looked for.
pub fn quiet() -> Vec<u8> {
    packed(&vec![record("ec2.amazonaws.com", "DescribeInstances", "quiet"); RECORDS])
}

/// The same, and a group made or deleted by someone who did nothing else.
pub fn hit(number: usize) -> Vec<u8> {
    let mut records = vec![record("ec2.amazonaws.com", "DescribeInstances", "quiet"); RECORDS];
    let call = if number.is_multiple_of(2) { "CreateGroup" } else { "DeleteGroup" };
    records.push(record("iam.amazonaws.com", call, &event_id(number)));
    packed(&records)
}

/// The id of the call that [`hit`] holds.
pub fn event_id(number: usize) -> String {
    format!("hit-{number}")
}

/// A record of a call that the user `id` made.
pub fn record(source: &str, call: &str, id: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": source, "eventName": call, "eventTime": "2026-03-01T10:00:00Z",
        "awsRegion": "us-east-1", "eventID": id, "recipientAccountId": "111122223333", "userAgent": "aws-cli/2.30.0",
        "requestParameters": {"groupName": format!("group-{id}")},
        "userIdentity": {"type": "IAMUser", "userName": id, "arn": format!("arn:aws:iam::111122223333:user/{id}")}})
}

fn packed(records: &[Value]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(json!({ "Records": records }).to_string().as_bytes()).unwrap();
    gzip.finish().unwrap()
}
