//! The open markers: each claim has its own, and none is deleted that an entry still needs.

use std::sync::Arc;

use trailbell::pipeline;

use crate::ledger::claims::{claim_ours, finding, is_open};
use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{
    LEASE, Worker, clock, create_group, deliver, pipeline as pipeline_of, step,
};

/// Longer than a marker without an entry is left alone, in seconds.
const OLD: i64 = 3601;

fn marker(id: &str, digit: &str) -> String {
    format!("open/{id}-{}", digit.repeat(32))
}

#[tokio::test]
async fn markers_without_work_are_deleted() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of(&memory, &topic);
    deliver(&pipeline, &[create_group("e1", "alice")]).await;
    memory.write(&marker(finding().id.as_str(), "1"), "");
    let unclaimed = marker(&"0".repeat(64), "2");
    memory.write(&unclaimed, "");
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!(recovered.left, 1);
    assert_eq!(memory.keys("open/"), [unclaimed], "it may still be claimed");
    memory.advance(OLD);
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!(recovered.left, 0);
    assert!(!is_open(&memory));
    assert_eq!(topic.accepted().len(), 1);
}

/// A worker died after it put its marker. A sweep finds the marker, old and without an entry, while
/// another worker claims the same finding and dies. Whatever the sweep does between the steps of
/// that, the finding is sent.
#[test]
fn a_sweep_deletes_no_marker_of_a_claim_that_is_made_meanwhile() {
    for steps in 1.. {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline_of(&memory, &topic);
        let mut dies = claim_worker(&memory);
        while memory.keys("open/").is_empty() {
            assert!(step(&mut dies).is_pending());
        }
        drop(dies);
        assert_eq!((memory.keys("open/").len(), memory.keys("entries/").len()), (1, 0));
        memory.advance(OLD);
        let sweep = || {
            let pipeline = Arc::clone(&pipeline);
            Box::pin(async move { pipeline::recover_open(&pipeline, clock()).await }) as Worker<_>
        };
        let mut first_sweep = sweep();
        let is_over = (0..steps).any(|_| step(&mut first_sweep).is_ready());
        run(&mut claim_worker(&memory));
        if !is_over {
            run(&mut first_sweep);
        }
        assert!(is_open(&memory), "after {steps} steps of the sweep");
        memory.advance(LEASE);
        run(&mut sweep());
        assert_eq!(topic.accepted().len(), 1, "after {steps} steps of the sweep");
        if is_over {
            return;
        }
    }
}

fn claim_worker(memory: &Memory) -> Worker<()> {
    let memory = memory.clone();
    Box::pin(async move {
        claim_ours(&memory).await;
    })
}

fn run<T>(worker: &mut Worker<T>) {
    while step(worker).is_pending() {}
}
