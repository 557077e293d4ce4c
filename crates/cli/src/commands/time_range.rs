//! `--since` and `--until`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use detect::cloudtrail::S3Prefix;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use trailbell::store::walk::is_one_day;

const EXPECTED: &str = "expected a duration such as 90m, 24h or 7d, a date such as 2026-03-01, \
                        or a time with its zone such as 2026-03-01T10:00:00Z";

#[derive(Debug, Clone, Default, clap::Args)]
pub struct TimeRangeArgs {
    /// Start of the time range: 90m, 24h or 7d ago, a date, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// End of the time range, as --since. A date includes the whole day in UTC
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// A time range with both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl TimeRangeArgs {
    /// Returns true if neither bound is given.
    pub fn is_unbounded(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// The same, since `age` ago if one of the places is a bucket and no start is given.
    pub fn or_since(&self, places: &[PathBuf], age: &str) -> TimeRangeArgs {
        let is_bucket = |path: &PathBuf| path.to_str().and_then(S3Prefix::parse).is_some();
        let default = places.iter().any(is_bucket).then(|| age.to_owned());
        TimeRangeArgs { since: self.since.clone().or(default), until: self.until.clone() }
    }

    pub fn resolve(&self, now: Timestamp) -> Result<TimeRange> {
        let since = parse_bound("--since", self.since.as_deref(), now, start_of_day)?;
        let until = parse_bound("--until", self.until.as_deref(), now, end_of_day)?;
        match (since, until) {
            (Some(since), Some(until)) if until < since => {
                bail!("--until ({until}) is before --since ({since})")
            }
            _ => Ok(TimeRange { since, until }),
        }
    }
}

impl TimeRange {
    /// Returns true if the time is in the range, or not known.
    pub fn contains(&self, time: Option<Timestamp>) -> bool {
        let Some(time) = time else { return true };
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time <= until)
    }

    /// Fails if all of a bucket would be read: it may hold years of logs.
    pub fn check_bounded(&self, place: &S3Prefix) -> Result<()> {
        if self.since.is_none() && !is_one_day(&place.prefix) {
            bail!("{place}: a time range is needed: add --since, or name a day (…/2026/03/12/)");
        }
        Ok(())
    }
}

fn parse_bound(
    flag: &str,
    text: Option<&str>,
    now: Timestamp,
    bound_of_day: fn(Date) -> Option<Timestamp>,
) -> Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let time = parse_age(text, now)
        .or_else(|| parse_date(text).and_then(bound_of_day))
        .or_else(|| text.parse().ok());
    Ok(Some(time.with_context(|| format!("{flag} is {text:?}: {EXPECTED}"))?))
}

fn parse_age(text: &str, now: Timestamp) -> Option<Timestamp> {
    let age: Span = text.parse().ok()?;
    let time = now.to_zoned(TimeZone::UTC).checked_sub(age).ok()?;
    (!age.is_negative()).then(|| time.timestamp())
}

/// Parses a date without a time: jiff would also take the date of a time.
fn parse_date(text: &str) -> Option<Date> {
    (text.len() == "YYYY-MM-DD".len()).then(|| text.parse().ok())?
}

fn start_of_day(date: Date) -> Option<Timestamp> {
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn end_of_day(date: Date) -> Option<Timestamp> {
    start_of_day(date.tomorrow().ok()?)?.checked_sub(1.nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn resolve(since: Option<&str>, until: Option<&str>) -> Result<TimeRange> {
        let [since, until] = [since, until].map(|text| text.map(str::to_owned));
        TimeRangeArgs { since, until }.resolve(at("2026-03-12T10:00:00Z"))
    }

    #[test]
    fn a_bound_is_a_duration_ago_a_date_or_a_time() {
        let cases = [
            ("90m", Some("2026-03-12T08:30:00Z"), Some("2026-03-12T08:30:00Z")),
            ("24h", Some("2026-03-11T10:00:00Z"), Some("2026-03-11T10:00:00Z")),
            ("7d", Some("2026-03-05T10:00:00Z"), Some("2026-03-05T10:00:00Z")),
            ("1d 2h", Some("2026-03-11T08:00:00Z"), Some("2026-03-11T08:00:00Z")),
            ("2026-03-01", Some("2026-03-01T00:00:00Z"), Some("2026-03-01T23:59:59.999999999Z")),
            (
                "2026-03-01T10:00:00+01:00",
                Some("2026-03-01T09:00:00Z"),
                Some("2026-03-01T09:00:00Z"),
            ),
            ("2026-03-01T10:00:00", None, None),
            ("24", None, None),
            ("-24h", None, None),
            ("24h ago", None, None),
            ("h", None, None),
            ("99999999999999d", None, None),
            ("yesterday", None, None),
            ("", None, None),
        ];
        for (text, since, until) in cases {
            let range = resolve(Some(text), None).ok();
            assert_eq!(range.and_then(|range| range.since), since.map(at), "since {text:?}");
            let range = resolve(None, Some(text)).ok();
            assert_eq!(range.and_then(|range| range.until), until.map(at), "until {text:?}");
        }
        let error = resolve(Some("1h"), Some("2h")).unwrap_err().to_string();
        assert!(error.contains("is before --since"), "{error}");
    }

    #[test]
    fn both_ends_are_included_and_so_is_an_unknown_time() {
        let range = resolve(Some("2026-03-01T00:00:00Z"), Some("2026-03-02T00:00:00Z")).unwrap();
        let cases = [
            (Some("2026-02-28T23:59:59Z"), false),
            (Some("2026-03-01T00:00:00Z"), true),
            (Some("2026-03-02T00:00:00Z"), true),
            (Some("2026-03-02T00:00:01Z"), false),
            (None, true),
        ];
        for (time, contained) in cases {
            assert_eq!(range.contains(time.map(at)), contained, "{time:?}");
        }
    }
}
