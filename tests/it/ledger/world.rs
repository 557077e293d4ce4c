//! A pipeline in memory, what is delivered to it, and workers that are stopped at any step.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use alert::{Accounts, Alert};
use detect::finding::Outcome;
use detect::rule::{Detections, LoadedRules, RuleSet};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{aws, log_events, moto};
use tokio::runtime::{Builder, Runtime};
use trailbell::integrity::Verification;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::notification::InlineSource;
use trailbell::pipeline::{self, Clock, InvocationReport, MailLength, Pipeline};
use trailbell::store::S3Store;

use crate::ledger::memory::{Memory, Topic};

/// In seconds.
pub const LEASE: i64 = 360;

/// In seconds: a little longer than the interval of the rules.
pub const WINDOW: i64 = 601;

/// Enough steps for any run.
const ALL_STEPS: usize = 100_000;

/// How long a worker may wait for another thread: only a bug waits longer.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// A pipeline whose ledger and log objects are in `memory`.
pub fn pipeline(memory: &Memory, topic: &Topic) -> Arc<Pipeline> {
    pipeline_with(memory, topic, |_| {})
}

/// The same, after a change.
pub fn pipeline_with(
    memory: &Memory,
    topic: &Topic,
    change: impl FnOnce(&mut Pipeline),
) -> Arc<Pipeline> {
    let mut pipeline = Pipeline {
        store: Box::new(memory.clone()),
        sink: Box::new(topic.clone()),
        accounts: Accounts::default(),
        ledger: Ledger::Stored(ledger(memory)),
        detections: detections(),
        trails: vec![],
        inline_sources: vec![InlineSource::CloudWatchLogs],
        mail: MailLength::Short,
        max_object_bytes: 1 << 30,
        verification: Verification::off(),
        pages: None,
    };
    change(&mut pipeline);
    Arc::new(pipeline)
}

/// The same, with this rule only.
pub fn pipeline_of_rule(memory: &Memory, topic: &Topic, rule: &str) -> Arc<Pipeline> {
    pipeline_with(memory, topic, |pipeline| use_rule(pipeline, rule))
}

/// Lets the pipeline have this rule only.
pub fn use_rule(pipeline: &mut Pipeline, rule: &str) {
    let rules = LoadedRules::from_texts([("a.toml", rule)].into_iter());
    pipeline.detections = Arc::new(Detections::from(rules.into_rule_set().unwrap()));
}

/// The ledger in `memory`.
pub fn ledger(memory: &Memory) -> StoredLedger {
    StoredLedger::new(Box::new(memory.clone()), "state", "")
}

/// A store in S3, and a new bucket in it.
pub async fn s3() -> (S3Store, String) {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("state");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    (S3Store::new(client), bucket)
}

fn detections() -> Arc<Detections> {
    static DETECTIONS: OnceLock<Arc<Detections>> = OnceLock::new();
    let load = || Arc::new(RuleSet::new(LoadedRules::embedded().rules).unwrap().into());
    Arc::clone(DETECTIONS.get_or_init(load))
}

/// The local clock. No decision of the ledger depends on it.
pub fn clock() -> Clock {
    let now: Timestamp = "2026-03-01T11:00:00Z".parse().unwrap();
    Clock { now, last_start: None, lease: Duration::from_secs(LEASE as u64) }
}

/// Delivers one notification with these records in it.
pub async fn deliver(pipeline: &Arc<Pipeline>, records: &[Value]) -> InvocationReport {
    let report = pipeline::run(pipeline, &inline(records), clock()).await;
    assert_eq!(report.mismatch, None);
    report
}

/// Delivers records of which none is alerted by itself.
pub async fn deliver_unalerted(pipeline: &Arc<Pipeline>, records: &[Value]) {
    let report = deliver(pipeline, records).await;
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!(report.report.findings_that(Outcome::Alerted), 0);
}

/// The alerts of one kind that were sent.
pub fn sent_alerts(topic: &Topic, kind: &str) -> Vec<Alert> {
    let mut alerts = topic.accepted();
    alerts.retain(|alert| alert.document["trailbell"]["kind"] == kind);
    alerts
}

/// The ids in the alerts of one kind that were sent, each once: a worker that dies between sending
/// and recording leaves its alert to be sent again.
pub fn sent_ids(topic: &Topic, kind: &str) -> BTreeSet<String> {
    sent_alerts(topic, kind).iter().map(|alert| alert.finding.to_string()).collect()
}

/// The value of a message attribute.
pub fn attribute<'a>(alert: &'a Alert, name: &str) -> &'a str {
    &alert.attributes.iter().find(|attribute| attribute.name == name).unwrap().value
}

/// A worker that is polled by hand.
pub type Worker<T> = Pin<Box<dyn Future<Output = T>>>;

/// Lets a worker take one step, up to the next call that it makes. Returns its result at the end.
/// Waits for other threads, which inflate and match: that is no step of it, so how many steps there
/// are does not depend on how busy the machine is.
pub fn step<T>(worker: &mut Worker<T>) -> Poll<T> {
    // Limited waits need the timers of a runtime. They never fire here.
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
    let _timers = RUNTIME.get_or_init(runtime).enter();
    let (sender, woken) = mpsc::channel();
    let polling = thread::current().id();
    let wake = Arc::new(StepWake { polling, by_worker: AtomicBool::new(false), sender });
    let waker = Waker::from(Arc::clone(&wake));
    loop {
        let polled = worker.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() || wake.by_worker.load(Ordering::Relaxed) {
            return polled;
        }
        woken.recv_timeout(MAX_WAIT).expect("it hangs");
    }
}

/// A worker that delivers records.
pub fn delivery(pipeline: &Arc<Pipeline>, records: &[Value]) -> Worker<()> {
    let pipeline = Arc::clone(pipeline);
    let records = records.to_vec();
    Box::pin(async move {
        deliver(&pipeline, &records).await;
    })
}

/// A worker that takes over what others left.
pub fn sweep(pipeline: &Arc<Pipeline>) -> Worker<()> {
    let pipeline = Arc::clone(pipeline);
    Box::pin(async move {
        pipeline::recover_open(&pipeline, clock()).await;
    })
}

/// Lets a worker take some steps. Returns true if it has come to its end.
pub fn run_steps(worker: &mut Worker<()>, steps: usize) -> bool {
    (0..steps).any(|_| step(worker).is_ready())
}

/// Runs a worker to its end.
pub fn run_to_end(mut worker: Worker<()>) {
    assert!(run_steps(&mut worker, ALL_STEPS), "it hangs");
}

/// Lets two workers take so many steps, in turns. Then the first is stopped, and the other runs to
/// its end. Returns true if the first had come to its end before.
pub fn stop_first(mut first: Worker<()>, mut other: Worker<()>, steps: usize) -> bool {
    let mut has_ended = false;
    let mut other_has_ended = false;
    for _ in 0..steps {
        has_ended = has_ended || step(&mut first).is_ready();
        other_has_ended = other_has_ended || step(&mut other).is_ready();
    }
    drop(first);
    if !other_has_ended {
        run_to_end(other);
    }
    has_ended
}

/// Distinguishes a worker that yields from one whose work on another thread is done.
struct StepWake {
    polling: ThreadId,
    by_worker: AtomicBool,
    sender: mpsc::Sender<()>,
}

impl Wake for StepWake {
    fn wake(self: Arc<Self>) {
        if thread::current().id() == self.polling {
            self.by_worker.store(true, Ordering::Relaxed);
        } else {
            // Nobody listens any more if it was stopped meanwhile.
            let _ = self.sender.send(());
        }
    }
}

/// A call that one rule matches.
pub fn create_group(event_id: &str, user: &str) -> Value {
    let parameters = json!({"groupName": format!("group-{event_id}")});
    let mut record = call("CreateGroup", "2026-03-01T10:00:00Z", user, parameters);
    record["eventID"] = event_id.into();
    record
}

/// A call to IAM. Its event id consists of its name and its time.
pub fn call(action: &str, time: &str, user: &str, parameters: Value) -> Value {
    let arn = format!("arn:aws:iam::111122223333:user/{user}");
    json!({
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventTime": time,
        "eventID": format!("{action}-{time}"),
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "sourceIPAddress": "203.0.113.7",
        "requestParameters": parameters,
        "userIdentity": {
            "type": "IAMUser", "userName": user, "accountId": "111122223333", "arn": arn,
        },
    })
}

/// A call on the first of March about a group and a user. Calls of two users at one time differ.
pub fn group_call(action: &str, time: &str, user: &str, group: &str) -> Value {
    let time = format!("2026-03-01T{time}Z");
    let parameters = json!({"groupName": group, "userName": "mallory"});
    let mut record = call(action, &time, user, parameters);
    record["eventID"] = format!("{action}-{user}-{time}").into();
    record
}

/// A notification of a CloudWatch Logs subscription with these records in it.
pub fn inline(records: &[Value]) -> Value {
    log_events::subscription(&records.iter().map(Value::to_string).collect::<Vec<_>>())
}
