//! Correlations: an incident is alerted once, and once more if its severity rises, in whatever
//! order its findings arrive.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use alert::Alert;
use detect::correlation::Mark;
use detect::finding::{FindingId, Outcome};
use detect::rule::{Detections, EmbeddedSets, LoadedRules, RuleSet};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::Instant;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self, Clock, Pipeline};
use trailbell::store::DirStore;

use crate::ledger::memory::{Fault, HangingStore, Memory, Topic};
use crate::ledger::world::{
    attribute, call, clock, deliver, inline, pipeline_with, s3, sent_alerts,
};

pub const ADMINISTRATORS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READERS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

const NONE: [&str; 0] = [];

/// A pipeline in memory with the embedded rules and correlations.
pub fn pipeline(memory: &Memory, topic: &Topic) -> Arc<Pipeline> {
    pipeline_and(memory, topic, |_| {})
}

/// The same, after a change.
pub fn pipeline_and(
    memory: &Memory,
    topic: &Topic,
    change: impl FnOnce(&mut Pipeline),
) -> Arc<Pipeline> {
    static DETECTIONS: OnceLock<Arc<Detections>> = OnceLock::new();
    let load = || Arc::new(LoadedRules::embedded().into_complete_rule_set().unwrap().into());
    pipeline_with(memory, topic, |pipeline| {
        pipeline.detections = Arc::clone(DETECTIONS.get_or_init(load));
        change(pipeline);
    })
}

fn call_at(time: &str, action: &str, parameters: Value) -> Value {
    call(action, &format!("2026-03-01T{time}Z"), "alice", parameters)
}

pub fn create(time: &str) -> Value {
    call_at(time, "CreateGroup", json!({"groupName": "ops"}))
}

pub fn attach(time: &str, policy: &str) -> Value {
    call_at(time, "AttachGroupPolicy", json!({"groupName": "ops", "policyArn": policy}))
}

pub fn add(time: &str, user: &str) -> Value {
    call_at(time, "AddUserToGroup", json!({"groupName": "ops", "userName": user}))
}

/// Three findings that are one incident of severity high.
fn staged_group() -> [Value; 3] {
    [create("10:00:00"), attach("10:01:00", READERS), add("10:02:00", "bob")]
}

/// Three findings that are one incident of severity critical.
pub fn staged_administrators() -> [Value; 3] {
    [create("10:00:00"), attach("10:01:00", ADMINISTRATORS), add("10:02:00", "bob")]
}

fn correlation_alerts(topic: &Topic) -> Vec<Alert> {
    sent_alerts(topic, "correlation")
}

/// The severities of the alerts of correlations that were sent.
pub fn severities(topic: &Topic) -> Vec<String> {
    correlation_alerts(topic).iter().map(|alert| attribute(alert, "severity").to_owned()).collect()
}

fn permutations<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    if all.is_empty() {
        return vec![vec![]];
    }
    let with_first = |index: usize| {
        let mut rest = all.to_vec();
        let first = rest.remove(index);
        permutations(&rest).into_iter().map(move |rest| [vec![first.clone()], rest].concat())
    };
    (0..all.len()).flat_map(with_first).collect()
}

#[tokio::test]
async fn a_staged_group_is_alerted_once_in_any_order_of_arrival() {
    let records = [create("10:00:00"), attach("10:01:00", ADMINISTRATORS), add("10:02:00", "bob")];
    for order in permutations(&records) {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline_and(&memory, &topic, |pipeline| {
            pipeline.detections = Arc::new(only_staged().into());
        });
        for record in &order {
            assert_eq!(severities(&topic), NONE, "too early in {order:?}");
            let report = deliver(&pipeline, std::slice::from_ref(record)).await;
            assert!(report.problems.is_empty(), "{report:?}");
        }
        for record in order.iter().rev() {
            let report = deliver(&pipeline, std::slice::from_ref(record)).await;
            assert_eq!(report.report.findings_that(Outcome::Alerted), 0);
        }
        let alerts = correlation_alerts(&topic);
        assert_eq!(alerts.len(), 1, "{order:?}");
        let subject =
            "[critical] IAM group staged for privilege escalation: ops by alice in 111122223333";
        assert_eq!(alerts[0].subject, subject);
        for (name, value) in [
            ("severity", "critical"),
            ("risk_score", "99"),
            ("kind", "correlation"),
            ("account", "111122223333"),
        ] {
            assert_eq!(attribute(&alerts[0], name), value, "{name}");
        }
        let members = alerts[0].document["trailbell"]["members"].as_array().unwrap();
        let actions: Vec<&str> =
            members.iter().map(|member| member["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["CreateGroup", "AttachGroupPolicy", "AddUserToGroup"], "{order:?}");
        assert!(memory.keys("open/").is_empty());
    }
}

/// The embedded rules, and of the correlations only that of staged groups.
fn only_staged() -> RuleSet {
    let mut loaded = LoadedRules::embedded();
    loaded.correlations.retain(|correlation| correlation.info.name.contains("staged"));
    loaded.into_rule_set().unwrap()
}

#[tokio::test]
async fn a_policy_of_power_and_a_member_of_an_old_group_are_one_incident() {
    for (policy, expected) in [
        (ADMINISTRATORS, vec!["critical"]),
        ("arn:aws:iam::aws:policy/PowerUserAccess", vec!["high"]),
        (READERS, vec![]),
    ] {
        for order in permutations(&[attach("10:01:00", policy), add("10:02:00", "bob")]) {
            let topic = Topic::default();
            let pipeline = pipeline(&Memory::new(), &topic);
            for record in order.iter().chain(&order) {
                deliver(&pipeline, std::slice::from_ref(record)).await;
            }
            assert_eq!(severities(&topic), expected, "{order:?}");
            let alerts = correlation_alerts(&topic);
            let name = "Administrator policy and new member in one group";
            assert!(alerts.iter().all(|it| attribute(it, "rule_name") == name), "{order:?}");
        }
    }
}

#[tokio::test]
async fn one_incident_of_two_correlations_is_alerted_once() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let records = [create("10:00:00"), attach("10:01:00", ADMINISTRATORS), add("10:02:00", "bob")];
    let report = deliver(&pipeline, &records).await;
    assert_eq!(correlation_alerts(&topic).len(), 1, "the group is new, which covers the rest");
    assert_eq!(report.report.correlations.values().sum::<u64>(), 1);
    deliver(&pipeline, &[add("11:00:00", "carol")]).await;
    assert_eq!(correlation_alerts(&topic).len(), 1, "the incident grew");
    let tomorrow = call(
        "AttachGroupPolicy",
        "2026-03-02T10:30:00Z",
        "alice",
        json!({"groupName": "ops", "policyArn": ADMINISTRATORS}),
    );
    deliver(&pipeline, &[tomorrow]).await;
    assert_eq!(correlation_alerts(&topic).len(), 1, "it grows still");
    assert!(memory.keys("open/").is_empty());
}

#[tokio::test]
async fn a_rename_in_between_hides_no_burst() {
    let topic = Topic::default();
    let pipeline = pipeline(&Memory::new(), &topic);
    let renaming = json!({"groupName": "ops", "newGroupName": "team"});
    let add_to = |group: &str, n: usize| {
        let parameters = json!({"groupName": group, "userName": format!("user-{n}")});
        call_at(&format!("10:00:{n}"), "AddUserToGroup", parameters)
    };
    let mut records: Vec<Value> = (10..15).map(|n| add_to("ops", n)).collect();
    records.push(call_at("10:00:20", "UpdateGroup", renaming));
    records.extend((30..35).map(|n| add_to("team", n)));
    deliver(&pipeline, &records).await;
    let names: Vec<String> = correlation_alerts(&topic)
        .iter()
        .map(|alert| attribute(alert, "rule_name").to_owned())
        .collect();
    assert_eq!(names, ["Many users added to one IAM group"]);
}

#[tokio::test]
async fn an_incident_is_alerted_again_only_if_its_severity_rises() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let report = deliver(&pipeline, &staged_group()).await.report;
    assert_eq!(severities(&topic), ["high"]);
    assert_eq!(report.correlations.values().sum::<u64>(), 1);
    assert!(report.to_string().ends_with("; 1 alert over several calls"), "{report}");
    let own_policy = "arn:aws:iam::111122223333:policy/mine";
    deliver(&pipeline, &[add("10:03:00", "carol"), attach("10:04:00", own_policy)]).await;
    assert_eq!(severities(&topic), ["high"], "the same severity");
    deliver(&pipeline, &[attach("10:05:00", ADMINISTRATORS)]).await;
    assert_eq!(severities(&topic), ["high", "critical"]);
    let full_access = "arn:aws:iam::aws:policy/IAMFullAccess";
    deliver(&pipeline, &[add("10:06:00", "dave"), attach("10:07:00", full_access)]).await;
    assert_eq!(severities(&topic), ["high", "critical"], "the same severity");
    let days_later = staged_group().map(|mut record| {
        let time = record["eventTime"].as_str().unwrap().replace("2026-03-01", "2026-03-05");
        record["eventID"] = format!("later {time}").into();
        record["eventTime"] = time.into();
        record
    });
    deliver(&pipeline, &days_later).await;
    let expected = ["high", "critical", "critical"];
    assert_eq!(
        severities(&topic),
        expected,
        "another incident, of a group that is an administrator"
    );
}

#[tokio::test]
async fn ten_users_in_ten_minutes_are_one_incident_and_its_members_are_cut_with_a_count() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let at = |n: usize| format!("10:{:02}:{:02}", n / 60, n % 60);
    let users: Vec<Value> = (0..110).map(|n| add(&at(n), &format!("user-{n}"))).collect();
    deliver(&pipeline, &users[..9]).await;
    deliver(&pipeline, &users[..9]).await;
    assert_eq!(severities(&topic), NONE, "nine users, twice");
    deliver(&pipeline, &users[9..10]).await;
    let alert = &correlation_alerts(&topic)[0];
    assert_eq!(attribute(alert, "rule_name"), "Many users added to one IAM group");
    assert_eq!(alert.document["trailbell"]["count"], 10);
    deliver(&pipeline, &users[10..]).await;
    assert_eq!(severities(&topic), ["medium"]);
    deliver(&pipeline, &[create("10:00:00"), attach("10:00:01", ADMINISTRATORS)]).await;
    let staged = &correlation_alerts(&topic)[1];
    assert_eq!(staged.document["trailbell"]["count"], 112);
    assert_eq!(staged.document["trailbell"]["members"].as_array().unwrap().len(), 100);
    assert!(staged.text.contains("\n    … 104 more\n"), "{}", staged.text);
}

#[tokio::test]
async fn a_renamed_group_is_correlated_in_any_order_of_arrival() {
    let renaming = json!({"groupName": "ops", "newGroupName": "team"});
    let member = json!({"groupName": "team", "userName": "bob"});
    let records = [
        create("10:00:00"),
        attach("10:01:00", ADMINISTRATORS),
        call_at("10:02:00", "UpdateGroup", renaming),
        call_at("10:03:00", "AddUserToGroup", member),
    ];
    for order in permutations(&records) {
        let topic = Topic::default();
        let pipeline = pipeline(&Memory::new(), &topic);
        for record in &order {
            deliver(&pipeline, std::slice::from_ref(record)).await;
        }
        let alerts = correlation_alerts(&topic);
        assert_eq!(alerts.len(), 1, "{order:?}");
        // How many there were when the third step arrived depends on the order.
        let subject = alerts[0].subject.replace("team, 4 events by", "team by");
        let what = "IAM group staged for privilege escalation: team by alice in 111122223333";
        assert_eq!(subject, format!("[critical] {what}"), "{order:?}");
    }
}

#[tokio::test]
async fn a_failing_ledger_delays_the_correlation_and_no_alert_of_a_finding() {
    for (verb, folder) in [
        ("put", "by-correlation/"),
        ("list", "by-correlation/"),
        ("get", "incidents/"),
        ("put", "incidents/"),
    ] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        memory.fail(move |called, key| {
            let fails = called == verb && key.starts_with(folder);
            if fails { Fault::Refused } else { Fault::None }
        });
        let report = deliver(&pipeline, &staged_group()).await;
        assert_eq!(report.report.findings_that(Outcome::Alerted), 3, "{verb} {folder}");
        assert!(report.reply().is_err(), "{verb} {folder}: to be retried");
        assert!(report.problems[0].place.starts_with("correlation "), "{report:?}");
        memory.fail(|_, _| Fault::None);
        let report = deliver(&pipeline, &staged_group()).await;
        assert_eq!(report.report.findings_that(Outcome::Duplicate), 3, "{verb} {folder}");
        assert!(report.reply().is_ok());
        assert_eq!(severities(&topic), ["high"], "{verb} {folder}");
    }
}

/// Without a limit it would never end.
#[tokio::test(start_paused = true)]
async fn a_hanging_ledger_delays_the_correlation_until_the_next_delivery() {
    let memory = Memory::new();
    let topic = Topic::default();
    let store = HangingStore { memory: memory.clone(), prefixes: &["by-correlation/"] };
    let hanging = pipeline_and(&memory, &topic, |pipeline| {
        pipeline.ledger = Ledger::Stored(StoredLedger::new(Box::new(store), "state", ""));
    });
    let last_start = Some(Instant::now() + Duration::from_millis(200));
    let payload = inline(&staged_group());
    let report = pipeline::run(&hanging, &payload, Clock { last_start, ..clock() }).await;
    assert_eq!(report.mismatch, None);
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let late = problems.iter().any(|problem| problem.contains("not evaluated in time"));
    assert!(late, "{problems:?}");
    assert!(report.reply().is_err(), "to be retried");
    deliver(&pipeline(&memory, &topic), &staged_group()).await;
    assert_eq!(correlation_alerts(&topic).len(), 1);
    assert_eq!(topic.accepted().len(), 4, "three findings, each once, and their incident");
}

#[tokio::test]
async fn a_refused_alert_is_retried_and_the_fifth_is_minimal() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    topic.fail(&[Fault::Refused]);
    let report = deliver(&pipeline, &staged_group()).await.report;
    assert_eq!(report.correlations_failed, 1, "{report:?}");
    assert_eq!(severities(&topic), NONE);
    for attempt in 2..=4 {
        topic.fail(&[Fault::Refused]);
        let recovered = pipeline::recover_open(&pipeline, clock()).await;
        assert_eq!(recovered.problems.len(), 1, "attempt {attempt}: {recovered:?}");
    }
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert!(recovered.problems.is_empty(), "{recovered:?}");
    assert_eq!(recovered.report.correlations.len(), 1);
    let text = &correlation_alerts(&topic)[0].text;
    assert!(text.contains("the full alert could not be sent") && text.len() < 4000, "{text}");
    assert!(memory.keys("open/").is_empty());
}

#[tokio::test]
async fn damaged_incidents_marks_and_entries_are_survived() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &staged_group()).await;
    let incidents = memory.keys("incidents/").remove(0);
    memory.write(&incidents, "{\"version\":1,");
    let mark = memory.keys("by-correlation/").remove(0);
    let folder = mark.rsplit_once('/').unwrap().0;
    memory.write(&format!("{folder}/20260301T100000Z-what-is-this"), "");
    let mut entries = memory.keys("entries/");
    entries.retain(|key| memory.text(key).unwrap().contains("CreateGroup\""));
    memory.write(&entries[0], "damaged");
    deliver(&pipeline, &[attach("10:03:00", ADMINISTRATORS)]).await;
    assert_eq!(severities(&topic), ["high", "critical"]);
    let text = &correlation_alerts(&topic)[1].text;
    let text = text.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ");
    let sentence = "… 1 event is not shown: cannot use the ledger's object s3://state/entries/";
    assert!(text.contains(sentence), "{text}");
    memory.write(&incidents, "{\"version\":99}");
    let report = deliver(&pipeline, &[add("10:04:00", "carol")]).await;
    assert!(report.problems[0].what.contains("version 99"), "{report:?}");
    assert!(report.reply().is_err());
}

#[tokio::test]
async fn without_a_ledger_nothing_is_correlated_and_a_warning_says_so() {
    let memory = Memory::new();
    let topic = Topic::default();
    assert_eq!(pipeline(&memory, &topic).idle_correlations(), None);
    let pipeline = pipeline_and(&memory, &topic, |pipeline| pipeline.ledger = Ledger::None);
    let warning = pipeline.idle_correlations().unwrap();
    assert!(warning.contains("3 rules over several calls are not evaluated"), "{warning}");
    let report = deliver(&pipeline, &staged_group()).await.report;
    assert_eq!(report.findings_that(Outcome::Alerted), 3);
    assert_eq!(severities(&topic), NONE);
}

#[tokio::test]
async fn ledgers_in_s3_and_in_a_directory_correlate() {
    let folder = tempfile::tempdir().unwrap();
    let (s3, bucket) = s3().await;
    for (ledger, name) in [
        (StoredLedger::new(Box::new(s3), &bucket, "some/prefix/"), "S3"),
        (StoredLedger::new(Box::new(DirStore::new(folder.path())), "state", ""), "directory"),
    ] {
        let topic = Topic::default();
        let pipeline = pipeline_and(&Memory::new(), &topic, |pipeline| {
            pipeline.ledger = Ledger::Stored(ledger);
        });
        let records =
            [add("10:02:00", "bob"), create("10:00:00"), attach("10:01:00", ADMINISTRATORS)];
        for record in records {
            let report = deliver(&pipeline, &[record]).await;
            assert!(report.problems.is_empty(), "{name}: {report:?}");
        }
        assert_eq!(severities(&topic), ["critical"], "{name}");
    }
}

const ADDITION: &str = "333de828-8190-4cf5-8d7c-7575846f6fe0";

/// Writes marks of user additions a second apart, as if they had been delivered one by one. They
/// are like the one of `correlation` that is there.
fn repeat_addition(memory: &Memory, correlation: &str, count: u32) {
    let rule = format!("{}/", Mark::rule_hash(ADDITION));
    let keys = memory.keys(&format!("by-correlation/{correlation}/"));
    let key = keys.iter().find(|key| key.contains(&rule)).unwrap();
    let (folder, name) = key.split_at(key.find(&rule).unwrap());
    let first = Mark::parse(name).unwrap();
    for number in 1..=count {
        let finding = FindingId::hash_parts([number.to_string().as_str()]);
        let event = finding.as_str()[..16].to_owned();
        let time = first.time + SignedDuration::from_secs(number.into());
        let mark = Mark { time, event, finding, ..first.clone() };
        memory.write(&format!("{folder}{}", mark.key_name()), "");
    }
}

#[tokio::test]
async fn a_flood_of_one_step_hides_no_other_step() {
    for (count, later) in [(2_100, "11:00:00"), (10_000, "13:30:00")] {
        let (memory, topic) = (Memory::new(), Topic::default());
        let pipeline = pipeline(&memory, &topic);
        deliver(&pipeline, &[create("10:00:00"), add("10:00:01", "bob")]).await;
        repeat_addition(&memory, "b0d2a2be-6d1a-4f3b-9d53-64c1c0c7f1a4", count);
        let report = deliver(&pipeline, &[attach(later, ADMINISTRATORS)]).await;
        assert_eq!(severities(&topic), ["critical"], "{count}");
        assert_eq!((report.problems.len(), report.report.correlations_cut), (0, 0));
    }
}

#[tokio::test]
async fn repeated_calls_of_one_object_leave_two_marks() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let pipeline = pipeline(&memory, &topic);
    let calls: Vec<Value> = (10..40).map(|second| add(&format!("10:00:{second}"), "bob")).collect();
    deliver(&pipeline, &calls).await;
    let marks = |id: &str| memory.keys(&format!("by-correlation/{id}")).len();
    assert_eq!(marks("b0d2a2be"), 2, "the first and the last");
    assert_eq!(marks("0f7f3f0b"), 20, "as many as are counted, at both ends");
    assert_eq!(severities(&topic), ["medium"], "they are counted as before");
}

const IN_ORDER: &str = r#"
[rule]
name = "Created, then filled"
description = "A group was created, and users were added later."
rule_id = "created-then-filled"
risk_score = 73
severity = "high"
type = "correlation"

[rule.correlation]
type = "temporal_ordered"
rules = ["169f3a93-efc7-4df2-94d6-0d9438c310d1", "333de828-8190-4cf5-8d7c-7575846f6fe0"]
group_by = ["cloud.account.id", "group.name"]
timespan = "24h"
"#;

#[tokio::test]
async fn more_marks_than_are_read_are_reported_and_counted() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in-order.toml"), IN_ORDER).unwrap();
    let rules = LoadedRules::from_paths(&EmbeddedSets::default(), &[folder.path().to_owned()]);
    let pipeline = pipeline_and(&memory, &topic, |pipeline| {
        pipeline.detections = Arc::new(rules.into_complete_rule_set().unwrap().into());
    });
    deliver(&pipeline, &[add("10:00:00", "bob")]).await;
    repeat_addition(&memory, "created-then-filled", 2_100);
    let report = deliver(&pipeline, &[create("10:50:00")]).await;
    assert_eq!(report.report.correlations_cut, 1, "{:?}", report.problems);
    let what = "more findings than are read in by-correlation/created-then-filled/";
    assert!(report.problems[0].what.starts_with(what), "{:?}", report.problems);
}
