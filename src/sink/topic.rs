//! What a topic is, and who subscribes to it. Nothing here changes the topic.

use std::error::Error;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};

use detect::subscriptions::Subscriptions;

use crate::aws_error::AwsError;

/// A topic to look at.
#[derive(Debug)]
pub struct SnsTopic {
    client: Client,
    arn: String,
}

/// What a topic is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicAttributes {
    /// The account that it belongs to.
    pub owner: Option<String>,
    /// The KMS key that messages are encrypted with.
    pub key: Option<String>,
    /// How many subscribe.
    pub subscriptions: Subscriptions,
}

/// A subscription of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// `email`, `sqs`, `https`, …
    pub protocol: String,
    /// An address, an ARN or a URL.
    pub endpoint: String,
    /// Its ARN. `None` before it is confirmed.
    pub arn: Option<String>,
    /// Whether it receives messages.
    pub state: SubscriptionState,
}

/// Whether a subscription receives messages, and who can end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionState {
    /// It is not confirmed, and receives nothing.
    Pending,
    /// It receives messages.
    Confirmed {
        /// Only a signed-in user can end it: it was confirmed with `AuthenticateOnUnsubscribe`, or
        /// by its owner. If false, so can anyone who has one of its mails. `None` if unknown.
        authenticated: Option<bool>,
    },
}

impl SnsTopic {
    /// The topic of this ARN.
    pub fn new(client: Client, arn: String) -> SnsTopic {
        SnsTopic { client, arn }
    }

    /// The ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Reads the topic's attributes. Needs `sns:GetTopicAttributes`.
    pub async fn attributes(&self) -> Result<TopicAttributes, AwsError> {
        let got = self.client.get_topic_attributes().topic_arn(&self.arn).send().await;
        let got = got.map_err(|error| self.error(error, "sns:GetTopicAttributes"))?;
        let attribute = |name: &str| got.attributes().and_then(|all| all.get(name)).cloned();
        let count = |name: &str| attribute(name).and_then(|it| it.parse().ok()).unwrap_or(0);
        Ok(TopicAttributes {
            owner: attribute("Owner"),
            key: attribute("KmsMasterKeyId"),
            subscriptions: Subscriptions {
                confirmed: count("SubscriptionsConfirmed"),
                pending: count("SubscriptionsPending"),
                deleted: count("SubscriptionsDeleted"),
            },
        })
    }

    /// Lists the subscriptions, in SNS's order. Needs `sns:ListSubscriptionsByTopic`, and
    /// `sns:GetSubscriptionAttributes` to know who can end them.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, AwsError> {
        let mut subscriptions = Vec::new();
        let mut next = None;
        loop {
            let list = self.client.list_subscriptions_by_topic().topic_arn(&self.arn);
            let page = list.set_next_token(next).send().await;
            let page = page.map_err(|error| self.error(error, "sns:ListSubscriptionsByTopic"))?;
            for subscription in page.subscriptions() {
                // Without an ARN if it is not confirmed: `PendingConfirmation`, or `Deleted`.
                let arn = subscription.subscription_arn().filter(|arn| arn.starts_with("arn:"));
                subscriptions.push(Subscription {
                    protocol: subscription.protocol().unwrap_or_default().to_owned(),
                    endpoint: subscription.endpoint().unwrap_or_default().to_owned(),
                    arn: arn.map(str::to_owned),
                    state: self.state(arn).await,
                });
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(subscriptions);
            }
        }
    }

    async fn state(&self, arn: Option<&str>) -> SubscriptionState {
        let Some(arn) = arn else { return SubscriptionState::Pending };
        let got = self.client.get_subscription_attributes().subscription_arn(arn).send().await.ok();
        let is_on = |name: &str| got.as_ref()?.attributes()?.get(name).map(|value| value == "true");
        match is_on("PendingConfirmation") {
            Some(true) => SubscriptionState::Pending,
            _ => SubscriptionState::Confirmed {
                authenticated: is_on("ConfirmationWasAuthenticated"),
            },
        }
    }

    fn error<E>(&self, error: SdkError<E>, permissions: &'static str) -> AwsError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        AwsError::from_sdk(error, self.client.config().region(), permissions)
    }
}
