//! Notifications that come often, at once, in any order, and with a bad one among them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use trailbell::pipeline::{self, ObjectOutcome};

use crate::faults::world::{LEASE_AND_MORE, Patience, World, log, run, sweep};

/// Each of these once.
fn once(ids: &[&str]) -> BTreeMap<String, usize> {
    ids.iter().map(|id| ((*id).to_owned(), 1)).collect()
}

async fn nothing_is_left(world: &World, pipeline: &Arc<pipeline::Pipeline>) {
    world.proxy.wait(LEASE_AND_MORE);
    sweep(pipeline).await;
    assert_eq!(world.ledger_keys("open/").await, [""; 0]);
}

#[tokio::test]
async fn fifty_copies_of_a_notification_at_once_give_one_alert_each_finding() {
    let world = World::new().await;
    let pipeline = world.pipeline(Patience::Long).await;
    let notification =
        world.notification(&[&world.deliver("one", log(&["first", "second"])).await]);
    let outcomes = join_all((0..50).map(|_| run(&pipeline, &notification))).await;
    for outcome in &outcomes {
        assert!(outcome.retry.is_empty(), "{:?}", outcome.problems);
    }
    println!(
        "| the same notification 50 times at once | 50 | 2 | {} |",
        world.alerted().values().sum::<usize>()
    );
    assert_eq!(world.alerted(), once(&["first", "second"]));
    nothing_is_left(&world, &pipeline).await;
    assert_eq!(world.alerted(), once(&["first", "second"]));
}

#[tokio::test]
async fn reordered_and_repeated_notifications_give_one_alert_each_finding() {
    let world = World::new().await;
    let pipeline = world.pipeline(Patience::Long).await;
    let mut keys = Vec::new();
    for id in ["1", "2", "3", "4"] {
        // Each object holds the call before its own, too, as where two trails overlap.
        keys.push(
            world.deliver(id, log(&[id, &(id.parse::<u32>().unwrap() - 1).to_string()])).await,
        );
    }
    let (one, two, three, four) = (&keys[0], &keys[1], &keys[2], &keys[3]);
    for batch in [&[four.as_str(), two, two][..], &[three, one, four]] {
        let outcome = run(&pipeline, &world.notification(batch)).await;
        assert!(outcome.retry.is_empty(), "{:?}", outcome.problems);
    }
    println!(
        "| out of order, twice over, the same calls in two objects | 2 | 5 | {} |",
        world.alerted().values().sum::<usize>()
    );
    nothing_is_left(&world, &pipeline).await;
    assert_eq!(world.alerted(), once(&["0", "1", "2", "3", "4"]));
}

#[tokio::test]
async fn only_the_message_of_a_poisoned_object_is_redelivered() {
    const POISON: usize = 4;
    let world = World::new().await;
    let pipeline = world.pipeline(Patience::Long).await;
    let (mut keys, mut ids) = (Vec::new(), Vec::new());
    for at in 0..10 {
        let id = format!("e{at}");
        let body = if at == POISON { b"\x1f\x8b no gzip".to_vec() } else { log(&[&id]) };
        keys.push(world.deliver(&id, body).await);
        ids.extend((at != POISON).then_some(id));
    }
    let notification = world.notification(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    for delivery in 1..=2 {
        let outcome = run(&pipeline, &notification).await;
        assert_eq!(
            outcome.retry,
            BTreeSet::from([Some(format!("m{POISON}"))]),
            "{:?}",
            outcome.problems
        );
        assert_eq!(outcome.report.objects_that(ObjectOutcome::Failed), 1, "delivery {delivery}");
        let reply = outcome.reply().unwrap();
        assert_eq!(
            reply["batchItemFailures"][0]["itemIdentifier"],
            format!("m{POISON}"),
            "{reply}"
        );
    }
    println!(
        "| a batch of ten, one object poisoned: it alone comes back | 2 | 9 | {} |",
        world.alerted().values().sum::<usize>()
    );
    assert_eq!(world.alerted(), once(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
}
