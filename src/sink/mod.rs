//! Where alerts go: SNS, a folder, the terminal.

mod batch;
mod outbox;
mod pace;
mod sns;
mod topic;
pub mod wire;

use async_trait::async_trait;
use thiserror::Error;

pub use outbox::{DirSink, StdoutSink};
pub use pace::Pace;
pub use sns::{SnsSink, SnsTopic};
pub use topic::{Subscription, SubscriptionState, TopicAttributes, TopicCause, TopicRefusal};

use alert::Alert;

/// Publishes alerts.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Publishes all of them, and says of each, in the same order, whether it was accepted and
    /// under which message id. One that fails does not keep the others back.
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>>;
}

/// What the sink calls an accepted message: SNS's message id, or a file name.
pub type MessageId = String;

/// Why an alert was not accepted: to be tried again. Names the sink; the finding is named by
/// whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct PublishError(pub String);
