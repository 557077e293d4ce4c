//! The sweep over a folder, and over S3 as moto speaks it: with their own clocks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alert::Accounts;
use bytes::Bytes;
use detect::cloudtrail::Trail;
use jiff::{SignedDuration, Timestamp};
use trailbell::integrity::Verification;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{MailLength, Pipeline};
use trailbell::store::{DirStore, ObjectStore, S3Store, WriteCondition};

use crate::ledger::memory::Topic;
use crate::sweep::world::{counts, detections, log, sweep};
use support::{aws, moto};

/// The key of an object that was delivered so many minutes ago.
#[expect(clippy::disallowed_methods, reason = "the stores go by the real clock")]
fn key(minutes: i64, name: &str) -> String {
    let time = Timestamp::now().checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    let (day, stamp) = (time.strftime("%Y/%m/%d"), time.strftime("%Y%m%dT%H%MZ"));
    format!(
        "audit/AWSLogs/111122223333/CloudTrail/us-east-1/{day}/111122223333_CloudTrail_us-east-1_{stamp}_{name}.json.gz"
    )
}

fn pipeline<S: ObjectStore + Clone + 'static>(
    store: &S,
    bucket: &str,
    topic: &Topic,
) -> Arc<Pipeline> {
    Arc::new(Pipeline {
        store: Box::new(store.clone()),
        sink: Box::new(topic.clone()),
        ledger: Ledger::Stored(StoredLedger::new(Box::new(store.clone()), bucket, "state")),
        trails: vec![Trail::parse(&format!("s3://{bucket}/audit")).unwrap()],
        inline_sources: vec![],
        detections: detections(),
        accounts: Accounts::default(),
        mail: MailLength::Short,
        max_object_bytes: 1 << 30,
        verification: Verification::off(),
        pages: None,
    })
}

async fn finds_lost_objects<S: ObjectStore + Clone + 'static>(store: &S, bucket: &str) {
    let topic = Topic::default();
    for (minutes, name) in [(1, "young"), (10, "lost"), (50, "older"), (130, "too-old")] {
        let bytes = Bytes::from(log(&format!("{bucket}-{name}")));
        store.put(bucket, &key(minutes, name), bytes, WriteCondition::None).await.unwrap();
    }
    let pipeline = pipeline(store, bucket, &topic);
    for expected in [(2, 0), (0, 2)] {
        let outcome = sweep(&pipeline, None).await;
        let counts = counts(&outcome);
        assert_eq!(
            (counts.listed, counts.young),
            (3, 1),
            "{bucket}: {counts}, {:?}",
            outcome.problems
        );
        assert_eq!(
            (counts.read, counts.read_before),
            expected,
            "{bucket}: {counts}, {:?}",
            outcome.problems
        );
        assert_eq!(topic.sent_count(), 2, "{bucket}");
    }
}

#[tokio::test]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    finds_lost_objects(&DirStore::new(folder.path()), "folder").await;
}

#[tokio::test]
async fn in_s3() {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("trail");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    finds_lost_objects(&S3Store::new(client), &bucket).await;
}

fn fill(folder: &Path, objects: usize) {
    for at in 0..objects {
        let path = folder.join("quiet").join(key(6 + at as i64 % 50, &format!("q{at}")));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(
            path,
            r#"{"Records":[{"eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances"}]}"#,
        )
        .unwrap();
    }
}

#[tokio::test]
async fn five_thousand_quiet_objects_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), 5_000);
    let topic = Topic::default();
    let pipeline = pipeline(&DirStore::new(folder.path()), "quiet", &topic);
    for (sweep_number, expected) in [(1, (5_000, 0)), (2, (0, 5_000))] {
        let start = std::time::Instant::now();
        let counts = counts(&sweep(&pipeline, None).await);
        println!("sweep {sweep_number}: {:?}", start.elapsed());
        assert_eq!((counts.read, counts.read_before), expected, "sweep {sweep_number}");
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "sweep {sweep_number}: {:?}",
            start.elapsed()
        );
    }
    let notes = folder.path().join("quiet/state/sweep/cursor");
    let note = std::fs::read_dir(notes).unwrap().next().unwrap().unwrap();
    let size = note.metadata().unwrap().len();
    println!("remembered in {size} bytes");
    assert!(size < 100_000, "{size}");
}
