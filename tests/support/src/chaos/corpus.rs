//! Calls of IAM, their CloudTrail records, and log objects of them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::http::encode_form;
use super::s3::PutVersion;

const ACCOUNT: &str = "111122223333";

/// A call that a rule matches. Its group is its own: event id and group together name one call,
/// even if another has a forged event id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub action: &'static str,
    pub event_id: String,
    /// The name of the user that made it.
    pub principal: String,
    pub group: String,
}

/// A log object, and how its bucket announces it.
#[derive(Debug, Clone)]
pub struct LogObject {
    pub key: String,
    pub body: Vec<u8>,
    /// How often it is announced: 0 leaves it to the sweep.
    pub announcements: usize,
}

impl Call {
    /// A call of one principal, named by a number that no other call of it has.
    pub fn new(action: &'static str, principal: &str, number: usize) -> Call {
        Call {
            action,
            event_id: format!("event-{principal}-{number}"),
            principal: principal.to_owned(),
            group: format!("group-{principal}-{number}"),
        }
    }

    /// The ARN of the principal, which the function knows it by.
    pub fn principal_arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:user/{}", self.principal)
    }

    /// The record of the call.
    pub fn record(&self, time: Timestamp) -> Value {
        let group = &self.group;
        let parameters = match self.action {
            "AddUserToGroup" => json!({"groupName": group, "userName": "mallory"}),
            _ => json!({"groupName": group}),
        };
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": "AIDAEXAMPLE",
                "arn": self.principal_arn(),
                "accountId": ACCOUNT,
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                "userName": self.principal,
            },
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": "iam.amazonaws.com",
            "eventName": self.action,
            "awsRegion": "us-east-1",
            "sourceIPAddress": "203.0.113.7",
            "userAgent": "aws-cli/2.30.0",
            "requestParameters": parameters,
            "responseElements": null,
            "requestID": self.event_id,
            "eventID": self.event_id,
            "readOnly": false,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        })
    }
}

/// A record that no rule looks for.
pub fn quiet_record(time: Timestamp) -> Value {
    let call = Call::new("DescribeInstances", "monitoring", 0);
    let mut record = call.record(time);
    record["eventSource"] = "ec2.amazonaws.com".into();
    record
}

impl LogObject {
    /// A log object of these records, delivered ten minutes ago and announced once.
    pub fn new(now: Timestamp, name: &str, records: &[Value]) -> LogObject {
        let body = json!({ "Records": records }).to_string();
        LogObject { key: log_key(now, 10, name), body: gzip(body.as_bytes()), announcements: 1 }
    }

    /// A log object of these calls.
    pub fn of_calls(now: Timestamp, name: &str, calls: &[Call]) -> LogObject {
        let time = minutes_before(now, 15);
        let records: Vec<Value> = calls.iter().map(|call| call.record(time)).collect();
        LogObject::new(now, name, &records)
    }

    /// The same object, announced so often.
    pub fn announced(self, announcements: usize) -> LogObject {
        LogObject { announcements, ..self }
    }

    /// The notification that a bucket sends of it.
    ///
    /// Source:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
    pub fn event(&self, bucket: &str, put: &PutVersion) -> Value {
        json!({"Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-03-01T10:00:00.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AWS:AROAEXAMPLE:cloudtrail"},
            "requestParameters": {"sourceIPAddress": "203.0.113.1"},
            "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "host"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "trailbell",
                "bucket": {
                    "name": bucket,
                    "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                    "arn": format!("arn:aws:s3:::{bucket}"),
                },
                "object": {
                    "key": encode_form(&self.key),
                    "size": self.body.len(),
                    "eTag": put.etag.trim_matches('"'),
                    "versionId": put.version_id,
                    "sequencer": "0055AED6DCD90281E5",
                },
            },
        }]})
    }
}

/// The key of a log object that was delivered so many minutes before `now`.
pub fn log_key(now: Timestamp, minutes: i64, name: &str) -> String {
    let time = minutes_before(now, minutes);
    let day = time.strftime("%Y/%m/%d");
    let stamp = time.strftime("%Y%m%dT%H%MZ");
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/{day}/\
         {ACCOUNT}_CloudTrail_us-east-1_{stamp}_{name}.json.gz"
    )
}

pub fn minutes_before(now: Timestamp, minutes: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_mins(minutes)).unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
