//! Grouping, and the summaries of what was grouped.

use std::ops::Range;
use std::sync::Arc;

use alert::Alert;
use detect::finding::Outcome;
use serde_json::{Value, json};
use trailbell::pipeline::{self, Pipeline};
use trailbell::sink::wire;

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{
    LEASE, WINDOW, Worker, attribute, clock, create_group, deliver, inline, pipeline, sent_alerts,
    step,
};

const RULE: &str = "169f3a93-efc7-4df2-94d6-0d9438c310d1";

fn records(range: Range<usize>, user: &str) -> Vec<Value> {
    range.map(|n| create_group(&format!("e{n}"), user)).collect()
}

/// Calls of the ledger until this worker dies: it has claimed all of 30 findings and counted them.
fn claims_of_thirty_are_written(memory: &Memory) -> bool {
    memory.keys("entries/").len() == 30 && memory.keys("by-window/").len() == 30
}

#[tokio::test]
async fn the_first_three_of_a_burst_are_alerted_after_a_crash() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let payload = inline(&records(0..30, "alice"));
    let dying = Arc::clone(&pipeline);
    let mut worker: Worker<_> =
        Box::pin(async move { pipeline::run(&dying, &payload, clock()).await });
    while !claims_of_thirty_are_written(&memory) {
        assert!(step(&mut worker).is_pending(), "it ended before it died");
    }
    drop(worker);
    assert_eq!(topic.sent_count(), 0);
    memory.advance(LEASE);
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    let outcomes = [Outcome::Alerted, Outcome::Grouped];
    assert_eq!(outcomes.map(|it| recovered.report.findings_that(it)), [3, 27]);
}

/// Delivers records. Returns how many findings were alerted singly and how many were grouped.
async fn counts(pipeline: &Arc<Pipeline>, records: &[Value]) -> (u64, u64) {
    let report = deliver(pipeline, records).await;
    assert!(report.problems.is_empty(), "{report:?}");
    let report = report.report;
    (report.findings_that(Outcome::Alerted), report.findings_that(Outcome::Grouped))
}

/// Sends summaries. Returns how many findings were in them.
async fn summarise(pipeline: &Arc<Pipeline>) -> u64 {
    let recovered = pipeline::send_due_summaries(pipeline, clock()).await;
    assert!(recovered.problems.is_empty(), "{recovered:?}");
    recovered.report.findings_that(Outcome::Summarised)
}

fn summaries(topic: &Topic) -> Vec<Alert> {
    sent_alerts(topic, "summary")
}

#[tokio::test]
async fn a_burst_is_three_alerts_and_one_summary_of_the_rest() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    assert_eq!(counts(&pipeline, &records(0..40, "alice")).await, (3, 37));
    assert_eq!(counts(&pipeline, &records(40..41, "bob")).await, (1, 0), "another principal");
    assert_eq!(summarise(&pipeline).await, 0, "the window is not over");
    assert_eq!(counts(&pipeline, &records(0..40, "alice")).await, (0, 0), "all are duplicates");
    memory.advance(WINDOW);
    assert_eq!(summarise(&pipeline).await, 37);
    assert_eq!(summarise(&pipeline).await, 0, "it was sent");
    let all = summaries(&topic);
    assert_eq!(all.len(), 1);
    check_burst_summary(&all[0]);
    for key in memory.keys("entries/") {
        let entry: Value = serde_json::from_str(&memory.text(&key).unwrap()).unwrap();
        match entry["state"].as_str().unwrap() {
            "summarised" => assert_eq!(entry["summary"], all[0].finding.as_str(), "{key}"),
            state => assert_eq!(state, "alerted", "{key}"),
        }
    }
    assert!(memory.keys("grouped/").is_empty() && memory.keys("open/").is_empty());
}

fn check_burst_summary(summary: &Alert) {
    assert_eq!(summary.subject, "[low] 37 more IAM groups created by alice in 111122223333");
    for (name, value) in [
        ("kind", "summary"),
        ("severity", "low"),
        ("risk_score", "21"),
        ("account", "111122223333"),
        ("action", "CreateGroup"),
    ] {
        assert_eq!(attribute(summary, name), value, "{name}");
    }
    let text = &summary.text;
    assert!(text.contains("    37  alice in 111122223333\n"), "{text}");
    let member = "  IAM group group-e17 created";
    let line = text.lines().find(|line| line.ends_with(member));
    assert!(line.is_some_and(|line| line.starts_with("  03-01 10:00:00  ")), "{text}");
}

#[tokio::test]
async fn no_more_than_max_signals_are_alerted_singly_in_one_window() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let records: Vec<Value> =
        (0..130).map(|n| create_group(&format!("e{n}"), &format!("user{n}"))).collect();
    assert_eq!(counts(&pipeline, &records[..90]).await, (90, 0));
    assert_eq!(counts(&pipeline, &records[90..120]).await, (10, 20));
    memory.advance(WINDOW);
    assert_eq!(counts(&pipeline, &records[120..]).await, (10, 0), "in the next window");
    assert_eq!(summarise(&pipeline).await, 20);
}

/// A group that a session of the role `Deploy` creates.
fn create_in_session(event_id: &str, account: &str, session: &str) -> Value {
    let mut record = create_group(event_id, "");
    let arn = format!("arn:aws:iam::{account}:role/Deploy");
    record["recipientAccountId"] = account.into();
    record["userIdentity"] = json!({
        "type": "AssumedRole",
        "principalId": format!("AROA1:{session}"),
        "sessionContext": {"sessionIssuer": {"arn": arn, "userName": "Deploy"}},
    });
    record
}

#[tokio::test]
async fn sessions_of_one_role_use_up_no_more_of_the_limit_than_one_principal() {
    let pipeline = pipeline(&Memory::new(), &Topic::default());
    let session = |n: usize| create_in_session(&format!("e{n}"), "111122223333", &format!("s{n}"));
    let sessions: Vec<Value> = (0..200).map(session).collect();
    assert_eq!(counts(&pipeline, &sessions).await, (3, 197), "they are one burst");
    let another = create_in_session("e200", "444455556666", "s0");
    assert_eq!(counts(&pipeline, &[another]).await, (1, 0), "the role of another account");
    assert_eq!(counts(&pipeline, &records(201..202, "alice")).await, (1, 0));
}

#[tokio::test]
async fn a_flood_in_one_account_groups_nobody_in_another() {
    let pipeline = pipeline(&Memory::new(), &Topic::default());
    let flood: Vec<Value> =
        (0..300).map(|n| create_group(&format!("e{n}"), &format!("user{n}"))).collect();
    assert_eq!(counts(&pipeline, &flood).await, (100, 200));
    for (event_id, expected) in [("o1", (1, 0)), ("o2", (1, 0)), ("o3", (1, 0)), ("o4", (0, 1))] {
        let other = create_in_session(event_id, "444455556666", "s");
        assert_eq!(counts(&pipeline, &[other]).await, expected, "{event_id}");
    }
}

#[tokio::test]
async fn findings_grouped_too_late_are_a_second_part() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &records(0..20, "alice")).await;
    memory.advance(WINDOW);
    summarise(&pipeline).await;
    // As a slow worker would leave it that started in that window.
    let mut entries = memory.keys("entries/").into_iter().map(|key| memory.text(&key).unwrap());
    let summarised = entries.find(|entry| entry.contains("\"summarised\"")).unwrap();
    let mut late: Value = serde_json::from_str(&summarised).unwrap();
    let id = "a".repeat(64);
    late["state"] = "grouped".into();
    late["content"]["finding"]["id"] = id.clone().into();
    memory.write(&format!("entries/{id}"), &late.to_string());
    memory.write(&format!("grouped/{RULE}/20260301T100000Z-600/{id}"), "");
    assert_eq!(summarise(&pipeline).await, 1);
    let all = summaries(&topic);
    let parts: Vec<&Value> =
        all.iter().map(|alert| &alert.document["trailbell"]["summary"]["part"]).collect();
    assert_eq!(parts, [1, 2]);
    let text = all[1].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("This is part 2 of the summary."), "{text}");
}

#[tokio::test]
async fn a_refused_summary_is_retried_with_the_same_members() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &records(0..20, "alice")).await;
    memory.advance(WINDOW);
    topic.fail(&[Fault::Refused]);
    let recovered = pipeline::send_due_summaries(&pipeline, clock()).await;
    assert_eq!((recovered.problems.len(), summaries(&topic).len()), (1, 0));
    assert_eq!(summarise(&pipeline).await, 0, "left to recovery");
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!(recovered.report.findings_that(Outcome::Summarised), 17, "{recovered:?}");
    assert_eq!((summarise(&pipeline).await, summaries(&topic).len()), (0, 1));
}

#[tokio::test]
async fn a_summary_of_thousands_fits_and_says_what_is_left_out() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let user = "\u{202e}é".repeat(40);
    for batch in 0..5 {
        deliver(&pipeline, &records(batch * 300..(batch + 1) * 300, &user)).await;
    }
    memory.advance(WINDOW);
    assert_eq!(summarise(&pipeline).await, 1497);
    let summary = &summaries(&topic)[0];
    assert!(wire::message_bytes(&summary.message(), summary) <= wire::MAX_BYTES);
    let ours = &summary.document["trailbell"];
    let shown = ours["members"].as_array().unwrap().len() as u64;
    let left_out = ours["members_left_out"].as_u64().unwrap();
    assert!(left_out > 0);
    assert_eq!((shown + left_out, ours["count"].as_u64()), (1497, Some(1497)));
    let text = &summary.text;
    for part in [
        "    … All of them are in the ledger:",
        &format!("entries/{}", summary.finding),
        "\n    trailbell ledger show ID --alert\n",
    ] {
        assert!(text.contains(part), "{part} in {text:.900}");
    }
    assert!(!text.contains('\u{202e}'));
    assert!(text.lines().count() <= 60);
    assert!(text.lines().all(|line| line.chars().count() <= 76 || line.contains("; do aws ")));
}
