//! A topic as it is looked at. Nothing here changes it.

use std::error::Error;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};

use crate::aws_error::AwsError;
use crate::sink::{Subscription, SubscriptionState, TopicAttributes};

/// A topic, to look at.
#[derive(Debug)]
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    /// The topic of this ARN.
    pub fn new(client: Client, arn: String) -> SnsTopic {
        SnsTopic { client, arn }
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// What it says of itself. Needs `sns:GetTopicAttributes`.
    pub async fn attributes(&self) -> Result<TopicAttributes, AwsError> {
        let got = self.client.get_topic_attributes().topic_arn(&self.arn).send().await;
        let got = got.map_err(|error| self.error(error, "sns:GetTopicAttributes"))?;
        let attribute = |name: &str| got.attributes().and_then(|all| all.get(name)).cloned();
        Ok(TopicAttributes { owner: attribute("Owner"), key: attribute("KmsMasterKeyId") })
    }

    /// Who is subscribed, in SNS's order. Needs `sns:ListSubscriptionsByTopic` and, to tell how
    /// those hold, `sns:GetSubscriptionAttributes`.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, AwsError> {
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let list =
                self.client.list_subscriptions_by_topic().topic_arn(&self.arn).set_next_token(next);
            let page = list.send().await;
            let page = page.map_err(|error| self.error(error, "sns:ListSubscriptionsByTopic"))?;
            for subscription in page.subscriptions() {
                let (protocol, endpoint) = (subscription.protocol(), subscription.endpoint());
                // In place of an ARN, one that is not confirmed has `PendingConfirmation`, or
                // `Deleted`.
                let arn = subscription.subscription_arn().filter(|arn| arn.starts_with("arn:"));
                all.push(Subscription {
                    protocol: protocol.unwrap_or_default().to_owned(),
                    endpoint: endpoint.unwrap_or_default().to_owned(),
                    arn: arn.map(str::to_owned),
                    state: self.state(arn).await,
                });
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    fn error<E>(&self, error: SdkError<E>, permissions: &'static str) -> AwsError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        AwsError::from_sdk(error, self.client.config().region(), permissions)
    }

    async fn state(&self, arn: Option<&str>) -> SubscriptionState {
        let Some(arn) = arn else { return SubscriptionState::Pending };
        let got = self.client.get_subscription_attributes().subscription_arn(arn).send().await.ok();
        let attribute =
            |name: &str| got.as_ref()?.attributes()?.get(name).map(|value| value == "true");
        match attribute("PendingConfirmation") {
            Some(true) => SubscriptionState::Pending,
            _ => SubscriptionState::Confirmed {
                authenticated: attribute("ConfirmationWasAuthenticated"),
            },
        }
    }
}
