//! A topic as it is looked at: who listens to it.

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
