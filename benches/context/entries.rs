//! A ledger with many entries of one group and one caller. Only the keys of indexes are put, since
//! contexts read no others; they are those of a real entry, at other times and with other ids.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use detect::finding::{Finding, FindingId};
use futures::{StreamExt, stream};
use trailbell::ledger::{ClaimOutcome, Content, StoredLedger};
use trailbell::store::{Condition, DirStore, Listing, ObjectStore, S3Store};

use support::{aws, moto};

/// Keys on their way at once.
const TOGETHER: usize = 16;

pub struct Entries {
    pub store: S3Store,
    pub bucket: String,
    pub ledger: StoredLedger,
    /// Of the group's index.
    pub folder: String,
}

/// So many entries, one every 10 seconds, half of them before the finding.
pub async fn put(finding: &Finding, count: usize) -> Entries {
    let (store, bucket) = s3().await;
    let keys = index_keys(finding).await;
    let time = finding.time.unwrap();
    let at = |nth: usize| {
        let time = time
            .checked_add(jiff::SignedDuration::from_secs(10 * (nth as i64 - count as i64 / 2)))
            .unwrap();
        let stamp = time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let id = FindingId::hash_parts([stamp.as_str()]);
        keys.iter()
            .map(|key| {
                key.replace("20260301T100000Z", &stamp).replace(finding.id.as_str(), id.as_str())
            })
            .collect()
    };
    let all: Vec<String> = (0..count).flat_map(|nth| -> Vec<String> { at(nth) }).collect();
    let put = |key: String| {
        let (store, bucket) = (&store, &bucket);
        async move { store.put(bucket, &key, Bytes::new(), Condition::None).await.unwrap() }
    };
    stream::iter(all.into_iter().map(put)).buffer_unordered(TOGETHER).for_each(|_| async {}).await;
    let group = keys.iter().find(|key| key.starts_with("by-group/")).unwrap();
    let folder = group[..group.find("2026").unwrap()].to_owned();
    let ledger = StoredLedger::new(Box::new(store.clone()), &bucket, "");
    Entries { store, bucket, ledger, folder }
}

async fn s3() -> (S3Store, String) {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("ledger");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    (S3Store::new(client), bucket)
}

/// The keys by which a claimed finding is found again, of its group and its actor.
async fn index_keys(finding: &Finding) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::new(folder.path());
    let ledger = StoredLedger::new(Box::new(store.clone()), "state", "");
    let content = Content::Finding(Arc::new(finding.clone()));
    let claimed =
        ledger.claim(content, Duration::from_secs(60), Duration::from_secs(600)).await.unwrap();
    if let ClaimOutcome::Ours(claim) = claimed {
        ledger.index(&claim).await.unwrap();
    }
    let listing =
        Listing { bucket: "state".to_owned(), prefix: "by-".to_owned(), ..Listing::default() };
    let keys = store.list(&listing).await.unwrap().keys;
    keys.into_iter().filter(|key| !key.starts_with("by-window/")).collect()
}
