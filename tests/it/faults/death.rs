//! The function is killed at every request of a delivery, before and after its effect.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use futures::stream::{self, StreamExt};
use serde_json::Value;
use support::function::Function;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::faults::world::{LEASE_AND_MORE, Patience, World, log, run, sweep};
use support::proxy::{Act, Fault};

const FINDINGS: [&str; 2] = ["first", "second"];

/// Programs that are killed side by side.
const TOGETHER: usize = 4;

/// One death, and how often each finding was alerted.
struct Death {
    at: String,
    expected: BTreeMap<String, usize>,
    alerted: BTreeMap<String, usize>,
}

#[tokio::test]
async fn killed_at_any_request_every_finding_is_alerted_and_twice_only_before_completion() {
    let moments = requests_of_a_delivery().await;
    let moments = moments.into_iter().enumerate();
    let all = moments.flat_map(|(at, name)| {
        [Act::Silence, Act::WithholdAnswer].map(|act| (at, name.clone(), act))
    });
    let deaths: Vec<Death> = stream::iter(all)
        .map(|(at, name, act)| death(at, name, act))
        .buffered(TOGETHER)
        .collect()
        .await;
    for Death { at, expected, alerted } in &deaths {
        assert_eq!(alerted, expected, "killed at {at}");
    }
    let alerted: usize = deaths.iter().flat_map(|death| death.alerted.values()).sum();
    let expected: usize = deaths.iter().flat_map(|death| death.expected.values()).sum();
    let twice = deaths.iter().filter(|death| death.alerted.values().any(|times| *times > 1));
    println!(
        "| the function killed at each of {} moments | 2 | {expected} | {alerted} |",
        deaths.len()
    );
    for death in twice {
        println!("alerted twice when killed at {}: {:?}", death.at, death.alerted);
    }
}

/// What a delivery that nothing befalls asks, in order.
async fn requests_of_a_delivery() -> Vec<String> {
    let world = World::new().await;
    let notification = notification(&world).await;
    let (_, delivery) = deliver(&world, &notification);
    delivery.await.unwrap().unwrap();
    assert_eq!(world.alerted().into_values().collect::<Vec<_>>(), [1, 1]);
    world
        .proxy
        .asked()
        .iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

async fn death(at: usize, name: String, act: Act) -> Death {
    let world = World::new().await;
    let notification = notification(&world).await;
    world.proxy.arm(vec![Fault { which: |_| true, after: at, times: 1, act }]);
    let (pid, mut delivery) = deliver(&world, &notification);
    tokio::select! {
        () = world.proxy.befallen() => kill(pid),
        answer = &mut delivery => panic!("{name}: ended before it was killed: {answer:?}"),
    }
    assert!(delivery.await.is_err(), "{name}: a function that was killed does not answer");
    world.proxy.quiet().await;
    let mut expected = world.alerted();
    let states = world.states().await;
    for id in FINDINGS {
        let done = states.get(id).is_some_and(|state| state == "alerted");
        *expected.entry(id.to_owned()).or_default() += usize::from(!done);
    }
    redeliver_and_sweep(&world, &notification).await;
    let when = if act == Act::Silence { "before" } else { "after" };
    Death {
        at: format!("request {at}, {when} its effect: {name}"),
        expected,
        alerted: world.alerted(),
    }
}

/// The notification comes again; the dead one's leases run out; sweeps.
async fn redeliver_and_sweep(world: &World, notification: &Value) {
    let pipeline = world.pipeline(Patience::Long).await;
    let again = run(&pipeline, notification).await;
    assert!(again.retry.is_empty(), "{:?}", again.problems);
    world.proxy.wait(LEASE_AND_MORE);
    sweep(&pipeline).await;
    let swept = sweep(&pipeline).await;
    assert!(swept.retry.is_empty(), "{:?}", swept.problems);
    assert_eq!(world.ledger_keys("open/").await, [""; 0]);
}

async fn notification(world: &World) -> Value {
    world.notification(&[&world.deliver("one", log(&FINDINGS)).await])
}

/// Starts the function in a process of its own and hands it the notification: the process, and its
/// answer to come.
fn deliver(world: &World, notification: &Value) -> (u32, JoinHandle<Result<Value, Value>>) {
    let mut variables = world.settings();
    variables.push(("AWS_ENDPOINT_URL", world.proxy.url.clone()));
    let program = env!("CARGO_BIN_EXE_trailbell-lambda");
    let mut function = Function::start(program, &variables, Stdio::null());
    let (pid, notification) = (function.pid(), notification.clone());
    (pid, spawn_blocking(move || function.invoke(&notification)))
}

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(status.success());
}
