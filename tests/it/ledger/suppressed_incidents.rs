//! `alert_suppression` of thresholds and sequences: one alert stands for others of its group, in
//! any order of arrival and whatever fails.

use std::sync::Arc;

use alert::Alert;
use detect::rule::{Detections, LoadedRules};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use trailbell::pipeline::{self, Pipeline};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{
    LEASE, Worker, call, clock, deliver, inline, pipeline_with, sent_alerts, step,
};

/// Reached by two calls of a user within five minutes.
const THRESHOLD: &str = r#"[rule]
name = "Groups are created"
rule_id = "t-1"
description = "Somebody makes groups."
type = "threshold"
language = "kuery"
severity = "medium"
risk_score = 47
from = "now-5m"
query = 'event.provider: iam.amazonaws.com and event.action: CreateGroup'
threshold = {field = ["user.name"], value = 2}
alert_suppression = {duration = {value = 1, unit = "h"}}
"#;

const SEQUENCE: &str = r#"[rule]
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
  [iam where event.action == "AddUserToGroup"]
'''
alert_suppression = {group_by = ["group.name"], duration = {value = 1, unit = "h"}}
"#;

fn pipeline(memory: &Memory, topic: &Topic, rule: &str) -> Arc<Pipeline> {
    pipeline_with(memory, topic, |pipeline| {
        let rules = LoadedRules::from_texts([("r.toml", rule)].into_iter());
        pipeline.detections = Arc::new(Detections::from(rules.into_rule_set().unwrap()));
    })
}

fn record(action: &str, time: &str, user: &str, group: &str) -> Value {
    let time = format!("2026-03-01T{time}Z");
    let mut record =
        call(action, &time, user, json!({ "groupName": group, "userName": "mallory" }));
    record["eventID"] = format!("{action}-{user}-{time}").into();
    record
}

fn create(time: &str, user: &str) -> Value {
    record("CreateGroup", time, user, "app")
}

/// Two calls a minute apart, which complete the sequence.
fn make_and_fill(time: &str, user: &str, groups: [&str; 2]) -> [Value; 2] {
    [
        record("CreateGroup", &format!("{time}:00"), user, groups[0]),
        record("AddUserToGroup", &format!("{time}:30"), user, groups[1]),
    ]
}

fn alerts(topic: &Topic) -> Vec<Alert> {
    sent_alerts(topic, "correlation")
}

/// Delivers records. Returns how many alerts of incidents were sent, and how many were suppressed.
async fn counts(pipeline: &Arc<Pipeline>, records: &[Value]) -> (u64, u64) {
    let report = deliver(pipeline, records).await;
    assert!(report.problems.is_empty(), "{report:?}");
    let report = report.report;
    (report.correlations.values().sum(), report.correlations_suppressed)
}

#[tokio::test]
async fn one_alert_of_a_threshold_stands_for_its_values_for_a_while() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic, THRESHOLD);
    let reached = [create("10:00:00", "alice"), create("10:01:00", "alice")];
    assert_eq!(counts(&pipeline, &reached).await, (1, 0));
    // Reached again after it was not; by somebody else; delivered again.
    let again = [create("10:30:00", "alice"), create("10:31:00", "alice")];
    assert_eq!(counts(&pipeline, &again).await, (0, 1));
    let other = [create("10:30:00", "bob"), create("10:31:00", "bob")];
    assert_eq!(counts(&pipeline, &other).await, (1, 0));
    assert_eq!(counts(&pipeline, &[reached.clone(), again].concat()).await, (0, 0));
    // An hour after 10:01, not after 10:31.
    let near = [create("10:59:59", "alice"), create("11:00:59", "alice")];
    assert_eq!(counts(&pipeline, &near).await, (0, 1));
    let later = [create("11:10:00", "alice"), create("11:11:00", "alice")];
    assert_eq!(counts(&pipeline, &later).await, (1, 0));
    let alerts = alerts(&topic);
    assert_eq!(alerts.len(), 3);
    let text = "Repeats: not alerted for 1 hour while user.name is the same.";
    assert!(alerts[0].text.contains(text), "{}", alerts[0].text);
}

#[tokio::test]
async fn one_alert_of_a_sequence_stands_for_the_values_that_all_calls_share() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic, SEQUENCE);
    let app = |time, user| make_and_fill(time, user, ["app", "app"]);
    assert_eq!(counts(&pipeline, &app("10:00", "alice")).await, (1, 0));
    // Of another principal, which joins the calls of a sequence, and is no field of the group.
    assert_eq!(counts(&pipeline, &app("10:20", "bob")).await, (0, 1));
    let web = make_and_fill("10:21", "bob", ["web", "web"]);
    assert_eq!(counts(&pipeline, &web).await, (1, 0));
    // Calls that differ have no value, and no value is a value, too.
    let differ = |time| make_and_fill(time, "carol", ["app", "web"]);
    assert_eq!(counts(&pipeline, &differ("10:22")).await, (1, 0));
    assert_eq!(counts(&pipeline, &differ("10:40")).await, (0, 1));
    assert_eq!(counts(&pipeline, &app("11:01", "alice")).await, (1, 0));
    assert_eq!(alerts(&topic).len(), 4);
}

#[tokio::test]
async fn a_sequence_without_the_value_is_alerted_if_its_rule_says_so() {
    let strategy = "missing_fields_strategy = 'doNotSuppress', duration";
    let rule = SEQUENCE.replace("duration", strategy);
    let pipeline = pipeline(&Memory::new(), &Topic::default(), &rule);
    for time in ["10:00", "10:20"] {
        let differ = make_and_fill(time, "alice", ["app", "web"]);
        assert_eq!(counts(&pipeline, &differ).await, (1, 0));
    }
}

#[tokio::test]
async fn what_cannot_be_read_costs_an_alert_too_many() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic, SEQUENCE);
    let app = |time| make_and_fill(time, "alice", ["app", "app"]);
    assert_eq!(counts(&pipeline, &app("10:00")).await, (1, 0));
    memory.fail(|_, key| match key.starts_with("suppression/") {
        true => Fault::Refused,
        false => Fault::None,
    });
    let report = deliver(&pipeline, &app("10:20")).await;
    assert_eq!(report.report.correlations["s-1"], 1);
    let [problem] = report.problems.as_slice() else { panic!("{report:?}") };
    assert_eq!(problem.place, "alert suppression of rule s-1");
    // A call that cannot be read: its values are not known.
    memory.fail(|_, _| Fault::None);
    let [first, second] = app("10:40");
    assert_eq!(counts(&pipeline, &[first]).await, (0, 0));
    let is_first = |key: &String| memory.text(key).unwrap().contains("10:40:00");
    let call = memory.keys("entries/").into_iter().find(is_first);
    memory.write(&call.unwrap(), "{");
    let report = deliver(&pipeline, &[second]).await;
    assert_eq!(report.report.correlations["s-1"], 1, "{report:?}");
    assert!(report.problems.iter().any(|problem| problem.what.starts_with("not applied: ")));
}

/// Two workers complete one incident each of the same group. One is stopped after some steps, and
/// the sweep and a redelivery do what is left.
#[tokio::test]
async fn one_incident_of_a_group_is_alerted_wherever_a_worker_stops() {
    for steps in 0.. {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic, THRESHOLD);
        let calls = |minute: &str| {
            ["00", "01"].map(|second| create(&format!("{minute}:{second}"), "alice"))
        };
        let run = |minute: &str| -> Worker<()> {
            let pipeline = Arc::clone(&pipeline);
            let payload = inline(&calls(minute));
            Box::pin(async move {
                pipeline::run(&pipeline, &payload, clock()).await;
            })
        };
        let mut dying = run("10:00");
        let mut living = run("10:30");
        let mut ended = false;
        let mut alive = true;
        for _ in 0..steps {
            ended = ended || step(&mut dying).is_ready();
            alive = alive && step(&mut living).is_pending();
        }
        drop(dying);
        while alive {
            alive = step(&mut living).is_pending();
        }
        memory.advance(LEASE);
        pipeline::recover_open(&pipeline, clock()).await;
        deliver(&pipeline, &calls("10:00")).await;
        let mut sent: Vec<String> =
            alerts(&topic).iter().map(|alert| alert.finding.to_string()).collect();
        // A worker that dies between sending and recording leaves its alert to be sent again.
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), 1, "after {steps} steps");
        if ended {
            assert!(steps > 10);
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Two hours with two incidents each, half an hour apart.
    #[test]
    fn in_any_order_of_arrival_one_incident_of_each_while_is_alerted(
        order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle(),
        again in prop::collection::vec(0..8_usize, 0..6),
        is_threshold in any::<bool>(),
    ) {
        let rule = if is_threshold { THRESHOLD } else { SEQUENCE };
        let times = ["10:00", "10:30", "14:00", "14:30"];
        let calls = times.map(|time| match is_threshold {
            true => ["00", "40"].map(|second| create(&format!("{time}:{second}"), "alice")),
            false => make_and_fill(time, "alice", ["app", "app"]),
        });
        let calls = calls.concat();
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic, rule);
        let mut sum = (0, 0);
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        for index in order.into_iter().chain(again) {
            let (sent, suppressed) =
                runtime.block_on(counts(&pipeline, std::slice::from_ref(&calls[index])));
            sum = (sum.0 + sent, sum.1 + suppressed);
        }
        prop_assert_eq!(sum, (2, 2));
    }
}
