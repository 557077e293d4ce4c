//! `threshold`: one alert for the values that reach it, until there are too few calls, in any order
//! of arrival.

use alert::Alert;
use serde_json::{Value, json};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{
    deliver, deliver_unalerted, delivery, group_call, pipeline_of_rule, run_steps, run_to_end,
    sent_alerts,
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

/// One worker is overtaken by another after any step, and overtakes it again after any other: what
/// they have listed is old by then. Returns how many calls the alerts say, and true if both workers
/// came to their end before that.
fn overtake(rule: &str, calls: [&str; 2], steps: [usize; 2]) -> (Vec<u64>, bool) {
    let memory = Memory::new();
    // Of one topic, one would wait until the other has published.
    let topics = [Topic::default(), Topic::default()];
    let worker = |n: usize| {
        let pipeline = pipeline_of_rule(&memory, &topics[n], rule);
        delivery(&pipeline, &[create(calls[n], "alice")])
    };
    let mut workers = [0, 1].map(worker);
    let is_over = [0, 1].map(|n| run_steps(&mut workers[n], steps[n]));
    for (worker, is_over) in workers.into_iter().zip(is_over) {
        if !is_over {
            run_to_end(worker);
        }
    }
    let count = |alert: Alert| alert.document["trailbell"]["count"].as_u64().unwrap();
    (topics.iter().flat_map(alerts).map(count).collect(), is_over == [true; 2])
}

#[test]
fn an_alert_shows_enough_calls_whenever_workers_overtake_each_other() {
    let rule = RULE.replace("value = 3", "value = 2");
    for calls in [["10:00:00", "10:05:00"], ["10:10:00", "10:00:00"]] {
        let mut most = 1;
        for steps in (0..).flat_map(|sum: usize| (0..=sum).map(move |slow| [slow, sum - slow])) {
            let (counts, is_over) = overtake(&rule, calls, steps);
            assert_eq!(counts, [2], "{calls:?} after {steps:?} steps");
            most = most.max(steps[0].min(steps[1]));
            if is_over {
                break;
            }
        }
        assert!(most > 10);
    }
}

/// A call about some resources.
fn of_resources(second: u32, resources: &[&str]) -> Value {
    let mut record = create(&format!("10:00:{second:02}"), "alice");
    record["resources"] = resources.iter().map(|arn| json!({"ARN": arn})).collect();
    record
}

#[tokio::test]
async fn each_value_of_a_field_counts() {
    let by_resource = RULE.replace("user.name", "aws.cloudtrail.resources.arn");
    let of_each = CARDINALITY.replace("source.ip", "aws.cloudtrail.resources.arn");
    let different = format!("{RULE}{of_each}").replacen("value = 3", "value = 1", 1);
    for (rule, calls, expected) in [
        // `b` is in three calls.
        (&by_resource, &[&["a", "b"][..], &["b"], &["c", "b"]][..], 1),
        (&by_resource, &[&["a", "b"], &["b"], &["c"]], 0),
        (&by_resource, &[&["a", "b"], &["a", "b"], &["b", "a"]], 2),
        (&by_resource, &[&[], &[], &[]], 0),
        // Three values in two calls.
        (&different, &[&["a", "b"], &["c"]], 1),
        (&different, &[&["a", "b"], &["b", "a"], &[]], 0),
        // Case matters.
        (&different, &[&["a", "b"], &["A"]], 1),
    ] {
        let topic = Topic::default();
        let pipeline = pipeline_of_rule(&Memory::new(), &topic, rule);
        for (second, resources) in (0..).zip(calls) {
            deliver_unalerted(&pipeline, &[of_resources(second, resources)]).await;
        }
        assert_eq!(alerts(&topic).len(), expected, "{rule} {calls:?}");
    }
}

#[tokio::test]
async fn a_call_without_a_value_is_not_recorded() {
    let memory = Memory::new();
    let rule = RULE.replace("user.name", "aws.cloudtrail.resources.arn");
    let pipeline = pipeline_of_rule(&memory, &Topic::default(), &rule);
    let calls = [of_resources(0, &[]), of_resources(1, &["a"])];
    assert_eq!(deliver(&pipeline, &calls).await.report.findings, 1);
    assert_eq!(memory.keys("entries/").len(), 1);
}
