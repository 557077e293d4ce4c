//! `new_terms`: a rule finds each combination of values once in a window, in any order of arrival
//! and whatever fails, and a frequent rule costs few requests.

use std::sync::Arc;

use alert::Alert;
use detect::finding::Outcome;
use detect::rule::{Detections, LoadedExceptions, LoadedRules};
use serde_json::{Value, json};
use trailbell::ledger::{Ledger, WatchRequest};
use trailbell::pipeline::{self, InvocationReport, Pipeline};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{
    LEASE, call, clock, deliver, delivery, ledger, pipeline_of_rule, pipeline_with, sent_alerts,
    sent_ids, stop_first, use_rule,
};

const RULE: &str = r#"[rule]
name = "A user creates groups for the first time"
rule_id = "n-1"
description = "One alert a user and while."
type = "new_terms"
language = "kuery"
severity = "low"
risk_score = 21
query = 'event.provider: iam.amazonaws.com and event.action: CreateGroup'

[rule.new_terms]
field = "new_terms_fields"
value = ["cloud.account.id", "user.name"]

[[rule.new_terms.history_window_start]]
field = "history_window_start"
value = "now-10d"
"#;

fn create_at(time: &str, user: &str) -> Value {
    call("CreateGroup", time, user, json!({"groupName": format!("by-{user}")}))
}

/// On the first of March.
fn create(time: &str, user: &str) -> Value {
    create_at(&format!("2026-03-01T{time}Z"), user)
}

/// A new instance of the function.
fn instance(memory: &Memory, topic: &Topic) -> Arc<Pipeline> {
    pipeline_of_rule(memory, topic, RULE)
}

/// The same, when the rule has watched for long.
async fn learned(memory: &Memory, topic: &Topic) -> Arc<Pipeline> {
    let pipeline = instance(memory, topic);
    learn(&pipeline).await;
    pipeline
}

async fn learn(pipeline: &Pipeline) {
    let rules = pipeline.detections.rule_set.rules();
    let requests: Vec<WatchRequest<'_>> =
        rules.iter().filter_map(|rule| WatchRequest::new(&rule.info)).collect();
    let Ledger::Stored(ledger) = &pipeline.ledger else { panic!("a ledger") };
    ledger.learned(&requests, "2025-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
}

/// How many matches were alerted, recorded only, and known.
fn counts(report: &InvocationReport) -> (u64, u64, u64) {
    assert!(report.problems.is_empty(), "{report:?}");
    let report = &report.report;
    let outcome = |outcome| report.findings_that(outcome);
    (outcome(Outcome::Alerted), outcome(Outcome::Suppressed), report.known_values)
}

async fn process(pipeline: &Arc<Pipeline>, records: &[Value]) -> (u64, u64, u64) {
    counts(&deliver(pipeline, records).await)
}

fn alerts(topic: &Topic) -> Vec<Alert> {
    sent_alerts(topic, "alert")
}

#[tokio::test]
async fn each_combination_is_alerted_once_in_a_window() {
    let memory = Memory::new();
    let topic = Topic::default();
    let one = learned(&memory, &topic).await;
    let burst =
        [create("10:00:00", "alice"), create("10:00:01", "alice"), create("10:00:02", "bob")];
    assert_eq!(process(&one, &burst).await, (2, 0, 1));
    // Delivered again, to the same instance and to another one.
    assert_eq!(process(&one, &burst).await, (0, 0, 1));
    let other = instance(&memory, &topic);
    assert_eq!(process(&other, &burst).await, (0, 0, 1));
    // Known for ten days after the last match, also to an instance that has just started.
    assert_eq!(process(&other, &[create_at("2026-03-11T10:00:01Z", "alice")]).await, (0, 0, 1));
    let third = instance(&memory, &topic);
    assert_eq!(process(&third, &[create_at("2026-03-21T10:00:01Z", "alice")]).await, (0, 0, 1));
    assert_eq!(process(&third, &[create_at("2026-03-31T10:00:02Z", "alice")]).await, (1, 0, 0));
    let alerts = alerts(&topic);
    assert_eq!(alerts.len(), 3);
    let expected = "New         cloud.account.id 111122223333, user.name alice: not seen together \
                    for 10 days";
    let text = alerts[0].text.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&expected), "{}", alerts[0].text);
    assert_eq!(memory.keys("entries/").len(), 3);
}

#[tokio::test]
async fn a_rule_that_is_learning_records_and_does_not_alert() {
    let memory = Memory::new();
    let topic = Topic::default();
    // It watches from the first invocation on, although nothing matches.
    assert_eq!(process(&instance(&memory, &topic), &[]).await, (0, 0, 0));
    let burst = [create("10:00:00", "alice"), create("10:00:01", "alice")];
    assert_eq!(process(&instance(&memory, &topic), &burst).await, (0, 1, 1));
    let entries = memory.keys("entries/");
    assert!(memory.text(&entries[0]).unwrap().contains(r#""learning":true"#), "{entries:?}");
    // Ten days after the first invocation, at 11:00.
    let late = [create_at("2026-03-11T10:59:59Z", "bob"), create_at("2026-03-11T11:01:00Z", "eve")];
    assert_eq!(process(&instance(&memory, &topic), &late).await, (1, 1, 0));
    assert_eq!(alerts(&topic).len(), 1);

    let eager = RULE.replace("severity =", "learning = \"alert\"\nseverity =");
    let pipeline = pipeline_of_rule(&Memory::new(), &topic, &eager);
    assert_eq!(process(&pipeline, &burst).await, (1, 0, 1));
}

#[tokio::test]
async fn a_rule_with_other_fields_learns_again() {
    let memory = Memory::new();
    let topic = Topic::default();
    learned(&memory, &topic).await;
    let other = RULE.replace(r#"["cloud.account.id", "user.name"]"#, r#"["user.name"]"#);
    assert_ne!(other, RULE);
    let pipeline = pipeline_of_rule(&memory, &topic, &other);
    assert_eq!(process(&pipeline, &[create("10:00:00", "alice")]).await, (0, 1, 0));
}

#[tokio::test]
async fn a_match_without_a_value_is_no_finding() {
    let pipeline = learned(&Memory::new(), &Topic::default()).await;
    let mut record = create("10:00:00", "alice");
    record["userIdentity"] = json!({"type": "AWSService", "invokedBy": "x.amazonaws.com"});
    let report = deliver(&pipeline, &[record]).await;
    assert_eq!((counts(&report), report.report.findings), ((0, 0, 0), 0));
}

/// A thousand matches of twenty users in one object. Alerts and their records are not counted:
/// there is one for each new user, as for any finding.
#[tokio::test]
async fn a_thousand_matches_of_twenty_combinations_cost_at_most_fifty_requests() {
    let memory = Memory::new();
    let topic = Topic::default();
    learned(&memory, &topic).await;
    let records = |day: u32| -> Vec<Value> {
        let record = |number: u32| {
            let (minute, second) = (number / 60, number % 60);
            let time = format!("2026-03-{day:02}T10:{minute:02}:{second:02}Z");
            create_at(&time, &format!("user-{}", number % 20))
        };
        (0..1_000).map(record).collect()
    };
    let one = instance(&memory, &topic);
    memory.take_calls();
    let first = deliver(&one, &records(1)).await;
    assert_eq!((first.report.findings, first.report.known_values), (20, 980));
    let state = |calls: Vec<String>| calls.iter().filter(|it| it.contains("new-terms")).count();
    let new = state(memory.take_calls());
    // An instance that has just started reads each history; the same instance asks for nothing.
    let other = instance(&memory, &topic);
    assert_eq!(process(&other, &records(1)[20..]).await, (0, 0, 980));
    let known = state(memory.take_calls());
    assert_eq!(process(&other, &records(1)[20..]).await, (0, 0, 980));
    let cached = state(memory.take_calls());
    // The histories become longer once.
    assert_eq!(process(&other, &records(5)).await, (0, 0, 1_000));
    let refreshed = state(memory.take_calls());
    assert_eq!((new, known, cached, refreshed), (41, 21, 0, 40));
    assert!([new, known, cached, refreshed].iter().all(|requests| *requests <= 50));
}

#[tokio::test]
async fn what_an_exception_matches_makes_nothing_known_to_others() {
    let exception = r#"[[exception]]
name = "office"
rules = ["n-1"]
query = "source.ip: 192.0.2.1"
reason = "The office"
owner = "ops"
expires = "never"
"#;
    let memory = Memory::new();
    let topic = Topic::default();
    learned(&memory, &topic).await;
    let pipeline = pipeline_with(&memory, &topic, |pipeline| {
        let rules = LoadedRules::from_texts([("n.toml", RULE)].into_iter());
        let rules = rules.into_rule_set().unwrap();
        let exceptions = LoadedExceptions::from_texts([("e.toml", exception)].into_iter());
        pipeline.detections = Arc::new(Detections::with_loaded(rules, exceptions));
    });
    let mut office = create("10:00:00", "alice");
    office["sourceIPAddress"] = "192.0.2.1".into();
    assert_eq!(process(&pipeline, &[office]).await, (0, 1, 0));
    assert_eq!(process(&pipeline, &[create("10:00:01", "alice")]).await, (1, 0, 0));
}

#[tokio::test]
async fn a_damaged_history_starts_over_and_one_that_cannot_be_read_is_retried() {
    let memory = Memory::new();
    let topic = Topic::default();
    learned(&memory, &topic).await;
    assert_eq!(process(&instance(&memory, &topic), &[create("10:00:00", "alice")]).await.0, 1);
    let keys = memory.keys("new-terms/n-1/");
    assert_eq!(keys.len(), 1);
    memory.write(&keys[0], "{\"spells\": 1}");
    assert_eq!(process(&instance(&memory, &topic), &[create("10:00:01", "alice")]).await.0, 1);
    // A later version's is not overwritten.
    memory.write(&keys[0], "{\"version\": 9}");
    let report = deliver(&instance(&memory, &topic), &[create("10:00:02", "alice")]).await;
    assert_eq!(report.report.findings_that(Outcome::Failed), 1);
    assert!(report.problems[0].what.contains("the history has version 9"), "{report:?}");
    memory.fail(|_, key| match key.starts_with("new-terms/") {
        true => Fault::Refused,
        false => Fault::None,
    });
    let report = deliver(&instance(&memory, &topic), &[create("10:00:03", "eve")]).await;
    assert_eq!(report.report.findings_that(Outcome::Failed), 1);
    assert_eq!((report.retry.len(), report.problems.len()), (1, 1), "{report:?}");
    assert_eq!(report.problems[0].place, "new terms of rule n-1");
    memory.fail(|_, _| Fault::None);
    // Rather too many alerts than none: a rule of which nothing is known any more is not learning.
    memory.write("new-terms-since", "damaged");
    assert_eq!(process(&instance(&memory, &topic), &[create("10:00:04", "mia")]).await.0, 1);
}

#[tokio::test]
async fn without_a_ledger_values_are_known_to_their_invocation() {
    let pipeline = pipeline_with(&Memory::new(), &Topic::default(), |pipeline| {
        use_rule(pipeline, RULE);
        pipeline.ledger = Ledger::None;
    });
    let burst = [create("10:00:00", "alice"), create("10:00:01", "alice")];
    assert_eq!(process(&pipeline, &burst).await, (1, 0, 1));
    assert_eq!(process(&pipeline, &burst[1..]).await, (1, 0, 0));
}

#[tokio::test]
async fn a_dry_run_reads_histories_and_writes_nothing() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = learned(&memory, &topic).await;
    assert_eq!(process(&pipeline, &[create("10:00:00", "alice")]).await.0, 1);
    let before = memory.keys("");
    let dry = pipeline_with(&memory, &topic, |pipeline| {
        use_rule(pipeline, RULE);
        pipeline.ledger = Ledger::ReadOnly(ledger(&memory));
    });
    memory.take_calls();
    let burst = [create("10:01:00", "alice"), create("10:01:00", "eve"), create("10:02:00", "eve")];
    assert_eq!(process(&dry, &burst).await, (1, 0, 2));
    assert!(memory.take_calls().iter().all(|call| !call.starts_with("put")));
    assert_eq!(memory.keys(""), before);
}

/// Two workers find one call each of the same user. One is stopped after some steps, and its call
/// is delivered again.
#[tokio::test]
async fn a_new_value_is_alerted_once_wherever_a_worker_stops() {
    // More than a worker takes, which are fewer if the other was first.
    for steps in 0..80 {
        let memory = Memory::new();
        let topic = Topic::default();
        learned(&memory, &topic).await;
        let worker = |time| delivery(&instance(&memory, &topic), &[create(time, "alice")]);
        stop_first(worker("10:00:00"), worker("10:00:01"), steps);
        memory.advance(LEASE);
        let last = instance(&memory, &topic);
        pipeline::recover_open(&last, clock()).await;
        deliver(&last, &[create("10:00:00", "alice")]).await;
        let sent = sent_ids(&topic, "alert");
        assert_eq!(sent.len(), 1, "after {steps} steps");
    }
}
