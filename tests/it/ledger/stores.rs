//! The stores behave in the same way: a directory, S3 as moto imitates it, and the store in memory
//! of the other tests.

use std::sync::Arc;

use bytes::Bytes;
use detect::finding::Outcome;
use serde_json::Value;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline;
use trailbell::store::{
    DirStore, Listing, ObjectStore, StoreError, StoreErrorKind, WriteCondition,
};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{clock, create_group, deliver, pipeline_with, s3};

const BUCKET: &str = "state";

async fn put(
    store: &dyn ObjectStore,
    bucket: &str,
    text: &'static str,
    condition: WriteCondition,
) -> Result<String, StoreError> {
    store.put(bucket, "a/b", Bytes::from(text), condition).await.map(|written| written.etag)
}

async fn check_conditional_writes(store: &dyn ObjectStore, bucket: &str, name: &str) {
    assert!(store.get(bucket, "a/b").await.unwrap_err().is_not_found(), "{name}");
    let missing = put(store, bucket, "0", WriteCondition::IfMatch("\"none\"".to_owned())).await;
    assert!(missing.unwrap_err().is_precondition_failed(), "{name}");
    let first = put(store, bucket, "1", WriteCondition::IfNoneMatch).await.unwrap();
    let second = put(store, bucket, "2", WriteCondition::IfNoneMatch).await;
    assert!(second.unwrap_err().is_precondition_failed(), "{name}");
    let second = put(store, bucket, "2", WriteCondition::IfMatch(first.clone())).await.unwrap();
    let third = put(store, bucket, "3", WriteCondition::IfMatch(first)).await;
    assert!(third.unwrap_err().is_precondition_failed(), "{name}");
    let got = store.get(bucket, "a/b").await.unwrap();
    assert_eq!((&got.bytes[..], &got.etag), (&b"2"[..], &second), "{name}");
    let age = got.date.duration_since(got.modified).as_secs();
    assert!((0..60).contains(&age), "{name}: {age} s old");
    put(store, bucket, "4", WriteCondition::None).await.unwrap();
    for _ in 0..2 {
        assert!(store.delete(bucket, "a/b").await.is_ok(), "{name}");
    }
    assert!(store.get(bucket, "a/b").await.unwrap_err().is_not_found(), "{name}");
}

async fn check_listings(store: &dyn ObjectStore, bucket: &str, name: &str) {
    for key in ["l/a/1", "l/a/2", "l/b", "l/c/1", "m"] {
        store.put(bucket, key, Bytes::new(), WriteCondition::None).await.unwrap();
    }
    let listing = |prefix: &str, folders, start_after: Option<&str>| Listing {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        folders,
        start_after: start_after.map(str::to_owned),
        ..Listing::default()
    };
    let page = store.list(&listing("l/", true, None)).await.unwrap();
    assert_eq!(
        (page.keys, page.prefixes, page.next),
        (vec!["l/b".to_owned()], vec!["l/a/".to_owned(), "l/c/".to_owned()], None),
        "{name}"
    );
    let page = store.list(&listing("l/", false, Some("l/a/1"))).await.unwrap();
    assert_eq!(page.keys, ["l/a/2", "l/b", "l/c/1"], "{name}");
    assert_eq!(store.list(&listing("none/", false, None)).await.unwrap().keys.len(), 0, "{name}");
}

async fn check_reading_many(store: &dyn ObjectStore, bucket: &str, name: &str) {
    for number in ["1", "2"] {
        let text = Bytes::from(format!("text {number}"));
        store.put(bucket, &format!("r/{number}"), text, WriteCondition::None).await.unwrap();
    }
    let keys = ["r/2", "r/none", "r/1"].map(str::to_owned);
    let read = store.get_all(bucket, &keys).await;
    let [two, none, one] = read.try_into().expect("a result for each");
    assert_eq!((&two.unwrap()[..], &one.unwrap()[..]), (&b"text 2"[..], &b"text 1"[..]), "{name}");
    let error = none.unwrap_err();
    assert!(error.is_not_found() && error.key == "r/none", "{name}: {error}");
}

#[tokio::test]
async fn every_store_has_conditional_writes_and_listings() {
    let folder = tempfile::tempdir().unwrap();
    let (s3, bucket) = s3().await;
    let dir = DirStore::new(folder.path());
    let stores: [(&dyn ObjectStore, &str, &str); 3] =
        [(&dir, BUCKET, "directory"), (&s3, &bucket, "S3"), (&Memory::new(), BUCKET, "memory")];
    for (store, bucket, name) in stores {
        check_conditional_writes(store, bucket, name).await;
        check_listings(store, bucket, name).await;
        check_reading_many(store, bucket, name).await;
    }
}

/// Twelve workers create a number at the same time, and each adds one to it. Returns how many
/// created it, and the number.
async fn count_up(store: Arc<dyn ObjectStore>, bucket: &str) -> (usize, String) {
    let worker = |_| {
        let store = Arc::clone(&store);
        let bucket = bucket.to_owned();
        tokio::spawn(async move {
            let created =
                store.put(&bucket, "n", Bytes::from("0"), WriteCondition::IfNoneMatch).await;
            loop {
                let now = store.get(&bucket, "n").await.unwrap();
                let number: u32 = std::str::from_utf8(&now.bytes).unwrap().parse().unwrap();
                let next = Bytes::from((number + 1).to_string());
                if store.put(&bucket, "n", next, WriteCondition::IfMatch(now.etag)).await.is_ok() {
                    return created.is_ok();
                }
            }
        })
    };
    let created = futures::future::join_all((0..12).map(worker)).await;
    let created = created.into_iter().filter(|created| *created.as_ref().unwrap()).count();
    let number = store.get(bucket, "n").await.unwrap();
    (created, String::from_utf8_lossy(&number.bytes).into_owned())
}

/// S3 guarantees this. moto, which imitates it, does not.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_to_a_directory_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(DirStore::new(folder.path()));
    assert_eq!(count_up(store, BUCKET).await, (1, "12".to_owned()));
}

#[tokio::test]
async fn no_key_leads_out_of_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    let store = DirStore::new(folder.path().join("root"));
    for key in ["../secret", "/etc/passwd", "a/../../secret"] {
        let error = store.get(BUCKET, key).await.unwrap_err();
        assert!(matches!(error.kind, StoreErrorKind::Other(_)), "{key}: {error}");
        assert!(store.put(BUCKET, key, Bytes::new(), WriteCondition::None).await.is_err(), "{key}");
        assert!(store.delete(BUCKET, key).await.is_err(), "{key}");
        assert!(store.get_all(BUCKET, &[key.to_owned()]).await[0].is_err(), "{key}");
    }
}

#[tokio::test]
async fn ledgers_in_s3_and_in_a_directory_send_each_alert_once() {
    let folder = tempfile::tempdir().unwrap();
    let (s3, bucket) = s3().await;
    let dir = DirStore::new(folder.path());
    let records: Vec<Value> = (0..12).map(|n| create_group(&format!("e{n}"), "alice")).collect();
    for (ledger, name) in [
        (StoredLedger::new(Box::new(s3), &bucket, "some/prefix/"), "S3"),
        (StoredLedger::new(Box::new(dir), BUCKET, ""), "directory"),
    ] {
        let topic = Topic::default();
        let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| {
            pipeline.ledger = Ledger::Stored(ledger);
        });
        for expected in [[3, 9, 0], [0, 0, 12]] {
            let report = deliver(&pipeline, &records).await;
            assert!(report.problems.is_empty(), "{name}: {report:?}");
            let outcomes = [Outcome::Alerted, Outcome::Grouped, Outcome::Duplicate];
            let counts = outcomes.map(|outcome| report.report.findings_that(outcome));
            assert_eq!(counts, expected, "{name}");
        }
        let recovered = pipeline::recover_open(&pipeline, clock()).await;
        assert_eq!((recovered.left, recovered.problems.len()), (0, 0), "{name}");
        assert_eq!(topic.sent_count(), 3, "{name}");
        let summaries = pipeline::send_due_summaries(&pipeline, clock()).await;
        assert!(summaries.problems.is_empty(), "{name}: the window is not over");
    }
}
