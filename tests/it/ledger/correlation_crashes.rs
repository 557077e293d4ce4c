//! Crashes at any step of correlating: every incident is alerted, and once more only if a worker
//! died between publishing and recording.

use std::sync::Arc;

use serde_json::Value;
use trailbell::pipeline::{self, Pipeline};

use crate::ledger::correlations::{ADMINISTRATORS, add, attach, create, pipeline, severities};
use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{LEASE, Worker, clock, deliver, sent_alerts, step};

/// Enough steps for any run.
const ALL_STEPS: usize = 100_000;

pub fn delivery(pipeline: &Arc<Pipeline>, records: &[Value]) -> Worker<()> {
    let pipeline = Arc::clone(pipeline);
    let records = records.to_vec();
    Box::pin(async move {
        deliver(&pipeline, &records).await;
    })
}

pub fn sweep(pipeline: &Arc<Pipeline>) -> Worker<()> {
    let pipeline = Arc::clone(pipeline);
    Box::pin(async move {
        pipeline::recover_open(&pipeline, clock()).await;
    })
}

/// Lets a worker take some steps. Returns true if it has come to its end.
pub fn run_steps(worker: &mut Worker<()>, steps: usize) -> bool {
    (0..steps).any(|_| step(worker).is_ready())
}

pub fn run_to_end(mut worker: Worker<()>) {
    assert!(run_steps(&mut worker, ALL_STEPS), "it hangs");
}

/// How many alerts of correlations were sent whose entries do not say so: each may be sent once
/// more.
fn unrecorded(memory: &Memory, topic: &Topic) -> usize {
    let mut alerts = sent_alerts(topic, "correlation");
    alerts.retain(|alert| {
        let entry = memory.text(&format!("entries/{}", alert.finding)).unwrap_or_default();
        !entry.contains("\"state\":\"alerted\"")
    });
    alerts.len()
}

/// One worker crashes at any step. Another has the rest of the incident, before or afterwards. Then
/// the delivery is repeated.
#[test]
fn a_crash_at_any_step_loses_no_incident() {
    let early = [create("10:00:00"), attach("10:01:00", ADMINISTRATORS)];
    let late = [add("10:02:00", "bob")];
    for (crashing, other) in [(&early[..], &late[..]), (&late, &early)] {
        for other_first in [true, false] {
            let mut steps = 1;
            while !check_crash(crashing, other, other_first, steps) {
                steps += 1;
            }
        }
    }
}

/// Returns true if the worker came to its end before it crashed.
fn check_crash(crashing: &[Value], other: &[Value], other_first: bool, steps: usize) -> bool {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    if other_first {
        run_to_end(delivery(&pipeline, other));
    }
    let mut worker = delivery(&pipeline, crashing);
    let is_over = run_steps(&mut worker, steps);
    drop(worker);
    let max = 1 + unrecorded(&memory, &topic);
    if !other_first {
        run_to_end(delivery(&pipeline, other));
    }
    memory.advance(LEASE);
    run_to_end(delivery(&pipeline, crashing));
    memory.advance(LEASE);
    run_to_end(sweep(&pipeline));
    let alerts = severities(&topic);
    let case = format!("crash after {steps} steps, the other first: {other_first}");
    assert!((1..=max).contains(&alerts.len()), "{case}: {alerts:?} of {max}");
    assert!(alerts.iter().all(|severity| severity == "critical"), "{case}: {alerts:?}");
    assert!(memory.keys("open/").is_empty(), "{case}");
    is_over
}

/// The delivery is not repeated.
#[test]
fn claimed_findings_are_correlated_by_the_sweep_alone() {
    let records = [create("10:00:00"), attach("10:01:00", ADMINISTRATORS), add("10:02:00", "bob")];
    for steps in 1.. {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        let mut worker = delivery(&pipeline, &records);
        let is_over = run_steps(&mut worker, steps);
        drop(worker);
        let max = 1 + unrecorded(&memory, &topic);
        let all_claimed = memory.keys("entries/").len() >= records.len();
        memory.advance(LEASE);
        run_to_end(sweep(&pipeline));
        let alerts = severities(&topic);
        let as_expected = !all_claimed || (1..=max).contains(&alerts.len());
        assert!(as_expected, "crash after {steps} steps: {alerts:?} of {max}");
        if is_over {
            break;
        }
    }
}

/// Each has a part of the incident. One stops at any step while the other runs, and then goes on.
#[test]
fn two_concurrent_workers_send_one_alert() {
    let one = [create("10:00:00"), add("10:02:00", "bob")];
    let other = [attach("10:01:00", ADMINISTRATORS)];
    for (stopped, running) in [(&one[..], &other[..]), (&other, &one)] {
        for steps in 1.. {
            let memory = Memory::new();
            let topic = Topic::default();
            let pipeline = pipeline(&memory, &topic);
            let mut worker = delivery(&pipeline, stopped);
            let is_over = run_steps(&mut worker, steps);
            run_to_end(delivery(&pipeline, running));
            if !is_over {
                run_to_end(worker);
            }
            assert_eq!(severities(&topic), ["critical"], "one stops after {steps} steps");
            assert!(memory.keys("open/").is_empty());
            if is_over {
                break;
            }
        }
    }
}
