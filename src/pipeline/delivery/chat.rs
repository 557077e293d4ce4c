//! Chat channels: they get what the alerts topic accepted, before it is recorded as sent. A chat
//! that fails is counted, and nothing is retried or held up for it.

use std::time::Duration;

use alert::Alert;
use detect::text::error::error_chain;
use tokio::time::timeout_at;

use super::Delivery;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::outcomes::DeliveryReport;
use crate::sink::PublishError;

/// How long a batch of alerts waits for the chat topic.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// An alert that the sink accepted.
pub(super) struct Accepted<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) alert: &'a Alert,
}

/// Sends alerts to chat channels, if there are any. After the chat topic has not answered once, the
/// invocation leaves it alone.
pub(super) async fn publish(
    invocation: &Invocation,
    accepted: &[Accepted<'_>],
    report: &mut DeliveryReport,
) {
    if accepted.is_empty() {
        return;
    }
    if invocation.is_chat_silent() {
        let why = "not tried, since the chat topic did not answer before";
        return accepted.iter().for_each(|it| report.fail_chat(it.delivery, why));
    }
    let alerts: Vec<&Alert> = accepted.iter().map(|it| it.alert).collect();
    let publishing = invocation.pipeline.sink.publish_to_chat(&alerts);
    let Ok(mut results) = timeout_at(invocation.wait_until(MAX_WAIT), publishing).await else {
        invocation.note_silent_chat();
        let why = format!("the chat topic did not answer within {} seconds", MAX_WAIT.as_secs());
        return accepted.iter().for_each(|it| report.fail_chat(it.delivery, &why));
    };
    if results.is_empty() {
        return; // There is no chat.
    }
    results.resize_with(accepted.len(), || Err(PublishError::NoAnswer));
    for (accepted, result) in accepted.iter().zip(results) {
        match result {
            Ok(_) => report.chat_sent += 1,
            Err(error) => report.fail_chat(accepted.delivery, error_chain(&error)),
        }
    }
}
