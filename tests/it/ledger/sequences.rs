//! Sequences in EQL: one alert for each, in any order of arrival, on the ledger.

use alert::Alert;
use serde_json::{Value, json};
use trailbell::pipeline;

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{
    LEASE, clock, deliver, deliver_unalerted, delivery, group_call, pipeline_of_rule, sent_alerts,
    sent_ids, stop_first,
};

const RULE: &str = r#"[rule]
name = "A group is made and filled"
rule_id = "s-1"
description = "Somebody makes a group, and adds a user to it."
type = "eql"
language = "eql"
severity = "medium"
risk_score = 47
query = '''
sequence by user.name with maxspan=10m
  [iam where event.action == "CreateGroup"]
  [iam where event.action == "AddUserToGroup"] with runs=2
until [iam where event.action == "DeleteGroup"]
'''
"#;

/// The user that makes a call in the first step is the one that is added in the second.
const JOINED: &str = r#"[rule]
name = "A user that was added adds another"
rule_id = "s-2"
description = "Somebody is added to a group, and uses it."
type = "eql"
language = "eql"
severity = "medium"
risk_score = 47
from = "now-20m"
query = '''
sequence
  [any where event.action == "AddUserToGroup"] by user.target.name, ?source.geo.country_name
  [any where event.action == "CreateAccessKey"] by user.name, ?source.geo.country_name
'''
"#;

fn record(action: &str, time: &str, user: &str) -> Value {
    group_call(action, time, user, "app")
}

fn alerts(topic: &Topic) -> Vec<Alert> {
    sent_alerts(topic, "correlation")
}

#[tokio::test]
async fn a_completed_sequence_is_alerted_with_its_calls() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, RULE);
    deliver_unalerted(&pipeline, &[record("CreateGroup", "10:00:00", "alice")]).await;
    deliver_unalerted(&pipeline, &[record("AddUserToGroup", "10:01:00", "alice")]).await;
    deliver_unalerted(&pipeline, &[record("AddUserToGroup", "10:02:00", "bob")]).await;
    assert_eq!(alerts(&topic).len(), 0);
    deliver_unalerted(&pipeline, &[record("AddUserToGroup", "10:10:00", "alice")]).await;
    let alert = &alerts(&topic)[0];
    assert_eq!(alert.document["rule"]["id"], "s-1");
    insta::assert_snapshot!("sequence", alert.text);
    // The first call was used, and the group is deleted before the next ones.
    deliver_unalerted(&pipeline, &[record("AddUserToGroup", "10:10:30", "alice")]).await;
    deliver_unalerted(
        &pipeline,
        &[
            record("CreateGroup", "11:00:00", "alice"),
            record("AddUserToGroup", "11:01:00", "alice"),
            record("DeleteGroup", "11:02:00", "alice"),
            record("AddUserToGroup", "11:03:00", "alice"),
        ],
    )
    .await;
    // Too late.
    deliver_unalerted(
        &pipeline,
        &[
            record("CreateGroup", "12:00:00", "alice"),
            record("AddUserToGroup", "12:10:00", "alice"),
            record("AddUserToGroup", "12:10:01", "alice"),
        ],
    )
    .await;
    assert_eq!(alerts(&topic).len(), 1);
}

#[tokio::test]
async fn in_any_order_of_arrival_and_again_a_sequence_is_alerted_once() {
    let calls = [
        record("CreateGroup", "10:00:00", "alice"),
        record("AddUserToGroup", "10:05:00", "alice"),
        record("AddUserToGroup", "10:09:00", "alice"),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline_of_rule(&memory, &topic, RULE);
        for index in order.into_iter().chain(order) {
            deliver_unalerted(&pipeline, std::slice::from_ref(&calls[index])).await;
        }
        let alerts = alerts(&topic);
        assert_eq!(alerts.len(), 1, "{order:?}");
        for time in ["10:00:00", "10:05:00", "10:09:00"] {
            assert!(alerts[0].text.contains(time), "{}", alerts[0].text);
        }
    }
}

#[tokio::test]
async fn workers_at_once_send_one_alert_for_each_sequence() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, RULE);
    let objects: Vec<[Value; 1]> = ["10", "11", "12"]
        .iter()
        .flat_map(|hour| {
            let at = |action, time: &str| [record(action, &format!("{hour}:{time}"), "alice")];
            [
                at("CreateGroup", "00:00"),
                at("AddUserToGroup", "01:00"),
                at("AddUserToGroup", "02:00"),
            ]
        })
        .collect();
    let twice = objects.iter().chain(&objects);
    futures::future::join_all(twice.map(|records| deliver(&pipeline, records))).await;
    // What one worker saw too early, another has seen.
    for records in &objects {
        deliver_unalerted(&pipeline, records).await;
    }
    assert_eq!(alerts(&topic).len(), 3);
}

#[tokio::test]
async fn steps_can_be_joined_by_fields_of_their_own() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, JOINED);
    deliver_unalerted(&pipeline, &[record("AddUserToGroup", "10:00:00", "alice")]).await;
    deliver_unalerted(&pipeline, &[record("CreateAccessKey", "10:05:00", "alice")]).await;
    assert_eq!(alerts(&topic).len(), 0);
    deliver_unalerted(&pipeline, &[record("CreateAccessKey", "10:05:00", "mallory")]).await;
    let sent = alerts(&topic);
    assert_eq!(sent.len(), 1);
    let text = sent[0].text.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = "The rule requires 2 calls one after another within 20 minutes, joined by \
                  user.target.name and source.geo.country_name, then user.name";
    assert!(text.contains(reason), "{text}");
    // Without a limit of its own, it is as long as the rule looks back.
    deliver_unalerted(&pipeline, &[record("AddUserToGroup", "11:00:00", "alice")]).await;
    deliver_unalerted(&pipeline, &[record("CreateAccessKey", "11:20:01", "mallory")]).await;
    assert_eq!(alerts(&topic).len(), 1);
    deliver_unalerted(&pipeline, &[record("CreateAccessKey", "11:20:00", "mallory")]).await;
    assert_eq!(alerts(&topic).len(), 2);
}

#[tokio::test]
async fn steps_are_joined_by_each_value_of_a_field() {
    let rule = RULE.replace("by user.name", "by aws.cloudtrail.resources.arn");
    let rule = rule.replace(" with runs=2", "");
    let of_resources = |action, time, resources: &[&str]| {
        let mut record = group_call(action, time, "alice", "app");
        record["resources"] = resources.iter().map(|arn| json!({"ARN": arn})).collect();
        record
    };
    for (first, second, expected) in [
        (&["a", "b"][..], &["b"][..], 1),
        (&["b"], &["c", "b"], 1),
        (&["a", "b"], &["b", "a"], 2),
        (&["a", "b"], &["c"], 0),
        (&["a"], &[], 0),
    ] {
        let topic = Topic::default();
        let pipeline = pipeline_of_rule(&Memory::new(), &topic, &rule);
        let calls = [
            of_resources("CreateGroup", "10:00:00", first),
            of_resources("AddUserToGroup", "10:01:00", second),
        ];
        deliver_unalerted(&pipeline, &calls).await;
        assert_eq!(alerts(&topic).len(), expected, "{first:?} {second:?}");
    }
}

#[tokio::test]
async fn damaged_incidents_start_over_and_those_of_a_later_version_are_left_alone() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_of_rule(&memory, &topic, RULE);
    let calls = [
        record("CreateGroup", "10:00:00", "alice"),
        record("AddUserToGroup", "10:01:00", "alice"),
        record("AddUserToGroup", "10:02:00", "alice"),
    ];
    deliver_unalerted(&pipeline, &calls).await;
    let incidents = memory.keys("incidents/").remove(0);
    memory.write(&incidents, "{\"version\":1,");
    // The same sequence has the same alert.
    deliver_unalerted(&pipeline, &calls).await;
    assert_eq!(alerts(&topic).len(), 1);
    let mark = memory.keys("by-correlation/").remove(0);
    let folder = mark.rsplit_once('/').unwrap().0;
    memory.write(&format!("{folder}/20260301T100000Z-what-is-this"), "");
    memory.write(&incidents, "{\"version\":1,\"incidents\":[{\"id\":5}]}");
    deliver_unalerted(
        &pipeline,
        &[
            record("CreateGroup", "10:03:00", "alice"),
            record("AddUserToGroup", "10:04:00", "alice"),
            record("AddUserToGroup", "10:05:00", "alice"),
        ],
    )
    .await;
    assert_eq!(alerts(&topic).len(), 2);
    memory.write(&incidents, "{\"version\":99}");
    let report = deliver(&pipeline, &calls[..1]).await;
    assert!(report.problems[0].what.contains("version 99"), "{report:?}");
    assert!(report.reply().is_err());
}

/// Two workers have one call each, and the sequence needs both. One is stopped after some steps,
/// and a sweep and a redelivery do what is left.
#[tokio::test]
async fn a_sequence_is_alerted_wherever_a_worker_stops() {
    let rule = RULE.replace(" with runs=2", "");
    let calls =
        [record("CreateGroup", "10:00:00", "alice"), record("AddUserToGroup", "10:01:00", "alice")];
    for steps in 0..100 {
        let memory = Memory::new();
        let topic = Topic::default();
        let worker = |call: &Value| {
            let pipeline = pipeline_of_rule(&memory, &topic, &rule);
            delivery(&pipeline, std::slice::from_ref(call))
        };
        stop_first(worker(&calls[0]), worker(&calls[1]), steps);
        memory.advance(LEASE);
        let last = pipeline_of_rule(&memory, &topic, &rule);
        pipeline::recover_open(&last, clock()).await;
        deliver(&last, &calls[..1]).await;
        let sent = sent_ids(&topic, "correlation");
        assert_eq!(sent.len(), 1, "after {steps} steps");
    }
}
