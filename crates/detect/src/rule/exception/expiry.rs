//! When an exception starts and expires.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// An exception that expires within this time, or did so, is named in log and report.
pub const EXPIRY_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What `starts` and `expires` can be, for messages.
pub(super) const TIME_EXPECTED: &str =
    "a date such as `2026-12-31`, or a time with its zone such as `2026-12-31T18:00:00Z`";

/// The end of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It has none.
    Never,
    /// The last instant at which it is active.
    At(Timestamp),
}

/// Reads `starts`. A date means its first instant in UTC.
pub(super) fn parse_start(text: &str) -> Option<Timestamp> {
    parse_date(text).and_then(midnight).or_else(|| text.parse().ok())
}

/// Reads `expires`. A date means its last instant in UTC.
pub(super) fn parse_expiry(text: &str) -> Option<Expiry> {
    if text == "never" {
        return Some(Expiry::Never);
    }
    let end = |date: Date| midnight(date.tomorrow().ok()?)?.checked_sub(1.nanosecond()).ok();
    parse_date(text).and_then(end).or_else(|| text.parse().ok()).map(Expiry::At)
}

/// Reads exactly `YYYY-MM-DD`; jiff alone would also accept a time behind it.
fn parse_date(text: &str) -> Option<Date> {
    let is_date =
        text.len() == 10 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    is_date.then(|| text.parse().ok())?
}

fn midnight(date: Date) -> Option<Timestamp> {
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A duration for people, without its sign: in days, or in hours below two days.
pub fn format_days(duration: SignedDuration) -> String {
    match duration.abs().as_hours() {
        0 => "less than an hour".to_owned(),
        1 => "1 hour".to_owned(),
        hours @ 2..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_day_in_utc_and_a_time_is_itself() {
        let cases = [
            ("2026-12-31", Some(("2026-12-31T00:00:00Z", "2026-12-31T23:59:59.999999999Z"))),
            ("2026-12-31T18:00:00Z", Some(("2026-12-31T18:00:00Z", "2026-12-31T18:00:00Z"))),
            ("2026-12-31 18:00:00+02:00", Some(("2026-12-31T16:00:00Z", "2026-12-31T16:00:00Z"))),
            ("2028-02-29", Some(("2028-02-29T00:00:00Z", "2028-02-29T23:59:59.999999999Z"))),
            ("2026-02-29", None),
            ("2026-12-31T18:00:00", None),
            ("18:00:00", None),
            ("31.12.2026", None),
            ("2026-1-1", None),
            ("20261231", None),
            ("9999-12-31", None),
            ("tomorrow", None),
            ("Never", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let first = expected.map(|(first, _)| first.parse().unwrap());
            let last = expected.map(|(_, last)| Expiry::At(last.parse().unwrap()));
            assert_eq!((parse_start(text), parse_expiry(text)), (first, last), "{text:?}");
        }
        assert_eq!((parse_start("never"), parse_expiry("never")), (None, Some(Expiry::Never)));
    }
}
