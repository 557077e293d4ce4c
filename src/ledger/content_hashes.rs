//! The hashes of the log files that sweeps have read in the last three hours, so that a digest
//! needs to read only the others. They are in a ring of objects, one for each ten minutes, which
//! are overwritten.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use detect::cloudtrail::content::ContentHash;
use detect::finding::FindingId;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::keys::HASHES;
use super::stored::{CONCURRENCY, StoredLedger, Swap, TRIES};
use crate::notification::ObjectRef;
use crate::store::SmallObject;

/// In seconds.
const SLOT_SECONDS: i64 = 600;

/// Slots of the ring.
const SLOTS: i64 = 24;

/// Slots that are looked at: three hours.
const KEPT_SLOTS: i64 = 18;

/// Log files of one slot, at most: others are read again.
const MAX_FILES: usize = 10_000;

/// Hexadecimal digits of an object's hash. If two objects share one, the content of one of them
/// does not seem to be known, and it is read again.
const OBJECT_DIGITS: usize = 16;

/// What sweeps remember of the log files that they have read.
#[derive(Debug, Default)]
pub struct ContentHashes {
    files: HashMap<String, KnownContent>,
}

/// The content of a log file that a sweep has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownContent {
    /// Of its content.
    pub hash: ContentHash,
    /// It was read after this time of the store.
    pub read_after: Timestamp,
}

/// What was read in ten minutes.
#[derive(Debug, Serialize, Deserialize)]
struct Slot {
    number: i64,
    read_after: Timestamp,
    hashes: BTreeMap<String, String>,
}

impl ContentHashes {
    /// What a log file was when a sweep read it. Returns `None` if none remembers it.
    pub fn find(&self, object: &ObjectRef) -> Option<KnownContent> {
        self.files.get(&object_name(object)).copied()
    }

    fn add(&mut self, slot: Slot) {
        let Slot { read_after, hashes, .. } = slot;
        for (object, hash) in hashes {
            if let Ok(hash) = hash.parse() {
                self.files.insert(object, KnownContent { hash, read_after });
            }
        }
    }
}

impl StoredLedger {
    /// Remembers the contents of log files that were read after `now`, by the store's clock.
    pub async fn remember_contents(
        &self,
        now: Timestamp,
        read: &[(ObjectRef, ContentHash)],
    ) -> Result<()> {
        let number = slot_number(now);
        let next = |object: Option<&SmallObject>| {
            let slot = object.and_then(decode).filter(|slot| slot.number == number);
            let new = Slot { number, read_after: now, hashes: BTreeMap::new() };
            let mut slot = slot.unwrap_or(new);
            slot.read_after = slot.read_after.min(now);
            let room = MAX_FILES.saturating_sub(slot.hashes.len());
            let files = read.iter().take(room);
            slot.hashes.extend(files.map(|(file, hash)| (object_name(file), hash.to_string())));
            Ok(Swap::Replace(Bytes::from(serde_json::to_vec(&slot)?), |_| ()))
        };
        self.swap(&slot_key(number), TRIES, next).await
    }

    /// What sweeps remember at `now`.
    pub async fn known_contents(&self, now: Timestamp) -> Result<ContentHashes> {
        let last = slot_number(now) + 1;
        let numbers: Vec<i64> = (last - KEPT_SLOTS..=last).collect();
        let mut known = ContentHashes::default();
        for numbers in numbers.chunks(CONCURRENCY) {
            let keys: Vec<String> = numbers.iter().map(|number| slot_key(*number)).collect();
            let slots = try_join_all(keys.iter().map(|key| self.get(key))).await?;
            let slots = slots.iter().flatten().filter_map(decode);
            slots.filter(|slot| numbers.contains(&slot.number)).for_each(|slot| known.add(slot));
        }
        Ok(known)
    }
}

fn slot_number(time: Timestamp) -> i64 {
    time.as_second().div_euclid(SLOT_SECONDS)
}

fn slot_key(number: i64) -> String {
    format!("{HASHES}{:02}", number.rem_euclid(SLOTS))
}

/// A damaged slot is as good as none: it only costs reading.
fn decode(object: &SmallObject) -> Option<Slot> {
    serde_json::from_slice(&object.bytes).ok()
}

fn object_name(object: &ObjectRef) -> String {
    let id = FindingId::hash_parts([object.bucket.as_str(), &object.key]);
    id.as_str()[..OBJECT_DIGITS].to_owned()
}
