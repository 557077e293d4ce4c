//! `starts` and `expires`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::Expiry;

/// What is understood, in words.
pub(super) const EXPECTED: &str =
    "a date such as `2026-12-31`, or a time with its zone such as `2026-12-31T18:00:00Z`";

/// The first instant that a date or a time means.
pub(super) fn starts(text: &str) -> Option<Timestamp> {
    day(text).and_then(midnight).or_else(|| text.parse().ok())
}

/// The last instant that a date or a time means: of a date, the last of the day in UTC.
pub(super) fn expires(text: &str) -> Option<Expiry> {
    if text == "never" {
        return Some(Expiry::Never);
    }
    let end = |day: Date| midnight(day.tomorrow().ok()?)?.checked_sub(1.nanosecond()).ok();
    day(text).and_then(end).or_else(|| text.parse().ok()).map(Expiry::At)
}

/// `YYYY-MM-DD`, nothing before or after.
fn day(text: &str) -> Option<Date> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
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
            assert_eq!((starts(text), expires(text)), (first, last), "{text:?}");
        }
        assert_eq!((starts("never"), expires("never")), (None, Some(Expiry::Never)));
    }
}
