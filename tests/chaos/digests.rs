//! Signed digests, verified by copies of the function that are killed at a request.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::chaos::corpus::{Call, LogObject};
use support::chaos::deployment::{Deployment, LOGS};
use support::chaos::faults::{Act, Rule};
use support::chaos::ledger;
use support::chaos::settings::Settings;
use support::root;
use support::trail::SignedTrail;

use crate::attacks::PROGRAM;

const HOURS: usize = 5;

/// Every so many requests, one is where a copy dies.
const STEP: usize = 13;

/// A run makes about so many requests.
const MAX_REQUESTS: usize = 205;

const CONCURRENCY: usize = 6;

/// The end of the hour of a digest.
fn end(now: Timestamp, hour: usize) -> Timestamp {
    let whole = Timestamp::from_second(now.as_second()).unwrap();
    whole - SignedDuration::from_hours((HOURS - hour) as i64)
}

/// Two log files an hour, of which one has a call that a rule matches.
fn trail(now: Timestamp) -> SignedTrail {
    let mut trail = SignedTrail::new(LOGS);
    for hour in 0..HOURS {
        let end = end(now, hour);
        let record = Call::new("CreateGroup", "alice", hour).record(end);
        let texts = [json!({ "Records": [record] }), json!({"Records": []})];
        trail.add_hour(end, &texts.map(|text| text.to_string()));
    }
    trail
}

/// The test key, as if it had always been used.
fn public_keys() -> tempfile::NamedTempFile {
    let text = std::fs::read(root().join("events/keys/public-keys.json")).unwrap();
    let mut keys: Value = serde_json::from_slice(&text).unwrap();
    let key = keys["PublicKeyList"][0].as_object_mut().unwrap();
    key.retain(|name, _| !name.starts_with("Validity"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), keys.to_string()).unwrap();
    file
}

/// What became of the digests of a trail of which one digest and one log file are deleted.
#[derive(Debug)]
struct Judged {
    kills: usize,
    /// The key, digests and log files of the chain's head.
    head: (String, u64, u64),
    /// How often each alert was accepted, by its subject.
    alerts: BTreeMap<String, usize>,
    breaches: Vec<String>,
}

async fn run(rules: Vec<Rule>) -> (Judged, String) {
    let keys = public_keys();
    let mut settings = Settings::new(PROGRAM);
    settings.rules = rules;
    settings.copies = 1;
    settings.sweeps = (2, 6);
    let path = keys.path().to_str().unwrap().to_owned();
    settings.variables.push(("TRAILBELL_PUBLIC_KEYS", path));
    let mut deployment = Deployment::new(settings).await;
    let now = deployment.shared.clock.now();
    let trail = trail(now);
    let last = trail.digest_key(end(now, HOURS - 1));
    let deleted = [trail.digest_key(end(now, 2)), trail.logs()[2 * 3 + 1].clone()];
    for (key, object) in trail.objects.iter().filter(|(key, _)| !deleted.contains(key)) {
        // Nobody announces log files.
        let announcements = usize::from(!object.metadata.is_empty());
        let delivered = LogObject { key: key.clone(), body: object.bytes.clone(), announcements };
        deployment.deliver_with(&delivered, object.metadata.clone());
    }
    deployment.run().await;
    deployment.clear_faults();
    deployment.allow_sweeps(2, 12);
    deployment.run().await;
    let heads = deployment.s3.objects(ledger::BUCKET, "ledger/chains/");
    let head: Value =
        heads.first().map_or(Value::Null, |(_, bytes)| serde_json::from_slice(bytes).unwrap());
    let number = |name: &str| head[name].as_u64().unwrap_or_default();
    let mut alerts = BTreeMap::new();
    for accepted in deployment.sns.accepted() {
        *alerts.entry(accepted.subject.clone()).or_default() += 1;
    }
    let key = head["key"].as_str().unwrap_or_default().to_owned();
    let head = (key, number("digests"), number("log_files"));
    let breaches = deployment.shared.journal.breaches();
    (Judged { kills: deployment.counts.kills, head, alerts, breaches }, last)
}

#[tokio::test]
async fn a_copy_that_is_killed_at_any_request_loses_no_digest() {
    let any = |_: &support::chaos::http::Request| true;
    let acts = [Act::KillBefore, Act::KillAfter];
    let places = (0..MAX_REQUESTS).step_by(STEP).flat_map(|after| acts.map(|act| (after, act)));
    let runs = places.map(|(after, act)| async move {
        let (judged, last) = run(vec![Rule { which: any, after, times: 1, act }]).await;
        let place = format!("{act:?} at request {after}: {judged:#?}");
        // Four digests are there, with ten log files but the one that is deleted and the two of the
        // digest that is.
        assert_eq!(judged.head, (last, 4, 7), "{place}");
        for subject in ["digest missing", "log file missing", "alice"] {
            let of_subject = judged.alerts.iter().filter(|(it, _)| it.contains(subject));
            let counts: Vec<usize> = of_subject.map(|(_, count)| *count).collect();
            assert!(!counts.is_empty(), "{place}");
            // Again only if the copy died before it recorded the alert.
            let again: usize = counts.iter().map(|count| count - 1).sum();
            assert!(again <= judged.kills, "{place}");
        }
        assert!(judged.breaches.is_empty(), "{place}");
        judged.kills
    });
    let kills: Vec<usize> = stream::iter(runs).buffered(CONCURRENCY).collect().await;
    println!(
        "{} runs, {} of them with a kill",
        kills.len(),
        kills.iter().filter(|it| **it > 0).count()
    );
    assert!(kills.iter().filter(|it| **it > 0).count() > 20);
}
