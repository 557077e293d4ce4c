//! What sweeps find, remember and state.

use detect::cloudtrail::key::{delivery_time, digest_end};
use serde_json::json;
use support::canned::{Canned, CannedRequest};
use support::trail::{SignedTrail, TrailObject, gzip};
use trailbell::integrity::VerifyMode;
use trailbell::integrity::statement::{ChainStatement, DayCounts, Statement};
use trailbell::ledger::ChainHead;
use trailbell::pipeline::ObjectOutcome;

use super::keys::{listed, source};
use super::{HOUR, Tamper, World, add_hour, end, known_keys, text, trail};

#[tokio::test]
async fn a_sweep_verifies_digests_that_nobody_announced() {
    let world = World::new(trail(8));
    world.announce(0).await;
    world.memory.remove(&world.digest(3));
    let report = world.sweep(7).await;
    assert!(report.reply().is_ok(), "{:?}", report.problems);
    assert_eq!(world.head().await.key, world.digest(7));
    assert_eq!(world.alerted(), ["digest missing: digest 3"]);
    // The next sweeps within the hour do not list.
    world.memory.take_calls();
    world.sweep(7).await;
    let calls = world.memory.take_calls();
    assert!(!calls.iter().any(|call| call.contains("CloudTrail-Digest")), "{calls:?}");
}

/// Three hours; a sweep has read the log files of the last, and its digest comes after that.
async fn swept_before_its_digest() -> World {
    let world = World::new(trail(3));
    world.memory.remove(&world.digest(2));
    world.sweep(2).await;
    assert_eq!(world.head().await.key, world.digest(1));
    // Time passes.
    world.memory.advance(60);
    let key = world.digest(2);
    let TrailObject { bytes, metadata } = &world.trail.objects[&key];
    world.memory.write_with(&key, bytes.clone(), metadata);
    world
}

fn count(calls: &[String], wanted: &str) -> usize {
    calls.iter().filter(|call| *call == wanted).count()
}

#[tokio::test]
async fn a_log_file_that_a_sweep_has_read_is_compared_and_not_read_again() {
    let world = swept_before_its_digest().await;
    let swept = world.memory.take_calls();
    let report = world.announce(2).await;
    assert_eq!((report.report.digests_verified, report.report.log_files_verified), (1, 2));
    assert_eq!(world.head().await.log_files, 6);
    let verified = world.memory.take_calls();
    for index in 0..2 {
        let open = format!("open {}", world.log(2, index));
        assert_eq!((count(&swept, &open), count(&verified, &open)), (1, 0), "{open}");
    }
    assert_eq!(world.alerted(), [""; 0]);
}

#[tokio::test]
async fn what_happens_to_a_log_file_after_a_sweep_has_read_it_is_alerted() {
    let rows: &[(Tamper, &str)] = &[
        (|world| world.memory.remove(&world.log(2, 1)), "log file missing: log 2.1"),
        (
            |world| {
                let changed = gzip(text(9, 9).as_bytes());
                world.memory.write_with(&world.log(2, 1), changed, &Default::default());
            },
            "log file changed: log 2.1",
        ),
    ];
    for (tamper, expected) in rows {
        let world = swept_before_its_digest().await;
        tamper(&world);
        world.announce(2).await;
        assert_eq!(world.alerted(), [*expected]);
    }
}

#[tokio::test]
async fn hashes_that_are_damaged_or_old_only_cost_reading() {
    let old = r#"{"number":1,"read_after":"2026-03-12T03:00:00Z","hashes":{}}"#;
    for content in ["no JSON", old] {
        let world = swept_before_its_digest().await;
        let slots = world.memory.keys("hashes/");
        assert_eq!(slots.len(), 1);
        slots.iter().for_each(|key| world.memory.write(key, content));
        world.memory.take_calls();
        assert_eq!(world.announce(2).await.report.log_files_verified, 2);
        let calls = world.memory.take_calls();
        assert_eq!(count(&calls, &format!("open {}", world.log(2, 0))), 1, "{content}");
    }
}

#[tokio::test]
async fn a_day_that_is_over_is_stated_once() {
    let world = World::new(trail(30));
    world.memory.remove(&world.digest(4));
    world.memory.remove(&world.log(5, 1));
    world.announce_all(0..30).await;
    // 06:17 and 07:17 of the next day.
    world.sweep(29).await;
    assert_eq!(world.memory.keys("statements/"), ["statements/2026-03-12.json"]);
    let text = world.memory.text("statements/2026-03-12.json").unwrap();
    let statement = Statement::from_json(text.as_bytes()).unwrap();
    assert_eq!(statement.to_canonical_json().unwrap(), text);
    let [chain] = &statement.chains[..] else { panic!("{text}") };
    // 01:17 to 23:17, without the fifth.
    assert_eq!(chain.days["2026-03-12"], DayCounts { digests: 22, log_files: 43 });
    assert_eq!(chain.head.as_ref().unwrap().key, world.digest(22));
    assert_eq!((chain.from, chain.until), (Some(end(0) - HOUR), Some(end(22))));
    let gaps: Vec<_> = chain.gaps.iter().map(|gap| (gap.from, gap.until)).collect();
    assert_eq!(gaps, [(end(3), end(4))]);
    let not_valid: Vec<_> =
        chain.not_valid.iter().map(|it| (it.kind.as_str(), it.status.as_str(), &it.key)).collect();
    let expected = [("log", "missing", &world.log(5, 1)), ("digest", "missing", &world.digest(4))];
    assert_eq!(not_valid, expected);
    world.memory.take_calls();
    world.sweep(30).await;
    let calls = world.memory.take_calls();
    assert!(!calls.iter().any(|call| call.starts_with("put statements/")), "{calls:?}");
}

/// The same trail in a region that the rules do not look at.
fn elsewhere(hours: usize) -> SignedTrail {
    let mut trail = SignedTrail::new("trail-logs");
    trail.region = "eu-west-1".to_owned();
    (0..hours).for_each(|hour| add_hour(&mut trail, hour));
    trail
}

/// The statement of the first day: its chains by region, with their digests, log files, and what is
/// not valid.
fn stated(world: &World) -> Vec<(String, u64, u64, Vec<String>)> {
    let text = world.memory.text("statements/2026-03-12.json").expect("a statement");
    let statement = Statement::from_json(text.as_bytes()).unwrap();
    let chain = |chain: ChainStatement| {
        let day = chain.days.get("2026-03-12").copied().unwrap_or_default();
        let not_valid = chain.not_valid.iter().map(|it| format!("{}: {}", it.status, it.reason));
        (chain.region, day.digests, day.log_files, not_valid.collect())
    };
    statement.chains.into_iter().map(chain).collect()
}

#[tokio::test]
async fn a_statement_has_every_chain_of_its_day() {
    let world = World::new(trail(8));
    let [ours, others] = [trail(30), elsewhere(30)];
    // Digests of other regions are listed once a day: at 09:17, and before the day is stated.
    for hour in 8..30 {
        for trail in [&ours, &others] {
            let is_written = |key: &str| digest_end(key).or(delivery_time(key)) <= Some(end(hour));
            let written = trail.objects.iter().filter(|(key, _)| is_written(key));
            for (key, TrailObject { bytes, metadata }) in written {
                world.memory.write_with(key, bytes.clone(), metadata);
            }
        }
        world.sweep(hour).await;
    }
    // Those from 03:17 to 23:17.
    let expected =
        [("eu-west-1".to_owned(), 21, 0, vec![]), ("us-east-1".to_owned(), 21, 42, vec![])];
    assert_eq!(stated(&world), expected);
}

#[tokio::test]
async fn a_first_sweep_builds_the_chains_from_what_is_there() {
    let world = World::new(trail(12));
    world.memory.remove(&world.digest(8));
    let report = world.sweep(11).await;
    assert_eq!(world.alerted(), ["digest missing: digest 8"]);
    let head = world.head().await;
    // Of the last six hours, the one that is missing not counted.
    assert_eq!((head.key, head.digests, head.since), (world.digest(11), 6, end(5) - HOUR));
    assert_eq!(report.report.integrity_lag, Some(0));
}

#[tokio::test]
async fn a_region_that_is_closed_to_the_account_is_named_and_no_problem() {
    // CloudTrail in the other region does not know the account.
    let answer = |request: &CannedRequest| match request.head.contains("/us-east-1/cloudtrail/") {
        true => listed(),
        false => {
            let code = "UnrecognizedClientException";
            (400, json!({"__type": code, "message": "The token is invalid"}).to_string())
        }
    };
    let cloudtrail = Canned::new(answer).unwrap();
    let world = World::with(trail(30), VerifyMode::Rules, source(&cloudtrail));
    let other = elsewhere(30);
    world.store(&other);
    let key = other.digest_key(end(0));
    let announced = json!({"s3Bucket": "trail-logs", "s3ObjectKey": [key]});
    let report = world.run(&announced, 0).await;
    assert_eq!((report.report.digests_verified, report.report.digests_unverified), (0, 0));
    assert_eq!(report.report.objects_that(ObjectOutcome::Skipped), 1);
    let note = report.notes.join("\n");
    assert!(note.contains("not verified") && note.contains("eu-west-1"), "{note}");
    for hour in 0..30 {
        let report = world.sweep(hour).await;
        assert_eq!(report.report.digests_unverified, 0, "{hour}: {:?}", report.problems);
    }
    let [closed, open] = <[_; 2]>::try_from(stated(&world)).unwrap();
    assert_eq!((closed.0.as_str(), closed.1, closed.3.len()), ("eu-west-1", 0, 1));
    assert!(closed.3[0].starts_with("unchecked: ") && closed.3[0].contains("UnrecognizedClient"));
    assert_eq!((open.1, open.2, open.3), (23, 46, vec![]));
    // Where the rules look, it is one.
    let world = World::with(trail(30), VerifyMode::Rules, source(&cloudtrail));
    let mut world = world;
    let everywhere = Canned::new(|_| {
        (400, json!({"__type": "UnrecognizedClientException", "message": ""}).to_string())
    });
    let everywhere = everywhere.unwrap();
    world.change(|pipeline| pipeline.verification.keys = source(&everywhere));
    assert_eq!(world.announce(0).await.report.digests_unverified, 1);
}

#[tokio::test]
async fn each_mode_verifies_what_it_says() {
    // The digests and log files that sweeps and notifications verify, in both regions.
    for (mode, digests, log_files) in
        [(VerifyMode::Off, 0, 0), (VerifyMode::Rules, 8, 8), (VerifyMode::All, 8, 16)]
    {
        let world = World::with(trail(4), mode, known_keys());
        world.store(&elsewhere(4));
        world.announce_all(0..2).await;
        world.sweep(3).await;
        let heads = world.heads().await;
        let sum = |count: fn(&ChainHead) -> u64| heads.iter().map(count).sum::<u64>();
        let sums = (sum(|head| head.digests), sum(|head| head.log_files));
        assert_eq!(sums, (digests, log_files), "{mode:?}");
        assert_eq!(world.alerted(), [""; 0], "{mode:?}");
    }
}

#[tokio::test]
async fn digests_that_stop_are_reported_once() {
    let world = World::new(trail(3));
    world.announce_all(0..3).await;
    for (hour, expected) in [(4, 0), (5, 0), (6, 1), (7, 1), (9, 1)] {
        let report = world.sweep(hour).await;
        assert_eq!(world.alerted().len(), expected, "{hour}: {:?}", report.problems);
        assert_eq!(report.report.integrity_lag, Some((hour as u64 - 2) * 3600), "{hour}");
    }
    assert_eq!(world.alerted(), ["digests stopped: digest 2"]);
}
