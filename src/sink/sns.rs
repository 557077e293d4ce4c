//! SNS: `PublishBatch`, paced, with the failures inside a success read.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use alert::{Alert, Attribute};
use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use tracing::{debug, trace};

use super::{AlertSink, MessageId, Pace, PublishError, wire};
use crate::aws_error::AwsError;

/// How often an entry is sent. A request that fails as a whole was already retried by the client.
const MAX_ATTEMPTS: u32 = 3;

/// The permission that publishing needs.
const PUBLISH: &str = "sns:Publish";

/// Publishes to a topic.
#[derive(Debug)]
pub struct SnsSink {
    client: Client,
    topic: String,
    pace: Pace,
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
        SnsSink { client, topic, pace }
    }

    /// The alerts as batches. One that cannot be a message has its result.
    fn batches(&self, alerts: &[Alert], results: &mut [PublishResult]) -> Vec<Vec<Outgoing>> {
        let messages: Vec<String> = alerts.iter().map(Alert::message).collect();
        let sizes: Vec<usize> = messages
            .iter()
            .zip(alerts)
            .map(|(message, alert)| wire::message_bytes(message, alert))
            .collect();
        let max_entries = wire::MAX_ENTRIES.min(self.pace.burst());
        let mut batch = |range: Range<usize>| {
            let mut batch = Vec::with_capacity(range.len());
            for index in range {
                match entry(index, &alerts[index], &messages[index]) {
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
        let ranges = wire::split_batches(&sizes, max_entries, wire::MAX_BYTES);
        ranges.into_iter().map(&mut batch).collect()
    }

    /// Sends one batch until every entry is accepted, refused for good, or out of attempts.
    async fn send(&self, mut batch: Vec<Outgoing>, results: &mut [PublishResult]) {
        for attempt in 1..=MAX_ATTEMPTS {
            let failed = self.send_once(&batch, results).await;
            batch.retain(|outgoing| failed.contains(&outgoing.index));
            if batch.is_empty() || attempt == MAX_ATTEMPTS {
                return;
            }
            debug!(topic = self.topic, entries = batch.len(), attempt, "to be sent again");
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
        }
    }

    /// Sends one batch once and sets its results. Returns the indexes of those worth another try.
    async fn send_once(&self, batch: &[Outgoing], results: &mut [PublishResult]) -> Vec<usize> {
        self.pace.pass(batch.len()).await;
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
                Vec::new()
            }
        }
    }

    /// A 200 can carry failures. Returns the indexes of those that are not the sender's fault.
    fn set_results(
        &self,
        output: &PublishBatchOutput,
        results: &mut [PublishResult],
    ) -> Vec<usize> {
        let count = results.len();
        let index = |id: &str| id.parse::<usize>().ok().filter(|index| *index < count);
        for entry in output.successful() {
            if let Some(index) = entry.id().and_then(index) {
                results[index] = Ok(entry.message_id().unwrap_or_default().to_owned());
            }
        }
        let mut retried = Vec::new();
        for entry in output.failed() {
            let Some(index) = index(entry.id()) else { continue };
            let error = AwsError::from_code(entry.code(), entry.message(), PUBLISH);
            results[index] = Err(PublishError::from_aws(&self.topic, error));
            if !entry.sender_fault() {
                retried.push(index);
            }
        }
        retried
    }
}

#[async_trait]
impl AlertSink for SnsSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<PublishResult> {
        let no_result = PublishError::NoResult { topic: self.topic.clone() };
        let mut results = vec![Err(no_result); alerts.len()];
        for batch in self.batches(alerts, &mut results) {
            self.send(batch, &mut results).await;
        }
        results
    }
}

fn entry(
    index: usize,
    alert: &Alert,
    message: &str,
) -> Result<PublishBatchRequestEntry, BuildError> {
    let mut entry = PublishBatchRequestEntry::builder()
        .id(index.to_string())
        .subject(&alert.subject)
        .message(message)
        .message_structure("json");
    for attribute in &alert.attributes {
        entry = entry.message_attributes(attribute.name, attribute_value(attribute)?);
    }
    entry.build()
}

fn attribute_value(attribute: &Attribute) -> Result<MessageAttributeValue, BuildError> {
    let data_type = wire::data_type(attribute.kind);
    MessageAttributeValue::builder().data_type(data_type).string_value(&attribute.value).build()
}
