//! Who receives the alerts, counted once an hour.

use detect::subscriptions::Subscriptions;
use detect::text::wrap::COLUMNS;
use serde_json::json;
use trailbell::pipeline::{self, InvocationReport};
use trailbell::sweep::SubscriptionReport;
use trailbell::telemetry::metrics;
use trailbell::telemetry::monitoring::Monitoring;

use crate::ledger::memory::Topic;
use crate::sweep::world::{World, clock, pipeline};

fn world() -> World {
    let world = World { topic: Topic::with_subscriptions(), ..World::new() };
    let pipeline = pipeline(&world.memory, &world.topic, "state");
    World { pipeline, ..world }
}

fn counts(confirmed: u64, pending: u64, deleted: u64) -> Option<Subscriptions> {
    Some(Subscriptions { confirmed, pending, deleted })
}

fn counted(outcome: &InvocationReport) -> Option<[u64; 4]> {
    let SubscriptionReport { confirmed, pending, deleted, lost } = outcome.report.subscriptions?;
    Some([confirmed, pending, deleted, lost])
}

#[tokio::test]
async fn subscriptions_are_counted_once_an_hour_and_compared() {
    let world = world();
    for (minutes, subscriptions, expected) in [
        (0, counts(2, 1, 0), Some([2, 1, 0, 0])),
        (10, counts(1, 1, 1), None),
        (40, counts(1, 1, 1), None),
        (10, counts(1, 1, 1), Some([1, 1, 1, 1])),
        (60, counts(1, 1, 1), Some([1, 1, 1, 0])),
        (60, counts(1, 1, 2), Some([1, 1, 2, 1])),
        (60, counts(3, 0, 0), Some([3, 0, 0, 0])),
    ] {
        world.wait(minutes);
        world.topic.subscribe(subscriptions);
        let outcome = world.sweep().await;
        assert_eq!(counted(&outcome), expected, "{subscriptions:?}");
        assert!(outcome.retry.is_empty(), "{:?}", outcome.problems);
        let line = &metrics::lines(&outcome, "bell", Monitoring::Full, clock(None).now)[0];
        let lost = expected.map(|[.., lost]| json!(lost));
        assert_eq!(line.get("SubscriptionsLost"), lost.as_ref(), "{subscriptions:?}");
    }
}

#[tokio::test]
async fn that_nobody_receives_alerts_is_a_warning() {
    let world = world();
    world.topic.subscribe(counts(0, 1, 0));
    let outcome = world.sweep().await;
    let warning = "nobody receives the alerts: no subscription of the topic is confirmed, and 1 is \
                   not and receives nothing";
    assert!(outcome.warnings.iter().any(|it| it == warning), "{:?}", outcome.warnings);
}

#[tokio::test]
async fn subscriptions_that_cannot_be_counted_fail_the_sweep_until_they_can() {
    let world = world();
    world.deliver("01T0950", "a");
    for _ in 0..2 {
        let outcome = world.sweep().await;
        assert_eq!(counted(&outcome), None);
        let error = outcome.reply().unwrap_err().to_string();
        assert!(error.contains("the topic's subscriptions: AccessDenied"), "{error}");
        world.wait(10);
    }
    assert_eq!(world.topic.sent_count(), 1, "everything else was done");
    world.topic.subscribe(counts(1, 0, 0));
    assert_eq!(counted(&world.sweep().await), Some([1, 0, 0, 0]));
}

#[tokio::test]
async fn a_damaged_count_is_counted_again() {
    let world = world();
    world.topic.subscribe(counts(2, 0, 0));
    world.sweep().await;
    world.memory.write("sweep/subscriptions", "{");
    world.topic.subscribe(counts(1, 0, 0));
    let outcome = world.sweep().await;
    assert_eq!(counted(&outcome), Some([1, 0, 0, 0]));
    assert!(outcome.problems[0].to_string().contains("damaged"), "{:?}", outcome.problems);
}

#[tokio::test]
async fn a_canary_says_who_receives_it() {
    let world = world();
    for (request, subscriptions, expected) in [
        ("one", counts(2, 1, 0), "2 subscriptions of the topic are confirmed, and 1 is not and"),
        ("two", None, "Who receives it is not known: AccessDenied."),
    ] {
        world.topic.subscribe(subscriptions);
        let payload = json!({"trailbell": "canary"});
        let outcome = pipeline::run_request(&world.pipeline, &payload, request, clock(None)).await;
        assert_eq!((outcome.report.canaries, outcome.report.canaries_failed), (1, 0));
        let mail = world.topic.accepted().pop().unwrap().text;
        let paragraphs: Vec<&str> = mail.split("\n\n").collect();
        assert!(paragraphs[0].contains("THIS IS A TEST"), "{mail}");
        let words: Vec<&str> = paragraphs[1].split_whitespace().collect();
        assert!(words.join(" ").contains(expected), "{mail}");
        assert!(paragraphs[1].lines().all(|line| line.len() <= COLUMNS), "{mail}");
    }
}
