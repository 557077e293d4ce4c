//! Every outcome of a claim, and every way in which what ends a claim can go wrong.

use std::sync::Arc;
use std::time::Duration;

use detect::cloudtrail::Record;
use detect::finding::{Finding, Origin, Outcome};
use detect::rule::LoadedRules;
use detect::text::error::error_chain;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::ledger::{
    Claim, ClaimOutcome, ClaimUpdate, Completion, Content, EntryState, StoredLedger,
};
use trailbell::pipeline::{self, Clock, InvocationReport};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{LEASE, clock, create_group, inline, pipeline};

fn finding() -> Finding {
    let record = Record::from_value(create_group("e1", "alice")).unwrap();
    let rules = LoadedRules::embedded().rules;
    let rule = rules.iter().find(|rule| rule.info.name == "AWS IAM Group Creation").unwrap();
    Finding::new(&rule.info, &record, Origin::Inline { envelope: "test".to_owned(), record: 0 })
}

fn ledger(memory: &Memory) -> StoredLedger {
    StoredLedger::new(Box::new(memory.clone()), "state", "")
}

async fn claim(memory: &Memory) -> ClaimOutcome {
    let content = Content::Finding(Arc::new(finding()));
    ledger(memory)
        .claim(content, Duration::from_secs(LEASE as u64), Duration::from_secs(600))
        .await
        .unwrap()
}

async fn mine(memory: &Memory) -> Claim {
    match claim(memory).await {
        ClaimOutcome::Ours(claim) => *claim,
        other => panic!("{other:?}"),
    }
}

fn entry(memory: &Memory) -> Value {
    let keys = memory.keys("entries/");
    assert_eq!(keys.len(), 1);
    serde_json::from_str(&memory.text(&keys[0]).unwrap()).unwrap()
}

fn is_open(memory: &Memory) -> bool {
    !memory.keys("open/").is_empty()
}

/// Fails the nth put of an entry, from 0.
fn fail_entry(memory: &Memory, nth: usize, fault: Fault) {
    let mut puts = 0;
    memory.fail(move |verb, key| {
        let entry = verb == "put" && key.starts_with("entries/");
        puts += usize::from(entry);
        if entry && puts == nth + 1 { fault } else { Fault::None }
    });
}

#[tokio::test]
async fn a_first_claim_is_marked_before_it_is_entered() {
    let memory = Memory::new();
    let claim = mine(&memory).await;
    let calls = memory.calls();
    assert!(calls[0].starts_with("put open/") && calls[1].starts_with("put entries/"), "{calls:?}");
    ledger(&memory).index(&claim).await.unwrap();
    let keys = memory.keys("by-");
    for start in [
        "by-principal/",
        "by-group/111122223333/group-e1/20260301T100000Z-CreateGroup-",
        "by-window/169f3a93-efc7-4df2-94d6-0d9438c310d1/20260301T100000Z-600/",
    ] {
        assert!(keys.iter().any(|key| key.starts_with(start)), "{start} in {keys:?}");
    }
    assert_eq!(
        (entry(&memory)["state"].as_str(), entry(&memory)["attempts"].as_u64()),
        (Some("claimed"), Some(1))
    );
}

#[tokio::test]
async fn what_is_there_decides() {
    for (state, waited, expected, open) in [
        ("claimed", 0, "claimed elsewhere", true),
        ("claimed", LEASE - 1, "claimed elsewhere", true),
        ("claimed", LEASE, "mine, attempt 2", true),
        ("released", 0, "mine, attempt 2", true),
        ("failed", 0, "mine, attempt 2", true),
        ("alerted", 0, "duplicate", false),
        ("alerted", 100 * LEASE, "duplicate", false),
        ("suppressed", 0, "duplicate", false),
        ("grouped", 0, "duplicate", false),
        ("summarised", 0, "duplicate", false),
    ] {
        let memory = Memory::new();
        mine(&memory).await;
        let mut before = entry(&memory);
        before["state"] = json!(state);
        memory.write(&memory.keys("entries/")[0], &before.to_string());
        memory.wait(waited);
        let got = match claim(&memory).await {
            ClaimOutcome::Ours(claim) => format!("mine, attempt {}", claim.entry.attempts),
            ClaimOutcome::Duplicate(_) => "duplicate".to_owned(),
            ClaimOutcome::ClaimedElsewhere => "claimed elsewhere".to_owned(),
            ClaimOutcome::Unreadable(error) => error_chain(&error),
        };
        assert_eq!((got.as_str(), is_open(&memory)), (expected, open), "{state} after {waited} s");
    }
}

#[tokio::test]
async fn a_claim_survives_what_s3_answers() {
    for (fault, nth) in [(Fault::Conflict, 0), (Fault::Lost, 0), (Fault::Refused, 0)] {
        let memory = Memory::new();
        fail_entry(&memory, nth, fault);
        let claim = mine(&memory).await;
        assert_eq!(claim.entry.attempts, 1, "{fault:?}");
        let done = ledger(&memory).complete(&claim, Completion::Alerted("m")).await.unwrap();
        assert_eq!((done, is_open(&memory)), (ClaimUpdate::Written, false), "{fault:?}");
    }
}

#[tokio::test]
async fn a_takeover_survives_what_s3_answers() {
    for fault in [Fault::Conflict, Fault::Lost, Fault::Refused] {
        let memory = Memory::new();
        mine(&memory).await;
        memory.wait(LEASE);
        fail_entry(&memory, 1, fault);
        assert_eq!(mine(&memory).await.entry.attempts, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn completing_survives_what_s3_answers() {
    for fault in [Fault::Conflict, Fault::Lost, Fault::Refused] {
        let memory = Memory::new();
        let claim = mine(&memory).await;
        fail_entry(&memory, 0, fault);
        assert_eq!(
            ledger(&memory).complete(&claim, Completion::Alerted("m-1")).await.unwrap(),
            ClaimUpdate::Written,
            "{fault:?}"
        );
        assert_eq!(
            (entry(&memory)["message_id"].as_str(), is_open(&memory)),
            (Some("m-1"), false),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_answer_to_holding_does_not_undo_the_summary() {
    let memory = Memory::new();
    let claim = mine(&memory).await;
    assert_eq!(
        ledger(&memory).complete(&claim, Completion::Grouped).await.unwrap(),
        ClaimUpdate::Written
    );
    let mut told = entry(&memory);
    told["state"] = json!("summarised");
    memory.write(&memory.keys("entries/")[0], &told.to_string());
    // The holder never heard the answer, and tries again: the entry carries its token, and is
    // final.
    assert_eq!(
        ledger(&memory).complete(&claim, Completion::Grouped).await.unwrap(),
        ClaimUpdate::Written
    );
    assert_eq!(entry(&memory)["state"], "summarised");
}

#[tokio::test]
async fn whoever_was_too_slow_changes_nothing() {
    let memory = Memory::new();
    let slow = mine(&memory).await;
    memory.wait(LEASE);
    let quick = mine(&memory).await;
    assert_eq!(
        ledger(&memory).complete(&slow, Completion::Alerted("slow")).await.unwrap(),
        ClaimUpdate::TakenOver
    );
    assert_eq!(ledger(&memory).release(&slow).await.unwrap(), ClaimUpdate::TakenOver);
    assert_eq!(
        ledger(&memory).complete(&quick, Completion::Alerted("quick")).await.unwrap(),
        ClaimUpdate::Written
    );
    assert_eq!(entry(&memory)["message_id"], "quick");
    assert!(matches!(claim(&memory).await, ClaimOutcome::Duplicate(EntryState::Alerted)));
}

#[tokio::test]
async fn a_ledger_that_does_not_answer_is_an_error_by_key() {
    for verb in ["put", "get"] {
        let memory = Memory::new();
        mine(&memory).await;
        memory.fail(move |asked, _| if asked == verb { Fault::Refused } else { Fault::None });
        let content = Content::Finding(Arc::new(finding()));
        let error = ledger(&memory)
            .claim(content, Duration::from_secs(9), Duration::from_secs(9))
            .await
            .unwrap_err();
        let key = if verb == "put" { "open/" } else { "entries/" };
        let id = finding().id;
        let told = error_chain(&error);
        assert!(told.ends_with(&format!("s3://state/{key}{id}: 503: slow down")), "{told}");
    }
}

async fn run(memory: &Memory, topic: &Topic, records: &[Value]) -> InvocationReport {
    let outcome = pipeline::run(&pipeline(memory, topic), &inline(records), clock()).await;
    assert_eq!(outcome.mismatch, None);
    outcome
}

#[tokio::test]
async fn a_damaged_entry_is_mended_and_a_newer_one_left_alone_and_both_are_told() {
    for (text, again, problem) in [
        ("", 1, None),
        ("\u{0}garbage", 1, None),
        ("{\"version\": 1}", 1, None),
        (
            "{\"version\": 2, \"state\": \"pondering\"}",
            2,
            Some("is of version 2; this program reads up to version 1"),
        ),
    ] {
        let (memory, topic) = (Memory::new(), Topic::default());
        let key = format!("entries/{}", finding().id);
        memory.write(&key, text);
        let outcome = run(&memory, &topic, &[create_group("e1", "alice")]).await;
        assert!(outcome.reply().is_ok() && topic.accepted().len() == 1, "{text}: {outcome:?}");
        let told: Vec<String> = outcome.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told.iter().any(|told| told.contains(&key)),
            problem.is_some(),
            "{text}: {told:?}"
        );
        assert!(problem.is_none_or(|problem| told[0].contains(problem)), "{told:?}");
        run(&memory, &topic, &[create_group("e1", "alice")]).await;
        assert_eq!(topic.accepted().len(), again, "{text}: delivered again");
    }
}

#[tokio::test]
async fn the_same_notification_fifty_times_at_once_rings_once() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let pipeline = pipeline(&memory, &topic);
    let payload = Arc::new(inline(&[create_group("e1", "alice"), create_group("e2", "bob")]));
    let runs = (0..50).map(|_| {
        let (pipeline, payload) = (Arc::clone(&pipeline), Arc::clone(&payload));
        tokio::spawn(async move { pipeline::run(&pipeline, &payload, clock()).await })
    });
    let mut fates = std::collections::BTreeMap::new();
    for run in futures::future::join_all(runs).await {
        let outcome = run.unwrap();
        assert!(outcome.reply().is_ok(), "{:?}", outcome.problems);
        for (outcome, count) in outcome.report.finding_outcomes {
            *fates.entry(outcome).or_insert(0) += count;
        }
    }
    assert_eq!(
        (topic.accepted().len(), fates[&Outcome::Alerted], fates.values().sum::<u64>()),
        (2, 2, 100),
        "{fates:?}"
    );
    assert!(!is_open(&memory));
}

/// A log object as one of two trails writes it.
fn log(memory: &Memory, trail: &str, records: &[Value]) -> Value {
    let key = format!(
        "{trail}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_x.json.gz"
    );
    memory.write(&key, &json!({ "Records": records }).to_string());
    json!({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}}]})
}

#[tokio::test]
async fn an_inline_record_two_trails_and_a_replay_ring_once_in_any_order() {
    let record = create_group("e1", "alice");
    for order in [[0, 1, 2, 0], [2, 1, 0, 1], [1, 0, 1, 2]] {
        let (memory, topic) = (Memory::new(), Topic::default());
        let ways = [
            inline(std::slice::from_ref(&record)),
            log(&memory, "a", &[create_group("e0", "bob"), record.clone()]),
            log(&memory, "b", std::slice::from_ref(&record)),
        ];
        for way in order {
            let outcome = pipeline::run(&pipeline(&memory, &topic), &ways[way], clock()).await;
            assert!(outcome.reply().is_ok(), "{:?}", outcome.problems);
        }
        let told = topic.accepted().iter().filter(|alert| alert.finding == finding().id).count();
        assert_eq!(told, 1, "{order:?}");
    }
}

#[tokio::test]
async fn the_local_clock_does_not_matter() {
    for local in ["2026-03-01T09:00:00Z", "2026-03-01T11:00:00Z"] {
        let (memory, topic) = (Memory::new(), Topic::default());
        mine(&memory).await;
        let at: Timestamp = local.parse().unwrap();
        let clock = Clock { now: at, ..clock() };
        let payload = inline(&[create_group("e1", "alice")]);
        let first = pipeline::run(&pipeline(&memory, &topic), &payload, clock).await;
        assert_eq!(first.report.findings_that(Outcome::ClaimedElsewhere), 1, "{local}");
        memory.wait(LEASE);
        let second = pipeline::run(&pipeline(&memory, &topic), &payload, clock).await;
        assert_eq!(second.report.findings_that(Outcome::Alerted), 1, "{local}");
    }
}

#[tokio::test]
async fn the_fifth_attempt_is_a_minimal_alert_and_a_refused_one_is_failed_and_tried_later() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let records = [create_group("e1", "alice")];
    for attempt in 1..=5 {
        topic.fail(&[Fault::Refused]);
        let outcome = run(&memory, &topic, &records).await;
        assert_eq!(outcome.report.findings_that(Outcome::Failed), 1, "attempt {attempt}");
        assert!(outcome.reply().is_err());
        let expected = if attempt < 5 { "released" } else { "failed" };
        assert_eq!(
            (entry(&memory)["state"].as_str(), is_open(&memory)),
            (Some(expected), true),
            "attempt {attempt}"
        );
    }
    let recovered = pipeline::recover_open(&pipeline(&memory, &topic), clock()).await;
    assert_eq!((recovered.left, topic.accepted().len()), (1, 0), "left alone for a while");
    memory.wait(3600);
    let recovered = pipeline::recover_open(&pipeline(&memory, &topic), clock()).await;
    assert_eq!(recovered.report.findings_that(Outcome::Alerted), 1, "{recovered:?}");
    let alert = &topic.accepted()[0];
    assert!(
        alert.text.starts_with("  The full alert for this finding could not be sent."),
        "{}",
        alert.text
    );
    assert!(
        alert.text.contains("e1")
            && alert.text.contains("111122223333")
            && alert.text.contains("Group Creation")
    );
    assert!(!is_open(&memory));
}

#[tokio::test]
async fn what_one_alert_suffers_the_others_do_not() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let records: Vec<Value> =
        (0..7).map(|n| create_group(&format!("e{n}"), &format!("user{n}"))).collect();
    topic.fail(&[Fault::None, Fault::Refused]);
    let outcome = run(&memory, &topic, &records).await;
    assert_eq!(
        (
            outcome.report.findings_that(Outcome::Alerted),
            outcome.report.findings_that(Outcome::Failed)
        ),
        (6, 1)
    );
    let again = run(&memory, &topic, &records).await;
    assert_eq!(
        (
            again.report.findings_that(Outcome::Alerted),
            again.report.findings_that(Outcome::Duplicate)
        ),
        (1, 6)
    );
    assert_eq!(topic.accepted().len(), 7);
}

#[tokio::test]
async fn a_published_alert_that_cannot_be_recorded_is_no_failure() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let mut puts = 0;
    memory.fail(move |verb, key| {
        puts += usize::from(verb == "put" && key.starts_with("entries/"));
        if puts > 1 { Fault::Refused } else { Fault::None }
    });
    let outcome = run(&memory, &topic, &[create_group("e1", "alice")]).await;
    assert!(outcome.reply().is_ok(), "a retry would tell it again");
    assert_eq!((topic.accepted().len(), outcome.report.findings_that(Outcome::Alerted)), (1, 1));
    assert!(
        outcome.problems[0].to_string().contains("could not be recorded"),
        "{:?}",
        outcome.problems
    );
}

#[tokio::test]
async fn markers_without_work_are_cleared() {
    let (memory, topic) = (Memory::new(), Topic::default());
    run(&memory, &topic, &[create_group("e1", "alice")]).await;
    let id = finding().id;
    memory.write(&format!("open/{id}"), "");
    let never = "0".repeat(64);
    memory.write(&format!("open/{never}"), "");
    let recovered = pipeline::recover_open(&pipeline(&memory, &topic), clock()).await;
    assert_eq!(
        (recovered.left, memory.keys("open/")),
        (1, vec![format!("open/{never}")]),
        "it may be claimed yet"
    );
    memory.wait(3601);
    let recovered = pipeline::recover_open(&pipeline(&memory, &topic), clock()).await;
    assert_eq!((recovered.left, memory.keys("open/").len(), topic.accepted().len()), (0, 0, 1));
}
