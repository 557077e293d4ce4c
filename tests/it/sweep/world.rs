//! A trail in a store, and sweeps over it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use alert::Accounts;
use detect::cloudtrail::Trail;
use detect::rule::{Detections, LoadedRules, RuleSet};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use trailbell::integrity::Verification;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self, Clock, InvocationReport, MailLength, Pipeline};
use trailbell::store::ObjectStore;
use trailbell::sweep::SweepReport;

use crate::ledger::memory::{Memory, Topic};

pub const TRAIL: &str = "s3://logs";

/// A store whose clock shows 2026-03-01 10:00, while the local one is an hour ahead.
pub struct World {
    pub memory: Memory,
    pub topic: Topic,
    pub pipeline: Arc<Pipeline>,
}

impl World {
    pub fn new() -> World {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic, "state");
        World { memory, topic, pipeline }
    }

    /// Sweeps, without a limit in time.
    pub async fn sweep(&self) -> InvocationReport {
        sweep(&self.pipeline, None).await
    }

    /// Delivers a log object in which a group is created.
    pub fn deliver(&self, stamp: &str, name: &str) -> String {
        let key = key(stamp, name);
        self.memory.write(&key, &log(name));
        key
    }

    /// Delivers a log object in which nothing happened.
    pub fn deliver_quiet(&self, stamp: &str, name: &str) -> String {
        let key = key(stamp, name);
        self.memory.write(&key, r#"{"Records":[]}"#);
        key
    }

    /// S3 announces an object.
    pub async fn notify(&self, key: &str) -> InvocationReport {
        let payload = json!({"s3Bucket": "logs", "s3ObjectKey": [key]});
        pipeline::run(&self.pipeline, &payload, clock(None)).await
    }

    /// The store's clock moves by minutes.
    pub fn wait(&self, minutes: i64) {
        self.memory.advance(minutes * 60);
    }
}

/// All of it in one store.
pub fn pipeline<S: ObjectStore + Clone + 'static>(
    store: &S,
    topic: &Topic,
    state: &str,
) -> Arc<Pipeline> {
    Arc::new(Pipeline {
        store: Box::new(store.clone()),
        sink: Box::new(topic.clone()),
        ledger: Ledger::Stored(StoredLedger::new(Box::new(store.clone()), state, "")),
        trails: vec![Trail::parse(TRAIL).unwrap()],
        inline_sources: vec![],
        detections: detections(),
        accounts: Accounts::default(),
        mail: MailLength::Short,
        max_object_bytes: 1 << 30,
        verification: Verification::off(),
        pages: None,
    })
}

pub fn detections() -> Arc<Detections> {
    static DETECTIONS: OnceLock<Arc<Detections>> = OnceLock::new();
    let load = || Arc::new(RuleSet::new(LoadedRules::embedded().rules).unwrap().into());
    Arc::clone(DETECTIONS.get_or_init(load))
}

/// Sweeps, and looks whether the counts add up.
pub async fn sweep(pipeline: &Arc<Pipeline>, last_start: Option<Instant>) -> InvocationReport {
    let outcome = pipeline::run(pipeline, &json!({"trailbell": "sweep"}), clock(last_start)).await;
    assert!(outcome.mismatch.is_none(), "{:?}", outcome.mismatch);
    outcome
}

pub fn counts(outcome: &InvocationReport) -> SweepReport {
    outcome.report.sweep.expect("a sweep")
}

pub fn clock(last_start: Option<Instant>) -> Clock {
    let now: Timestamp = "2026-03-01T11:00:00Z".parse().unwrap();
    Clock { now, last_start, lease: Duration::from_secs(180) }
}

/// The key of an object of us-east-1, delivered in a minute of March 2026 such as `01T1005`.
pub fn key(stamp: &str, name: &str) -> String {
    key_in("us-east-1", stamp, name)
}

pub fn key_in(region: &str, stamp: &str, name: &str) -> String {
    let day = &stamp[..2];
    let file = format!("111122223333_CloudTrail_{region}_202603{stamp}Z_{name}.json.gz");
    format!("AWSLogs/111122223333/CloudTrail/{region}/2026/03/{day}/{file}")
}

/// A log object with one call that one rule matches.
pub fn log(event_id: &str) -> String {
    let record: Value = json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateGroup",
        "eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "eventID": event_id,
        "recipientAccountId": "111122223333", "requestParameters": {"groupName": format!("group-{event_id}")},
        "userIdentity": {"type": "IAMUser", "userName": event_id,
            "arn": format!("arn:aws:iam::111122223333:user/{event_id}")}});
    json!({ "Records": [record] }).to_string()
}
