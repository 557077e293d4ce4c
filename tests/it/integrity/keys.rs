//! CloudTrail's public keys: kept in the ledger, and listed again where these do not verify.

use serde_json::{Value, json};
use support::canned::{Canned, CannedRequest};
use support::root;
use trailbell::integrity::VerifyMode;
use trailbell::integrity::keys::{CloudTrailKeys, KeySource, PublicKeys};

use super::{World, end, trail};
use crate::ledger::world::ledger;

const KEPT: &str = "public-keys/us-east-1.json";

/// Keys that have the name of the right one, and are not.
fn wrong_keys() -> String {
    let text = listed().1;
    assert!(text.contains("jKjrjNjrA"));
    text.replace("jKjrjNjrA", "jKjrjNjrB")
}

/// What CloudTrail answers: the key that signed the digests.
pub fn listed() -> (u16, String) {
    let text = std::fs::read(root().join("events/keys/public-keys.json")).unwrap();
    let mut keys: Value = serde_json::from_slice(&text).unwrap();
    let key = &mut keys["PublicKeyList"][0];
    key["ValidityStartTime"] = json!(1_772_323_200);
    key["ValidityEndTime"] = json!(1_775_001_600);
    (200, keys.to_string())
}

fn denied() -> (u16, String) {
    (400, json!({"__type": "AccessDeniedException", "message": "no"}).to_string())
}

/// What a new instance begins with: it remembers nothing.
pub fn source(cloudtrail: &Canned) -> KeySource {
    let config = (&support::aws::config(&cloudtrail.url)).into();
    KeySource::CloudTrail(Box::new(CloudTrailKeys::new(config)))
}

/// Three of five digests are verified with what the ledger has then, and `answer` is CloudTrail's
/// from then on.
async fn started_again(answer: fn() -> (u16, String), kept: Option<&str>) -> (World, Canned) {
    let first = Canned::new(|_| listed()).unwrap();
    let mut world = World::with(trail(5), VerifyMode::Rules, source(&first));
    world.announce_all(0..3).await;
    assert_eq!(first.asked().len(), 1, "listed for the first, and remembered");
    match kept {
        Some("") => world.memory.remove(KEPT),
        Some(text) => world.memory.write(KEPT, text),
        None => {}
    }
    let second = Canned::new(move |_| answer()).unwrap();
    world.change(|pipeline| pipeline.verification.keys = source(&second));
    (world, second)
}

#[tokio::test]
async fn a_new_instance_does_not_ask_for_keys_that_the_ledger_has() {
    let (world, cloudtrail) = started_again(denied, None).await;
    let report = world.announce_all(3..5).await;
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!((world.head().await.key, world.alerted()), (world.digest(4), vec![]));
    assert_eq!(cloudtrail.asked().len(), 0);
    let gets = world.memory.take_calls();
    assert_eq!(gets.iter().filter(|call| **call == format!("get {KEPT}")).count(), 2);
    // It is what `--public-keys` reads.
    let keys = PublicKeys::from_json(world.memory.text(KEPT).unwrap().as_bytes()).unwrap();
    assert_eq!(ledger(&world.memory).public_keys("us-east-1").await.unwrap(), Some(keys));
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_listed_again() {
    let text = listed().1;
    let with = |name: &str, value: Value| {
        let mut keys: Value = serde_json::from_str(&text).unwrap();
        keys["PublicKeyList"][0][name] = value;
        keys.to_string()
    };
    let huge = format!("{{\"PublicKeyList\":[]{}}}", " ".repeat(300_000));
    // What the ledger has, and whether that is reported.
    let rows: [(&str, String, bool); 9] = [
        ("gone", String::new(), false),
        ("not JSON", "{".to_owned(), true),
        ("not keys", "[]".to_owned(), true),
        ("not base64", with("Value", json!("*")), true),
        ("huge", huge, true),
        ("no key", r#"{"PublicKeyList":[]}"#.to_owned(), false),
        ("another key", with("Fingerprint", json!("ab")), false),
        ("a key of another time", with("ValidityEndTime", json!("2026-03-02T00:00:00Z")), false),
        ("a key that is not the one of this name", wrong_keys(), false),
    ];
    for (name, kept, is_reported) in rows {
        let (world, cloudtrail) = started_again(listed, Some(&kept)).await;
        let report = world.announce(3).await;
        let problems: String = report.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems.contains("public-keys/us-east-1.json"),
            is_reported,
            "{name}: {problems}"
        );
        assert!(report.reply().is_ok(), "{name}: {problems}");
        assert_eq!((world.head().await.key, world.alerted()), (world.digest(3), vec![]), "{name}");
        assert_eq!(cloudtrail.asked().len(), 1, "{name}");
        assert_ne!(world.memory.text(KEPT), Some(kept), "{name}: replaced");
        // The next digest needs no list.
        world.announce(4).await;
        assert_eq!(cloudtrail.asked().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_wrong_key_in_the_ledger_makes_nothing_forged_while_cloudtrail_does_not_answer() {
    let (world, _cloudtrail) = started_again(denied, Some(&wrong_keys())).await;
    let report = world.announce(3).await;
    assert_eq!((report.report.digests_unverified, report.report.integrity_failures), (1, 0));
    assert_eq!((world.head().await.key, world.alerted()), (world.digest(2), vec![]));
}

#[tokio::test]
async fn the_way_to_an_older_digest_may_lead_over_a_change_of_keys() {
    // The key of the last hour is another one than that of the hours before.
    let answer = |request: &CannedRequest| {
        let asked: Value = serde_json::from_str(&request.body).unwrap();
        let last = end(4).as_second();
        let (status, text) = listed();
        match asked["StartTime"].as_f64().unwrap() as i64 == last {
            true => (status, text.replace("1772323200", &last.to_string())),
            false => (status, text),
        }
    };
    let first = Canned::new(|_| listed()).unwrap();
    let mut world = World::with(trail(5), VerifyMode::Rules, source(&first));
    world.announce(0).await;
    world.memory.remove(KEPT);
    let cloudtrail = Canned::new(answer).unwrap();
    world.change(|pipeline| pipeline.verification.keys = source(&cloudtrail));
    world.announce(4).await;
    let head = world.head().await;
    assert_eq!((head.key, head.digests), (world.digest(4), 5));
    assert_eq!((world.alerted(), cloudtrail.asked().len()), (vec![], 2));
}
