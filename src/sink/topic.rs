//! A topic as it is looked at: who listens to it.

use thiserror::Error;

/// What a topic says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicAttributes {
    /// The account that it belongs to.
    pub owner: Option<String>,
    /// The KMS key that messages are encrypted with.
    pub key: Option<String>,
}

/// Somebody, or something, that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// `email`, `sqs`, `https`, …
    pub protocol: String,
    /// An address, an ARN or a URL.
    pub endpoint: String,
    /// Its ARN, once it is confirmed.
    pub arn: Option<String>,
    /// Whether it is told.
    pub state: SubscriptionState,
}

/// Whether a subscription is told, and how well it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionState {
    /// Nobody has confirmed it: it is not told.
    Pending,
    /// It is told. Only a signed-in user can end it, or (`false`) anyone who has one of its mails;
    /// none where that is not known.
    Confirmed {
        /// Whether it was confirmed with `AuthenticateOnUnsubscribe`, or by its owner.
        authenticated: Option<bool>,
    },
}

/// A request about a topic that SNS did not grant. The topic is named by whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{told}")]
pub struct TopicRefusal {
    /// What mends it depends on this.
    pub cause: TopicCause,
    /// What was answered: SNS's code and message, or why there is no answer.
    pub told: String,
}

/// What stands in the way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicCause {
    /// There is no such topic.
    NoTopic,
    /// A permission is missing, or the topic's policy denies it.
    Forbidden,
    /// The topic's KMS key cannot be used.
    Key,
    /// There are no credentials, or they are not valid (any more).
    Credentials,
    /// SNS cannot be reached.
    Unreachable,
    /// Anything else.
    Other,
}

impl TopicRefusal {
    /// What was answered and what to do about it, on one line. `permission` is the one that the
    /// request needs.
    pub fn advised(&self, permission: &str) -> String {
        let advice = match self.cause {
            TopicCause::NoTopic => {
                "check TRAILBELL_ALERTS: its account, region and name".to_owned()
            }
            TopicCause::Forbidden => {
                format!("check {permission}, and that the topic's policy does not deny it")
            }
            TopicCause::Key => {
                "the topic is encrypted: check kms:GenerateDataKey and kms:Decrypt on its key"
                    .to_owned()
            }
            TopicCause::Credentials => "sign in again, or check the role".to_owned(),
            TopicCause::Unreachable => {
                "check AWS_ENDPOINT_URL and the way to the network".to_owned()
            }
            TopicCause::Other => return self.told.clone(),
        };
        format!("{} ({advice})", self.told)
    }
}
