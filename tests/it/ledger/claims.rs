//! Every outcome of a claim, and everything that can go wrong when it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use detect::cloudtrail::Record;
use detect::finding::{Finding, Origin, Outcome};
use detect::rule::LoadedRules;
use detect::text::error::error_chain;
use serde_json::{Value, json};
use trailbell::ledger::{Claim, ClaimOutcome, ClaimUpdate, Completion, Content, EntryState};
use trailbell::pipeline::{self, Clock};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{LEASE, clock, create_group, deliver, inline, ledger, pipeline};

pub fn finding() -> Finding {
    let record = Record::from_value(create_group("e1", "alice")).unwrap();
    let rules = LoadedRules::embedded().rules;
    let rule = rules.iter().find(|rule| rule.info.name == "AWS IAM Group Creation").unwrap();
    Finding::new(&rule.info, &record, Origin::Inline { envelope: "test".to_owned(), record: 0 })
}

async fn claim(memory: &Memory) -> ClaimOutcome {
    let content = Content::Finding(Arc::new(finding()));
    let lease = Duration::from_secs(LEASE as u64);
    ledger(memory).claim(content, lease, Duration::from_secs(600)).await.unwrap()
}

pub async fn claim_ours(memory: &Memory) -> Claim {
    match claim(memory).await {
        ClaimOutcome::Ours(claim) => *claim,
        other => panic!("{other:?}"),
    }
}

async fn complete(memory: &Memory, claim: &Claim, completion: Completion<'_>) -> ClaimUpdate {
    ledger(memory).complete(claim, completion).await.unwrap()
}

/// The only entry.
pub fn entry(memory: &Memory) -> Value {
    let keys = memory.keys("entries/");
    assert_eq!(keys.len(), 1);
    serde_json::from_str(&memory.text(&keys[0]).unwrap()).unwrap()
}

fn set_state(memory: &Memory, state: &str) {
    let mut entry = entry(memory);
    entry["state"] = json!(state);
    memory.write(&memory.keys("entries/")[0], &entry.to_string());
}

pub fn is_open(memory: &Memory) -> bool {
    !memory.keys("open/").is_empty()
}

/// Fails the nth write of an entry, from 0.
fn fail_entry(memory: &Memory, nth: usize, fault: Fault) {
    let mut puts = 0;
    memory.fail(move |verb, key| {
        let is_entry = verb == "put" && key.starts_with("entries/");
        puts += usize::from(is_entry);
        if is_entry && puts == nth + 1 { fault } else { Fault::None }
    });
}

#[tokio::test]
async fn the_open_marker_is_written_before_the_entry() {
    let memory = Memory::new();
    let claim = claim_ours(&memory).await;
    let calls = memory.take_calls();
    assert!(calls[0].starts_with("put open/") && calls[1].starts_with("put entries/"), "{calls:?}");
    ledger(&memory).index(&claim).await.unwrap();
    ledger(&memory).index_in_windows(&[&claim]).await.unwrap();
    let keys = memory.keys("by-");
    for start in [
        "by-principal/",
        "by-group/111122223333/group-e1/20260301T100000Z-169f3a93-efc7-4df2-94d6-0d9438c310d1-",
        "by-window/169f3a93-efc7-4df2-94d6-0d9438c310d1/20260301T100000Z-600/low/",
    ] {
        assert!(keys.iter().any(|key| key.starts_with(start)), "{start} in {keys:?}");
    }
    assert_eq!(entry(&memory)["state"], "claimed");
    assert_eq!(entry(&memory)["claims"], 1);
}

#[tokio::test]
async fn the_state_of_an_entry_decides_what_a_claim_comes_to() {
    for (state, waited, expected, markers) in [
        ("claimed", 0, "claimed elsewhere", 2),
        ("claimed", LEASE - 1, "claimed elsewhere", 2),
        ("claimed", LEASE, "claim 2", 2),
        ("released", 0, "claim 2", 2),
        ("failed", 0, "claim 2", 2),
        ("alerted", 0, "duplicate", 1),
        ("alerted", 100 * LEASE, "duplicate", 1),
        ("suppressed", 0, "duplicate", 1),
        ("grouped", 0, "duplicate", 1),
        ("summarised", 0, "duplicate", 1),
    ] {
        let memory = Memory::new();
        claim_ours(&memory).await;
        set_state(&memory, state);
        memory.advance(waited);
        let outcome = match claim(&memory).await {
            ClaimOutcome::Ours(claim) => format!("claim {}", claim.entry.claims),
            ClaimOutcome::Duplicate(_) => "duplicate".to_owned(),
            ClaimOutcome::Conflict(_) => "conflict".to_owned(),
            ClaimOutcome::ClaimedElsewhere => "claimed elsewhere".to_owned(),
            ClaimOutcome::Unreadable(error) => error_chain(&error),
        };
        let result = (outcome.as_str(), memory.keys("open/").len());
        assert_eq!(result, (expected, markers), "{state} after {waited} s");
    }
}

#[tokio::test]
async fn a_claim_survives_failed_writes_and_lost_answers() {
    for fault in [Fault::Conflict, Fault::Lost, Fault::Refused] {
        let memory = Memory::new();
        fail_entry(&memory, 0, fault);
        let claim = claim_ours(&memory).await;
        assert_eq!(claim.entry.claims, 1, "{fault:?}");
        let update = complete(&memory, &claim, Completion::Alerted("m")).await;
        assert_eq!((update, is_open(&memory)), (ClaimUpdate::Written, false), "{fault:?}");
    }
}

#[tokio::test]
async fn a_takeover_survives_failed_writes_and_lost_answers() {
    for fault in [Fault::Conflict, Fault::Lost, Fault::Refused] {
        let memory = Memory::new();
        claim_ours(&memory).await;
        memory.advance(LEASE);
        fail_entry(&memory, 1, fault);
        assert_eq!(claim_ours(&memory).await.entry.claims, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_completion_survives_failed_writes_and_lost_answers() {
    for fault in [Fault::Conflict, Fault::Lost, Fault::Refused] {
        let memory = Memory::new();
        let claim = claim_ours(&memory).await;
        fail_entry(&memory, 0, fault);
        let update = complete(&memory, &claim, Completion::Alerted("m-1")).await;
        assert_eq!((update, is_open(&memory)), (ClaimUpdate::Written, false), "{fault:?}");
        assert_eq!(entry(&memory)["message_id"], "m-1", "{fault:?}");
    }
}

#[tokio::test]
async fn grouping_a_finding_again_does_not_undo_its_summary() {
    let memory = Memory::new();
    let claim = claim_ours(&memory).await;
    assert_eq!(complete(&memory, &claim, Completion::Grouped).await, ClaimUpdate::Written);
    set_state(&memory, "summarised");
    // The holder missed the answer and tries again. The entry has its token and is final.
    assert_eq!(complete(&memory, &claim, Completion::Grouped).await, ClaimUpdate::Written);
    assert_eq!(entry(&memory)["state"], "summarised");
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_changes_nothing() {
    let memory = Memory::new();
    let slow = claim_ours(&memory).await;
    memory.advance(LEASE);
    let fast = claim_ours(&memory).await;
    let update = complete(&memory, &slow, Completion::Alerted("slow")).await;
    assert_eq!(update, ClaimUpdate::TakenOver);
    assert_eq!(ledger(&memory).release(&slow).await.unwrap(), ClaimUpdate::TakenOver);
    let update = complete(&memory, &fast, Completion::Alerted("fast")).await;
    assert_eq!(update, ClaimUpdate::Written);
    assert_eq!(entry(&memory)["message_id"], "fast");
    assert!(matches!(claim(&memory).await, ClaimOutcome::Duplicate(EntryState::Alerted)));
}

#[tokio::test]
async fn an_unavailable_ledger_is_an_error_with_the_key() {
    for (verb, folder) in [("put", "open/"), ("get", "entries/")] {
        let memory = Memory::new();
        claim_ours(&memory).await;
        memory.fail(move |asked, _| if asked == verb { Fault::Refused } else { Fault::None });
        let second = Duration::from_secs(1);
        let content = Content::Finding(Arc::new(finding()));
        let error = ledger(&memory).claim(content, second, second).await.unwrap_err();
        let message = error_chain(&error);
        let key = format!("s3://state/{folder}{}", finding().id);
        assert!(message.contains(&key) && message.ends_with(": 503: slow down"), "{message}");
    }
}

#[tokio::test]
async fn a_damaged_entry_is_replaced_and_a_newer_one_kept_and_both_are_alerted() {
    let newer = "{\"version\": 2, \"state\": \"pondering\"}";
    let problem = "is of version 2; this program reads up to version 1";
    for (text, alerts, problem) in [
        ("", 1, None),
        ("\u{0}garbage", 1, None),
        ("{\"version\": 1}", 1, None),
        (newer, 2, Some(problem)),
    ] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        let key = format!("entries/{}", finding().id);
        memory.write(&key, text);
        let report = deliver(&pipeline, &[create_group("e1", "alice")]).await;
        assert!(report.reply().is_ok() && topic.accepted().len() == 1, "{text}: {report:?}");
        let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        let named = problems.iter().any(|problem| problem.contains(&key));
        assert_eq!(named, problem.is_some(), "{text}: {problems:?}");
        assert!(problem.is_none_or(|problem| problems[0].contains(problem)), "{problems:?}");
        deliver(&pipeline, &[create_group("e1", "alice")]).await;
        assert_eq!(topic.accepted().len(), alerts, "{text}: delivered again");
    }
}

#[tokio::test]
async fn fifty_concurrent_deliveries_send_each_alert_once() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let payload = Arc::new(inline(&[create_group("e1", "alice"), create_group("e2", "bob")]));
    let runs = (0..50).map(|_| {
        let pipeline = Arc::clone(&pipeline);
        let payload = Arc::clone(&payload);
        tokio::spawn(async move { pipeline::run(&pipeline, &payload, clock()).await })
    });
    let mut outcomes = BTreeMap::new();
    for run in futures::future::join_all(runs).await {
        let report = run.unwrap();
        assert!(report.reply().is_ok(), "{:?}", report.problems);
        for (outcome, count) in report.report.finding_outcomes {
            *outcomes.entry(outcome).or_insert(0) += count;
        }
    }
    assert_eq!(topic.accepted().len(), 2);
    assert_eq!(outcomes[&Outcome::Alerted], 2, "{outcomes:?}");
    assert_eq!(outcomes.values().sum::<u64>(), 100, "{outcomes:?}");
    let recovered = pipeline::recover_open(&pipeline, clock()).await;
    assert_eq!((recovered.left, is_open(&memory)), (0, false), "a sweep deletes what is left");
}

/// A notification of a log object of one of two trails.
fn log_object(memory: &Memory, trail: &str, records: &[Value]) -> Value {
    let key = format!(
        "{trail}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
         111122223333_CloudTrail_us-east-1_x.json.gz"
    );
    memory.write(&key, &json!({ "Records": records }).to_string());
    let object = json!({"bucket": {"name": "logs"}, "object": {"key": key}});
    json!({"Records": [
        {"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": object},
    ]})
}

#[tokio::test]
async fn a_call_seen_inline_and_in_two_trails_is_alerted_once_in_any_order() {
    let record = create_group("e1", "alice");
    for order in [[0, 1, 2, 0], [2, 1, 0, 1], [1, 0, 1, 2]] {
        let memory = Memory::new();
        let topic = Topic::default();
        let payloads = [
            inline(std::slice::from_ref(&record)),
            log_object(&memory, "a", &[create_group("e0", "bob"), record.clone()]),
            log_object(&memory, "b", std::slice::from_ref(&record)),
        ];
        for index in order {
            let pipeline = pipeline(&memory, &topic);
            let report = pipeline::run(&pipeline, &payloads[index], clock()).await;
            assert!(report.reply().is_ok(), "{:?}", report.problems);
        }
        let alerts = topic.accepted();
        let alerts = alerts.iter().filter(|alert| alert.finding == finding().id);
        assert_eq!(alerts.count(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn leases_do_not_depend_on_the_local_clock() {
    for local in ["2026-03-01T09:00:00Z", "2026-03-01T11:00:00Z"] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        claim_ours(&memory).await;
        let clock = Clock { now: local.parse().unwrap(), ..clock() };
        let payload = inline(&[create_group("e1", "alice")]);
        let first = pipeline::run(&pipeline, &payload, clock).await;
        assert_eq!(first.report.findings_that(Outcome::ClaimedElsewhere), 1, "{local}");
        memory.advance(LEASE);
        let second = pipeline::run(&pipeline, &payload, clock).await;
        assert_eq!(second.report.findings_that(Outcome::Alerted), 1, "{local}");
    }
}

#[tokio::test]
async fn one_refused_alert_does_not_affect_the_others() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let records: Vec<Value> =
        (0..7).map(|n| create_group(&format!("e{n}"), &format!("user{n}"))).collect();
    topic.fail(&[Fault::None, Fault::Refused]);
    let first = deliver(&pipeline, &records).await.report;
    assert_eq!(first.findings_that(Outcome::Alerted), 6);
    assert_eq!(first.findings_that(Outcome::Failed), 1);
    let again = deliver(&pipeline, &records).await.report;
    assert_eq!(again.findings_that(Outcome::Alerted), 1);
    assert_eq!(again.findings_that(Outcome::Duplicate), 6);
    assert_eq!(topic.accepted().len(), 7);
}

#[tokio::test]
async fn an_alert_that_was_sent_but_not_recorded_is_not_retried() {
    let memory = Memory::new();
    let topic = Topic::default();
    let mut puts = 0;
    memory.fail(move |verb, key| {
        puts += usize::from(verb == "put" && key.starts_with("entries/"));
        if puts > 1 { Fault::Refused } else { Fault::None }
    });
    let report = deliver(&pipeline(&memory, &topic), &[create_group("e1", "alice")]).await;
    assert!(report.reply().is_ok(), "a retry would send it again");
    assert_eq!(topic.accepted().len(), 1);
    assert_eq!(report.report.findings_that(Outcome::Alerted), 1);
    let problem = report.problems[0].to_string();
    assert!(problem.contains("could not be recorded"), "{problem}");
}
