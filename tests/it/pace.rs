//! The pace of alerts: no invocation waits for it past its deadline, and what was published is
//! recorded before the next is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alert::Alert;
use async_trait::async_trait;
use detect::finding::Outcome;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use trailbell::pipeline::{self, Clock};
use trailbell::sink::{AlertSink, MessageId, Pace, PublishError};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{clock, create_group, pipeline_with};

/// The template's.
const TIMEOUT: Duration = Duration::from_secs(120);

/// What S3 and SNS take to answer.
const LATENCY: Duration = Duration::from_millis(20);

/// Receives of a message before it is a dead letter.
const MAX_RECEIVES: usize = 5;

const OBJECTS: usize = 4;
const FINDINGS: usize = 60;

/// A topic that is published to at a pace.
struct PacedTopic {
    topic: Topic,
    pace: Pace,
    memory: Memory,
    /// What was published while something before was not recorded yet.
    unrecorded: Arc<Mutex<BTreeSet<String>>>,
}

#[async_trait]
impl AlertSink for PacedTopic {
    fn burst(&self) -> usize {
        self.pace.burst()
    }

    async fn wait_for_pace(&self, count: usize, latest: Option<Instant>) -> bool {
        self.pace.pass(count, latest).await
    }

    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        let earlier = self.topic.sent_after(0);
        let unrecorded = earlier.into_iter().filter(|id| state(&self.memory, id) != "alerted");
        self.unrecorded.lock().unwrap().extend(unrecorded);
        assert!(alerts.len() <= self.burst());
        sleep(LATENCY).await;
        self.topic.publish(alerts).await
    }
}

fn state(memory: &Memory, id: &str) -> String {
    let entry: Value =
        serde_json::from_str(&memory.text(&format!("entries/{id}")).unwrap()).unwrap();
    entry["state"].as_str().unwrap().to_owned()
}

/// A notification of a few objects with findings of many principals.
fn notification(memory: &Memory) -> Value {
    let record = |object: usize| {
        let records: Vec<Value> = (0..FINDINGS / OBJECTS)
            .map(|at| create_group(&format!("e{object}-{at}"), &format!("user{object}-{at}")))
            .collect();
        let key = format!(
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
             111122223333_CloudTrail_us-east-1_{object}.json.gz"
        );
        memory.write(&key, &json!({ "Records": records }).to_string());
        let s3 = json!({"bucket": {"name": "logs"}, "object": {"key": key}});
        json!({"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": s3})
    };
    json!({"Records": (0..OBJECTS).map(record).collect::<Vec<_>>()})
}

async fn run_with(workers: u32) {
    let memory = Memory::new();
    let topic = Topic::default();
    let payload = notification(&memory);
    memory.slow_down(LATENCY);
    let unrecorded = Arc::default();
    let sink = PacedTopic {
        topic: topic.clone(),
        pace: Pace::shared_by(workers),
        memory: memory.clone(),
        unrecorded: Arc::clone(&unrecorded),
    };
    let pipeline = pipeline_with(&memory, &topic, |pipeline| pipeline.sink = Box::new(sink));
    for receive in 1.. {
        let start = Instant::now();
        let last_start = Some(start + TIMEOUT - Duration::from_secs(10));
        let outcome = pipeline::run(&pipeline, &payload, Clock { last_start, ..clock() }).await;
        assert_eq!(outcome.mismatch, None);
        assert!(start.elapsed() < TIMEOUT, "{workers} workers: {:?}", start.elapsed());
        let sent = outcome.report.findings_that(Outcome::Alerted);
        assert!(sent > 0, "{workers} workers, receive {receive}: {:?}", outcome.problems);
        if outcome.reply().is_ok() {
            break;
        }
        assert!(receive < MAX_RECEIVES, "{workers} workers: {:?}", outcome.problems);
    }
    let sent = topic.sent_after(0);
    assert_eq!(sent.len(), FINDINGS, "{workers} workers");
    assert_eq!(BTreeSet::from_iter(&sent).len(), FINDINGS, "{workers} workers: sent twice");
    let unrecorded = unrecorded.lock().unwrap();
    assert!(unrecorded.is_empty(), "{workers} workers: {unrecorded:?}");
}

#[tokio::test(start_paused = true)]
async fn no_invocation_waits_past_its_deadline_and_one_batch_at_most_is_not_recorded() {
    // The command line is alone.
    for workers in [1, 2, 5, 10, 20] {
        run_with(workers).await;
    }
}
