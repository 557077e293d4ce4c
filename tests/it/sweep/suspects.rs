//! Objects that readers died of.

use serde_json::json;
use trailbell::ledger::StoredLedger;
use trailbell::notification::ObjectRef;
use trailbell::pipeline::{self, ObjectOutcome, Remedy};

use crate::sweep::world::{World, clock, counts};

fn object(key: &str) -> ObjectRef {
    ObjectRef { bucket: "logs".to_owned(), key: key.to_owned(), version_id: None }
}

/// Readers begin and do not end.
async fn die(world: &World, key: &str, times: u32) {
    let ledger = StoredLedger::new(Box::new(world.memory.clone()), "state", "");
    for _ in 0..times {
        ledger.begin_reading(&object(key)).await.unwrap();
    }
}

/// A message of a queue that was received so often.
async fn receive(world: &World, key: &str, times: u32) -> pipeline::InvocationReport {
    let body = json!({"s3Bucket": "logs", "s3ObjectKey": [key]}).to_string();
    let attributes = json!({"ApproximateReceiveCount": times.to_string()});
    let payload = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": body,
        "attributes": attributes}]});
    pipeline::run(&world.pipeline, &payload, clock(None)).await
}

#[tokio::test]
async fn after_two_deaths_a_message_leaves_its_object_to_the_sweep() {
    let world = World::new();
    world.sweep().await;
    let key = world.deliver("01T1001", "deadly");
    die(&world, &key, 2).await;
    let outcome = receive(&world, &key, 3).await;
    assert_eq!(outcome.report.objects_that(ObjectOutcome::LeftToSweep), 1);
    assert!(outcome.retry.is_empty() && world.topic.sent_count() == 0, "{outcome:?}");
    assert!(outcome.notes[0].ends_with("2 readers died of it: left to the sweep"));
    world.wait(10);
    let swept = counts(&world.sweep().await);
    assert_eq!((swept.listed, swept.read, swept.backlog, world.topic.sent_count()), (1, 1, 0, 1));
    assert_eq!(world.memory.keys("reading/"), [""; 0], "the reader ended");
    assert_eq!(counts(&world.sweep().await).read_before, 1);
}

#[tokio::test]
async fn an_object_is_noted_only_while_a_repeated_message_is_processed() {
    let world = World::new();
    let key = world.deliver("01T1001", "heavy");
    for (receives, notes) in [(1, 0), (2, 0), (3, 1)] {
        world.memory.take_calls();
        receive(&world, &key, receives).await;
        let calls = world.memory.take_calls();
        let written = calls.iter().filter(|call| call.starts_with("put reading/")).count();
        assert_eq!(written, notes, "{receives} receives: {calls:?}");
        assert_eq!(world.memory.keys("reading/"), [""; 0]);
    }
    assert_eq!(world.topic.sent_count(), 1);
}

#[tokio::test]
async fn a_sweep_abandons_an_object_by_name_after_five_deaths() {
    let world = World::new();
    world.sweep().await;
    let deadly = world.deliver("01T1001", "deadly");
    world.deliver("01T1002", "other");
    die(&world, &deadly, 5).await;
    world.wait(10);
    let outcome = world.sweep().await;
    let swept = counts(&outcome);
    assert_eq!((swept.listed, swept.read, swept.abandoned), (2, 1, 1));
    let problem = &outcome.problems[0];
    assert_eq!((&problem.place, problem.remedy), (&object(&deadly).to_string(), Remedy::Abandon));
    assert_eq!(problem.what, "5 readers died of it; no sweep reads it again");
    assert_eq!(world.topic.sent_count(), 1, "the other object's");
    let next = counts(&world.sweep().await);
    assert_eq!((next.read_before, next.read, next.abandoned), (2, 0, 0));
}

#[tokio::test]
async fn what_readers_died_of_is_read_after_everything_else() {
    let world = World::new();
    world.sweep().await;
    let deadly = world.deliver("01T1001", "deadly");
    world.deliver("01T1002", "other");
    die(&world, &deadly, 1).await;
    world.wait(10);
    world.memory.take_calls();
    world.sweep().await;
    let calls = world.memory.take_calls();
    let order = ["other", "sweep/heartbeat", "deadly"];
    let position = |part: &str| {
        let is_it = |call: &String| {
            (call.starts_with("open ") || call.starts_with("put sweep")) && call.contains(part)
        };
        calls.iter().position(is_it).unwrap_or_else(|| panic!("{part}: {calls:#?}"))
    };
    assert!(order.map(position).is_sorted(), "{calls:#?}");
}
