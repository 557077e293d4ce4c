//! All stores keep the same promises: a folder, S3 (as moto speaks it), and the double of the other
//! tests.

use std::sync::Arc;

use bytes::Bytes;
use detect::finding::Outcome;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self, InvocationReport};
use trailbell::store::{
    Condition, DirStore, Listing, ObjectStore, S3Store, StoreError, StoreErrorKind,
};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{clock, create_group, inline, pipeline};
use support::{aws, moto};

const BUCKET: &str = "state";

pub async fn s3() -> (S3Store, String) {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("state");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    (S3Store::new(client), bucket)
}

async fn put(
    store: &dyn ObjectStore,
    bucket: &str,
    text: &'static str,
    condition: Condition,
) -> Result<String, StoreError> {
    store.put(bucket, "a/b", Bytes::from(text), condition).await.map(|written| written.etag)
}

async fn keeps_its_promises(store: &dyn ObjectStore, bucket: &str, name: &str) {
    assert!(store.get(bucket, "a/b").await.unwrap_err().is_not_found(), "{name}");
    let missing = put(store, bucket, "0", Condition::IfMatch("\"none\"".to_owned())).await;
    assert!(missing.unwrap_err().is_precondition_failed(), "{name}");
    let first = put(store, bucket, "1", Condition::IfNoneMatch).await.unwrap();
    let second = put(store, bucket, "2", Condition::IfNoneMatch).await;
    assert!(second.unwrap_err().is_precondition_failed(), "{name}");
    let second = put(store, bucket, "2", Condition::IfMatch(first.clone())).await.unwrap();
    let third = put(store, bucket, "3", Condition::IfMatch(first)).await;
    assert!(third.unwrap_err().is_precondition_failed(), "{name}");
    let got = store.get(bucket, "a/b").await.unwrap();
    assert_eq!((&got.bytes[..], &got.etag), (&b"2"[..], &second), "{name}");
    let age = got.date.duration_since(got.modified).as_secs();
    assert!((0..60).contains(&age), "{name}: {age} s old");
    put(store, bucket, "4", Condition::None).await.unwrap();
    for _ in 0..2 {
        assert!(store.delete(bucket, "a/b").await.is_ok(), "{name}");
    }
    assert!(store.get(bucket, "a/b").await.unwrap_err().is_not_found(), "{name}");
}

async fn lists(store: &dyn ObjectStore, bucket: &str, name: &str) {
    for key in ["l/a/1", "l/a/2", "l/b", "l/c/1", "m"] {
        store.put(bucket, key, Bytes::new(), Condition::None).await.unwrap();
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

#[tokio::test]
async fn every_store_compares_and_swaps_and_lists() {
    let folder = tempfile::tempdir().unwrap();
    let (s3, bucket) = s3().await;
    let dir = DirStore::new(folder.path());
    let stores: [(&dyn ObjectStore, &str, &str); 3] =
        [(&dir, BUCKET, "folder"), (&s3, &bucket, "S3"), (&Memory::new(), BUCKET, "memory")];
    for (store, bucket, name) in stores {
        keeps_its_promises(store, bucket, name).await;
        lists(store, bucket, name).await;
    }
}

/// Of many that put at once, one wins: each adds one to a number, and none is lost.
async fn count_up(store: Arc<dyn ObjectStore>, bucket: &str) -> (usize, String) {
    let worker = |_| {
        let (store, bucket) = (Arc::clone(&store), bucket.to_owned());
        tokio::spawn(async move {
            let first =
                store.put(&bucket, "n", Bytes::from("0"), Condition::IfNoneMatch).await.is_ok();
            loop {
                let now = store.get(&bucket, "n").await.unwrap();
                let number: u32 = std::str::from_utf8(&now.bytes).unwrap().parse().unwrap();
                let next = Bytes::from((number + 1).to_string());
                if store.put(&bucket, "n", next, Condition::IfMatch(now.etag)).await.is_ok() {
                    return first;
                }
            }
        })
    };
    let done = futures::future::join_all((0..12).map(worker)).await;
    let firsts = done.into_iter().filter(|first| *first.as_ref().unwrap()).count();
    let end = store.get(bucket, "n").await.unwrap();
    (firsts, String::from_utf8_lossy(&end.bytes).into_owned())
}

/// S3 keeps this promise itself; moto is no witness for it.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_to_a_folder_each_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        count_up(Arc::new(DirStore::new(folder.path())), BUCKET).await,
        (1, "12".to_owned())
    );
}

#[tokio::test]
async fn no_key_leads_out_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    let store = DirStore::new(folder.path().join("root"));
    for key in ["../secret", "/etc/passwd", "a/../../secret"] {
        let error = store.get(BUCKET, key).await.unwrap_err();
        assert!(matches!(error.kind, StoreErrorKind::Other(_)), "{key}: {error}");
        assert!(store.put(BUCKET, key, Bytes::new(), Condition::None).await.is_err(), "{key}");
        assert!(store.delete(BUCKET, key).await.is_err(), "{key}");
    }
}

#[tokio::test]
async fn a_ledger_in_s3_and_in_a_folder_tells_once() {
    let folder = tempfile::tempdir().unwrap();
    let (s3, bucket) = s3().await;
    let dir = Box::new(DirStore::new(folder.path()));
    for (ledger, name) in [
        (StoredLedger::new(Box::new(s3), &bucket, "some/prefix/"), "S3"),
        (StoredLedger::new(dir, BUCKET, ""), "folder"),
    ] {
        let (memory, topic) = (Memory::new(), Topic::default());
        let mut pipeline = Arc::into_inner(pipeline(&memory, &topic)).unwrap();
        pipeline.ledger = Ledger::Stored(ledger);
        let pipeline = Arc::new(pipeline);
        let payload =
            inline(&(0..12).map(|n| create_group(&format!("e{n}"), "alice")).collect::<Vec<_>>());
        let fates = |outcome: &InvocationReport| {
            assert!(outcome.reply().is_ok() && outcome.problems.is_empty(), "{name}: {outcome:?}");
            [Outcome::Alerted, Outcome::Grouped, Outcome::Duplicate]
                .map(|it| outcome.report.findings_that(it))
        };
        assert_eq!(fates(&pipeline::run(&pipeline, &payload, clock()).await), [3, 9, 0], "{name}");
        assert_eq!(fates(&pipeline::run(&pipeline, &payload, clock()).await), [0, 0, 12], "{name}");
        let recovered = pipeline::recover_open(&pipeline, clock()).await;
        assert_eq!((recovered.left, recovered.problems.len(), topic.told()), (0, 0, 3), "{name}");
        assert!(
            pipeline::send_due_summaries(&pipeline, clock()).await.problems.is_empty(),
            "{name}"
        );
    }
}
