//! Each fault, then the same notification again, then sweeps: what subscribers got.

use futures::stream::{self, StreamExt};

use super::rows::{Row, rows};
use crate::faults::world::{LEASE_AND_MORE, Patience, World, log, run, sweep};

const FINDINGS: [&str; 2] = ["first", "second"];

/// Rows that are tried at once.
const TOGETHER: usize = 4;

/// More deliveries than any fault lasts.
const MOST: usize = 9;

/// What became of one fault.
struct Got {
    tries: usize,
    at_first: usize,
    in_all: usize,
}

#[tokio::test]
async fn every_fault_is_survived() {
    println!("| fault | tries | alerts expected | alerts got |\n|---|---|---|---|");
    let mut wrong = Vec::new();
    let mut all =
        stream::iter(rows()).map(|row| async move { (got(&row).await, row) }).buffered(TOGETHER);
    while let Some((got, row)) = all.next().await {
        println!("| {} | {} | {} | {} |", row.name, got.tries, row.in_all, got.in_all);
        let (expected, found) =
            ((row.tries, row.at_first, row.in_all), (got.tries, got.at_first, got.in_all));
        if expected != found {
            wrong.push(format!(
                "{}: (tries, at first, in all) {found:?} instead of {expected:?}",
                row.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn got(row: &Row) -> Got {
    let world = World::new().await;
    let mut pipeline = world.pipeline(row.patience).await;
    let notification = world.notification(&[&world.deliver("one", log(&FINDINGS)).await]);
    let (mut tries, mut at_first) = (0, 0);
    world.proxy.arm(row.faults.clone());
    for delivery in 1..=MOST {
        let outcome = run(&pipeline, &notification).await;
        at_first = if delivery == 1 { count(&world) } else { at_first };
        tries = delivery;
        if outcome.retry.is_empty() {
            break;
        }
        if delivery == row.lasts {
            world.proxy.arm(vec![]);
            // A client that gives moto little time on a busy machine sends twice.
            pipeline = world.pipeline(Patience::Long).await;
        }
    }
    afterwards(&world, row, &notification).await;
    Got { tries, at_first, in_all: count(&world) }
}

/// The same notification again, then sweeps when all leases are over: everything is seen through.
async fn afterwards(world: &World, row: &Row, notification: &serde_json::Value) {
    world.proxy.arm(vec![]);
    let pipeline = world.pipeline(Patience::Long).await;
    let again = run(&pipeline, notification).await;
    assert!(again.retry.is_empty(), "{}: {:?}", row.name, again.problems);
    world.proxy.wait(LEASE_AND_MORE);
    for _ in 0..2 {
        let swept = sweep(&pipeline).await;
        assert!(swept.retry.is_empty(), "{}: {:?}", row.name, swept.problems);
    }
    assert_eq!(world.ledger_keys("open/").await, [""; 0], "{}", row.name);
    let alerted = world.alerted();
    for id in FINDINGS {
        assert!(alerted.contains_key(id), "{}: no alert of {id}", row.name);
    }
}

fn count(world: &World) -> usize {
    world.alerted().values().sum()
}
