//! Correlations: an episode rings once, and once more when it gets worse, whatever the order of
//! arrival and whoever dies.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use alert::Alert;
use detect::finding::Outcome;
use detect::rule::{Detections, LoadedRules};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self, Clock, InvocationReport, Pipeline};
use trailbell::store::{DirStore, S3Store};

use super::context::Hangs;
use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{LEASE, clock, inline};
use support::{aws, moto};

const ADMINISTRATORS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READERS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// The rules and correlations that come with the program, over a store in memory.
fn pipeline(memory: &Memory, topic: &Topic) -> Arc<Pipeline> {
    static DETECTIONS: OnceLock<Arc<Detections>> = OnceLock::new();
    let load =
        || Arc::new(LoadedRules::from_paths(true, &[]).into_complete_rule_set().unwrap().into());
    let mut pipeline = Arc::into_inner(crate::ledger::world::pipeline(memory, topic)).unwrap();
    pipeline.detections = Arc::clone(DETECTIONS.get_or_init(load));
    Arc::new(pipeline)
}

fn record(event: &str, time: &str, parameters: Value) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": event, "eventID": format!("{event}-{time}"),
        "eventTime": format!("2026-03-01T{time}Z"), "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "requestParameters": parameters, "userIdentity": {"type": "IAMUser", "userName": "alice",
            "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:user/alice"}})
}

fn created(time: &str) -> Value {
    record("CreateGroup", time, json!({"groupName": "ops"}))
}

fn attached(time: &str, policy: &str) -> Value {
    record("AttachGroupPolicy", time, json!({"groupName": "ops", "policyArn": policy}))
}

fn added(time: &str, user: &str) -> Value {
    record("AddUserToGroup", time, json!({"groupName": "ops", "userName": user}))
}

async fn run(pipeline: &Arc<Pipeline>, records: &[Value]) -> InvocationReport {
    let outcome = pipeline::run(pipeline, &inline(records), clock()).await;
    assert_eq!(outcome.mismatch, None);
    outcome
}

fn correlation_alerts(topic: &Topic) -> Vec<Alert> {
    topic
        .accepted()
        .into_iter()
        .filter(|alert| alert.document["trailbell"]["kind"] == "correlation")
        .collect()
}

fn severities(topic: &Topic) -> Vec<String> {
    correlation_alerts(topic).iter().map(|alert| attribute(alert, "severity").to_owned()).collect()
}

fn attribute<'a>(alert: &'a Alert, name: &str) -> &'a str {
    &alert.attributes.iter().find(|attribute| attribute.name == name).unwrap().value
}

fn orders<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    if all.is_empty() {
        return vec![vec![]];
    }
    let first = |at: usize| {
        let mut rest = all.to_vec();
        let first = rest.remove(at);
        orders(&rest).into_iter().map(move |rest| [vec![first.clone()], rest].concat())
    };
    (0..all.len()).flat_map(first).collect()
}

#[tokio::test]
async fn a_staged_group_rings_once_in_any_order_of_arrival() {
    for order in orders(&[
        created("10:00:00"),
        attached("10:01:00", ADMINISTRATORS),
        added("10:02:00", "bob"),
    ]) {
        let (memory, topic) = (Memory::new(), Topic::default());
        let pipeline = pipeline(&memory, &topic);
        for record in &order {
            assert_eq!(severities(&topic), [""; 0], "too early in {order:?}");
            let outcome = run(&pipeline, std::slice::from_ref(record)).await;
            assert!(outcome.problems.is_empty(), "{outcome:?}");
        }
        for record in order.iter().rev() {
            let outcome = run(&pipeline, std::slice::from_ref(record)).await;
            assert_eq!(outcome.report.findings_that(Outcome::Alerted), 0);
        }
        let alerts = correlation_alerts(&topic);
        assert_eq!(alerts.len(), 1, "{order:?}");
        assert_eq!(
            alerts[0].subject,
            "[critical] IAM group staged for privilege escalation: ops in 111122223333"
        );
        let rules = [
            ("severity", "critical"),
            ("risk_score", "99"),
            ("kind", "correlation"),
            ("account", "111122223333"),
        ];
        rules
            .iter()
            .for_each(|(name, value)| assert_eq!(attribute(&alerts[0], name), *value, "{name}"));
        let ours = &alerts[0].document["trailbell"];
        let actions = ours["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["action"].as_str().unwrap());
        assert_eq!(
            actions.collect::<Vec<_>>(),
            ["CreateGroup", "AttachGroupPolicy", "AddUserToGroup"],
            "{order:?}"
        );
        assert!(memory.keys("open/").is_empty());
    }
}

#[tokio::test]
async fn it_rings_again_only_when_it_gets_worse_or_begins_anew() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let pipeline = pipeline(&memory, &topic);
    let outcome = run(
        &pipeline,
        &[created("08:00:00"), attached("08:01:00", READERS), added("08:02:00", "bob")],
    )
    .await;
    assert_eq!(
        (severities(&topic), outcome.report.correlations.values().sum::<u64>()),
        (vec!["high".to_owned()], 1)
    );
    assert!(outcome.report.to_string().ends_with("; 1 correlation"), "{}", outcome.report);
    run(
        &pipeline,
        &[
            added("08:03:00", "carol"),
            attached("08:04:00", "arn:aws:iam::111122223333:policy/mine"),
        ],
    )
    .await;
    assert_eq!(severities(&topic), ["high"], "more of the same");
    run(&pipeline, &[attached("08:05:00", ADMINISTRATORS)]).await;
    assert_eq!(severities(&topic), ["high", "critical"]);
    run(
        &pipeline,
        &[added("08:06:00", "dave"), attached("08:07:00", "arn:aws:iam::aws:policy/IAMFullAccess")],
    )
    .await;
    assert_eq!(severities(&topic), ["high", "critical"]);
    let later = |mut record: Value| {
        let time = record["eventTime"].as_str().unwrap().replace("2026-03-01", "2026-03-05");
        (record["eventID"], record["eventTime"]) = (json!(format!("later {time}")), json!(time));
        record
    };
    run(
        &pipeline,
        &[
            later(created("08:00:00")),
            later(attached("08:01:00", READERS)),
            later(added("08:02:00", "b")),
        ],
    )
    .await;
    assert_eq!(
        severities(&topic),
        ["high", "critical", "high"],
        "days later it is another episode"
    );
}

#[tokio::test]
async fn ten_users_in_ten_minutes_ring_once_and_many_members_are_cut_with_a_count() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let pipeline = pipeline(&memory, &topic);
    let users: Vec<Value> =
        (10..40).map(|n| added(&format!("10:00:{n}"), &format!("user-{n}"))).collect();
    run(&pipeline, &users[..9]).await;
    run(&pipeline, &users[..9]).await;
    assert_eq!(severities(&topic), [""; 0], "nine, twice");
    run(&pipeline, &users[9..10]).await;
    let alert = &correlation_alerts(&topic)[0];
    assert_eq!(attribute(alert, "rule_name"), "Many users added to one IAM group");
    assert_eq!(alert.document["trailbell"]["count"], 10);
    run(&pipeline, &users[10..]).await;
    assert_eq!(severities(&topic), ["medium"]);
    run(&pipeline, &[created("10:00:00"), attached("10:00:01", ADMINISTRATORS)]).await;
    let staged = &correlation_alerts(&topic)[1];
    assert_eq!(staged.document["trailbell"]["count"], 32);
    assert_eq!(staged.document["trailbell"]["members"].as_array().unwrap().len(), 20);
    assert!(staged.text.contains("and 12 more"), "{}", staged.text);
}

#[tokio::test]
async fn a_group_is_followed_through_its_names_in_any_order() {
    let renamed =
        record("UpdateGroup", "10:02:00", json!({"groupName": "ops", "newGroupName": "team"}));
    let member =
        record("AddUserToGroup", "10:03:00", json!({"groupName": "team", "userName": "bob"}));
    for order in
        orders(&[created("10:00:00"), attached("10:01:00", ADMINISTRATORS), renamed, member])
    {
        let (memory, topic) = (Memory::new(), Topic::default());
        let pipeline = pipeline(&memory, &topic);
        for record in &order {
            run(&pipeline, std::slice::from_ref(record)).await;
        }
        let alerts = correlation_alerts(&topic);
        let last = alerts.last().map(|alert| alert.subject.clone());
        let expected = "[critical] IAM group staged for privilege escalation: team in 111122223333";
        assert_eq!(last.as_deref(), Some(expected), "{order:?}");
        assert_eq!(alerts.len(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn a_ledger_that_fails_keeps_no_alert_back_and_the_correlation_comes_later() {
    for (verb, place) in [
        ("put", "by-correlation/"),
        ("list", "by-correlation/"),
        ("get", "incidents/"),
        ("put", "incidents/"),
    ] {
        let (memory, topic) = (Memory::new(), Topic::default());
        let pipeline = pipeline(&memory, &topic);
        let all = [created("10:00:00"), attached("10:01:00", READERS), added("10:02:00", "bob")];
        memory.fail(
            move |v, key| {
                if v == verb && key.starts_with(place) { Fault::Refused } else { Fault::None }
            },
        );
        let outcome = run(&pipeline, &all).await;
        assert_eq!(outcome.report.findings_that(Outcome::Alerted), 3, "{verb} {place}");
        assert!(outcome.reply().is_err(), "{verb} {place}: to be delivered again");
        assert!(outcome.problems[0].place.starts_with("correlation "), "{outcome:?}");
        memory.fail(|_, _| Fault::None);
        let outcome = run(&pipeline, &all).await;
        assert_eq!(outcome.report.findings_that(Outcome::Duplicate), 3, "{verb} {place}");
        assert!(outcome.reply().is_ok());
        assert_eq!(severities(&topic), ["high"], "{verb} {place}");
    }
}

/// Without a bound it would never end.
#[tokio::test]
async fn a_ledger_that_hangs_is_not_waited_for_past_the_deadline_and_the_correlation_comes_later() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let story = [created("10:00:00"), attached("10:01:00", READERS), added("10:02:00", "bob")];
    let mut slow = Arc::into_inner(pipeline(&memory, &topic)).unwrap();
    let hangs = Hangs(memory.clone(), &["by-correlation/"]);
    slow.ledger = Ledger::Stored(StoredLedger::new(Box::new(hangs), "state", ""));
    let clock = Clock { last_start: Some(Instant::now() + Duration::from_millis(200)), ..clock() };
    let outcome = pipeline::run(&Arc::new(slow), &inline(&story), clock).await;
    assert_eq!(outcome.mismatch, None);
    let problems: Vec<String> = outcome.problems.iter().map(ToString::to_string).collect();
    assert!(problems.iter().any(|it| it.contains("not evaluated in time")), "{problems:?}");
    assert!(outcome.reply().is_err(), "it must come again");
    run(&pipeline(&memory, &topic), &story).await;
    assert_eq!(correlation_alerts(&topic).len(), 1);
    assert_eq!(
        topic.accepted().len(),
        4,
        "three findings, each told once, and what they mean together"
    );
}

#[tokio::test]
async fn an_alert_that_the_topic_refuses_is_tried_again_and_at_last_minimal() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let pipeline = pipeline(&memory, &topic);
    let all = [created("10:00:00"), attached("10:01:00", READERS), added("10:02:00", "bob")];
    topic.fail(&[Fault::Refused]);
    let outcome = run(&pipeline, &all).await;
    assert_eq!(
        (outcome.report.correlations_failed, severities(&topic).len()),
        (1, 0),
        "{outcome:?}"
    );
    for attempt in 2..=4 {
        topic.fail(&[Fault::Refused]);
        let recovered = pipeline::recover_open(&pipeline, clock()).await;
        assert_eq!(recovered.problems.len(), 1, "attempt {attempt}: {recovered:?}");
    }
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!(
        (recovered.problems.len(), recovered.report.correlations.len()),
        (0, 1),
        "{recovered:?}"
    );
    let alert = &correlation_alerts(&topic)[0];
    assert!(
        alert.text.contains("the full alert could not be sent") && alert.text.len() < 4000,
        "{}",
        alert.text
    );
    assert!(memory.keys("open/").is_empty());
}

#[tokio::test]
async fn damage_in_the_ledger_is_survived() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let pipeline = pipeline(&memory, &topic);
    run(&pipeline, &[created("10:00:00"), attached("10:01:00", READERS), added("10:02:00", "bob")])
        .await;
    let incidents = memory.keys("incidents/").remove(0);
    let folder = memory.keys("by-correlation/").remove(0).rsplit_once('/').unwrap().0.to_owned();
    memory.write(&incidents, "{\"version\":1,");
    memory.write(&format!("{folder}/20260301T100000Z-what-is-this"), "");
    let entry = memory
        .keys("entries/")
        .into_iter()
        .find(|key| memory.text(key).unwrap().contains("CreateGroup\""))
        .unwrap();
    memory.write(&entry, "damaged");
    run(&pipeline, &[attached("10:03:00", ADMINISTRATORS)]).await;
    let alerts = correlation_alerts(&topic);
    assert_eq!(severities(&topic), ["high", "critical"]);
    let text = alerts[1].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains(
            "1 event is not shown here: cannot use the ledger's object s3://state/entries/"
        ),
        "{text}"
    );
    memory.write(&memory.keys("incidents/")[0], "{\"version\":99}");
    let outcome = run(&pipeline, &[added("10:04:00", "carol")]).await;
    assert!(
        outcome.problems[0].what.contains("version 99") && outcome.reply().is_err(),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn without_a_ledger_nothing_is_correlated_and_it_is_said() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let mut pipeline = Arc::into_inner(pipeline(&memory, &topic)).unwrap();
    assert_eq!(pipeline.idle_correlations(), None);
    pipeline.ledger = Ledger::None;
    assert!(
        pipeline.idle_correlations().unwrap().contains("2 correlation rules are not evaluated")
    );
    let all = [created("10:00:00"), attached("10:01:00", READERS), added("10:02:00", "bob")];
    assert_eq!(run(&Arc::new(pipeline), &all).await.report.findings_that(Outcome::Alerted), 3);
    assert_eq!(severities(&topic), [""; 0]);
}

#[tokio::test]
async fn a_ledger_in_s3_and_in_a_folder_correlates() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        aws_sdk_s3::config::Builder::from(&aws::config(moto::url())).force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let bucket = moto::unique("state");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    for (ledger, name) in [
        (StoredLedger::new(Box::new(S3Store::new(client)), &bucket, "some/prefix/"), "S3"),
        (StoredLedger::new(Box::new(DirStore::new(folder.path())), "state", ""), "folder"),
    ] {
        let (memory, topic) = (Memory::new(), Topic::default());
        let mut pipeline = Arc::into_inner(pipeline(&memory, &topic)).unwrap();
        pipeline.ledger = Ledger::Stored(ledger);
        let pipeline = Arc::new(pipeline);
        for record in
            [added("10:02:00", "bob"), created("10:00:00"), attached("10:01:00", ADMINISTRATORS)]
        {
            let outcome = run(&pipeline, &[record]).await;
            assert!(outcome.problems.is_empty(), "{name}: {outcome:?}");
        }
        assert_eq!(severities(&topic), ["critical"], "{name}");
    }
}

type Work = Pin<Box<dyn Future<Output = ()>>>;

fn work(pipeline: &Arc<Pipeline>, records: Vec<Value>) -> Work {
    let pipeline = Arc::clone(pipeline);
    Box::pin(async move {
        run(&pipeline, &records).await;
    })
}

fn sweep(pipeline: &Arc<Pipeline>) -> Work {
    let pipeline = Arc::clone(pipeline);
    Box::pin(async move {
        pipeline::recover_open(&pipeline, clock()).await;
    })
}

/// Nothing runs in it: who waits for something with a limit needs its timers, which never fire
/// here.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().unwrap())
}

/// Goes so many steps; whether it is over.
fn go(work: &mut Work, steps: usize) -> bool {
    let _timers = runtime().enter();
    (0..steps)
        .any(|_| work.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(()))
}

fn finish(mut work: Work) {
    assert!(go(&mut work, 100_000), "it hangs");
}

/// How often an alert of a correlation may be told beyond the first time: once, where its teller
/// died after the topic had it and before that was written down.
fn unrecorded(memory: &Memory, topic: &Topic) -> usize {
    let open = |alert: &Alert| {
        let entry = memory.text(&format!("entries/{}", alert.finding)).unwrap_or_default();
        !entry.contains("\"state\":\"alerted\"")
    };
    correlation_alerts(topic).iter().filter(|alert| open(alert)).count()
}

/// One worker dies after each of its steps in turn; another has the rest of the story, before or
/// afterwards; then deliveries are repeated, or only the sweep comes.
#[test]
fn a_death_at_every_step_loses_no_episode() {
    let early = vec![created("10:00:00"), attached("10:01:00", ADMINISTRATORS)];
    let late = vec![added("10:02:00", "bob")];
    for (dying, other) in [(&early, &late), (&late, &early)] {
        for before in [true, false] {
            for steps in 1.. {
                let (memory, topic) = (Memory::new(), Topic::default());
                let pipeline = pipeline(&memory, &topic);
                if before {
                    finish(work(&pipeline, other.clone()));
                }
                let mut dies = work(&pipeline, dying.clone());
                let over = go(&mut dies, steps);
                drop(dies);
                let again = unrecorded(&memory, &topic);
                if !before {
                    finish(work(&pipeline, other.clone()));
                }
                memory.wait(LEASE);
                finish(work(&pipeline, dying.clone()));
                memory.wait(LEASE);
                finish(sweep(&pipeline));
                let told = severities(&topic);
                let right = !told.is_empty()
                    && told.len() <= 1 + again
                    && told.iter().all(|it| it == "critical");
                assert!(
                    right,
                    "dead after {steps} steps, the other one before: {before}: told {told:?}, {again} allowed"
                );
                assert!(memory.keys("open/").is_empty(), "dead after {steps} steps");
                if over {
                    break;
                }
            }
        }
    }
}

/// Once the findings are entered, the sweep alone sees the episode through.
#[test]
fn what_is_entered_the_sweep_correlates_alone() {
    let all =
        vec![created("10:00:00"), attached("10:01:00", ADMINISTRATORS), added("10:02:00", "bob")];
    for steps in 1.. {
        let (memory, topic) = (Memory::new(), Topic::default());
        let pipeline = pipeline(&memory, &topic);
        let mut dies = work(&pipeline, all.clone());
        let over = go(&mut dies, steps);
        drop(dies);
        let again = unrecorded(&memory, &topic);
        let entered = memory.keys("entries/").len() >= all.len();
        memory.wait(LEASE);
        finish(sweep(&pipeline));
        let told = severities(&topic);
        assert!(
            !entered || (!told.is_empty() && told.len() <= 1 + again),
            "dead after {steps} steps: {told:?}"
        );
        if over {
            break;
        }
    }
}

/// Two workers have a part each; one stops after each of its steps in turn while the other runs,
/// and then goes on.
#[test]
fn two_workers_at_once_ring_once() {
    let parts = [
        vec![created("10:00:00"), added("10:02:00", "bob")],
        vec![attached("10:01:00", ADMINISTRATORS)],
    ];
    for (one, other) in [(0, 1), (1, 0)] {
        for steps in 1.. {
            let (memory, topic) = (Memory::new(), Topic::default());
            let pipeline = pipeline(&memory, &topic);
            let mut slow = work(&pipeline, parts[one].clone());
            let over = go(&mut slow, steps);
            finish(work(&pipeline, parts[other].clone()));
            if !over {
                finish(slow);
            }
            assert_eq!(severities(&topic), ["critical"], "{one} waits after {steps} steps");
            assert!(memory.keys("open/").is_empty());
            if over {
                break;
            }
        }
    }
}
