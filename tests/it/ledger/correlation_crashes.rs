//! Crashes at any step of correlating: every incident is alerted, and once more only if a worker
//! died between publishing and recording.

use serde_json::Value;

use crate::ledger::correlations::{pipeline, severities, staged_administrators};
use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{LEASE, delivery, run_steps, run_to_end, sent_alerts, sweep};

/// How many alerts of correlations were sent whose entries do not say so: each may be sent once
/// more.
fn unrecorded(memory: &Memory, topic: &Topic) -> usize {
    let mut alerts = sent_alerts(topic, "correlation");
    alerts.retain(|alert| {
        let entry = memory.text(&format!("entries/{}", alert.finding)).unwrap_or_default();
        !entry.contains("\"state\":\"alerted\"")
    });
    alerts.len()
}

/// Checks that a finding has an alert that was sent: its own, or that of an incident, which shows
/// it. Its entry says which.
pub fn check_reported(memory: &Memory, topic: &Topic, id: &str) -> Result<(), String> {
    let text = memory.text(&format!("entries/{id}")).unwrap();
    let entry: Value = serde_json::from_str(&text).unwrap();
    let alerts = topic.accepted();
    let sent = |id: &str| alerts.iter().find(|alert| alert.finding.as_str() == id);
    let alert = match entry["state"].as_str() {
        Some("alerted") => sent(id),
        Some("folded") => entry["incident_alert"].as_str().and_then(sent).filter(|alert| {
            let members = alert.document["trailbell"]["members"].as_array().unwrap();
            members.iter().any(|member| member["id"] == id && !member["principal"].is_null())
        }),
        _ => None,
    };
    alert.map(|_| ()).ok_or_else(|| format!("no alert of {text}"))
}

fn assert_all_reported(memory: &Memory, topic: &Topic, case: &str) {
    for key in memory.keys("entries/") {
        if memory.text(&key).unwrap().contains("\"content\":{\"finding\":") {
            let checked = check_reported(memory, topic, &key.replace("entries/", ""));
            assert_eq!(checked, Ok(()), "{case}");
        }
    }
}

/// One worker crashes at any step. Another has the rest of the incident, before or afterwards. Then
/// the delivery is repeated.
#[test]
fn a_crash_at_any_step_loses_no_incident() {
    let all = staged_administrators();
    let (early, late) = all.split_at(2);
    for (crashing, other) in [(early, late), (late, early), (&all, early)] {
        for other_first in [true, false] {
            let mut steps = 1;
            while !check_crash(crashing, other, other_first, steps) {
                steps += 1;
            }
        }
    }
}

/// Returns true if the worker came to its end before it crashed.
fn check_crash(crashing: &[Value], other: &[Value], other_first: bool, steps: usize) -> bool {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    if other_first {
        run_to_end(delivery(&pipeline, other));
    }
    let mut worker = delivery(&pipeline, crashing);
    let is_over = run_steps(&mut worker, steps);
    drop(worker);
    let max = 1 + unrecorded(&memory, &topic);
    if !other_first {
        run_to_end(delivery(&pipeline, other));
    }
    memory.advance(LEASE);
    run_to_end(delivery(&pipeline, crashing));
    memory.advance(LEASE);
    run_to_end(sweep(&pipeline));
    let alerts = severities(&topic);
    let case = format!("crash after {steps} steps, the other first: {other_first}");
    assert!((1..=max).contains(&alerts.len()), "{case}: {alerts:?} of {max}");
    assert!(alerts.iter().all(|severity| severity == "critical"), "{case}: {alerts:?}");
    assert!(memory.keys("open/").is_empty(), "{case}");
    assert_all_reported(&memory, &topic, &case);
    is_over
}

/// The delivery is not repeated.
#[test]
fn claimed_findings_are_correlated_by_the_sweep_alone() {
    let records = staged_administrators();
    for steps in 1.. {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        let mut worker = delivery(&pipeline, &records);
        let is_over = run_steps(&mut worker, steps);
        drop(worker);
        let max = 1 + unrecorded(&memory, &topic);
        let all_claimed = memory.keys("entries/").len() >= records.len();
        memory.advance(LEASE);
        run_to_end(sweep(&pipeline));
        let alerts = severities(&topic);
        let as_expected = !all_claimed || (1..=max).contains(&alerts.len());
        assert!(as_expected, "crash after {steps} steps: {alerts:?} of {max}");
        if all_claimed {
            assert_all_reported(&memory, &topic, &format!("crash after {steps} steps"));
        }
        if is_over {
            break;
        }
    }
}

/// Each has a part of the incident, or all of it. One stops at any step while the other runs, and
/// then goes on.
#[test]
fn two_concurrent_workers_send_one_alert() {
    let all = staged_administrators();
    let [create, attach, add] = all.clone();
    let (one, other) = ([create, add], [attach]);
    for (stopped, running) in [(&one[..], &other[..]), (&other, &one), (&all, &all)] {
        for steps in 1.. {
            let memory = Memory::new();
            let topic = Topic::default();
            let pipeline = pipeline(&memory, &topic);
            let mut worker = delivery(&pipeline, stopped);
            let is_over = run_steps(&mut worker, steps);
            run_to_end(delivery(&pipeline, running));
            if !is_over {
                run_to_end(worker);
            }
            assert_eq!(severities(&topic), ["critical"], "one stops after {steps} steps");
            assert_all_reported(&memory, &topic, &format!("one stops after {steps} steps"));
            if stopped == running {
                // The markers of what the other had claimed.
                run_to_end(sweep(&pipeline));
            }
            assert!(memory.keys("open/").is_empty());
            if is_over {
                break;
            }
        }
    }
}
