//! Which log objects of a trail a sweep reads now.

use detect::cloudtrail::Trail;
use detect::rule::Detections;
use jiff::{SignedDuration, Timestamp};

use super::{LogKey, TrailState, YOUNG};
use crate::store::walk::{KeyFilter, log_keys_in};
use crate::store::{ObjectStore, StoreError};

/// The log objects of a trail, by what a sweep does with them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// How many there are.
    pub listed: u64,
    /// How many are left to their notifications for now.
    pub young: u64,
    /// How many were read before.
    pub read_before: u64,
    /// Those to read: oldest first, and last those that failed before, so that they keep no other
    /// from being read.
    pub keys: Vec<LogKey>,
}

/// Lists a trail's log objects of the accounts and regions in which a rule can match, from where
/// `state` has come to. `now` is the store's time.
///
/// # Errors
/// The store cannot be listed.
pub async fn due(
    store: &dyn ObjectStore,
    trail: &Trail,
    state: &TrailState,
    now: Timestamp,
    look_back: SignedDuration,
    detections: &Detections,
) -> Result<Due, StoreError> {
    let since = state.since(now, look_back);
    let place = |account: &str, region: &str| detections.can_match_in(account, region);
    let regions = |account: &str| detections.regions(account);
    let wanted = KeyFilter { since: Some(since), until: None, place: &place };
    let keys = log_keys_in(store, &trail.bucket, &trail.prefix, &wanted, &regions).await?;
    // The walk allows for clocks that differ, and lists more.
    let keys = keys.into_iter().filter_map(LogKey::parse).filter(|key| key.delivered >= since);
    Ok(sort(keys, state, now))
}

/// The time in an object's name is its age, so one that appears late under an old name is read at
/// once.
fn sort(keys: impl Iterator<Item = LogKey>, state: &TrailState, now: Timestamp) -> Due {
    let mut due = Due::default();
    for key in keys {
        due.listed += 1;
        if state.is_read(&key) {
            due.read_before += 1;
        } else if now.duration_since(key.delivered) < YOUNG {
            due.young += 1;
        } else {
            due.keys.push(key);
        }
    }
    due.keys.sort_by_cached_key(|key| (state.has_failed(key), key.clone()));
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(stamp: &str, name: &str) -> LogKey {
        LogKey::parse(format!("111122223333_CloudTrail_us-east-1_20260301T{stamp}Z_{name}.json.gz"))
            .unwrap()
    }

    #[test]
    fn the_oldest_comes_first_and_what_failed_last() {
        let now = "2026-03-01T10:10:00Z".parse().unwrap();
        let mut state = TrailState::new(String::new(), now);
        state.note_read(&key("0900", "read"));
        state.note_failed(&key("0859", "failed"), false);
        let names = [
            ("1006", "young"),
            ("1011", "to-come"),
            ("1005", "a"),
            ("0859", "failed"),
            ("0901", "b"),
            ("0900", "read"),
        ];
        let due = sort(names.iter().map(|(stamp, name)| key(stamp, name)), &state, now);
        let expected = vec![key("0901", "b"), key("1005", "a"), key("0859", "failed")];
        assert_eq!(due, Due { listed: 6, young: 2, read_before: 1, keys: expected });
    }
}
