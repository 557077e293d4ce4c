//! Digests in the function: verified, placed in their chains, and alerted if something is not what
//! CloudTrail wrote.

mod bad_input;
mod end_to_end;
mod function;
mod keys;
mod sweeps;

use std::sync::Arc;

use detect::cloudtrail::Trail;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::root;
use support::trail::{SignedTrail, TrailObject};
use trailbell::integrity::keys::{KeySource, PublicKeys};
use trailbell::integrity::{Verification, VerifyMode};
use trailbell::ledger::ChainHead;
use trailbell::pipeline::{self, Clock, InvocationReport, Pipeline};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{self, create_group, ledger, pipeline_with};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The first digest ends then.
const FIRST: &str = "2026-03-12T01:17:05Z";

fn end(hour: usize) -> Timestamp {
    FIRST.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour as i64)
}

/// Digests come some time after their hour.
fn clock(hour: usize) -> Clock {
    Clock { now: end(hour) + SignedDuration::from_mins(20), ..world::clock() }
}

/// Two log files an hour, each with a call that a rule matches in the third.
fn text(hour: usize, index: usize) -> String {
    let id = format!("call-{hour}-{index}");
    let record = match (hour, index) {
        (3, 0) => create_group(&id, "alice"),
        _ => json!({"eventID": id, "eventSource": "s3.amazonaws.com", "eventName": "PutObject"}),
    };
    json!({ "Records": [record] }).to_string()
}

fn trail(hours: usize) -> SignedTrail {
    let mut trail = SignedTrail::new("trail-logs");
    (0..hours).for_each(|hour| add_hour(&mut trail, hour));
    trail
}

fn add_hour(trail: &mut SignedTrail, hour: usize) {
    trail.add_hour(end(hour), &[text(hour, 0), text(hour, 1)]);
}

struct World {
    memory: Memory,
    topic: Topic,
    pipeline: Arc<Pipeline>,
    trail: SignedTrail,
}

fn known_keys() -> KeySource {
    let keys = PublicKeys::from_file(&root().join("events/keys/public-keys.json")).unwrap();
    KeySource::Known(keys)
}

impl World {
    fn new(trail: SignedTrail) -> World {
        World::with(trail, VerifyMode::Rules, known_keys())
    }

    fn with(trail: SignedTrail, mode: VerifyMode, keys: KeySource) -> World {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline_with(&memory, &topic, |pipeline| {
            pipeline.trails = vec![Trail::parse("s3://trail-logs").unwrap()];
            pipeline.verification = Verification { mode, keys };
        });
        let world = World { memory, topic, pipeline, trail };
        world.store(&world.trail);
        world
    }

    fn change(&mut self, change: impl FnOnce(&mut Pipeline)) {
        change(Arc::get_mut(&mut self.pipeline).unwrap());
    }

    fn store(&self, trail: &SignedTrail) {
        for (key, TrailObject { bytes, metadata }) in &trail.objects {
            self.memory.write_with(key, bytes.clone(), metadata);
        }
    }

    fn digest(&self, hour: usize) -> String {
        self.trail.digest_key(end(hour))
    }

    fn log(&self, hour: usize, index: usize) -> String {
        self.trail.logs()[hour * 2 + index].clone()
    }

    /// Announces a digest.
    async fn announce(&self, hour: usize) -> InvocationReport {
        self.run(&self.payload(hour), hour).await
    }

    fn payload(&self, hour: usize) -> Value {
        json!({"Records": [{
            "eventVersion": "2.1",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "trail-logs"}, "object": {"key": self.digest(hour)}},
        }]})
    }

    async fn sweep(&self, hour: usize) -> InvocationReport {
        // The store's clock is the one that counts.
        let seconds = end(hour).duration_since("2026-03-01T10:00:00Z".parse().unwrap()).as_secs();
        let now = world::ledger(&self.memory).date().await.unwrap();
        let passed = now.duration_since("2026-03-01T10:00:00Z".parse().unwrap()).as_secs();
        self.memory.advance(seconds - passed);
        self.run(&json!({"trailbell": "sweep"}), hour).await
    }

    async fn run(&self, payload: &Value, hour: usize) -> InvocationReport {
        self.run_at(payload, clock(hour)).await
    }

    async fn run_at(&self, payload: &Value, clock: Clock) -> InvocationReport {
        let report = pipeline::run(&self.pipeline, payload, clock).await;
        assert_eq!(report.mismatch, None);
        report
    }

    async fn announce_all(&self, hours: impl IntoIterator<Item = usize>) -> InvocationReport {
        let mut last = None;
        for hour in hours {
            last = Some(self.announce(hour).await);
        }
        last.unwrap()
    }

    async fn heads(&self) -> Vec<ChainHead> {
        let (heads, errors) = ledger(&self.memory).chain_heads().await.unwrap();
        assert!(errors.is_empty(), "{errors:?}");
        heads
    }

    async fn head(&self) -> ChainHead {
        let [head] = <[ChainHead; 1]>::try_from(self.heads().await).unwrap();
        head
    }

    /// What was alerted of log files and digests, sorted: the subject's middle and the object.
    fn alerted(&self) -> Vec<String> {
        let short = |alert: &alert::Alert| {
            let what = alert.subject.split_once("] CloudTrail ")?.1.split_once(" in ")?.0;
            let key = alert.document["trailbell"]["origin"]["key"].as_str().unwrap();
            let hour = (0..20).find(|hour| key == self.digest(*hour));
            let log = self.trail.logs().iter().position(|log| log == key);
            let object = match (hour, log) {
                (Some(hour), _) => format!("digest {hour}"),
                (_, Some(log)) => format!("log {}.{}", log / 2, log % 2),
                _ => key.to_owned(),
            };
            Some(format!("{what}: {object}"))
        };
        let mut alerted: Vec<String> = self.topic.accepted().iter().filter_map(short).collect();
        alerted.sort();
        alerted
    }

    /// The subjects of other alerts.
    fn others(&self) -> Vec<String> {
        let mut subjects: Vec<String> =
            self.topic.accepted().iter().map(|alert| alert.subject.clone()).collect();
        subjects.retain(|subject| !subject.contains("CloudTrail "));
        subjects
    }
}

/// What is done before digests are announced.
type Tamper = fn(&World);
