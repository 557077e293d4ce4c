//! `alert_suppression`: one alert stands for the findings of its group, in any order of arrival
//! and whatever fails.

use std::sync::Arc;
use std::time::Duration;

use detect::finding::Outcome;
use serde_json::{Value, json};
use tokio::time::Instant;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self, Clock, Pipeline};

use crate::ledger::memory::{Fault, HangingStore, Memory, Topic};
use crate::ledger::world::{
    LEASE, call, clock, deliver, delivery, inline, pipeline_of_rule, pipeline_with, sent_alerts,
    sent_ids, stop_first, use_rule,
};

const RULE: &str = r#"[rule]
name = "A group is created"
rule_id = "s-1"
description = "One alert a principal and while."
type = "eql"
language = "eql"
severity = "low"
risk_score = 21
query = 'iam where event.action == "CreateGroup"'
alert_suppression = {group_by = ["user.name"], duration = {value = 5, unit = "m"}}
"#;

fn create(time: &str, user: &str) -> Value {
    let parameters = json!({"groupName": "app"});
    call("CreateGroup", &format!("2026-03-01T{time}Z"), user, parameters)
}

/// Delivers records. Returns how many findings were alerted and how many were suppressed.
async fn counts(pipeline: &Arc<Pipeline>, records: &[Value]) -> (u64, u64) {
    let report = deliver(pipeline, records).await;
    assert!(report.problems.is_empty(), "{report:?}");
    let report = report.report;
    (report.findings_that(Outcome::Alerted), report.findings_that(Outcome::Suppressed))
}

#[tokio::test]
async fn one_alert_stands_for_its_group_for_a_while() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, RULE);
    let burst =
        [create("10:00:00", "alice"), create("10:00:01", "alice"), create("10:00:02", "bob")];
    assert_eq!(counts(&pipeline, &burst).await, (2, 1));
    // Delivered again, and more of the same in other invocations.
    assert_eq!(counts(&pipeline, &burst).await, (0, 0));
    assert_eq!(counts(&pipeline, &[create("10:04:59", "alice")]).await, (0, 1));
    assert_eq!(counts(&pipeline, &[create("09:55:01", "alice")]).await, (0, 1));
    assert_eq!(counts(&pipeline, &[create("10:05:00", "alice")]).await, (1, 0));
    let alerts = sent_alerts(&topic, "alert");
    assert_eq!(alerts.len(), 3);
    let text = "Repeats    not alerted for 5 minutes while user.name is the same";
    assert!(alerts.iter().all(|alert| alert.text.contains(text)), "{}", alerts[0].text);
    assert_eq!(memory.keys("entries/").len(), 6);
}

#[tokio::test]
async fn values_that_are_missing_are_suppressed_unless_the_rule_says_otherwise() {
    let strategy = "duration = {value = 5, unit = 'm'}, missing_fields_strategy = 'doNotSuppress'";
    let other = RULE.replace(r#"duration = {value = 5, unit = "m"}"#, strategy);
    assert_ne!(RULE, other);
    for (rule, expected) in [(RULE, (1, 1)), (&other, (2, 0))] {
        let rule = rule.replace("user.name", "user.target.name");
        let pipeline = pipeline_of_rule(&Memory::new(), &Topic::default(), &rule);
        let burst = [create("10:00:00", "alice"), create("10:00:01", "alice")];
        assert_eq!(counts(&pipeline, &burst).await, expected, "{rule}");
    }
}

#[tokio::test]
async fn without_a_ledger_an_alert_stands_for_its_invocation() {
    let pipeline = pipeline_with(&Memory::new(), &Topic::default(), |pipeline| {
        use_rule(pipeline, RULE);
        pipeline.ledger = Ledger::None;
    });
    let burst = [create("10:00:00", "alice"), create("10:00:01", "alice")];
    assert_eq!(counts(&pipeline, &burst).await, (1, 1));
    assert_eq!(counts(&pipeline, &[create("10:00:02", "alice")]).await, (1, 0));
}

#[tokio::test]
async fn a_group_that_is_damaged_or_cannot_be_written_costs_an_alert_too_many() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, RULE);
    assert_eq!(counts(&pipeline, &[create("10:00:00", "alice")]).await, (1, 0));
    let keys = memory.keys("suppression/");
    assert_eq!(keys.len(), 1);
    memory.write(&keys[0], "{\"alerts\": 1}");
    assert_eq!(counts(&pipeline, &[create("10:00:01", "alice")]).await, (1, 0));
    assert_eq!(counts(&pipeline, &[create("10:00:02", "alice")]).await, (0, 1));
    memory.fail(|_, key| match key.starts_with("suppression/") {
        true => Fault::Refused,
        false => Fault::None,
    });
    let report = deliver(&pipeline, &[create("10:00:03", "alice")]).await;
    assert_eq!(report.report.findings_that(Outcome::Alerted), 1);
    let [problem] = report.problems.as_slice() else { panic!("{report:?}") };
    assert_eq!(problem.place, "alert suppression of rule s-1");
    assert!(problem.what.starts_with("not applied: "), "{problem}");
}

/// Without a limit it would never end.
#[tokio::test(start_paused = true)]
async fn a_hanging_ledger_costs_alerts_too_many_and_delays_none_past_the_deadline() {
    let memory = Memory::new();
    let topic = Topic::default();
    let store = HangingStore { memory: memory.clone(), prefixes: &["suppression/"] };
    let hanging = pipeline_with(&memory, &topic, |pipeline| {
        use_rule(pipeline, RULE);
        pipeline.ledger = Ledger::Stored(StoredLedger::new(Box::new(store), "state", ""));
    });
    let last_start = Instant::now() + Duration::from_millis(200);
    let records: Vec<Value> = (0..20).map(|n| create("10:00:00", &format!("user-{n}"))).collect();
    let clock = Clock { last_start: Some(last_start), ..clock() };
    let report = pipeline::run(&hanging, &inline(&records), clock).await;
    assert_eq!(report.report.findings_that(Outcome::Alerted), 20, "{:?}", report.problems);
    assert!(Instant::now() <= last_start);
    let late = "not applied: the ledger did not answer in time";
    assert!(report.problems.iter().any(|problem| problem.what == late), "{:?}", report.problems);
}

/// Two workers find one call each of the same group. One is stopped after some steps, and the
/// sweep does what is left.
#[tokio::test]
async fn one_finding_of_a_group_is_alerted_wherever_a_worker_stops() {
    for steps in 0.. {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline_of_rule(&memory, &topic, RULE);
        let worker = |time| delivery(&pipeline, &[create(time, "alice")]);
        let ended = stop_first(worker("10:00:00"), worker("10:00:01"), steps);
        let before = sent_ids(&topic, "alert");
        memory.advance(LEASE);
        pipeline::recover_open(&pipeline, clock()).await;
        let sent = sent_ids(&topic, "alert");
        assert_eq!(sent.len(), 1, "after {steps} steps: {before:?}, {sent:?}");
        if ended {
            assert!(steps > 10);
            return;
        }
    }
}

#[tokio::test]
async fn an_alert_stands_for_no_finding_of_another_severity() {
    let raise = "severity_mapping = [{field = 'group.name', operator = 'equals', \
        value = 'admins', severity = 'high'}]";
    let rule = format!("{RULE}{raise}\n");
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, &rule);
    let admins = |second: &str| {
        let parameters = json!({"groupName": "admins"});
        call("CreateGroup", &format!("2026-03-01T10:00:{second}Z"), "alice", parameters)
    };
    let burst = [create("10:00:00", "alice"), admins("01"), admins("02")];
    assert_eq!(counts(&pipeline, &burst).await, (2, 1));
}
