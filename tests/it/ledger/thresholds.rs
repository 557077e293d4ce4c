//! `threshold`: one alert for the values that reach it, until there are too few calls, in any order
//! of arrival.

use std::sync::Arc;

use alert::Alert;
use detect::finding::Outcome;
use detect::rule::{Detections, LoadedRules};
use serde_json::{Value, json};
use trailbell::pipeline::{self, Pipeline};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{
    Worker, call, clock, deliver, inline, pipeline_with, sent_alerts, step,
};

const RULE: &str = r#"[rule]
name = "Many groups are created"
rule_id = "t-1"
description = "Somebody makes many groups."
type = "threshold"
language = "kuery"
severity = "medium"
risk_score = 47
from = "now-10m"
query = 'event.provider: iam.amazonaws.com and event.action: CreateGroup'

[rule.threshold]
field = ["user.name"]
value = 3
"#;

const CARDINALITY: &str = r#"
[[rule.threshold.cardinality]]
field = "source.ip"
value = 3
"#;

fn pipeline(memory: &Memory, topic: &Topic, rule: &str) -> Arc<Pipeline> {
    pipeline_with(memory, topic, |pipeline| {
        let rules = LoadedRules::from_texts([("t.toml", rule)].into_iter());
        pipeline.detections = Arc::new(Detections::from(rules.into_rule_set().unwrap()));
    })
}

fn create(time: &str, user: &str) -> Value {
    let time = format!("2026-03-01T{time}Z");
    let mut record = call("CreateGroup", &time, user, json!({"groupName": "app"}));
    record["eventID"] = format!("{user}-{time}").into();
    record
}

fn alerts(topic: &Topic) -> Vec<Alert> {
    sent_alerts(topic, "correlation")
}

async fn process(pipeline: &Arc<Pipeline>, records: &[Value]) {
    let report = deliver(pipeline, records).await;
    assert!(report.problems.is_empty(), "{report:?}");
    // Calls are recorded, none is alerted by itself.
    assert_eq!(report.report.findings_that(Outcome::Alerted), 0);
}

#[tokio::test]
async fn a_threshold_is_alerted_once_until_there_are_too_few_calls() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic, RULE);
    process(&pipeline, &[create("10:00:00", "alice"), create("10:01:00", "alice")]).await;
    process(&pipeline, &[create("10:02:00", "bob")]).await;
    assert_eq!(alerts(&topic).len(), 0);
    process(&pipeline, &[create("10:10:00", "alice")]).await;
    let alert = &alerts(&topic)[0];
    assert_eq!(alert.document["rule"]["id"], "t-1");
    for time in ["10:00:00", "10:01:00", "10:10:00"] {
        assert!(alert.text.contains(time), "{}", alert.text);
    }
    assert!(alert.text.contains("3 or more events within 10 minutes"), "{}", alert.text);
    // At 10:10:01 there are two calls, at 10:10:30 three again: it was not reached in between.
    process(&pipeline, &[create("10:10:30", "alice"), create("10:10:40", "alice")]).await;
    assert_eq!(alerts(&topic).len(), 2);
    // Reached all the time until 10:20.
    process(&pipeline, &[create("10:19:00", "alice"), create("10:19:50", "alice")]).await;
    assert_eq!(alerts(&topic).len(), 2);
    // Again, and late.
    process(&pipeline, &[create("10:10:00", "alice"), create("10:15:00", "alice")]).await;
    assert_eq!(alerts(&topic).len(), 2);
    process(&pipeline, &[create("10:11:00", "bob"), create("10:12:00", "bob")]).await;
    assert_eq!(alerts(&topic).len(), 3);
}

#[tokio::test]
async fn in_any_order_of_arrival_a_threshold_is_reached_once() {
    let calls =
        [create("10:00:00", "alice"), create("10:05:00", "alice"), create("10:09:00", "alice")];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic, RULE);
        for index in order.into_iter().chain(order) {
            process(&pipeline, std::slice::from_ref(&calls[index])).await;
        }
        assert_eq!(alerts(&topic).len(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn different_values_are_counted() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic, &format!("{RULE}{CARDINALITY}"));
    let from = |time: &str, address: &str| {
        let mut record = create(time, "alice");
        record["sourceIPAddress"] = address.into();
        record
    };
    let burst: Vec<Value> =
        (0..5).map(|second| from(&format!("10:00:0{second}"), "192.0.2.1")).collect();
    process(&pipeline, &burst).await;
    process(&pipeline, &[from("10:01:00", "192.0.2.2")]).await;
    assert_eq!(alerts(&topic).len(), 0);
    process(&pipeline, &[from("10:02:00", "192.0.2.3")]).await;
    assert_eq!(alerts(&topic).len(), 1);
}

/// One worker is overtaken by another after any step, and overtakes it again after any other: what
/// they have listed is old by then. Returns how many calls the alerts say, and true if both workers
/// came to their end before that.
fn overtake(rule: &str, calls: [&str; 2], steps: [usize; 2]) -> (Vec<u64>, bool) {
    let memory = Memory::new();
    // Of one topic, one would wait until the other has published.
    let topics = [Topic::default(), Topic::default()];
    let mut workers = [0, 1].map(|n| -> Worker<()> {
        let pipeline = pipeline(&memory, &topics[n], rule);
        let payload = inline(&[create(calls[n], "alice")]);
        Box::pin(async move {
            pipeline::run(&pipeline, &payload, clock()).await;
        })
    });
    let is_over = [0, 1].map(|n: usize| (0..steps[n]).any(|_| step(&mut workers[n]).is_ready()));
    for (worker, is_over) in workers.iter_mut().zip(is_over) {
        while !is_over && step(worker).is_pending() {}
    }
    let count = |alert: Alert| alert.document["trailbell"]["count"].as_u64().unwrap();
    (topics.iter().flat_map(alerts).map(count).collect(), is_over == [true; 2])
}

#[test]
fn an_alert_shows_enough_calls_whenever_workers_overtake_each_other() {
    let rule = RULE.replace("value = 3", "value = 2");
    for (calls, expected) in [
        (["10:00:00", "10:05:00"], &[2][..]),
        (["10:05:00", "10:00:00"], &[2]),
        (["10:00:00", "10:10:00"], &[2]),
        (["10:00:00", "10:10:01"], &[]),
    ] {
        let mut most = 1;
        for steps in (0..).flat_map(|sum: usize| (0..=sum).map(move |slow| [slow, sum - slow])) {
            let (counts, is_over) = overtake(&rule, calls, steps);
            assert_eq!(counts, expected, "{calls:?} after {steps:?} steps");
            most = most.max(steps[0].min(steps[1]));
            if is_over {
                break;
            }
        }
        assert!(most > 10);
    }
}
