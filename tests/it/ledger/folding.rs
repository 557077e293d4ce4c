//! One story is one alert: what the alert of an incident names has no alert of its own.

use std::sync::Arc;

use alert::Alert;
use detect::finding::Outcome;
use serde_json::{Value, json};
use trailbell::pipeline::Pipeline;

use crate::ledger::correlation_crashes::check_reported;
use crate::ledger::correlations::{add, pipeline, staged_administrators};
use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{attribute, call, deliver};

/// Delivers records. Returns how many findings were alerted, and how many were folded.
async fn counts(pipeline: &Arc<Pipeline>, records: &[Value]) -> (u64, u64) {
    let report = deliver(pipeline, records).await.report;
    (report.findings_that(Outcome::Alerted), report.findings_that(Outcome::Folded))
}

fn kinds(topic: &Topic) -> Vec<String> {
    topic.accepted().iter().map(|alert| attribute(alert, "kind").to_owned()).collect()
}

/// The entries of findings.
fn entries(memory: &Memory) -> Vec<Value> {
    let texts = memory.keys("entries/").into_iter().map(|key| memory.text(&key).unwrap());
    let entries = texts.map(|text| serde_json::from_str::<Value>(&text).unwrap());
    entries.filter(|entry| entry["content"]["finding"].is_object()).collect()
}

#[tokio::test]
async fn a_story_of_one_object_is_one_alert() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    assert_eq!(counts(&pipeline, &staged_administrators()).await, (0, 3));
    assert_eq!(kinds(&topic), ["correlation"]);
    let alert: &Alert = &topic.accepted()[0];
    for entry in entries(&memory) {
        assert_eq!(entry["state"], "folded", "{entry}");
        assert_eq!(entry["incident_alert"], alert.finding.as_str(), "{entry}");
        let id = &entry["content"]["finding"]["id"];
        let named = alert.document["trailbell"]["member_ids"].as_array().unwrap();
        assert!(named.contains(id), "{named:?}");
    }
    assert!(memory.keys("open/").is_empty());
    let again = deliver(&pipeline, &staged_administrators()).await.report;
    assert_eq!(again.findings_that(Outcome::Duplicate), 3);
    assert_eq!(topic.accepted().len(), 1);
}

#[tokio::test]
async fn a_burst_is_one_alert_that_names_and_reverts_all_of_it() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let burst: Vec<Value> =
        (0..25).map(|n| add(&format!("10:01:{n:02}"), &format!("user-{n:02}"))).collect();
    assert_eq!(counts(&pipeline, &burst).await, (0, 25));
    assert!(memory.keys("grouped/").is_empty());
    let alerts = topic.accepted();
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].subject.ends_with("] 25 users added to ops by alice in 111122223333"));
    let undo = alerts[0].text.lines().find(|line| line.contains("remove-user-from-group"));
    let undo = undo.unwrap();
    assert!((0..25).all(|n| undo.contains(&format!(" user-{n:02}"))), "{undo}");
}

#[tokio::test]
async fn what_was_alerted_before_stays_alerted() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let [create, attach, add] = staged_administrators();
    assert_eq!(counts(&pipeline, &[create, attach]).await, (2, 0));
    assert_eq!(counts(&pipeline, &[add]).await, (0, 1));
    assert_eq!(kinds(&topic), ["alert", "alert", "correlation"]);
}

#[tokio::test]
async fn nothing_is_folded_into_an_alert_that_was_not_sent() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    topic.fail(&[Fault::Refused]);
    assert_eq!(counts(&pipeline, &staged_administrators()).await, (3, 0));
    assert_eq!(kinds(&topic), ["alert"; 3]);
}

/// Its entry cannot be read when the alert is rendered, so the alert does not name it.
#[tokio::test]
async fn what_the_alert_cannot_name_is_alerted_by_itself() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let [create, attach, add] = staged_administrators();
    deliver(&pipeline, &[create]).await;
    let key = memory.keys("entries/").remove(0);
    memory.write(&key, "damaged");
    assert_eq!(counts(&pipeline, &[attach, add]).await, (0, 2));
    assert_eq!(kinds(&topic), ["alert", "correlation"]);
}

/// A document that is too large is cut: 18 members with names of 20,000 characters do not fit into
/// 256 KiB.
#[tokio::test]
async fn what_the_alert_has_no_room_for_is_not_folded() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let long_name = |n: usize| format!("user-{n}-{}", "x".repeat(20_000));
    let users: Vec<Value> = (0..18).map(|n| add(&format!("10:00:{n:02}"), &long_name(n))).collect();
    assert_eq!(counts(&pipeline, &users[..9]).await, (9, 0));
    let report = deliver(&pipeline, &users[9..]).await.report;
    let folded = report.findings_that(Outcome::Folded);
    let others = [Outcome::Alerted, Outcome::Grouped].map(|it| report.findings_that(it));
    assert!(folded < 9, "{folded}");
    assert_eq!(folded + others[0] + others[1], 9);
    for entry in entries(&memory).iter().filter(|entry| entry["state"] == "folded") {
        let id = entry["content"]["finding"]["id"].as_str().unwrap();
        assert_eq!(check_reported(&memory, &topic, id), Ok(()));
    }
}

/// A suppressed finding is no member, and a conflict is always alerted by itself.
#[tokio::test]
async fn a_record_in_conflict_is_never_folded() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let mut forged = call(
        "AddUserToGroup",
        "2026-03-01T10:02:00Z",
        "mallory",
        json!({"groupName": "ops", "userName": "eve"}),
    );
    forged["eventID"] = add("10:02:00", "bob")["eventID"].clone();
    deliver(&pipeline, &staged_administrators()).await;
    assert_eq!(counts(&pipeline, &[forged]).await, (1, 0));
    assert_eq!(kinds(&topic), ["correlation", "alert"]);
    assert!(topic.accepted()[1].subject.starts_with("[CONFLICT] "));
}
