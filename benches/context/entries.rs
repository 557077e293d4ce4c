//! A ledger with many entries of one group and one principal. It has only what a context reads: the
//! keys of the principal's index, those of a real entry with other times and ids, and the log of
//! the group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use detect::finding::{Finding, FindingId};
use detect::model::{Change, GroupEvent, GroupEventKind, ModelEvent};
use futures::{StreamExt, stream};
use jiff::SignedDuration;
use support::{aws, moto};
use trailbell::ledger::{ClaimOutcome, Content, StoredLedger};
use trailbell::store::{DirStore, Listing, ObjectStore, S3Store, WriteCondition};

/// Requests in flight.
const CONCURRENCY: usize = 16;

pub struct LedgerWithEntries {
    pub store: S3Store,
    pub bucket: String,
    pub ledger: StoredLedger,
    /// The prefix of the principal's index.
    pub principal_folder: String,
}

/// Puts `count` entries, one every 10 seconds, half of them before the finding.
pub async fn fill_ledger(finding: &Finding, count: usize) -> LedgerWithEntries {
    let (store, bucket) = create_bucket().await;
    let keys = index_keys(finding).await;
    let time = finding.time.unwrap();
    let keys_at = |nth: usize| {
        let seconds = 10 * (nth as i64 - count as i64 / 2);
        let time = time.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let stamp = time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let id = FindingId::hash_parts([stamp.as_str()]);
        let renamed = keys.iter().map(move |key| {
            key.replace("20260301T100000Z", &stamp).replace(finding.id.as_str(), id.as_str())
        });
        renamed.collect::<Vec<String>>()
    };
    let all_keys = (0..count).flat_map(keys_at);
    let put = |key: String| {
        let (store, bucket) = (&store, &bucket);
        async move { store.put(bucket, &key, Bytes::new(), WriteCondition::None).await.unwrap() }
    };
    let puts = stream::iter(all_keys.map(put)).buffer_unordered(CONCURRENCY);
    puts.for_each(|_| async {}).await;
    let principal_key = keys.iter().find(|key| key.starts_with("by-principal/")).unwrap();
    let principal_folder = principal_key[..principal_key.find("2026").unwrap()].to_owned();
    let ledger = StoredLedger::new(Box::new(store.clone()), &bucket, "");
    let changes = (0..count).map(|nth| change(finding, nth)).collect();
    assert!(ledger.add_changes(changes, time).await.is_empty());
    LedgerWithEntries { store, bucket, ledger, principal_folder }
}

/// A user is added to the group of a finding.
fn change(finding: &Finding, nth: usize) -> Change {
    let time = finding.time.unwrap().checked_sub(SignedDuration::from_secs(nth as i64)).unwrap();
    let user = Some(format!("user-{nth}"));
    Change {
        account: finding.account.clone().unwrap(),
        event: ModelEvent::Group(GroupEvent {
            time,
            kind: GroupEventKind::AddUserToGroup { user },
            group: finding.group.clone().unwrap(),
            event_id: Some(format!("e-{nth}")),
            principal: Some("alice".to_owned()),
            failed: false,
            suppressed: Some(false),
        }),
    }
}

async fn create_bucket() -> (S3Store, String) {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("ledger");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    (S3Store::new(client), bucket)
}

/// The index keys of a claimed finding: of its group and its principal.
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
