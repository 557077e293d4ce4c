//! The window of a rule: the interval in which its alerts are counted.

use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const COMPACT_TIME: &str = "%Y%m%dT%H%M%SZ";

/// An interval as long as that of a rule, aligned to UTC. Displayed as its start and its length,
/// e.g. `20260301T100000Z-300`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its first second.
    pub start: Timestamp,
    /// Its length, at least 1.
    pub seconds: i64,
}

impl Window {
    /// The window of this length (at least a second) that contains `time`.
    pub fn containing(time: Timestamp, interval: Duration) -> Window {
        let seconds = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let start = time.as_second() - time.as_second().rem_euclid(seconds);
        Window { start: Timestamp::from_second(start).unwrap_or(Timestamp::MIN), seconds }
    }

    /// The instant after the window, at most [`Timestamp::MAX`].
    pub fn end(&self) -> Timestamp {
        self.start.checked_add(SignedDuration::from_secs(self.seconds)).unwrap_or(Timestamp::MAX)
    }

    /// Reads the displayed form.
    pub fn parse(text: &str) -> Option<Window> {
        let (start, seconds) = text.split_once('-')?;
        let seconds = seconds.parse().ok().filter(|seconds| *seconds > 0)?;
        Some(Window { start: parse_compact_time(start)?, seconds })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", format_compact_time(self.start), self.seconds)
    }
}

/// A time in UTC as `20260301T100000Z`: it sorts by time and needs no escaping in keys.
pub(crate) fn format_compact_time(time: Timestamp) -> String {
    time.strftime(COMPACT_TIME).to_string()
}

pub(crate) fn parse_compact_time(text: &str) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(DateTime::strptime(COMPACT_TIME, text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_aligned_and_named() {
        for (time, seconds, name, end) in [
            ("2026-03-01T10:04:59.9Z", 300, "20260301T100000Z-300", "2026-03-01T10:05:00Z"),
            ("2026-03-01T10:05:00Z", 300, "20260301T100500Z-300", "2026-03-01T10:10:00Z"),
            ("2026-03-01T23:59:59Z", 86400, "20260301T000000Z-86400", "2026-03-02T00:00:00Z"),
            ("1969-12-31T23:59:59Z", 60, "19691231T235900Z-60", "1970-01-01T00:00:00Z"),
        ] {
            let window = Window::containing(time.parse().unwrap(), Duration::from_secs(seconds));
            assert_eq!(window.to_string(), name, "{time}");
            assert_eq!(window.end(), end.parse().unwrap(), "{time}");
            assert_eq!(Window::parse(name), Some(window), "{time}");
        }
        for wrong in ["", "20260301T100000Z", "20260301T100000Z-0", "x-300", "20260301T100000Z--5"]
        {
            assert_eq!(Window::parse(wrong), None, "{wrong}");
        }
    }
}
