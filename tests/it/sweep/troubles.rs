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

/// Damages what sweeps remember of the trail.
fn damage_state(world: &World) {
    let note = world.memory.keys("sweep/cursor").pop().unwrap();
    world.memory.write(&note, "{");
}

#[tokio::test]
async fn a_damaged_state_starts_from_the_cursor_of_the_last_heartbeat() {
    let world = World::new();
    world.sweep().await;
    world.wait(5 * 60);
    // Notified by nobody, and older than the look-back when the next sweep runs.
    world.deliver("01T1010", "a");
    damage_state(&world);
    let outcome = world.sweep().await;
    assert_eq!((counts(&outcome).read, world.topic.sent_count()), (1, 1));
    let message = "sweeps start again from 2026-03-01T09:55:00Z";
    assert!(outcome.problems.iter().any(|problem| problem.what.contains(message)));
}

#[tokio::test]
async fn without_a_heartbeat_a_damaged_state_starts_a_day_back() {
    for heartbeat in ["{", r#"{"time":"2026-03-01T10:00:00Z","sweep":{}}"#] {
        let world = World::new();
        world.sweep().await;
        world.wait(24 * 60);
        world.deliver("01T1010", "a");
        damage_state(&world);
        world.memory.write("sweep/heartbeat", heartbeat);
        let outcome = world.sweep().await;
        assert_eq!((counts(&outcome).read, world.topic.sent_count()), (1, 1), "{heartbeat}");
        let named = |problem: &trailbell::pipeline::Problem| problem.place == "the heartbeat";
        assert_eq!(outcome.problems.iter().any(named), heartbeat == "{");
    }
}

#[tokio::test]
async fn a_state_that_is_gone_starts_from_the_cursor_of_the_last_heartbeat() {
    let world = World::new();
    world.sweep().await;
    world.wait(5 * 60);
    world.deliver("01T1010", "a");
    world.memory.remove("sweep/cursor");
    let outcome = world.sweep().await;
    assert_eq!((counts(&outcome).read, world.topic.sent_count()), (1, 1));
    let gone = |problem: &trailbell::pipeline::Problem| problem.what.contains("gone, so it was");
    assert!(outcome.problems.iter().any(gone), "{:?}", outcome.problems);
}

#[tokio::test]
async fn a_trail_that_could_not_be_listed_keeps_its_place_in_the_heartbeat() {
    let world = World::new();
    world.sweep().await;
    world.deliver("01T1000", "a");
    world.memory.fail(|verb, key| {
        if verb == "list" && key.contains("AWSLogs") { Fault::Refused } else { Fault::None }
    });
    world.wait(5 * 60);
    world.sweep().await;
    world.memory.fail(|_, _| Fault::None);
    damage_state(&world);
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (1, 1));
}

#[tokio::test]
async fn a_first_sweep_that_cannot_list_leaves_a_cursor_to_start_from() {
    let world = World::new();
    world.deliver("01T0950", "a");
    world.memory.fail(|verb, key| {
        if verb == "list" && key.contains("AWSLogs") { Fault::Refused } else { Fault::None }
    });
    for _ in 0..7 {
        world.sweep().await;
        world.wait(60);
    }
    world.memory.fail(|_, _| Fault::None);
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (1, 1));
}

#[tokio::test]
async fn strange_keys_among_the_open_markers_are_named_quoted_and_left() {
    let world = World::new();
    world.deliver("01T0950", "a");
    world.memory.write("open/\u{1b}[2J\nfindings: 0 (forged)", "");
    for number in 0..10 {
        world.memory.write(&format!("open/strange-{number}"), "");
    }
    for sent in [1, 1] {
        let outcome = world.sweep().await;
        assert!(outcome.reply().is_ok() && outcome.retry.is_empty(), "{:?}", outcome.problems);
        assert_eq!((counts(&outcome).unrecognized, world.topic.sent_count()), (11, sent));
        let problems: Vec<String> = outcome.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 6, "{problems:?}");
        assert!(problems[0].contains(r#""open/\u{1b}[2J\nfindings: 0 (forged)" is no marker"#));
        assert!(problems.iter().all(|problem| !problem.contains(['\u{1b}', '\n'])));
    }
    assert_eq!(world.memory.keys("open/").len(), 11);
}

#[tokio::test]
async fn an_object_whose_findings_the_ledger_cannot_record_was_read_and_is_not_abandoned() {
    let world = World::new();
    world.deliver("01T0950", "a");
    world.deliver_quiet("01T0951", "quiet");
    world.memory.fail(|verb, key| {
        if verb == "put" && key.starts_with("entries/") { Fault::Refused } else { Fault::None }
    });
    for _ in 0..8 {
        let outcome = world.sweep().await;
        let counts = counts(&outcome);
        assert_eq!((counts.failed, counts.undelivered, counts.abandoned), (0, 1, 0), "{counts}");
        let named = outcome.problems.iter().filter(|it| it.what.contains("cannot write s3://"));
        assert!(named.count() > 0, "{:?}", outcome.problems);
        world.wait(10);
    }
    world.memory.fail(|_, _| Fault::None);
    assert_eq!((counts(&world.sweep().await).read, world.topic.sent_count()), (1, 1));
}
