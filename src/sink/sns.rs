//! SNS: `PublishBatch`, with the failures inside a success read.

use std::ops::Range;
use std::sync::Arc;

use alert::{Alert, Attribute};
use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use detect::subscriptions::Subscriptions;
use tokio::time::Instant;
use tracing::trace;

use super::{AlertSink, MessageId, Pace, PublishError, SnsTopic, wire};
use crate::aws_error::AwsError;

/// The permission that publishing needs.
const PUBLISH: &str = "sns:Publish";

/// Publishes to a topic, and to a second one for chat channels if there is one.
#[derive(Debug)]
pub struct SnsSink {
    alerts: SnsPublisher,
    chat: Option<SnsPublisher>,
    pace: Pace,
}

/// Publishes one form of alerts to one topic.
#[derive(Debug)]
struct SnsPublisher {
    client: Client,
    topic: String,
    form: Form,
}

/// What a topic's subscribers get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each protocol its own form: [`Alert::message`].
    ByProtocol,
    /// All of them the notification for chat channels.
    Chat,
}

/// An alert as an entry of a request, and its index in the caller's list.
struct Outgoing {
    index: usize,
    entry: PublishBatchRequestEntry,
}

type PublishResult = Result<MessageId, PublishError>;

impl SnsSink {
    /// Publishes to the topic of this ARN, at this pace.
    pub fn new(client: Client, topic: String, pace: Pace) -> SnsSink {
        let alerts = SnsPublisher { client, topic, form: Form::ByProtocol };
        SnsSink { alerts, chat: None, pace }
    }

    /// The same, with the topic of this ARN for chat channels.
    pub fn with_chat(self, client: Client, topic: String) -> SnsSink {
        SnsSink { chat: Some(SnsPublisher { client, topic, form: Form::Chat }), ..self }
    }
}

impl SnsPublisher {
    async fn publish(&self, alerts: &[&Alert]) -> Vec<PublishResult> {
        let no_result = PublishError::NoResult { topic: self.topic.clone() };
        let mut results = vec![Err(no_result); alerts.len()];
        for batch in self.batches(alerts, &mut results) {
            self.send(&batch, &mut results).await;
        }
        results
    }

    /// The alerts as batches. One that cannot be a message has its result.
    fn batches(&self, alerts: &[&Alert], results: &mut [PublishResult]) -> Vec<Vec<Outgoing>> {
        let messages: Vec<String> = alerts.iter().map(|alert| self.form.message(alert)).collect();
        let sizes: Vec<usize> = messages
            .iter()
            .zip(alerts)
            .map(|(message, alert)| wire::message_bytes(message, alert))
            .collect();
        let mut batch = |range: Range<usize>| {
            let mut batch = Vec::with_capacity(range.len());
            for index in range {
                match self.form.entry(index, alerts[index], &messages[index]) {
                    Ok(entry) => batch.push(Outgoing { index, entry }),
                    Err(error) => {
                        let source = Arc::new(error);
                        let topic = self.topic.clone();
                        results[index] = Err(PublishError::Invalid { topic, source });
                    }
                }
            }
            batch
        };
        let ranges = wire::split_batches(&sizes, wire::MAX_ENTRIES, wire::MAX_BYTES);
        ranges.into_iter().map(&mut batch).collect()
    }

    /// Sends one batch and sets its results.
    async fn send(&self, batch: &[Outgoing], results: &mut [PublishResult]) {
        trace!(topic = self.topic, entries = batch.len(), "publishing");
        let entries = batch.iter().map(|outgoing| outgoing.entry.clone()).collect();
        let request = self.client.publish_batch().topic_arn(&self.topic);
        match request.set_publish_batch_request_entries(Some(entries)).send().await {
            Ok(output) => self.set_results(&output, results),
            Err(error) => {
                let region = self.client.config().region();
                let error = AwsError::from_sdk(error, region, PUBLISH);
                let error = PublishError::from_aws(&self.topic, error);
                batch.iter().for_each(|outgoing| results[outgoing.index] = Err(error.clone()));
            }
        }
    }

    /// A 200 can carry failures.
    fn set_results(&self, output: &PublishBatchOutput, results: &mut [PublishResult]) {
        let count = results.len();
        let index = |id: &str| id.parse::<usize>().ok().filter(|index| *index < count);
        for entry in output.successful() {
            if let Some(index) = entry.id().and_then(index) {
                results[index] = Ok(entry.message_id().unwrap_or_default().to_owned());
            }
        }
        for entry in output.failed() {
            let Some(index) = index(entry.id()) else { continue };
            results[index] = Err(PublishError::Entry {
                topic: self.topic.clone(),
                source: Box::new(AwsError::from_code(entry.code(), entry.message(), PUBLISH)),
                sender_fault: entry.sender_fault(),
            });
        }
    }
}

#[async_trait]
impl AlertSink for SnsSink {
    fn burst(&self) -> usize {
        self.pace.burst()
    }

    async fn wait_for_pace(&self, count: usize, latest: Option<Instant>) -> bool {
        self.pace.pass(count, latest).await
    }

    async fn publish(&self, alerts: &[Alert]) -> Vec<PublishResult> {
        self.alerts.publish(&alerts.iter().collect::<Vec<_>>()).await
    }

    async fn publish_to_chat(&self, alerts: &[&Alert]) -> Vec<PublishResult> {
        match &self.chat {
            Some(chat) => chat.publish(alerts).await,
            None => Vec::new(),
        }
    }

    async fn subscriptions(&self) -> Result<Option<Subscriptions>, AwsError> {
        let SnsPublisher { client, topic, .. } = &self.alerts;
        let topic = SnsTopic::new(client.clone(), topic.clone());
        Ok(Some(topic.attributes().await?.subscriptions))
    }
}

impl Form {
    fn message(self, alert: &Alert) -> String {
        match self {
            Form::ByProtocol => alert.message(),
            Form::Chat => alert.chat_message(),
        }
    }

    fn entry(
        self,
        index: usize,
        alert: &Alert,
        message: &str,
    ) -> Result<PublishBatchRequestEntry, BuildError> {
        let mut entry = PublishBatchRequestEntry::builder()
            .id(index.to_string())
            .subject(&alert.subject)
            .message(message);
        if self == Form::ByProtocol {
            entry = entry.message_structure("json");
        }
        for attribute in &alert.attributes {
            entry = entry.message_attributes(attribute.name, attribute_value(attribute)?);
        }
        entry.build()
    }
}

fn attribute_value(attribute: &Attribute) -> Result<MessageAttributeValue, BuildError> {
    let data_type = wire::data_type(attribute.kind);
    MessageAttributeValue::builder().data_type(data_type).string_value(&attribute.value).build()
}
