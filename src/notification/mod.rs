//! What came in: any envelope that can carry the news of a log object, recognised by its shape.
//!
//! | envelope | recognised by |
//! |---|---|
//! | SQS | `Records[].eventSource` is `aws:sqs` |
//! | SNS to Lambda; SNS in a queue | `Records[].EventSource` is `aws:sns`; `Type` is `Notification` |
//! | S3 | `Records[].s3`; `Event` is `s3:TestEvent` |
//! | EventBridge | `detail-type` and `detail` |
//! | CloudTrail's own SNS message | `s3Bucket` and `s3ObjectKey` |
//! | CloudWatch Logs subscription | `awslogs` |
//! | a schedule | `trailbell` is `sweep` or `canary`; `detail-type` is `Scheduled Event` |
//! | Lambda's on-failure destination | `requestPayload`, around any of the others |

mod cloudwatch;
mod envelope;
mod error;
mod eventbridge;
mod s3;

pub use envelope::decode;
pub use error::DecodeError;

use detect::cloudtrail::Record;

/// What came in with one invocation.
#[derive(Debug)]
pub struct Notification {
    /// How the caller wants to hear of failures.
    pub reply: Reply,
    /// The messages, in the order they came. Without a queue there is one.
    pub messages: Vec<Message>,
}

/// How the caller wants to hear of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// A queue: by the ids of the messages to deliver again.
    BatchItemFailures,
    /// Everyone else: the invocation as a whole succeeds or fails.
    Invocation,
}

/// What is acknowledged, or delivered again, as one.
#[derive(Debug)]
pub struct Message {
    /// The queue's `messageId`; absent where no queue is in front.
    pub id: Option<String>,
    /// What the message says.
    pub items: Vec<Item>,
}

/// One thing that a message says.
#[derive(Debug)]
pub enum Item {
    /// An object has landed.
    Object(ObjectRef),
    /// Here is a record.
    Record(InlineRecord),
    /// One record among others cannot be used: it is left out, and counted.
    BadRecord(DecodeError),
    /// It is time to look for what nobody told us of.
    Sweep,
    /// It is time to see whether the bell still rings.
    Canary,
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
    /// The key as S3 knows it: decoded where the envelope encodes it.
    pub key: String,
    /// The version to read; absent in a bucket without versions.
    pub version_id: Option<String>,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are chosen by whoever may write to the bucket: shown escaped, on one line.
        write!(f, "s3://{}/{}", self.bucket.escape_debug(), self.key.escape_debug())
    }
}

/// A record that came with the notification itself.
#[derive(Debug)]
pub struct InlineRecord {
    /// The record.
    pub record: Record,
    /// The envelope that carried it, e.g. `EventBridge`.
    pub envelope: &'static str,
    /// Its index among the records of its envelope, from 0.
    pub index: usize,
}
