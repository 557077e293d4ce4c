//! Times as people and commands want them: always UTC, whole seconds.

use jiff::{SignedDuration, Timestamp};

/// In a sentence: `2026-03-01 at 10:00:00 UTC`.
pub fn spoken(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d at %H:%M:%S UTC").to_string()
}

/// In a table: `2026-03-01 10:00:00 UTC`.
pub fn listed(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// RFC 3339, for a command, some hours later (or earlier, if negative); the same time where that
/// leaves the calendar.
pub fn shifted(time: Timestamp, hours: i64) -> String {
    let shifted = time.checked_add(SignedDuration::from_hours(hours)).unwrap_or(time);
    shifted.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
