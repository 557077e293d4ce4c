//! Digests that are not as they should be: each has its outcome, and the next one is verified.

use jiff::SignedDuration;
use serde_json::{Value, json};
use support::trail::{SignedTrail, gzip};
use trailbell::integrity::keys::{CloudTrailKeys, KeySource};
use trailbell::integrity::{Verification, VerifyMode};
use trailbell::pipeline::{Clock, ObjectOutcome};

use super::{World, add_hour, clock, end, known_keys, trail};
use crate::ledger::memory::Fault;

/// Hours 0 and 1 are good; what is done to the third before it is announced.
type Spoil = fn(&mut SignedTrail);

fn content(trail: &SignedTrail, change: impl FnOnce(&mut Value)) -> Value {
    let mut content = trail.content(end(2), Vec::new());
    change(&mut content);
    content
}

fn put_text(trail: &mut SignedTrail, bytes: Vec<u8>) {
    let key = trail.digest_key(end(2));
    let metadata = trail.objects[&trail.digest_key(end(1))].metadata.clone();
    trail.put(&key, bytes, metadata);
}

/// A digest in the third hour that CloudTrail signed.
fn sign(trail: &mut SignedTrail, change: impl FnOnce(&mut Value)) {
    let content = content(trail, change);
    let key = trail.digest_key(end(2));
    trail.put_signed(&key, &content);
}

fn set_metadata(trail: &mut SignedTrail, name: &str, value: &str) {
    sign(trail, |_| ());
    let key = trail.digest_key(end(2));
    let object = trail.objects.get_mut(&key).unwrap();
    object.metadata.insert(name.to_owned(), value.to_owned());
}

fn list(key: &'static str) -> impl FnOnce(&mut Value) {
    move |content| {
        content["logFiles"] = json!([{
            "s3Bucket": "trail-logs", "s3Object": key, "hashValue": "0".repeat(64),
            "hashAlgorithm": "SHA-256", "newestEventTime": null, "oldestEventTime": null,
        }]);
    }
}

#[tokio::test]
async fn a_digest_that_cloudtrail_did_not_write_is_a_forgery() {
    let rows: &[(&str, Spoil)] = &[
        ("empty", |trail| put_text(trail, Vec::new())),
        ("not gzip", |trail| put_text(trail, b"{}".to_vec())),
        ("not JSON", |trail| put_text(trail, gzip(b"no digest"))),
        ("another JSON", |trail| put_text(trail, gzip(b"[{}]"))),
        ("truncated", |trail| put_text(trail, gzip(&[b'x'; 999])[..20].to_vec())),
        ("signature not hexadecimal", |trail| set_metadata(trail, "signature", "no signature")),
        ("signature empty", |trail| set_metadata(trail, "signature", "")),
        ("signature too long", |trail| set_metadata(trail, "signature", &"ab".repeat(100_000))),
        ("another algorithm", |trail| set_metadata(trail, "signature-algorithm", "none")),
        ("not signed", |trail| {
            let bytes = gzip(content(trail, |_| ()).to_string().as_bytes());
            let key = trail.digest_key(end(2));
            trail.put(&key, bytes, Default::default());
        }),
        ("of another bucket", |trail| {
            sign(trail, |content| content["digestS3Bucket"] = "other-logs".into());
        }),
        ("of another place", |trail| {
            sign(trail, |content| content["digestS3Object"] = "AWSLogs/x.json.gz".into());
        }),
        ("of an unknown key", |trail| {
            sign(trail, |content| content["digestPublicKeyFingerprint"] = "ffff".into());
        }),
        ("a time that is none", |trail| {
            sign(trail, |content| content["digestEndTime"] = "tomorrow".into());
        }),
        ("a hash that is none", |trail| {
            sign(trail, |content| {
                list("AWSLogs/x.json.gz")(content);
                content["logFiles"][0]["hashValue"] = "x".into();
            });
        }),
    ];
    for (name, spoil) in rows {
        let mut trail = trail(2);
        spoil(&mut trail);
        let world = World::new(trail);
        let report = world.announce_all(0..3).await;
        assert!(report.reply().is_ok(), "{name}: {:?}", report.problems);
        assert_eq!(report.report.objects_that(ObjectOutcome::Scanned), 1, "{name}");
        assert_eq!(world.alerted(), ["digest forged: digest 2"], "{name}");
        assert_eq!(world.head().await.key, world.digest(1), "{name}");
    }
}

#[tokio::test]
async fn names_in_a_digest_are_not_followed_out_of_the_account() {
    for key in [
        "../../../etc/passwd",
        "AWSLogs/111122223333/CloudTrail/us-east-1/../../x.json.gz",
        "AWSLogs/444455556666/CloudTrail/us-east-1/2026/03/12/\
         444455556666_CloudTrail_us-east-1_20260312T0305Z_aBcDeFgHiJ000000.json.gz",
        "state/chains/x",
        "",
    ] {
        let mut trail = trail(2);
        sign(&mut trail, list(key));
        let world = World::new(trail);
        world.announce_all(0..2).await;
        world.memory.take_calls();
        world.announce(2).await;
        let calls = world.memory.take_calls();
        assert!(!calls.contains(&format!("open {key}")), "{calls:?}");
        assert_eq!(world.alerted(), [format!("log file damaged: {key}")]);
    }
}

#[tokio::test]
async fn what_could_not_be_checked_is_never_verified_and_retried() {
    type Prepare = fn(&mut World);
    let rows: &[(&str, Prepare, &str)] = &[
        (
            "the store does not answer",
            |world| {
                let key = format!("{}x", world.digest(2));
                world.memory.fail(move |verb, name| match (verb, format!("{name}x") == key) {
                    ("open", true) => Fault::Refused,
                    _ => Fault::None,
                });
            },
            "503: slow down",
        ),
        (
            "a log file cannot be read",
            |world| {
                let key = world.log(2, 1);
                world.memory.fail(move |_, name| match name == key {
                    true => Fault::Refused,
                    false => Fault::None,
                });
            },
            "503: slow down",
        ),
        (
            "the keys are not listed",
            |world| {
                let config = support::aws::config("http://127.0.0.1:1");
                let keys = CloudTrailKeys::new((&config).into());
                let keys = KeySource::CloudTrail(Box::new(keys));
                world.change(|pipeline| {
                    pipeline.verification = Verification { mode: VerifyMode::Rules, keys };
                });
            },
            "cannot be listed",
        ),
        (
            "a log file is over the limit",
            |world| world.change(|pipeline| pipeline.max_object_bytes = 10),
            "more than the 10 bytes",
        ),
    ];
    for (name, prepare, expected) in rows {
        let mut world = World::new(trail(3));
        world.announce_all(0..2).await;
        prepare(&mut world);
        let report = world.announce(2).await;
        let counts = &report.report;
        assert_eq!((counts.digests_unverified, counts.integrity_failures), (1, 0), "{name}");
        let problem = report.problems.iter().map(ToString::to_string).collect::<String>();
        assert!(problem.contains("not verified") && problem.contains(expected), "{problem}");
        assert_eq!((world.alerted(), world.head().await.key), (vec![], world.digest(1)), "{name}");
        // The next sweep.
        world.memory.fail(|_, _| Fault::None);
        world.change(|pipeline| {
            pipeline.max_object_bytes = 1 << 30;
            pipeline.verification = Verification { mode: VerifyMode::Rules, keys: known_keys() };
        });
        world.sweep(2).await;
        assert_eq!(world.head().await.key, world.digest(2), "{name}");
    }
}

#[tokio::test]
async fn a_digest_of_100_000_log_files_is_read() {
    let mut trail = trail(2);
    trail.region = "eu-west-1".to_owned();
    let entry = trail.entry(&trail.log_key(end(2), 0), "");
    let content = trail.content(end(2), vec![entry; 100_000]);
    let key = trail.digest_key(end(2));
    trail.restart();
    trail.add_digest(&key, &content);
    add_hour(&mut trail, 3);
    let world = World::new(trail);
    world.announce_all(2..4).await;
    let heads = world.heads().await;
    assert_eq!((heads.len(), heads[0].digests), (1, 2));
}

#[tokio::test]
async fn the_local_clock_decides_nothing() {
    for years in [-5, 5] {
        let world = World::new(trail(3));
        let hours = years * 365 * 24;
        for hour in 0..3 {
            let now = clock(hour).now + SignedDuration::from_hours(hours);
            let clock = Clock { now, ..clock(hour) };
            let report = world.run_at(&world.payload(hour), clock).await;
            assert_eq!(report.report.digests_verified, 1, "{years} {hour}");
        }
        assert_eq!(world.head().await.log_files, 6);
        assert_eq!(world.alerted(), [""; 0]);
    }
}
