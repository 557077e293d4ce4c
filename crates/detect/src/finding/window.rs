//! One execution of a rule: a stretch of time, as long as the rule's interval.

use std::fmt;
use std::time::Duration;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An interval of a rule, aligned to UTC: what `max_signals` and bursts count in. Shown as its
/// start and its length, e.g. `20260301T100000Z-300`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its first moment, in whole seconds.
    pub start: Timestamp,
    /// Its length, at least 1.
    pub seconds: i64,
}

impl Window {
    /// The window of this length (at least a second) that holds `time`.
    pub fn containing(time: Timestamp, interval: Duration) -> Window {
        let seconds = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let start = time.as_second() - time.as_second().rem_euclid(seconds);
        Window { start: Timestamp::from_second(start).unwrap_or(Timestamp::MIN), seconds }
    }

    /// The moment after its last; the end of the calendar where it would be later.
    pub fn end(&self) -> Timestamp {
        self.start.checked_add(SignedDuration::from_secs(self.seconds)).unwrap_or(Timestamp::MAX)
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Window> {
        let (start, seconds) = text.split_once('-')?;
        let start = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", start).ok()?;
        let start = Offset::UTC.to_timestamp(start).ok()?;
        Some(Window { start, seconds: seconds.parse().ok().filter(|seconds| *seconds > 0)? })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start.strftime("%Y%m%dT%H%M%SZ"), self.seconds)
    }
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
