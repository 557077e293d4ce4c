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
use thiserror::Error;

pub use outbox::{DirSink, StdoutSink};
pub use pace::Pace;
pub use sns::SnsSink;
pub use topic::{SnsTopic, Subscription, SubscriptionState, TopicAttributes};

use crate::aws_error::AwsError;

/// Publishes alerts.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Publishes alerts. Returns for each, in the same order, under which message id it was
    /// accepted. One that fails does not keep the others back.
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>>;
}

/// What the sink calls an accepted message: SNS's message id, or a file name.
pub type MessageId = String;

/// Why an alert was not accepted: to be retried.
#[derive(Debug, Clone, Error)]
pub enum PublishError {
    /// SNS refused it, or did not answer.
    #[error("cannot publish to {topic}")]
    Aws {
        /// The topic's ARN.
        topic: String,
        /// What SNS answered.
        source: Box<AwsError>,
    },
    /// SNS answered, but not for this alert.
    #[error("{topic} gave no result for the alert")]
    NoResult {
        /// The topic's ARN.
        topic: String,
    },
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
}
