//! What was received: any envelope that can announce a log object, recognised by its shape.
//!
//! | envelope | recognised by |
//! |---|---|
//! | SQS | `Records[].eventSource` is `aws:sqs` |
//! | SNS, also in a queue | `Records[].EventSource` is `aws:sns`; `Type` is `Notification` |
//! | S3 | `Records[].s3`; `Event` is `s3:TestEvent` |
//! | EventBridge | `detail-type` and `detail` |
//! | CloudTrail's own SNS message | `s3Bucket` and `s3ObjectKey` |
//! | CloudWatch Logs subscription | `awslogs` |
//! | a schedule | `trailbell`: `sweep`, `canary` or `report`; `detail-type`: `Scheduled Event` |
//! | Lambda's on-failure destination | `requestPayload`, around any of the others |

mod contents;
mod envelope;
mod log_events;

use std::fmt;

use bytes::Bytes;
use detect::cloudtrail::Record;
use detect::text::clean;
use serde_json::{Map, Value};
use thiserror::Error;

pub use envelope::decode;

/// What was received with one invocation.
#[derive(Debug)]
pub struct Notification {
    /// How failures are reported.
    pub reply: Reply,
    /// The messages, in order. Without a queue there is one.
    pub messages: Vec<Message>,
}

/// How failures are reported to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// A queue: by the ids of the messages to deliver again.
    BatchItemFailures,
    /// All others: the invocation succeeds or fails as a whole.
    Invocation,
}

/// What is acknowledged, or delivered again, as one.
#[derive(Debug)]
pub struct Message {
    /// The queue's `messageId`. `None` without a queue.
    pub id: Option<String>,
    /// How often the queue has handed it out, this time included. 1 without a queue.
    pub receives: u32,
    /// What the message contains.
    pub items: Vec<Item>,
}

/// One thing in a message.
#[derive(Debug)]
pub enum Item {
    /// An object was created.
    Object(ObjectRef),
    /// A record.
    Record(InlineRecord),
    /// Records, as a CloudWatch Logs subscription sends them: JSON in gzip. It can inflate to a
    /// thousand times its size, so it is read as a log object is.
    LogEvents(Bytes),
    /// A request to sweep.
    Sweep,
    /// A request to send a canary.
    Canary,
    /// A request to write the page of the week.
    Report,
    /// Nothing to do, and why.
    Ignored(String),
    /// It cannot be understood.
    Unreadable(DecodeError),
}

/// An object in S3, as a notification names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The key as S3 knows it: decoded if the envelope encodes it.
    pub key: String,
    /// The version to read. `None` in a bucket without versions.
    pub version_id: Option<String>,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are chosen by everyone who may write to the bucket.
        write!(f, "s3://{}/{}", self.bucket.escape_debug(), self.key.escape_debug())
    }
}

/// What can carry records inside the notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InlineSource {
    /// An event of EventBridge.
    EventBridge,
    /// A CloudWatch Logs subscription.
    CloudWatchLogs,
}

impl InlineSource {
    /// The source with this name in `TRAILBELL_INLINE`.
    pub fn from_setting(name: &str) -> Option<InlineSource> {
        [InlineSource::EventBridge, InlineSource::CloudWatchLogs]
            .into_iter()
            .find(|source| source.setting() == name)
    }

    /// Its name in `TRAILBELL_INLINE`.
    pub fn setting(self) -> &'static str {
        match self {
            InlineSource::EventBridge => "eventbridge",
            InlineSource::CloudWatchLogs => "logs",
        }
    }
}

impl fmt::Display for InlineSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InlineSource::EventBridge => "EventBridge",
            InlineSource::CloudWatchLogs => "CloudWatch Logs",
        })
    }
}

/// A record inside the notification.
#[derive(Debug)]
pub struct InlineRecord {
    /// The record.
    pub record: Record,
    /// What carried it.
    pub source: InlineSource,
    /// Its index among the records of its envelope, from 0.
    pub index: usize,
}

/// Why something received cannot be understood. Names keys and positions, never values of an
/// unknown envelope.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The text in an envelope is not JSON.
    #[error("{envelope}: not JSON")]
    NotJson {
        /// Where the text was, e.g. `SQS body`.
        envelope: &'static str,
        /// What the JSON parser says, with line and column.
        source: serde_json::Error,
    },
    /// An unknown shape.
    #[error("unknown envelope: {shape}")]
    Unknown {
        /// The top-level keys, or the type of the value.
        shape: String,
    },
    /// A known envelope without what it must contain.
    #[error("{envelope}: {problem}")]
    Malformed {
        /// The envelope, e.g. `S3 record 2`.
        envelope: String,
        /// What is missing or wrong.
        problem: String,
    },
    /// Envelopes in envelopes, past the limit.
    #[error("more than {limit} nested envelopes")]
    TooNested {
        /// The limit.
        limit: usize,
    },
}

/// Characters of a parser's message: longer than any list of expected fields.
const MAX_PROBLEM: usize = 1_000;

/// Keys that an error names.
const MAX_KEYS: usize = 20;

/// Characters of a key that an error names.
const MAX_KEY: usize = 40;

impl DecodeError {
    fn malformed(envelope: impl Into<String>, problem: impl ToString) -> DecodeError {
        // A parser's message can contain a name from the payload.
        let problem = clean::text(&problem.to_string(), MAX_PROBLEM);
        DecodeError::Malformed { envelope: envelope.into(), problem }
    }

    fn unknown(value: &Value) -> DecodeError {
        let shape = match value {
            Value::Object(fields) => keys(fields),
            Value::Array(_) => "an array".to_owned(),
            Value::String(_) => "a string".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            Value::Bool(_) => "a boolean".to_owned(),
            Value::Null => "null".to_owned(),
        };
        DecodeError::Unknown { shape }
    }
}

fn keys(fields: &Map<String, Value>) -> String {
    let short =
        |key: &String| key.chars().take(MAX_KEY).collect::<String>().escape_debug().to_string();
    let mut keys: Vec<String> = fields.keys().take(MAX_KEYS).map(short).collect();
    if keys.is_empty() {
        return "an object without keys".to_owned();
    }
    if fields.len() > MAX_KEYS {
        keys.push(format!("… {} more", fields.len() - MAX_KEYS));
    }
    format!("an object with the keys {}", keys.join(", "))
}
