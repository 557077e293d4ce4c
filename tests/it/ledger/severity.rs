//! The severity of an alert follows from what the ledger knows.

use std::sync::Arc;

use alert::Alert;
use detect::finding::PrivilegedGroups;
use detect::rule::{DetectionSettings, Detections, LoadedRules};
use serde_json::{Value, json};
use trailbell::pipeline::send_due_summaries;

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{
    WINDOW, attribute, call, clock, deliver, pipeline, pipeline_with, sent_alerts,
};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn attach(time: &str) -> Value {
    let parameters = json!({"groupName": "Ops", "policyArn": ADMIN});
    call("AttachGroupPolicy", &format!("2026-03-01T{time}Z"), "mallory", parameters)
}

fn add(time: &str, user: &str) -> Value {
    let parameters = json!({"groupName": "Ops", "userName": user});
    call("AddUserToGroup", &format!("2026-03-01T{time}Z"), "mallory", parameters)
}

/// The severity of an alert in all its forms, which agree.
fn severity(alert: &Alert) -> &str {
    let severity = attribute(alert, "severity");
    assert!(alert.subject.starts_with(&format!("[{severity}] ")), "{}", alert.subject);
    assert_eq!(alert.document["trailbell"]["severity"]["severity"], severity);
    let number = match severity {
        "low" => 21,
        "medium" => 47,
        "high" => 73,
        _ => 99,
    };
    assert_eq!(alert.document["event"]["severity"], number);
    assert_eq!(alert.document["event"]["risk_score"], number);
    severity
}

#[tokio::test]
async fn a_member_of_a_group_that_became_an_administrator_is_critical() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[attach("10:00:00")]).await;
    deliver(&pipeline, &[add("10:01:00", "bob")]).await;
    let alerts = sent_alerts(&topic, "alert");
    assert_eq!(alerts.iter().map(severity).collect::<Vec<_>>(), ["medium", "critical"]);
    assert_eq!(attribute(&alerts[1], "rule_severity"), "low");
    let why = "not the rule's own low, since the group can do everything";
    let text = alerts[1].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(why), "{text}");
}

#[tokio::test]
async fn a_summary_is_as_severe_as_its_most_severe_finding() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[attach("10:00:00")]).await;
    let burst: Vec<Value> =
        (0..25).map(|n| add(&format!("10:01:{n:02}"), &format!("user-{n}"))).collect();
    deliver(&pipeline, &burst).await;
    memory.advance(WINDOW);
    send_due_summaries(&pipeline, clock()).await;
    let summaries = sent_alerts(&topic, "summary");
    assert_eq!(summaries.iter().map(severity).collect::<Vec<_>>(), ["critical"]);
    assert_eq!(attribute(&summaries[0], "rule_severity"), "low");
}

#[tokio::test]
async fn a_privileged_name_needs_no_context() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_with(&memory, &topic, |pipeline| {
        let rules = LoadedRules::embedded().into_rule_set().unwrap();
        let groups = PrivilegedGroups::parse("ops*").unwrap();
        let settings = DetectionSettings { privileged_groups: groups, ..Default::default() };
        pipeline.detections = Arc::new(Detections::from(rules).with_settings(settings));
    });
    deliver(&pipeline, &[add("10:01:00", "bob")]).await;
    assert_eq!(severity(&sent_alerts(&topic, "alert")[0]), "critical");
}

#[tokio::test]
async fn the_severity_is_recorded_with_the_finding() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[add("10:01:00", "mallory")]).await;
    let alert = &sent_alerts(&topic, "alert")[0];
    let entry = memory.text(&format!("entries/{}", alert.finding)).unwrap();
    let entry: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(entry["content"]["finding"]["rating"]["severity"], "high");
    assert_eq!(entry["state"], "alerted");
}
