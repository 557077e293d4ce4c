//! `--since` and `--until`.

use std::error::Error;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

const EXPECTED: &str = "a length of time ago such as 90m, 24h or 7d, a date such as 2026-03-01, or a time with its zone \
                        such as 2026-03-01T10:00:00Z";

/// The time that matters, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Window {
    pub fn new(
        since: Option<&str>,
        until: Option<&str>,
        now: Timestamp,
    ) -> Result<Window, Box<dyn Error>> {
        let read = |name: &str, text: Option<&str>, end: fn(Date) -> Option<Timestamp>| {
            let read = |text: &str| {
                let time = ago(text, now)
                    .or_else(|| day(text).and_then(end))
                    .or_else(|| text.parse().ok());
                time.ok_or_else(|| {
                    format!("--{name} is `{}`: expected {EXPECTED}", text.escape_debug())
                })
            };
            text.map(read).transpose()
        };
        let window = Window {
            since: read("since", since, midnight)?,
            until: read("until", until, last_of)?,
        };
        match window {
            Window { since: Some(since), until: Some(until) } if until < since => {
                Err(format!("--until ({until}) is before --since ({since})").into())
            }
            _ => Ok(window),
        }
    }

    /// Whether a call at this time matters. One whose time is not recorded may.
    pub fn holds(&self, time: Option<Timestamp>) -> bool {
        let Some(time) = time else { return true };
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time <= until)
    }
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = text.chars().last()?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let count: i64 =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    let seconds = count.checked_mul(minutes)?.checked_mul(60)?;
    now.checked_sub(SignedDuration::from_secs(seconds)).ok()
}

fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok())?
}

fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn last_of(day: Date) -> Option<Timestamp> {
    midnight(day.tomorrow().ok()?)?.checked_sub(1.nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_is_a_length_ago_a_date_or_a_time() {
        let now = at("2026-03-12T10:00:00Z");
        let cases = [
            ("90m", Some("2026-03-12T08:30:00Z"), Some("2026-03-12T08:30:00Z")),
            ("24h", Some("2026-03-11T10:00:00Z"), Some("2026-03-11T10:00:00Z")),
            ("7d", Some("2026-03-05T10:00:00Z"), Some("2026-03-05T10:00:00Z")),
            ("2026-03-01", Some("2026-03-01T00:00:00Z"), Some("2026-03-01T23:59:59.999999999Z")),
            (
                "2026-03-01T10:00:00+01:00",
                Some("2026-03-01T09:00:00Z"),
                Some("2026-03-01T09:00:00Z"),
            ),
            ("2026-03-01T10:00:00", None, None),
            ("24", None, None),
            ("-24h", None, None),
            ("h", None, None),
            ("99999999999999d", None, None),
            ("yesterday", None, None),
            ("", None, None),
        ];
        for (text, since, until) in cases {
            let read = |since, until| Window::new(since, until, now).ok();
            assert_eq!(
                read(Some(text), None).and_then(|window| window.since),
                since.map(at),
                "since {text:?}"
            );
            assert_eq!(
                read(None, Some(text)).and_then(|window| window.until),
                until.map(at),
                "until {text:?}"
            );
        }
        assert!(
            Window::new(Some("1h"), Some("2h"), now)
                .unwrap_err()
                .to_string()
                .contains("is before --since")
        );
    }

    #[test]
    fn both_ends_count_and_a_call_without_a_time_may_matter() {
        let window = Window {
            since: Some(at("2026-03-01T00:00:00Z")),
            until: Some(at("2026-03-02T00:00:00Z")),
        };
        let cases = [
            (Some("2026-02-28T23:59:59Z"), false),
            (Some("2026-03-01T00:00:00Z"), true),
            (Some("2026-03-02T00:00:00Z"), true),
            (Some("2026-03-02T00:00:01Z"), false),
            (None, true),
        ];
        for (time, held) in cases {
            assert_eq!(window.holds(time.map(at)), held, "{time:?}");
        }
    }
}
