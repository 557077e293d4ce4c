//! Where alerts go: SNS, a folder, the terminal.

mod outbox;
mod pace;
mod sns;
mod topic;
pub mod wire;

use std::io;
use std::sync::Arc;

use alert::Alert;
use async_trait::async_trait;
use aws_sdk_sns::error::BuildError;
use detect::subscriptions::Subscriptions;
use thiserror::Error;
use tokio::time::Instant;

pub use outbox::{DirSink, StdoutSink};
pub use pace::Pace;
pub use sns::SnsSink;
pub use topic::{SnsTopic, Subscription, SubscriptionState, TopicAttributes};

use crate::aws_error::{AwsError, AwsErrorKind};

/// Alerts that are published together where nothing limits the pace. They are published before they
/// are recorded, and a crash in between sends them once more, so they are few.
pub const DEFAULT_BURST: usize = 5;

/// Publishes alerts.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// The most alerts that may be published together: at least 1.
    fn burst(&self) -> usize {
        DEFAULT_BURST
    }

    /// Waits until `count` alerts (at most [`AlertSink::burst`]) may be published, and counts them
    /// as published. Returns false, and counts none, if that would be after `latest`.
    async fn wait_for_pace(&self, count: usize, latest: Option<Instant>) -> bool {
        let _ = (count, latest);
        true
    }

    /// Publishes alerts at once, each a single time. Returns for each, in the same order, under
    /// which message id it was accepted. One that fails does not keep the others back.
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>>;

    /// Sends alerts that were accepted to chat channels too, each a single time. Returns a result
    /// for each, in the same order, or none at all if there is no chat.
    async fn publish_to_chat(&self, alerts: &[&Alert]) -> Vec<Result<MessageId, PublishError>> {
        let _ = alerts;
        Vec::new()
    }

    /// How many subscriptions receive the alerts. `None` if there can be none, as of a folder.
    async fn subscriptions(&self) -> Result<Option<Subscriptions>, AwsError> {
        Ok(None)
    }
}

/// What the sink calls an accepted message: SNS's message id, or a file name.
pub type MessageId = String;

/// Why an alert was not accepted: to be retried.
#[derive(Debug, Clone, Error)]
pub enum PublishError {
    /// SNS refused the whole request, or did not answer.
    #[error("cannot publish to {topic}")]
    Aws {
        /// The topic's ARN.
        topic: String,
        /// What SNS answered.
        source: Box<AwsError>,
    },
    /// SNS accepted the request and refused this alert in it.
    #[error("cannot publish to {topic}")]
    Entry {
        /// The topic's ARN.
        topic: String,
        /// What SNS answered.
        source: Box<AwsError>,
        /// SNS says that the alert is why.
        sender_fault: bool,
    },
    /// SNS answered, but not for this alert.
    #[error("{topic} gave no result for the alert")]
    NoResult {
        /// The topic's ARN.
        topic: String,
    },
    /// The sink returned no result for the alert.
    #[error("the sink did not answer for the alert")]
    NoAnswer,
    /// The alert cannot be a message.
    #[error("cannot make a message of the alert for {topic}")]
    Invalid {
        /// The topic's ARN.
        topic: String,
        /// What is missing.
        source: Arc<BuildError>,
    },
    /// It could not be written.
    #[error("cannot write the alert to {place}")]
    Io {
        /// The folder, or `stdout`.
        place: String,
        /// Why.
        source: Arc<io::Error>,
    },
}

impl PublishError {
    /// SNS refused to take an alert, or did not answer.
    pub fn from_aws(topic: &str, error: AwsError) -> PublishError {
        PublishError::Aws { topic: topic.to_owned(), source: Box::new(error) }
    }

    /// Returns true if the alert is worth another try at once. A request that failed as a whole was
    /// already retried by the client.
    pub fn is_transient(&self) -> bool {
        matches!(self, PublishError::Entry { sender_fault: false, .. })
    }

    /// Returns true if something in the alert may be why it was refused, so that a shorter one may
    /// be accepted. False if no alert is accepted: nobody answers, too many requests were made, or
    /// the topic, its key or a permission is missing.
    pub fn is_about_alert(&self) -> bool {
        match self {
            PublishError::Aws { source, .. } => source.kind == AwsErrorKind::Other,
            PublishError::Entry { .. }
            | PublishError::NoResult { .. }
            | PublishError::NoAnswer
            | PublishError::Invalid { .. } => true,
            PublishError::Io { .. } => false,
        }
    }
}
