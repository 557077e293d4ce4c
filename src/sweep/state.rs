//! What sweeps know of one trail: how far they have come, and which objects they have read since.

use std::collections::{BTreeMap, BTreeSet};

use detect::cloudtrail::key;
use jiff::{SignedDuration, Timestamp};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::MAX_LOOK_BACK;

/// Hexadecimal digits of a key's 64-bit hash. With 10,000 objects an hour, two of one look-back
/// share a hash, so that one is left to its notification alone, once in some million years.
const DIGITS: usize = 16;

/// The key of a log object, and when its name says it was delivered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogKey {
    /// To the minute. The first field, so that keys sort by it.
    pub delivered: Timestamp,
    /// As S3 knows it.
    pub key: String,
}

/// What sweeps know of one trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailState {
    /// For people who read the stored state.
    trail: String,
    /// Objects named before this are done, except those that appear late.
    cursor: Timestamp,
    /// Objects that need not be read again, by the time in their names.
    read: BTreeMap<Timestamp, Hashes>,
    /// Attempts at objects that are retried, by the time in their names.
    failed: BTreeMap<Timestamp, BTreeMap<String, u32>>,
    /// The last time that the state was damaged or gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restart: Option<Restart>,
}

/// When the state of a trail was damaged or gone, and where sweeps started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Restart {
    /// The time of the sweep that found it.
    pub time: Timestamp,
    /// The cursor that it started from.
    pub cursor: Timestamp,
    /// An earlier sweep had come as far. If false, the cursor is a guess: older objects may be
    /// unread.
    pub proven: bool,
}

impl Restart {
    /// Starts from the cursor in the last heartbeat, or a day back if there is none.
    pub fn new(now: Timestamp, proven: Option<Timestamp>) -> Restart {
        let day_ago = now.checked_sub(MAX_LOOK_BACK).unwrap_or(Timestamp::MIN);
        let cursor = proven.map_or(day_ago, |cursor| cursor.min(now));
        Restart { time: now, cursor, proven: proven.is_some() }
    }
}

impl LogKey {
    /// Returns `None` if the name has no delivery time; CloudTrail's always have.
    pub fn parse(key: String) -> Option<LogKey> {
        Some(LogKey { delivered: key::delivery_time(&key)?, key })
    }

    fn hash(&self) -> u64 {
        Sha256::digest(self.key.as_bytes())
            .iter()
            .take(8)
            .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }

    fn digits(&self) -> String {
        format!("{:016x}", self.hash())
    }
}

impl TrailState {
    /// The state of a trail that was never swept.
    pub fn new(trail: String, now: Timestamp) -> TrailState {
        TrailState {
            trail,
            cursor: now,
            read: BTreeMap::new(),
            failed: BTreeMap::new(),
            restart: None,
        }
    }

    /// The state of a trail whose stored one is damaged or gone.
    pub fn restarted(trail: String, restart: Restart) -> TrailState {
        TrailState { restart: Some(restart), ..TrailState::new(trail, restart.cursor) }
    }

    /// The last time that the state was damaged or gone. `None` if it never was.
    pub fn restart(&self) -> Option<Restart> {
        self.restart
    }

    /// The trail, as the configuration names it.
    pub fn trail(&self) -> &str {
        &self.trail
    }

    /// How many objects failed and are retried: they could not be read, or their findings could not
    /// be recorded or alerted.
    pub fn failing(&self) -> usize {
        self.failed.values().map(BTreeMap::len).sum()
    }

    /// Objects named before this are done, except those that appear late.
    pub fn cursor(&self) -> Timestamp {
        self.cursor
    }

    /// The earliest name that a sweep at `now` lists, far enough back for what appears late.
    pub fn since(&self, now: Timestamp, look_back: SignedDuration) -> Timestamp {
        back(self.cursor.min(now), look_back)
    }

    /// Returns true if the object need not be read again.
    pub fn is_read(&self, key: &LogKey) -> bool {
        self.read.get(&key.delivered).is_some_and(|hashes| hashes.0.contains(&key.hash()))
    }

    /// Returns true if the object failed before.
    pub fn has_failed(&self, key: &LogKey) -> bool {
        self.failed.get(&key.delivered).is_some_and(|failed| failed.contains_key(&key.digits()))
    }

    /// Notes that the object need not be read again.
    pub fn note_read(&mut self, key: &LogKey) {
        if let Some(failed) = self.failed.get_mut(&key.delivered) {
            failed.remove(&key.digits());
        }
        self.read.entry(key.delivered).or_default().0.insert(key.hash());
    }

    /// Notes that the object failed, as an attempt if `counts` is true. Returns its attempts so
    /// far.
    pub fn note_failed(&mut self, key: &LogKey, counts: bool) -> u32 {
        let attempts =
            self.failed.entry(key.delivered).or_default().entry(key.digits()).or_default();
        *attempts += u32::from(counts);
        *attempts
    }

    /// Moves the cursor, and forgets what will not be listed again.
    pub fn advance(&mut self, cursor: Timestamp, look_back: SignedDuration) {
        self.cursor = cursor;
        let since = back(cursor, look_back);
        self.read = self.read.split_off(&since);
        self.failed = self.failed.split_off(&since);
        self.failed.retain(|_, failed| !failed.is_empty());
    }

    /// Merges the state of a sweep that ran at the same time. The earlier cursor holds: reading an
    /// object twice does no harm.
    pub fn merge(&mut self, other: TrailState) {
        self.cursor = self.cursor.min(other.cursor);
        self.restart = self.restart.max(other.restart);
        for (time, hashes) in other.read {
            self.read.entry(time).or_default().0.extend(hashes.0);
        }
        for (time, failed) in other.failed {
            let ours = self.failed.entry(time).or_default();
            for (key, attempts) in failed {
                let ours = ours.entry(key).or_default();
                *ours = attempts.max(*ours);
            }
        }
    }
}

/// An earlier time, at the start of its minute: names are no finer.
fn back(time: Timestamp, look_back: SignedDuration) -> Timestamp {
    let early = time.checked_sub(look_back).unwrap_or(Timestamp::MIN).as_second();
    Timestamp::from_second(early - early.rem_euclid(60)).unwrap_or(Timestamp::MIN)
}

/// Hashes of keys, serialised as their concatenated digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Hashes(BTreeSet<u64>);

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .serialize_str(&self.0.iter().map(|hash| format!("{hash:016x}")).collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hashes, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let hash = |digits: &[u8]| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let hashes: Option<BTreeSet<u64>> = digits
            .as_bytes()
            .chunks(DIGITS)
            .map(|digits| hash(digits).filter(|_| digits.len() == DIGITS))
            .collect();
        hashes.map(Hashes).ok_or_else(|| D::Error::custom("not hashes of 16 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn time(text: &str) -> Timestamp {
        format!("2026-03-{text}Z").parse().unwrap()
    }

    fn key(stamp: &str) -> LogKey {
        LogKey::parse(format!("AWSLogs/111122223333_CloudTrail_us-east-1_202603{stamp}Z_x.json.gz"))
            .unwrap()
    }

    #[test]
    fn a_sweep_lists_from_the_cursor_or_from_now_and_further_back() {
        for (cursor, now, expected) in [
            ("01T10:00:30", "01T10:10:00", "01T09:00:00"),
            ("02T00:10:00", "02T00:20:00", "01T23:10:00"),
            ("01T10:00:00", "02T10:00:00", "01T09:00:00"),
            ("01T11:00:00", "01T10:00:00", "01T09:00:00"),
        ] {
            let state = TrailState::new(String::new(), time(cursor));
            assert_eq!(state.since(time(now), HOUR), time(expected), "{cursor} at {now}");
        }
    }

    #[test]
    fn what_is_not_listed_again_is_forgotten() {
        let mut state = TrailState::new(String::new(), time("01T10:00:00"));
        state.note_read(&key("01T0859"));
        state.note_read(&key("01T0900"));
        state.advance(time("01T10:00:59"), HOUR);
        assert!(!state.is_read(&key("01T0859")) && state.is_read(&key("01T0900")));
        assert_eq!(state.since(time("01T10:10:00"), HOUR), time("01T09:00:00"));
    }

    #[test]
    fn it_is_written_as_text_and_read_again() {
        let mut state = TrailState::new("s3://logs/".to_owned(), time("01T10:00:00"));
        ["01T1000", "01T1005"].iter().for_each(|stamp| state.note_read(&key(stamp)));
        state.note_failed(&key("01T1006"), true);
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<TrailState>(&text).unwrap(), state, "{text}");
        for damaged in [text.replace("failed", "x"), text.replacen("00Z\":\"", "00Z\":\"a", 1)] {
            assert!(serde_json::from_str::<TrailState>(&damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn what_two_sweeps_know_is_joined() {
        let mut one = TrailState::new(String::new(), time("01T10:00:00"));
        let mut other = TrailState::new(String::new(), time("01T09:55:00"));
        one.note_read(&key("01T0950"));
        one.note_failed(&key("01T0952"), true);
        other.note_read(&key("01T0951"));
        other.note_failed(&key("01T0952"), true);
        one.merge(other);
        assert!(one.is_read(&key("01T0950")) && one.is_read(&key("01T0951")));
        assert_eq!((one.cursor, one.note_failed(&key("01T0952"), true)), (time("01T09:55:00"), 2));
    }
}
