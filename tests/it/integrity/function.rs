//! What is announced: order, repetition, tampering, crashes.

use futures::future::join_all;
use serde_json::json;
use support::trail::{SignedTrail, gzip};
use trailbell::integrity::VerifyMode;
use trailbell::integrity::keys::KeySource;
use trailbell::pipeline::ObjectOutcome;

use super::{Tamper, World, add_hour, end, known_keys, text, trail};
use crate::ledger::memory::Fault;
use crate::ledger::world;

#[tokio::test]
async fn a_day_of_digests_is_verified_and_what_they_list_is_matched() {
    let world = World::new(trail(24));
    for hour in 0..24 {
        let report = world.announce(hour).await.report;
        assert_eq!((report.digests_verified, report.log_files_verified), (1, 2), "{hour}");
        assert_eq!(report.objects_that(ObjectOutcome::Scanned), 1);
    }
    let head = world.head().await;
    assert_eq!((head.key, head.digests, head.log_files, head.gaps), (world.digest(23), 24, 48, 0));
    assert_eq!(world.alerted(), [""; 0]);
    // No notification of a log file was delivered: the digest is the only one that led to it.
    assert_eq!(world.others().len(), 1);
    // Again, nothing changes.
    world.announce_all(0..24).await;
    assert_eq!(world.head().await.digests, 24);
    assert_eq!(world.topic.accepted().len(), 1);
}

#[tokio::test]
async fn order_and_repetition_are_harmless() {
    let world = World::new(trail(8));
    world.announce_all([0, 5, 3, 5, 4, 1, 2, 7, 6, 7]).await;
    let head = world.head().await;
    assert_eq!((head.key, head.digests, head.log_files), (world.digest(7), 8, 16));
    assert_eq!(world.alerted(), [""; 0]);
    assert_eq!(world.others().len(), 1);
}

#[tokio::test]
async fn digests_that_come_at_once_build_the_chain_in_their_order() {
    for order in [[3, 0, 2, 1], [3, 2, 1, 0], [0, 3, 1, 2]] {
        let world = World::new(trail(4));
        let keys = order.map(|hour| world.digest(hour));
        let payload = json!({"s3Bucket": "trail-logs", "s3ObjectKey": keys});
        let report = world.run(&payload, 3).await;
        assert_eq!(report.report.objects_that(ObjectOutcome::Scanned), 4, "{order:?}");
        let head = world.head().await;
        assert_eq!((head.key, head.digests, head.log_files), (world.digest(3), 4, 8), "{order:?}");
        assert_eq!((world.alerted(), head.gaps), (vec![], 0), "{order:?}");
    }
}

#[tokio::test]
async fn every_tampering_is_alerted_once() {
    let rows: &[(&str, Tamper, &[&str])] = &[
        (
            "a log file is changed",
            |world| {
                let changed = gzip(text(9, 9).as_bytes());
                world.memory.write_with(&world.log(4, 1), changed, &Default::default());
            },
            &["log file changed: log 4.1"],
        ),
        (
            "a log file is deleted",
            |world| world.memory.remove(&world.log(4, 1)),
            &["log file missing: log 4.1"],
        ),
        (
            "data follows a log file",
            |world| {
                let key = world.log(4, 1);
                let bytes = [&world.trail.objects[&key].bytes[..], b"more"].concat();
                world.memory.write_with(&key, bytes, &Default::default());
            },
            &["log file damaged: log 4.1"],
        ),
        (
            "a log file is not gzip",
            |world| {
                let key = world.log(4, 1);
                world.memory.write_with(&key, text(4, 1).into_bytes(), &Default::default());
            },
            &["log file damaged: log 4.1"],
        ),
        (
            "a digest is forged",
            |world| {
                let key = world.digest(4);
                let metadata = &world.trail.objects[&key].metadata;
                world.memory.write_with(&key, gzip(b"{}"), metadata);
            },
            &["digest forged: digest 4"],
        ),
        (
            "a digest has the signature of another",
            |world| {
                let [key, other] = [4, 3].map(|hour| world.digest(hour));
                let bytes = world.trail.objects[&key].bytes.clone();
                world.memory.write_with(&key, bytes, &world.trail.objects[&other].metadata);
            },
            &["digest forged: digest 4"],
        ),
        (
            "one digest is missing",
            |world| world.memory.remove(&world.digest(4)),
            &["digest missing: digest 4"],
        ),
        (
            "three digests in a row are missing",
            |world| (2..5).for_each(|hour| world.memory.remove(&world.digest(hour))),
            &["digest missing: digest 2", "digest missing: digest 3", "digest missing: digest 4"],
        ),
    ];
    for (name, tamper, expected) in rows {
        let world = World::new(trail(7));
        tamper(&world);
        for _ in 0..2 {
            let report = world.announce_all(0..7).await;
            assert!(report.reply().is_ok(), "{name}: {:?}", report.problems);
        }
        assert_eq!(world.alerted(), *expected, "{name}");
        assert_eq!(world.head().await.key, world.digest(6), "{name}");
        let failures = expected.len();
        let rule = &world.topic.accepted()[0].document["rule"]["name"];
        assert!(failures == 0 || rule.as_str().is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_run_of_deleted_log_files_is_a_few_mails() {
    let mut trail = trail(2);
    let texts: Vec<String> = (0..60).map(|index| text(9, index)).collect();
    trail.add_hour(end(2), &texts);
    let world = World::new(trail);
    let deleted = world.trail.logs().split_off(4);
    deleted.iter().for_each(|key| world.memory.remove(key));
    let report = world.announce_all(0..3).await;
    assert_eq!((report.report.integrity_failures, world.topic.accepted().len()), (60, 3));
    // When the hour is over.
    world.sweep(4).await;
    let alerts = world.topic.accepted();
    assert_eq!((alerts.len(), world.topic.sent_count()), (4, 60));
    let summary = alerts.last().unwrap();
    let expected = "[critical] 57 more: CloudTrail log file missing in 111122223333";
    assert_eq!(summary.subject, expected);
    insta::assert_snapshot!(summary.text);
}

#[tokio::test]
async fn a_new_chain_is_alerted_with_the_time_that_is_not_proven() {
    let mut trail = trail(3);
    trail.restart();
    (5..7).for_each(|hour| add_hour(&mut trail, hour));
    let world = World::new(trail);
    world.announce_all([0, 1, 2, 5, 6, 5]).await;
    assert_eq!(world.alerted(), ["digests restarted: digest 2"]);
    let alerts = world.topic.accepted();
    let alert = alerts.iter().find(|alert| alert.subject.contains("restarted")).unwrap();
    let text = alert.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("2026-03-12 03:17:05 to 2026-03-12 05:17:05 UTC"), "{}", alert.text);
    assert_eq!(world.head().await.gaps, 1);
}

#[tokio::test]
async fn without_keys_nothing_is_verified_and_later_everything_is() {
    let unknown = KeySource::CloudTrail(Box::new(trailbell::integrity::keys::CloudTrailKeys::new(
        aws_sdk_cloudtrail::config::Builder::from(&support::aws::config("http://127.0.0.1:1")),
    )));
    let world = World::with(trail(4), VerifyMode::Rules, unknown);
    let report = world.announce_all(0..4).await;
    assert_eq!((report.report.digests_verified, report.report.digests_unverified), (0, 1));
    assert!(report.reply().is_ok(), "the next sweep retries, and no dead letter is made");
    assert!(world.heads().await.is_empty() && world.topic.accepted().is_empty());
    let problem = report.problems[0].to_string();
    assert!(problem.contains("not verified: the signature cannot be verified"), "{problem}");
}

#[tokio::test]
async fn other_regions_are_verified_without_their_log_files() {
    let other = || {
        let mut trail = SignedTrail::new("trail-logs");
        trail.region = "eu-west-1".to_owned();
        (0..2).for_each(|hour| add_hour(&mut trail, hour));
        trail
    };
    for (mode, digests, logs) in
        [(VerifyMode::Off, 0, 0), (VerifyMode::Rules, 1, 0), (VerifyMode::All, 1, 2)]
    {
        let world = World::with(other(), mode, known_keys());
        let report = world.announce_all(0..2).await.report;
        assert_eq!((report.digests_verified, report.log_files_verified), (digests, logs));
    }
}

#[tokio::test]
async fn two_workers_with_the_same_digest_count_it_once() {
    let world = World::new(trail(3));
    world.announce(0).await;
    join_all([1, 2, 2, 1].map(|hour| world.announce(hour))).await;
    world.announce(2).await;
    let head = world.head().await;
    assert_eq!((head.key, head.digests, head.log_files), (world.digest(2), 3, 6));
}

#[tokio::test]
async fn dying_at_any_step_loses_nothing_and_moves_the_head_no_further() {
    for kind in [Fault::Refused, Fault::Lost] {
        for at in 0..200 {
            let world = World::new(trail(5));
            world.memory.remove(&world.digest(2));
            world.memory.remove(&world.log(3, 1));
            world.announce_all(0..2).await;
            let mut calls = 0;
            world.memory.fail(move |_, _| {
                calls += 1;
                match calls {
                    calls if calls == at + 1 => kind,
                    calls if calls > at + 1 => Fault::Refused,
                    _ => Fault::None,
                }
            });
            let died = world.announce(4).await;
            let head = world.memory.keys("chains/").len();
            assert_eq!(head, 1, "{at}");
            world.memory.fail(|_, _| Fault::None);
            // Its lease is over.
            world.memory.advance(world::LEASE + 1);
            world.announce(4).await;
            world.sweep(4).await;
            assert_eq!(world.head().await.key, world.digest(4), "{kind:?} at {at}");
            let mut alerted = world.alerted();
            let all = alerted.len();
            alerted.dedup();
            let expected = ["digest missing: digest 2", "log file missing: log 3.1"];
            assert_eq!(alerted, expected, "{kind:?} at {at}");
            assert!(all <= 4, "{kind:?} at {at}: {all} alerts");
            if died.problems.is_empty() {
                break;
            }
        }
    }
}
