//! What is held back, and how it is told.

use alert::Alert;
use detect::finding::Outcome;
use serde_json::Value;
use trailbell::pipeline;
use trailbell::sink::wire;

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{WINDOW, clock, create_group, inline, pipeline};

fn records(range: std::ops::Range<usize>, user: &str) -> Vec<Value> {
    range.map(|n| create_group(&format!("e{n}"), user)).collect()
}

/// Runs one notification, and gives how many were told and held.
async fn run(memory: &Memory, topic: &Topic, records: &[Value]) -> (u64, u64) {
    let outcome = pipeline::run(&pipeline(memory, topic), &inline(records), clock()).await;
    assert!(outcome.reply().is_ok() && outcome.problems.is_empty(), "{outcome:?}");
    (outcome.report.findings_that(Outcome::Alerted), outcome.report.findings_that(Outcome::Grouped))
}

async fn sweep(memory: &Memory, topic: &Topic) -> u64 {
    let recovered = pipeline::send_due_summaries(&pipeline(memory, topic), clock()).await;
    assert!(recovered.problems.is_empty(), "{recovered:?}");
    recovered.report.findings_that(Outcome::Summarised)
}

fn summaries(topic: &Topic) -> Vec<Alert> {
    topic
        .accepted()
        .into_iter()
        .filter(|alert| alert.document["trailbell"]["kind"] == "summary")
        .collect()
}

fn attribute<'a>(alert: &'a Alert, name: &str) -> &'a str {
    &alert.attributes.iter().find(|attribute| attribute.name == name).unwrap().value
}

#[tokio::test]
async fn a_burst_is_three_alerts_and_one_summary_of_the_rest() {
    let (memory, topic) = (Memory::new(), Topic::default());
    assert_eq!(run(&memory, &topic, &records(0..40, "alice")).await, (3, 37));
    assert_eq!(
        run(&memory, &topic, &records(40..41, "bob")).await,
        (1, 0),
        "another actor is heard"
    );
    assert_eq!(sweep(&memory, &topic).await, 0, "the window is not over");
    assert_eq!(
        run(&memory, &topic, &records(0..40, "alice")).await,
        (0, 0),
        "held is not told again"
    );
    memory.wait(WINDOW);
    assert_eq!(sweep(&memory, &topic).await, 37);
    let all = summaries(&topic);
    assert_eq!(all.len(), 1);
    let summary = &all[0];
    assert_eq!(summary.subject, "[low] 37 more findings: AWS IAM Group Creation");
    for (name, value) in [
        ("kind", "summary"),
        ("severity", "low"),
        ("risk_score", "21"),
        ("account", "111122223333"),
        ("action", "CreateGroup"),
    ] {
        assert_eq!(attribute(summary, name), value, "{name}");
    }
    assert!(summary.text.contains("    37  alice in 111122223333\n"), "{}", summary.text);
    let mut lines = summary.text.lines();
    let line =
        lines.find(|line| line.ends_with("  IAM group group-e7 created by alice in 111122223333"));
    assert!(
        line.is_some_and(|line| line.starts_with("  2026-03-01 10:00:00  ")),
        "{}",
        summary.text
    );
    assert_eq!(sweep(&memory, &topic).await, 0, "told once");
    for key in memory.keys("entries/") {
        let entry: Value = serde_json::from_str(&memory.text(&key).unwrap()).unwrap();
        let points = entry["state"] == "summarised" && entry["summary"] == summary.finding.as_str();
        assert!(points || entry["state"] == "alerted", "{key}: {}", entry["state"]);
    }
    assert!(memory.keys("grouped/").is_empty() && memory.keys("open/").is_empty());
}

#[tokio::test]
async fn no_more_than_max_signals_are_told_in_one_window() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let many: Vec<Value> =
        (0..130).map(|n| create_group(&format!("e{n}"), &format!("user{n}"))).collect();
    assert_eq!(run(&memory, &topic, &many[..90]).await, (90, 0));
    assert_eq!(run(&memory, &topic, &many[90..120]).await, (10, 20));
    memory.wait(WINDOW);
    assert_eq!(run(&memory, &topic, &many[120..]).await, (10, 0), "the next execution counts anew");
    assert_eq!(sweep(&memory, &topic).await, 20);
}

#[tokio::test]
async fn what_comes_too_late_is_a_second_part() {
    let (memory, topic) = (Memory::new(), Topic::default());
    run(&memory, &topic, &records(0..20, "alice")).await;
    memory.wait(WINDOW);
    sweep(&memory, &topic).await;
    // A worker that began in that window, and was slow.
    let held = memory
        .keys("entries/")
        .into_iter()
        .find(|key| memory.text(key).unwrap().contains("\"summarised\""))
        .unwrap();
    let mut late: Value = serde_json::from_str(&memory.text(&held).unwrap()).unwrap();
    late["state"] = "grouped".into();
    let id = "a".repeat(64);
    late["content"]["finding"]["id"] = id.clone().into();
    memory.write(&format!("entries/{id}"), &late.to_string());
    memory.write(
        &format!("grouped/169f3a93-efc7-4df2-94d6-0d9438c310d1/20260301T100000Z-600/{id}"),
        "",
    );
    assert_eq!(sweep(&memory, &topic).await, 1);
    let all = summaries(&topic);
    assert_eq!(
        all.iter().map(|alert| &alert.document["trailbell"]["summary"]["part"]).collect::<Vec<_>>(),
        [1, 2]
    );
    let text = all[1].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("This is part 2 of the summary."), "{text}");
}

#[tokio::test]
async fn a_refused_summary_is_tried_again_with_the_same_members() {
    let (memory, topic) = (Memory::new(), Topic::default());
    run(&memory, &topic, &records(0..20, "alice")).await;
    memory.wait(WINDOW);
    topic.fail(&[Fault::Refused]);
    let recovered = pipeline::send_due_summaries(&pipeline(&memory, &topic), clock()).await;
    assert_eq!((recovered.problems.len(), summaries(&topic).len()), (1, 0));
    let recovered = pipeline::recover_open(&pipeline(&memory, &topic), clock()).await;
    assert_eq!(recovered.report.findings_that(Outcome::Summarised), 17, "{recovered:?}");
    assert_eq!((sweep(&memory, &topic).await, summaries(&topic).len()), (0, 1));
}

#[tokio::test]
async fn a_summary_of_thousands_fits_and_says_what_is_left_out() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let name = "\u{202e}é".repeat(40);
    for some in 0..5 {
        run(&memory, &topic, &records(some * 300..(some + 1) * 300, &name)).await;
    }
    memory.wait(WINDOW);
    assert_eq!(sweep(&memory, &topic).await, 1497);
    let summary = &summaries(&topic)[0];
    assert!(wire::message_bytes(&summary.message(), summary) <= wire::MAX_BYTES);
    let ours = &summary.document["trailbell"];
    let (shown, left) = (
        ours["members"].as_array().unwrap().len() as u64,
        ours["members_left_out"].as_u64().unwrap(),
    );
    assert_eq!((shown + left, ours["count"].as_u64()), (1497, Some(1497)));
    assert!(
        left > 0 && summary.text.contains(" more. All of them are in the ledger:"),
        "{}",
        &summary.text[..900]
    );
    assert!(summary.text.contains(&format!("entries/{}", summary.finding)));
    assert!(
        summary.text.contains("\n    trailbell ledger show ID --alert\n"),
        "how to see one of them in full"
    );
    assert!(
        summary.text.lines().all(|line| line.chars().count() <= 101)
            && !summary.text.contains('\u{202e}')
    );
}
