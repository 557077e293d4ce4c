//! What counts against an alert: that the sink refuses it, again and again, or that its workers
//! keep dying.

use std::sync::Arc;

use detect::finding::Outcome;
use serde_json::Value;
use trailbell::pipeline::{self, Pipeline};

use crate::ledger::claims::{claim_ours, entry, is_open};
use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{LEASE, clock, create_group, deliver, ledger, pipeline};

/// How the text of a minimal alert begins.
const MINIMAL: &str = "  The full alert for this finding could not be sent.";

fn world() -> (Memory, Topic, Arc<Pipeline>) {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    (memory, topic, pipeline)
}

/// Workers that claim the finding and die.
async fn die(memory: &Memory, workers: usize) {
    for _ in 0..workers {
        claim_ours(memory).await;
        memory.advance(LEASE);
    }
}

#[tokio::test]
async fn the_fifth_alert_is_minimal_and_if_refused_is_retried_after_an_hour() {
    let (memory, topic, pipeline) = world();
    for attempt in 1..=5 {
        topic.fail(&[Fault::Refused]);
        let report = deliver(&pipeline, &[create_group("e1", "alice")]).await;
        assert_eq!(report.report.findings_that(Outcome::Failed), 1, "attempt {attempt}");
        assert!(report.reply().is_err());
        let state = if attempt < 5 { "released" } else { "failed" };
        assert_eq!(entry(&memory)["state"], state, "attempt {attempt}");
        assert!(is_open(&memory), "attempt {attempt}");
    }
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!((recovered.left, topic.accepted().len()), (1, 0), "left alone for an hour");
    memory.advance(3600);
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!(recovered.report.findings_that(Outcome::Alerted), 1, "{recovered:?}");
    let text = &topic.accepted()[0].text;
    assert!(text.starts_with(MINIMAL), "{text}");
    for part in ["e1", "111122223333", "Group Creation"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!is_open(&memory));
}

#[tokio::test]
async fn deaths_and_deadlines_do_not_make_an_alert_minimal() {
    let (memory, topic, pipeline) = world();
    die(&memory, 5).await;
    for _ in 0..5 {
        let out_of_time = claim_ours(&memory).await;
        ledger(&memory).release(&out_of_time).await.unwrap();
    }
    let counts = |memory: &Memory| {
        ["claims", "refusals", "deaths"].map(|count| entry(memory)[count].as_u64().unwrap())
    };
    for _ in 0..5 {
        topic.fail(&[Fault::Conflict]);
        deliver(&pipeline, &[create_group("e1", "alice")]).await;
    }
    assert_eq!(counts(&memory), [15, 0, 5]);
    let report = deliver(&pipeline, &[create_group("e1", "alice")]).await;
    assert_eq!(report.report.findings_that(Outcome::Alerted), 1, "{report:?}");
    let text = &topic.accepted()[0].text;
    assert!(!text.starts_with(MINIMAL), "{text}");
}

#[tokio::test]
async fn an_alert_whose_workers_keep_dying_is_minimal_and_asked_of_the_sink_before_it_fails() {
    let (memory, topic, pipeline) = world();
    die(&memory, 10).await;
    topic.fail(&[Fault::Refused]);
    let report = deliver(&pipeline, &[create_group("e1", "alice")]).await;
    assert_eq!(report.report.findings_that(Outcome::Failed), 1, "{report:?}");
    assert_eq!((&entry(&memory)["state"], topic.asked()), (&Value::from("failed"), 1));
    memory.advance(3600);
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!(recovered.report.findings_that(Outcome::Alerted), 1, "{recovered:?}");
    assert!(topic.accepted()[0].text.starts_with(MINIMAL));
    assert!(!is_open(&memory));
}

#[tokio::test]
async fn a_sweep_dies_of_a_finding_once_an_hour_at_most() {
    let (memory, topic, pipeline) = world();
    die(&memory, 11).await;
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!((recovered.left, topic.asked()), (1, 0));
    memory.advance(3600 - LEASE);
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!(recovered.report.findings_that(Outcome::Alerted), 1, "{recovered:?}");
}
