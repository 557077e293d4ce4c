//! SNS: `PublishBatch`, paced, with the failures inside a success read.

mod topic;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use alert::{Alert, Attribute};
use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};

use super::batch::batches;
use super::{AlertSink, MessageId, Pace, PublishError, wire};
use crate::aws_error::AwsError;
pub use topic::SnsTopic;

/// `PublishBatch` takes at most this many entries.
const MAX_ENTRIES: usize = 10;

/// How often an entry is tried. A call that fails as a whole was already tried again by the client.
const TRIES: u32 = 3;

/// A topic.
#[derive(Debug)]
pub struct SnsSink {
    client: Client,
    topic: String,
    pace: Pace,
}

/// One alert on its way: its entry, and where it stands in the caller's list.
struct Outgoing {
    index: usize,
    entry: PublishBatchRequestEntry,
}

/// The permission that publishing needs.
const PUBLISH: &str = "sns:Publish";

type Outcome = Result<MessageId, PublishError>;

impl SnsSink {
    /// Publishes to the topic of this ARN, at this pace.
    pub fn new(client: Client, topic: String, pace: Pace) -> SnsSink {
        SnsSink { client, topic, pace }
    }

    /// Sends one batch until every entry is accepted, refused for good, or out of tries.
    async fn send(&self, mut batch: Vec<Outgoing>, outcomes: &mut [Outcome]) {
        for attempt in 1..=TRIES {
            let failed = self.send_once(&batch, outcomes).await;
            batch.retain(|outgoing| failed.contains(&outgoing.index));
            if batch.is_empty() || attempt == TRIES {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
        }
    }

    /// Sends one batch once, notes what became of its entries, and gives the indexes of those worth
    /// another try.
    async fn send_once(&self, batch: &[Outgoing], outcomes: &mut [Outcome]) -> Vec<usize> {
        self.pace.pass(batch.len()).await;
        let entries = batch.iter().map(|outgoing| outgoing.entry.clone()).collect();
        let call = self
            .client
            .publish_batch()
            .topic_arn(&self.topic)
            .set_publish_batch_request_entries(Some(entries));
        match call.send().await {
            Ok(output) => note(&output, outcomes, &self.topic),
            Err(error) => {
                let region = self.client.config().region();
                let error = AwsError::from_sdk(error, region, PUBLISH);
                let error = PublishError::from_aws(&self.topic, error);
                batch.iter().for_each(|outgoing| outcomes[outgoing.index] = Err(error.clone()));
                Vec::new()
            }
        }
    }
}

#[async_trait]
impl AlertSink for SnsSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Outcome> {
        let unanswered = PublishError::NoResult { topic: self.topic.clone() };
        let mut outcomes = vec![Err(unanswered); alerts.len()];
        for batch in self.prepared(alerts, &mut outcomes) {
            self.send(batch, &mut outcomes).await;
        }
        outcomes
    }
}

impl SnsSink {
    fn prepared(&self, alerts: &[Alert], outcomes: &mut [Outcome]) -> Vec<Vec<Outgoing>> {
        let messages: Vec<String> = alerts.iter().map(Alert::message).collect();
        let weights: Vec<usize> =
            messages.iter().zip(alerts).map(|(m, alert)| wire::weight(m, alert)).collect();
        let most = MAX_ENTRIES.min(self.pace.burst());
        let cut = batches(&weights, most, wire::MAX_BYTES);
        cut.into_iter().map(|range| self.entries(range, alerts, &messages, outcomes)).collect()
    }

    fn entries(
        &self,
        range: Range<usize>,
        alerts: &[Alert],
        messages: &[String],
        outcomes: &mut [Outcome],
    ) -> Vec<Outgoing> {
        let mut batch = Vec::with_capacity(range.len());
        for index in range {
            match entry(index, &alerts[index], &messages[index]) {
                Ok(entry) => batch.push(Outgoing { index, entry }),
                Err(error) => {
                    let (topic, source) = (self.topic.clone(), Arc::new(error));
                    outcomes[index] = Err(PublishError::Invalid { topic, source });
                }
            }
        }
        batch
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

/// A 200 can carry failures: reads them, and gives the indexes of those that are not the sender's
/// fault.
fn note(output: &PublishBatchOutput, outcomes: &mut [Outcome], topic: &str) -> Vec<usize> {
    for accepted in output.successful() {
        if let Some(index) = index_of(accepted.id(), outcomes) {
            outcomes[index] = Ok(accepted.message_id().unwrap_or_default().to_owned());
        }
    }
    let mut again = Vec::new();
    for failed in output.failed() {
        if let Some(index) = index_of(Some(failed.id()), outcomes) {
            let error = AwsError::from_code(failed.code(), failed.message(), PUBLISH);
            outcomes[index] = Err(PublishError::from_aws(topic, error));
            if !failed.sender_fault() {
                again.push(index);
            }
        }
    }
    again
}

fn index_of(id: Option<&str>, outcomes: &[Outcome]) -> Option<usize> {
    id?.parse().ok().filter(|index| *index < outcomes.len())
}
