//! A forged record with the `eventID` of a real call, which would otherwise silence it.

use detect::finding::Outcome;
use detect::rule::{Detections, LoadedExceptions, LoadedRules, RuleSet};
use serde_json::Value;
use trailbell::pipeline::recover_open;

use crate::ledger::claims::{claim_ours, is_open};
use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{clock, create_group, deliver, pipeline, pipeline_with};

/// A record of another principal and group, with the `eventID` of a real one.
fn forged(real: &Value) -> Value {
    let mut record = create_group("forged", "nobody");
    record["eventID"] = real["eventID"].clone();
    record
}

/// The groups of the alerts that were sent, each with a mark if it is in conflict.
fn alerted(topic: &Topic) -> Vec<String> {
    let alerts = topic.accepted();
    let describe = |alert: &alert::Alert| {
        let group = alert.document["group"]["name"].as_str().unwrap();
        let is_conflict = alert.document["trailbell"]["conflict"]["finding"].is_string();
        assert_eq!(alert.subject.starts_with("[CONFLICT] "), is_conflict);
        assert_eq!(alert.text.starts_with("  CONFLICT: "), is_conflict);
        if is_conflict { format!("{group} in conflict") } else { group.to_owned() }
    };
    alerts.iter().map(describe).collect()
}

#[tokio::test]
async fn a_forged_record_does_not_silence_the_real_one() {
    let real = create_group("e1", "mallory");
    let forged = forged(&real);
    // Together and one after the other, in both orders, and all of it again.
    for deliveries in
        [vec![vec![forged.clone(), real.clone()]], vec![vec![forged.clone()], vec![real.clone()]]]
    {
        let memory = Memory::new();
        let topic = Topic::default();
        let mut conflicts = 0;
        for _ in 0..2 {
            for records in &deliveries {
                let outcome = deliver(&pipeline(&memory, &topic), records).await;
                assert!(outcome.reply().is_ok(), "{:?}", outcome.problems);
                conflicts += outcome.report.conflicts;
            }
        }
        let expected = ["group-forged", "group-e1 in conflict"];
        assert_eq!((alerted(&topic), conflicts), (expected.map(str::to_owned).to_vec(), 1));
        // A marker of a worker that met an unfinished entry is left to the sweep.
        recover_open(&pipeline(&memory, &topic), clock()).await;
        assert!(!is_open(&memory));
        // Read in the other order.
        let reversed = [real.clone(), forged.clone()];
        let outcome = deliver(&pipeline(&memory, &topic), &reversed).await;
        assert_eq!(outcome.report.findings_that(Outcome::Duplicate), 2, "{:?}", outcome.report);
    }
}

#[tokio::test]
async fn a_claim_of_another_call_does_not_silence_the_real_one() {
    let memory = Memory::new();
    let topic = Topic::default();
    // A worker has the real call, and a forged record arrives; and the other way round.
    claim_ours(&memory).await;
    let forged = forged(&create_group("e1", "alice"));
    let outcome = deliver(&pipeline(&memory, &topic), &[forged]).await;
    assert_eq!(outcome.report.findings_that(Outcome::Alerted), 1);
    assert_eq!(alerted(&topic), ["group-forged in conflict"]);
    assert!(is_open(&memory), "the other worker's marker is still needed");
}

#[tokio::test]
async fn a_conflict_with_a_suppressed_finding_is_alerted() {
    let memory = Memory::new();
    let topic = Topic::default();
    let text = "[[exception]]\nname = \"x\"\nrules = [\"*\"]\nquery = 'user.name: *'\n\
        reason = \"r\"\nowner = \"o@example.com\"\nexpires = \"never\"\n";
    let exceptions = LoadedExceptions::from_texts([("exceptions.toml", text)].into_iter());
    let pipeline = pipeline_with(&memory, &topic, |pipeline| {
        let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
        pipeline.detections = Detections::with_loaded(rules, exceptions).into();
    });
    let real = create_group("e1", "mallory");
    let outcome = deliver(&pipeline, &[forged(&real), real]).await;
    assert_eq!(outcome.report.findings_that(Outcome::Suppressed), 1, "{outcome:?}");
    assert_eq!(alerted(&topic), ["group-e1 in conflict"]);
}
