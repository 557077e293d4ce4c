//! What a sweep looks at, in which order, and what it leaves.

use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::time::Duration;

use alert::Accounts;
use detect::cloudtrail::Trail;
use jiff::SignedDuration;
use serde_json::json;
use tokio::time::Instant;
use trailbell::integrity::Verification;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self as way, MailLength, Pipeline};
use trailbell::sweep::{LogKey, ProvenCursors, SweepReport, TrailMemory};

use super::slow::Slow;
use crate::ledger::memory::Topic;
use crate::sweep::world::{
    TRAIL, World, clock, counts, detections, key, key_in, log, pipeline, sweep,
};

#[tokio::test]
async fn a_lost_notification_is_found_by_the_next_sweep_and_by_no_other() {
    let world = World::new();
    world.deliver("01T0950", "lost");
    for expected in [(1, 1, 0), (1, 0, 1)] {
        let counts = counts(&world.sweep().await);
        assert_eq!((world.topic.sent_count(), counts.read, counts.read_before), expected);
        world.wait(10);
    }
}

#[tokio::test]
async fn a_notified_object_is_alerted_once() {
    let world = World::new();
    let key = world.deliver("01T0950", "alerted");
    world.notify(&key).await;
    let outcome = world.sweep().await;
    assert_eq!((world.topic.sent_count(), counts(&outcome).read), (1, 1));
    assert!(outcome.reply().is_ok() && outcome.retry.is_empty());
    world.notify(&key).await;
    assert_eq!(world.topic.sent_count(), 1, "sent again by a notification after the sweep");
}

#[tokio::test]
async fn a_sweep_does_not_hide_that_notifications_are_missing() {
    let world = World::new();
    let log = world.deliver_quiet("01T0950", "quiet");
    let sibling = |kind: &str| log.replace("CloudTrail", kind);
    for (key, announced) in
        [(log.clone(), 1), (sibling("CloudTrail-Digest"), 1), (sibling("CloudTrail-Insight"), 0)]
    {
        assert_eq!(world.notify(&key).await.report.announced, announced, "{key}");
    }
    let swept = world.sweep().await;
    assert_eq!((counts(&swept).read, swept.report.objects, swept.report.announced), (1, 1, 0));
}

#[tokio::test]
async fn latency_is_measured_for_notifications_and_sweeps() {
    let world = World::new();
    let notified = world.deliver("01T0940", "notified");
    let outcomes = [world.notify(&notified).await, world.notify(&notified).await];
    world.deliver("01T0950", "swept");
    let told_late = world.sweep().await;
    // The call was made at 10:00, the clock shows 11:00 and goes on.
    for (what, outcome, alerted) in [
        ("alerted", &outcomes[0], true),
        ("alerted before", &outcomes[1], false),
        ("by a sweep", &told_late, true),
    ] {
        let latency = outcome.report.slowest_alert;
        assert_eq!(
            latency.is_some_and(|seconds| (3600..3900).contains(&seconds)),
            alerted,
            "{what}: {latency:?}"
        );
    }
}

#[tokio::test]
async fn an_object_is_left_to_its_notification_for_five_minutes() {
    let world = World::new();
    world.deliver("01T0956", "young");
    assert_eq!(
        counts(&world.sweep().await),
        SweepReport { trails: 1, listed: 1, young: 1, ..Default::default() }
    );
    world.wait(10);
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (1, 1));
}

#[tokio::test]
async fn an_outage_of_a_day_is_recovered() {
    let world = World::new();
    world.sweep().await;
    for (stamp, name) in
        [("01T0958", "a"), ("01T1300", "b"), ("01T2359", "c"), ("02T0000", "d"), ("02T0930", "e")]
    {
        world.deliver(stamp, name);
    }
    world.wait(24 * 60);
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (5, 5));
    // Not for ever: the next looks back an hour again.
    world.wait(10);
    assert_eq!(counts(&world.sweep().await).listed, 1);
}

#[tokio::test]
async fn an_object_that_appears_late_under_an_old_name_is_found() {
    let world = World::new();
    for _ in 0..3 {
        world.sweep().await;
        world.wait(10);
    }
    world.deliver("01T0935", "late");
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (1, 1));
}

#[tokio::test]
async fn midnight_makes_no_difference() {
    let world = World::new();
    world.wait(14 * 60 + 20);
    for (stamp, name) in
        [("01T2330", "before"), ("01T2359", "last"), ("02T0000", "first"), ("02T0010", "after")]
    {
        world.deliver(stamp, name);
    }
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (4, 4));
}

#[tokio::test]
async fn only_regions_and_objects_that_can_matter_are_read() {
    let world = World::new();
    world.memory.write(&key_in("eu-central-1", "01T0950", "x"), &log("x"));
    world.memory.write(&key("01T0950", "x").replace("CloudTrail", "CloudTrail-Digest"), "{}");
    world
        .memory
        .write("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/renamed.json.gz", "{}");
    world.memory.take_calls();
    assert_eq!(counts(&world.sweep().await).listed, 0);
    let calls = world.memory.take_calls();
    assert!(
        !calls.iter().any(|call| call.contains("eu-central-1/") || call.starts_with("open")),
        "{calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_read_first_and_the_backlog_next_time() {
    let world = World::new();
    world.sweep().await;
    let keys: Vec<String> = (30..42)
        .map(|minute| world.deliver_quiet(&format!("01T12{minute}"), &format!("m{minute}")))
        .collect();
    // An outage of a day comes before, and another one after.
    world.wait(24 * 60);
    world.memory.take_calls();
    let last_start = Instant::now() + Duration::from_millis(300);
    let slow = Slow {
        memory: world.memory.clone(),
        quick: Arc::new(AtomicI32::new(5)),
        until: last_start,
    };
    let first = counts(&sweep(&pipeline(&slow, &world.topic, "state"), Some(last_start)).await);
    assert!(first.backlog >= 3 && first.read + first.backlog == 12, "{first}");
    let opened = |calls: &[String]| {
        calls
            .iter()
            .filter_map(|call| Some(call.strip_prefix("open ")?.to_owned()))
            .collect::<Vec<_>>()
    };
    let read = opened(&world.memory.take_calls());
    assert_eq!(read, keys[..read.len()], "the oldest first");
    world.wait(24 * 60);
    let second = counts(&world.sweep().await);
    assert_eq!((second.read, second.read_before, second.backlog), (first.backlog, first.read, 0));
}

#[tokio::test]
async fn two_sweeps_remember_what_either_read() {
    let (world, trail) = (World::new(), Trail::parse(TRAIL).unwrap());
    let ledger = StoredLedger::new(Box::new(world.memory.clone()), "state", "");
    let time = |text: &str| format!("2026-03-01T{text}Z").parse().unwrap();
    let none = ProvenCursors::default();
    let load =
        async || TrailMemory::load(&ledger, &trail, time("10:00:00"), &none).await.unwrap().0;
    let (mut one, mut other) = (load().await, load().await);
    let read = ["01T0950", "01T0951"].map(|stamp| LogKey::parse(key(stamp, "x")).unwrap());
    one.state.note_read(&read[0]);
    other.state.note_read(&read[1]);
    let look_back = SignedDuration::from_hours(1);
    one.finish(time("09:40:00"), look_back).await.unwrap();
    other.finish(time("09:55:00"), look_back).await.unwrap();
    let state = load().await.state;
    assert!(read.iter().all(|key| state.is_read(key)));
    assert_eq!(state.cursor(), time("09:40:00"), "one of them left something at 09:40");
}

#[tokio::test]
async fn two_sweeps_at_once_do_no_harm() {
    let world = World::new();
    for minute in 30..50 {
        world.deliver(&format!("01T09{minute}"), &format!("m{minute}"));
    }
    let (one, other) = tokio::join!(world.sweep(), world.sweep());
    assert_eq!(world.topic.sent_count(), 20);
    assert!(
        one.retry.is_empty() && other.retry.is_empty(),
        "{:?} {:?}",
        one.problems,
        other.problems
    );
    world.wait(10);
    let next = counts(&world.sweep().await);
    assert_eq!((next.read, next.read_before), (0, 20), "what either read is remembered");
}

#[tokio::test]
async fn several_schedule_messages_cause_one_sweep() {
    let world = World::new();
    world.deliver("01T0950", "lost");
    let message =
        |id: &str, body: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": body});
    let scheduled = r#"{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#;
    let payload =
        json!({"Records": [message("a", scheduled), message("b", r#"{"trailbell":"sweep"}"#)]});
    let outcome = way::run(&world.pipeline, &payload, clock(None)).await;
    assert_eq!((counts(&outcome).read, outcome.report.messages), (1, 2));
    assert_eq!(outcome.reply().unwrap(), json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn without_a_ledger_a_sweep_is_refused() {
    let world = World::new();
    world.deliver("01T0950", "lost");
    let (store, topic) = (world.memory.clone(), Topic::default());
    let trails = world.pipeline.trails.clone();
    let pipeline = Pipeline {
        store: Box::new(store),
        sink: Box::new(topic.clone()),
        ledger: Ledger::None,
        trails,
        inline_sources: vec![],
        detections: detections(),
        accounts: Accounts::default(),
        mail: MailLength::Short,
        max_object_bytes: 1 << 30,
        verification: Verification::off(),
        pages: None,
    };
    let outcome = sweep(&pipeline.into(), None).await;
    let error = outcome.reply().unwrap_err().to_string();
    assert!(error.contains("TRAILBELL_LEDGER=none"), "{error}");
    assert_eq!(topic.sent_count(), 0);
}

#[tokio::test]
async fn without_trails_a_sweep_warns() {
    let world = World::new();
    let pipeline = Pipeline { trails: vec![], ..Arc::into_inner(world.pipeline).unwrap() };
    let outcome = sweep(&pipeline.into(), None).await;
    assert!(
        outcome.warnings.iter().any(|warning| warning.contains("TRAILBELL_TRAILS")),
        "{:?}",
        outcome.warnings
    );
    assert!(outcome.reply().is_ok());
    assert!(world.memory.text("sweep/heartbeat").is_some());
}
