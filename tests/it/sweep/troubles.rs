//! What goes wrong in a sweep, and who sees to it then.

use detect::finding::Outcome;
use trailbell::pipeline::{InvocationReport, Remedy};

use crate::ledger::memory::Fault;
use crate::sweep::world::{World, counts, key};

fn remedies(outcome: &InvocationReport, key: &str) -> Vec<Remedy> {
    outcome
        .problems
        .iter()
        .filter(|problem| problem.place.contains(key))
        .map(|problem| problem.remedy)
        .collect()
}

#[tokio::test]
async fn a_poisonous_object_is_abandoned_after_an_hour_and_delays_no_other() {
    let world = World::new();
    world.memory.write(&key("01T0951", "poison"), r#"{"Records": ["#);
    for sweep in 1..=7 {
        world.deliver(&format!("01T10{:02}", sweep * 8 - 4), &format!("good{sweep}"));
        world.wait(10);
        let outcome = world.sweep().await;
        let counts = counts(&outcome);
        let expected = match sweep {
            ..6 => (1, 0, vec![Remedy::NextSweep]),
            6 => (0, 1, vec![Remedy::NextSweep, Remedy::Abandon]),
            _ => (0, 0, vec![]),
        };
        assert_eq!(
            (counts.failed, counts.abandoned),
            (expected.0, expected.1),
            "sweep {sweep}: {counts}"
        );
        assert_eq!(remedies(&outcome, "0951Z_poison"), expected.2, "sweep {sweep}");
        assert_eq!(world.topic.sent_count(), sweep, "sweep {sweep}");
        assert!(outcome.retry.is_empty(), "a sweep that works is a success");
    }
}

#[tokio::test]
async fn while_nothing_can_be_read_nothing_is_abandoned() {
    let world = World::new();
    for name in ["a", "b"] {
        world.deliver("01T0950", name);
    }
    world.memory.fail(|verb, _| if verb == "open" { Fault::Refused } else { Fault::None });
    for _ in 0..20 {
        assert_eq!(counts(&world.sweep().await).failed, 2);
        world.wait(60);
    }
    world.memory.fail(|_, _| Fault::None);
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (2, 2));
}

#[tokio::test]
async fn an_alert_that_failed_is_sent_by_a_later_sweep() {
    let world = World::new();
    let key = world.deliver("01T0950", "a");
    world.topic.fail(&[Fault::Refused]);
    let outcome = world.notify(&key).await;
    assert_eq!(outcome.report.findings_that(Outcome::Failed), 1);
    let outcome = world.sweep().await;
    assert_eq!((counts(&outcome).recovered, world.topic.sent_count()), (1, 1));
    assert!(world.memory.keys("open/").is_empty());
}

#[tokio::test]
async fn a_listing_that_fails_fails_the_sweep_and_loses_nothing() {
    let world = World::new();
    world.sweep().await;
    world.deliver("01T1000", "a");
    world.memory.fail(|verb, key| {
        if verb == "list" && key.contains("AWSLogs") { Fault::Refused } else { Fault::None }
    });
    for _ in 0..5 {
        world.wait(60);
        let outcome = world.sweep().await;
        assert_eq!(counts(&outcome).trails_failed, 1);
        assert!(outcome.reply().unwrap_err().to_string().contains("cannot list s3://logs/"));
        assert!(world.memory.text("sweep/heartbeat").unwrap().contains("\"trails_failed\":1"));
    }
    world.memory.fail(|_, _| Fault::None);
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (1, 1));
}

#[tokio::test]
async fn state_that_cannot_be_saved_fails_the_sweep_and_objects_are_read_again() {
    for fault in [Fault::Refused, Fault::Conflict] {
        let world = World::new();
        world.deliver("01T0950", "a");
        world.memory.fail(move |verb, key| {
            if verb == "put" && key.contains("sweep/cursor") { fault } else { Fault::None }
        });
        let outcome = world.sweep().await;
        assert!(outcome.reply().is_err(), "{fault:?}");
        world.memory.fail(|_, _| Fault::None);
        assert_eq!(
            (counts(&world.sweep().await).read, world.topic.sent_count()),
            (1, 1),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_answer_changes_nothing() {
    let world = World::new();
    world.deliver("01T0950", "a");
    let mut lost = 0;
    world.memory.fail(move |verb, key| {
        lost += u32::from(verb == "put" && key.contains("sweep/cursor"));
        if lost % 2 == 1 && verb == "put" && key.contains("sweep/cursor") {
            Fault::Lost
        } else {
            Fault::None
        }
    });
    assert!(world.sweep().await.retry.is_empty());
    world.wait(10);
    assert_eq!(counts(&world.sweep().await).read_before, 1);
}

#[tokio::test]
async fn a_damaged_state_is_replaced_and_reported() {
    let world = World::new();
    world.deliver("01T0950", "a");
    world.sweep().await;
    let note = world.memory.keys("sweep/cursor").pop().unwrap();
    world.memory.write(&note, "{");
    let outcome = world.sweep().await;
    assert_eq!((counts(&outcome).read, world.topic.sent_count()), (1, 1));
    assert!(
        outcome.problems.iter().any(|problem| problem.what.contains("damaged, so it was replaced")),
        "{:?}",
        outcome.problems
    );
    assert_eq!(counts(&world.sweep().await).read_before, 1);
}
