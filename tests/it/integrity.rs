//! Digests in the function: verified, placed in their chains, and alerted if something is not what
//! CloudTrail wrote.

use std::sync::Arc;

use detect::cloudtrail::Trail;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::root;
use support::trail::{SignedTrail, TrailObject, gzip};
use trailbell::integrity::keys::{KeySource, PublicKeys};
use trailbell::integrity::statement::{DayCounts, Statement};
use trailbell::integrity::{Verification, VerifyMode};
use trailbell::ledger::ChainHead;
use trailbell::pipeline::{self, Clock, InvocationReport, ObjectOutcome, Pipeline};

use crate::ledger::memory::{Fault, Memory, Topic};
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
        let report = pipeline::run(&self.pipeline, payload, clock(hour)).await;
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

#[tokio::test]
async fn a_day_of_digests_is_verified_and_what_they_list_is_matched() {
    let world = World::new(trail(24));
    for hour in 0..24 {
        let report = world.announce(hour).await.report;
        assert_eq!((report.digests_verified, report.log_files_verified), (1, 2), "{hour}");
        assert_eq!(report.objects_that(ObjectOutcome::Scanned), 1);
    }
    let head = world.head().await;
    assert_eq!((head.key, head.digests, head.log_files, head.gaps), (world.digest(23), 24, 48, 0));
    assert_eq!(world.alerted(), [""; 0]);
    // No notification of a log file was delivered: the digest is the only one that led to it.
    assert_eq!(world.others().len(), 1);
    // Again, nothing changes.
    world.announce_all(0..24).await;
    assert_eq!(world.head().await.digests, 24);
    assert_eq!(world.topic.accepted().len(), 1);
}

#[tokio::test]
async fn order_and_repetition_are_harmless() {
    let world = World::new(trail(8));
    world.announce_all([0, 5, 3, 5, 4, 1, 2, 7, 6, 7]).await;
    let head = world.head().await;
    assert_eq!((head.key, head.digests, head.log_files), (world.digest(7), 8, 16));
    assert_eq!(world.alerted(), [""; 0]);
    assert_eq!(world.others().len(), 1);
}

type Tamper = fn(&World);

#[tokio::test]
async fn every_tampering_is_alerted_once() {
    let rows: &[(&str, Tamper, &[&str])] = &[
        (
            "a log file is changed",
            |world| {
                let changed = gzip(text(9, 9).as_bytes());
                world.memory.write_with(&world.log(4, 1), changed, &Default::default());
            },
            &["log file changed: log 4.1"],
        ),
        (
            "a log file is deleted",
            |world| world.memory.remove(&world.log(4, 1)),
            &["log file missing: log 4.1"],
        ),
        (
            "data follows a log file",
            |world| {
                let key = world.log(4, 1);
                let bytes = [&world.trail.objects[&key].bytes[..], b"more"].concat();
                world.memory.write_with(&key, bytes, &Default::default());
            },
            &["log file damaged: log 4.1"],
        ),
        (
            "a log file is not gzip",
            |world| {
                let key = world.log(4, 1);
                world.memory.write_with(&key, text(4, 1).into_bytes(), &Default::default());
            },
            &["log file damaged: log 4.1"],
        ),
        (
            "a digest is forged",
            |world| {
                let key = world.digest(4);
                let metadata = &world.trail.objects[&key].metadata;
                world.memory.write_with(&key, gzip(b"{}"), metadata);
            },
            &["digest forged: digest 4"],
        ),
        (
            "a digest has the signature of another",
            |world| {
                let [key, other] = [4, 3].map(|hour| world.digest(hour));
                let bytes = world.trail.objects[&key].bytes.clone();
                world.memory.write_with(&key, bytes, &world.trail.objects[&other].metadata);
            },
            &["digest forged: digest 4"],
        ),
        (
            "one digest is missing",
            |world| world.memory.remove(&world.digest(4)),
            &["digest missing: digest 4"],
        ),
        (
            "three digests in a row are missing",
            |world| (2..5).for_each(|hour| world.memory.remove(&world.digest(hour))),
            &["digest missing: digest 2", "digest missing: digest 3", "digest missing: digest 4"],
        ),
    ];
    for (name, tamper, expected) in rows {
        let world = World::new(trail(7));
        tamper(&world);
        for _ in 0..2 {
            let report = world.announce_all(0..7).await;
            assert!(report.reply().is_ok(), "{name}: {:?}", report.problems);
        }
        assert_eq!(world.alerted(), *expected, "{name}");
        assert_eq!(world.head().await.key, world.digest(6), "{name}");
        let failures = expected.len();
        let rule = &world.topic.accepted()[0].document["rule"]["name"];
        assert!(failures == 0 || rule.as_str().is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_new_chain_is_alerted_with_the_time_that_is_not_proven() {
    let mut trail = trail(3);
    trail.restart();
    (5..7).for_each(|hour| add_hour(&mut trail, hour));
    let world = World::new(trail);
    world.announce_all([0, 1, 2, 5, 6, 5]).await;
    assert_eq!(world.alerted(), ["digests restarted: digest 2"]);
    let alerts = world.topic.accepted();
    let alert = alerts.iter().find(|alert| alert.subject.contains("restarted")).unwrap();
    let text = alert.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("2026-03-12 03:17:05 to 2026-03-12 05:17:05 UTC"), "{}", alert.text);
    assert_eq!(world.head().await.gaps, 1);
}

#[tokio::test]
async fn without_keys_nothing_is_verified_and_later_everything_is() {
    let unknown = KeySource::CloudTrail(Box::new(trailbell::integrity::keys::CloudTrailKeys::new(
        aws_sdk_cloudtrail::config::Builder::from(&support::aws::config("http://127.0.0.1:1")),
    )));
    let world = World::with(trail(4), VerifyMode::Rules, unknown);
    let report = world.announce_all(0..4).await;
    assert_eq!((report.report.digests_verified, report.report.digests_unverified), (0, 1));
    assert!(report.reply().is_ok(), "the next sweep retries, and no dead letter is made");
    assert!(world.heads().await.is_empty() && world.topic.accepted().is_empty());
    let problem = report.problems[0].to_string();
    assert!(problem.contains("not verified: the signature cannot be verified"), "{problem}");
}

#[tokio::test]
async fn other_regions_are_verified_without_their_log_files() {
    let other = || {
        let mut trail = SignedTrail::new("trail-logs");
        trail.region = "eu-west-1".to_owned();
        (0..2).for_each(|hour| add_hour(&mut trail, hour));
        trail
    };
    for (mode, digests, logs) in
        [(VerifyMode::Off, 0, 0), (VerifyMode::Rules, 1, 0), (VerifyMode::All, 1, 2)]
    {
        let world = World::with(other(), mode, known_keys());
        let report = world.announce_all(0..2).await.report;
        assert_eq!((report.digests_verified, report.log_files_verified), (digests, logs));
    }
}

#[tokio::test]
async fn a_sweep_verifies_digests_that_nobody_announced() {
    let world = World::new(trail(8));
    world.announce(0).await;
    world.memory.remove(&world.digest(3));
    let report = world.sweep(7).await;
    assert!(report.reply().is_ok(), "{:?}", report.problems);
    assert_eq!(world.head().await.key, world.digest(7));
    assert_eq!(world.alerted(), ["digest missing: digest 3"]);
    // The next sweeps within the hour do not list.
    world.memory.take_calls();
    world.sweep(7).await;
    let calls = world.memory.take_calls();
    assert!(!calls.iter().any(|call| call.contains("CloudTrail-Digest")), "{calls:?}");
}

/// Three hours; a sweep has read the log files of the last, and its digest comes after that.
async fn swept_before_its_digest() -> World {
    let world = World::new(trail(3));
    world.memory.remove(&world.digest(2));
    world.sweep(2).await;
    assert_eq!(world.head().await.key, world.digest(1));
    // Time passes.
    world.memory.advance(60);
    let key = world.digest(2);
    let TrailObject { bytes, metadata } = &world.trail.objects[&key];
    world.memory.write_with(&key, bytes.clone(), metadata);
    world
}

fn count(calls: &[String], wanted: &str) -> usize {
    calls.iter().filter(|call| *call == wanted).count()
}

#[tokio::test]
async fn a_log_file_that_a_sweep_has_read_is_compared_and_not_read_again() {
    let world = swept_before_its_digest().await;
    let swept = world.memory.take_calls();
    let report = world.announce(2).await;
    assert_eq!((report.report.digests_verified, report.report.log_files_verified), (1, 2));
    assert_eq!(world.head().await.log_files, 4);
    let verified = world.memory.take_calls();
    for index in 0..2 {
        let open = format!("open {}", world.log(2, index));
        assert_eq!((count(&swept, &open), count(&verified, &open)), (1, 0), "{open}");
    }
    assert_eq!(world.alerted(), [""; 0]);
}

#[tokio::test]
async fn what_happens_to_a_log_file_after_a_sweep_has_read_it_is_alerted() {
    let rows: &[(Tamper, &str)] = &[
        (|world| world.memory.remove(&world.log(2, 1)), "log file missing: log 2.1"),
        (
            |world| {
                let changed = gzip(text(9, 9).as_bytes());
                world.memory.write_with(&world.log(2, 1), changed, &Default::default());
            },
            "log file changed: log 2.1",
        ),
    ];
    for (tamper, expected) in rows {
        let world = swept_before_its_digest().await;
        tamper(&world);
        world.announce(2).await;
        assert_eq!(world.alerted(), [*expected]);
    }
}

#[tokio::test]
async fn hashes_that_are_damaged_or_old_only_cost_reading() {
    let old = r#"{"number":1,"read_after":"2026-03-12T03:00:00Z","hashes":{}}"#;
    for content in ["no JSON", old] {
        let world = swept_before_its_digest().await;
        let slots = world.memory.keys("hashes/");
        assert_eq!(slots.len(), 1);
        slots.iter().for_each(|key| world.memory.write(key, content));
        world.memory.take_calls();
        assert_eq!(world.announce(2).await.report.log_files_verified, 2);
        let calls = world.memory.take_calls();
        assert_eq!(count(&calls, &format!("open {}", world.log(2, 0))), 1, "{content}");
    }
}

#[tokio::test]
async fn a_day_that_is_over_is_stated_once() {
    let world = World::new(trail(30));
    world.memory.remove(&world.digest(4));
    world.memory.remove(&world.log(5, 1));
    world.announce_all(0..30).await;
    // 06:17 and 07:17 of the next day.
    world.sweep(29).await;
    assert_eq!(world.memory.keys("statements/"), ["statements/2026-03-12.json"]);
    let text = world.memory.text("statements/2026-03-12.json").unwrap();
    let statement = Statement::from_json(text.as_bytes()).unwrap();
    assert_eq!(statement.to_canonical_json().unwrap(), text);
    let [chain] = &statement.chains[..] else { panic!("{text}") };
    // 01:17 to 23:17, without the fifth.
    assert_eq!(chain.days["2026-03-12"], DayCounts { digests: 22, log_files: 43 });
    assert_eq!(chain.head.as_ref().unwrap().key, world.digest(22));
    assert_eq!((chain.from, chain.until), (Some(end(0) - HOUR), Some(end(22))));
    let gaps: Vec<_> = chain.gaps.iter().map(|gap| (gap.from, gap.until)).collect();
    assert_eq!(gaps, [(end(3), end(4))]);
    let not_valid: Vec<_> =
        chain.not_valid.iter().map(|it| (it.kind.as_str(), it.status.as_str(), &it.key)).collect();
    let expected = [("digest", "missing", &world.digest(4)), ("log", "missing", &world.log(5, 1))];
    assert_eq!(not_valid, expected);
    world.memory.take_calls();
    world.sweep(30).await;
    let calls = world.memory.take_calls();
    assert!(!calls.iter().any(|call| call.contains("statements/")), "{calls:?}");
}

#[tokio::test]
async fn two_workers_with_the_same_digest_count_it_once() {
    let world = World::new(trail(3));
    world.announce(0).await;
    join_all([1, 2, 2, 1].map(|hour| world.announce(hour))).await;
    world.announce(2).await;
    let head = world.head().await;
    assert_eq!((head.key, head.digests, head.log_files), (world.digest(2), 3, 6));
}

#[tokio::test]
async fn digests_that_stop_are_reported_once() {
    let world = World::new(trail(3));
    world.announce_all(0..3).await;
    for (hour, expected) in [(4, 0), (5, 0), (6, 1), (7, 1), (9, 1)] {
        let report = world.sweep(hour).await;
        assert_eq!(world.alerted().len(), expected, "{hour}: {:?}", report.problems);
        assert_eq!(report.report.integrity_lag, Some((hour as u64 - 2) * 3600), "{hour}");
    }
    assert_eq!(world.alerted(), ["digests stopped: digest 2"]);
}

#[tokio::test]
async fn dying_at_any_step_loses_nothing_and_moves_the_head_no_further() {
    for kind in [Fault::Refused, Fault::Lost] {
        for at in 0..200 {
            let world = World::new(trail(5));
            world.memory.remove(&world.digest(2));
            world.memory.remove(&world.log(3, 1));
            world.announce_all(0..2).await;
            let mut calls = 0;
            world.memory.fail(move |_, _| {
                calls += 1;
                match calls {
                    calls if calls == at + 1 => kind,
                    calls if calls > at + 1 => Fault::Refused,
                    _ => Fault::None,
                }
            });
            let died = world.announce(4).await;
            let head = world.memory.keys("chains/").len();
            assert_eq!(head, 1, "{at}");
            world.memory.fail(|_, _| Fault::None);
            // Its lease is over.
            world.memory.advance(world::LEASE + 1);
            world.announce(4).await;
            world.sweep(4).await;
            assert_eq!(world.head().await.key, world.digest(4), "{kind:?} at {at}");
            let mut alerted = world.alerted();
            let all = alerted.len();
            alerted.dedup();
            let expected = ["digest missing: digest 2", "log file missing: log 3.1"];
            assert_eq!(alerted, expected, "{kind:?} at {at}");
            assert!(all <= 4, "{kind:?} at {at}: {all} alerts");
            if died.problems.is_empty() {
                break;
            }
        }
    }
}
