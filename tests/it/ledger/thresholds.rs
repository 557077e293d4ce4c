//! `threshold`: one alert for the values that reach it, until there are too few calls, in any order
//! of arrival.

use alert::Alert;
use serde_json::Value;

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{deliver_unalerted, group_call, pipeline_of_rule, sent_alerts};

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

fn create(time: &str, user: &str) -> Value {
    group_call("CreateGroup", time, user, "app")
}

fn alerts(topic: &Topic) -> Vec<Alert> {
    sent_alerts(topic, "correlation")
}

#[tokio::test]
async fn a_threshold_is_alerted_once_until_there_are_too_few_calls() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, RULE);
    deliver_unalerted(&pipeline, &[create("10:00:00", "alice"), create("10:01:00", "alice")]).await;
    deliver_unalerted(&pipeline, &[create("10:02:00", "bob")]).await;
    assert_eq!(alerts(&topic).len(), 0);
    deliver_unalerted(&pipeline, &[create("10:10:00", "alice")]).await;
    let alert = &alerts(&topic)[0];
    assert_eq!(alert.document["rule"]["id"], "t-1");
    for time in ["10:00:00", "10:01:00", "10:10:00"] {
        assert!(alert.text.contains(time), "{}", alert.text);
    }
    assert!(alert.text.contains("3 or more events within 10 minutes"), "{}", alert.text);
    // At 10:10:01 there are two calls, at 10:10:30 three again: it was not reached in between.
    deliver_unalerted(&pipeline, &[create("10:10:30", "alice"), create("10:10:40", "alice")]).await;
    assert_eq!(alerts(&topic).len(), 2);
    // Reached all the time until 10:20.
    deliver_unalerted(&pipeline, &[create("10:19:00", "alice"), create("10:19:50", "alice")]).await;
    assert_eq!(alerts(&topic).len(), 2);
    // Again, and late.
    deliver_unalerted(&pipeline, &[create("10:10:00", "alice"), create("10:15:00", "alice")]).await;
    assert_eq!(alerts(&topic).len(), 2);
    deliver_unalerted(&pipeline, &[create("10:11:00", "bob"), create("10:12:00", "bob")]).await;
    assert_eq!(alerts(&topic).len(), 3);
}

#[tokio::test]
async fn in_any_order_of_arrival_a_threshold_is_reached_once() {
    let calls =
        [create("10:00:00", "alice"), create("10:05:00", "alice"), create("10:09:00", "alice")];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline_of_rule(&memory, &topic, RULE);
        for index in order.into_iter().chain(order) {
            deliver_unalerted(&pipeline, std::slice::from_ref(&calls[index])).await;
        }
        assert_eq!(alerts(&topic).len(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn different_values_are_counted() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, &format!("{RULE}{CARDINALITY}"));
    let from = |time: &str, address: &str| {
        let mut record = create(time, "alice");
        record["sourceIPAddress"] = address.into();
        record
    };
    let burst: Vec<Value> =
        (0..5).map(|second| from(&format!("10:00:0{second}"), "192.0.2.1")).collect();
    deliver_unalerted(&pipeline, &burst).await;
    deliver_unalerted(&pipeline, &[from("10:01:00", "192.0.2.2")]).await;
    assert_eq!(alerts(&topic).len(), 0);
    deliver_unalerted(&pipeline, &[from("10:02:00", "192.0.2.3")]).await;
    assert_eq!(alerts(&topic).len(), 1);
}
