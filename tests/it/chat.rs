//! Chat channels: they get what was sent, before it is recorded, and fail alone.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alert::Alert;
use async_trait::async_trait;
use aws_sdk_sns::Client;
use detect::finding::Outcome;
use serde_json::Value;
use support::{aws, moto};
use tokio::time::Instant;
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::pipeline::{self, Clock, InvocationReport};
use trailbell::sink::{AlertSink, MessageId, Pace, PublishError, SnsSink};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{clock, create_group, deliver, inline, pipeline, pipeline_with};

/// What the chat topic does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chat {
    Works,
    Refuses,
    /// It gives no result for the second alert of a batch.
    ForgetsTheSecond,
    NeverAnswers,
}

/// A topic, and a second one for chat channels.
struct TopicWithChat {
    topic: Topic,
    memory: Memory,
    chat: Chat,
    calls: Arc<Mutex<Vec<ChatCall>>>,
}

/// What the chat topic was given at once.
struct ChatCall {
    ids: Vec<String>,
    /// Their states in the ledger at that moment.
    states: Vec<String>,
}

#[async_trait]
impl AlertSink for TopicWithChat {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        self.topic.publish(alerts).await
    }

    async fn publish_to_chat(&self, alerts: &[&Alert]) -> Vec<Result<MessageId, PublishError>> {
        let ids: Vec<String> = alerts.iter().map(|alert| alert.finding.to_string()).collect();
        let states = ids.iter().map(|id| state(&self.memory, id)).collect();
        self.calls.lock().unwrap().push(ChatCall { ids, states });
        let refused = || AwsError::new(AwsErrorKind::Denied, "AuthorizationError");
        let results = alerts.iter().map(|alert| match self.chat {
            Chat::Refuses => Err(PublishError::from_aws("chat", refused())),
            _ => Ok(alert.finding.to_string()),
        });
        match self.chat {
            Chat::NeverAnswers => pending().await,
            Chat::ForgetsTheSecond => results.take(1).collect(),
            Chat::Works | Chat::Refuses => results.collect(),
        }
    }
}

fn state(memory: &Memory, id: &str) -> String {
    let entry = memory.text(&format!("entries/{id}")).expect("the entry");
    serde_json::from_str::<Value>(&entry).unwrap()["state"].as_str().unwrap().to_owned()
}

/// Delivers findings of eight principals, in two batches.
async fn deliver_eight(
    chat: Chat,
    faults: &[Fault],
) -> (InvocationReport, Memory, Topic, Vec<ChatCall>) {
    deliver_eight_by(clock(), chat, faults).await
}

async fn deliver_eight_by(
    clock: Clock,
    chat: Chat,
    faults: &[Fault],
) -> (InvocationReport, Memory, Topic, Vec<ChatCall>) {
    let (memory, topic) = (Memory::new(), Topic::default());
    topic.fail(faults);
    let calls = Arc::<Mutex<Vec<ChatCall>>>::default();
    let sink = TopicWithChat {
        topic: topic.clone(),
        memory: memory.clone(),
        chat,
        calls: Arc::clone(&calls),
    };
    let pipeline = pipeline_with(&memory, &topic, |pipeline| pipeline.sink = Box::new(sink));
    let records: Vec<Value> =
        (0..8).map(|n| create_group(&format!("e{n}"), &format!("user-{n}"))).collect();
    let report = pipeline::run(&pipeline, &inline(&records), clock).await;
    assert_eq!(report.mismatch, None);
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    (report, memory, topic, calls)
}

#[tokio::test]
async fn chat_gets_what_was_sent_before_it_is_recorded_as_sent() {
    let (report, memory, topic, calls) = deliver_eight(Chat::Works, &[]).await;
    let ids: Vec<String> = calls.iter().flat_map(|call| call.ids.clone()).collect();
    assert_eq!(ids, topic.sent_after(0));
    assert!(calls.len() > 1, "several batches");
    assert!(calls.iter().flat_map(|call| &call.states).all(|state| state == "claimed"));
    assert!(ids.iter().all(|id| state(&memory, id) == "alerted"));
    assert_eq!((report.report.chat_sent, report.report.chat_failed), (8, 0));
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_fails_is_counted_and_holds_nothing_up() {
    for (chat, failed, calls_made, why) in [
        (Chat::Refuses, 8, 2, "not to chat channels: cannot publish to chat: AuthorizationError"),
        (Chat::ForgetsTheSecond, 6, 2, "not to chat channels: the sink did not answer"),
        // The second batch does not wait again.
        (Chat::NeverAnswers, 8, 1, "not to chat channels: the chat topic did not answer within 3"),
    ] {
        let (report, memory, topic, calls) = deliver_eight(chat, &[]).await;
        assert_eq!(topic.sent_count(), 8, "{chat:?}");
        assert!(topic.sent_after(0).iter().all(|id| state(&memory, id) == "alerted"));
        assert_eq!(report.report.finding_outcomes[&Outcome::Alerted], 8, "{chat:?}");
        let counts = (report.report.chat_sent, report.report.chat_failed);
        assert_eq!(counts, (8 - failed, failed), "{chat:?}");
        assert_eq!(report.problems.len() as u64, failed, "{chat:?}");
        assert!(report.problems[0].to_string().contains(why), "{}", report.problems[0]);
        assert!(report.retry.is_empty(), "{chat:?}: nothing is delivered again");
        assert_eq!(calls.len(), calls_made, "{chat:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_does_not_answer_leaves_time_to_record_what_was_sent() {
    let last_start = Instant::now() + Duration::from_secs(1);
    let clock = Clock { last_start: Some(last_start), ..clock() };
    let (report, memory, topic, _) = deliver_eight_by(clock, Chat::NeverAnswers, &[]).await;
    assert!(Instant::now() < last_start);
    assert_eq!(report.report.finding_outcomes[&Outcome::Alerted], 8);
    assert!(topic.sent_after(0).iter().all(|id| state(&memory, id) == "alerted"));
}

#[tokio::test]
async fn what_was_not_sent_is_not_in_the_chat() {
    let (report, _, topic, calls) = deliver_eight(Chat::Works, &[Fault::Refused]).await;
    let ids: Vec<String> = calls.into_iter().flat_map(|call| call.ids).collect();
    assert_eq!((ids.len(), ids), (7, topic.sent_after(0)));
    assert_eq!((report.report.chat_sent, report.report.chat_failed), (7, 0));
}

#[tokio::test]
async fn the_second_topic_carries_the_notification_and_nothing_else() {
    let client = Client::new(&aws::config(moto::url()));
    let create = async |name: &str| {
        let topic = client.create_topic().name(moto::unique(name)).send().await.unwrap();
        topic.topic_arn().unwrap().to_owned()
    };
    let (alerts, chat) = (create("alerts").await, create("chat").await);
    let sink = SnsSink::new(client.clone(), alerts.clone(), Pace::shared_by(1))
        .with_chat(client.clone(), chat.clone());
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_with(&memory, &topic, |pipeline| pipeline.sink = Box::new(sink));
    let report = deliver(&pipeline, &[create_group("e1", "alice")]).await;
    assert_eq!((report.report.chat_sent, report.report.chat_failed), (1, 0));
    let [mail, message] = [&alerts, &chat].map(|topic| moto::published(topic).unwrap().remove(0));
    let document: Value = serde_json::from_str(&mail.message).unwrap();
    let document: Value = serde_json::from_str(document["default"].as_str().unwrap()).unwrap();
    let notification: Value = serde_json::from_str(&message.message).unwrap();
    assert_eq!(notification["source"], "custom");
    assert_eq!(notification["id"], document["trailbell"]["id"]);
    assert_eq!(message.attributes, mail.attributes, "filter policies are the same for both");
}

#[tokio::test]
async fn without_a_chat_topic_nothing_is_counted() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let report = deliver(&pipeline(&memory, &topic), &[create_group("e1", "alice")]).await;
    assert_eq!((report.report.chat_sent, report.report.chat_failed), (0, 0));
}
