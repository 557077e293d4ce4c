//! ISO 8601 dates whose last components may be missing, as `strict_date_optional_time` reads them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// The instants of one date, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DateRange {
    pub(crate) floor: Timestamp,
    pub(crate) ceiling: Timestamp,
}

/// The components that are used for missing ones. In the ceiling, a missing month or day is the
/// first as well: the ceiling of `2026-03` is the end of the first of March.
/// Source: "Missing date components" in Elasticsearch's documentation of the range query.
const FLOOR: &[u8; 29] = b"0000-01-01T00:00:00.000000000";
const CEILING: &[u8; 29] = b"0000-01-01T23:59:59.999999999";

/// Parses `2026`, `2026-01`, `2026-01-02`, `2026-01-02T03`, `…:04`, `…:05`, `….678`, and after a
/// time `Z` or `±hh[[:]mm]`; without these the date is in UTC. Does not allocate, because texts of
/// documents are parsed as well.
pub(super) fn parse(text: &str) -> Option<DateRange> {
    let after_hour = text.get("2026-01-02T".len()..).unwrap_or_default();
    let offset_length = after_hour.find(['Z', '+', '-']).map_or(0, |at| after_hour.len() - at);
    let (local, offset) = text.split_at(text.len() - offset_length);
    let offset = parse_offset(offset)?;
    let has_fraction = local.len() > "2026-01-02T03:04:05".len();
    let floor = parse_local(local, FLOOR)?;
    let ceiling = parse_local(local, if has_fraction { FLOOR } else { CEILING })?;
    Some(DateRange {
        floor: saturating_timestamp(floor, offset),
        ceiling: saturating_timestamp(ceiling, offset),
    })
}

/// The instant, or the first or last one that can be represented.
pub(super) fn saturating_timestamp(civil: DateTime, offset: Offset) -> Timestamp {
    let limit = if civil.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    offset.to_timestamp(civil).unwrap_or(limit)
}

fn parse_local(text: &str, missing: &[u8; 29]) -> Option<DateTime> {
    if !matches!(text.len(), 4 | 7 | 10 | 13 | 16 | 19 | 21..=29) {
        return None;
    }
    let mut full = *missing;
    full[..text.len()].copy_from_slice(text.as_bytes());
    let is_expected = |(byte, model): (&u8, &u8)| match model {
        b'0'..=b'9' => byte.is_ascii_digit(),
        b'.' => b".,".contains(byte),
        separator => byte == separator,
    };
    if !full.iter().zip(missing).all(is_expected) {
        return None;
    }
    let number = |start: usize, end: usize| {
        full[start..end].iter().fold(0, |number, digit| number * 10 + i32::from(digit & 0x0f))
    };
    let year = number(0, 4) as i16;
    let [month, day, hour, minute, second] =
        [5, 8, 11, 14, 17].map(|start| number(start, start + 2) as i8);
    // Invalid components are rejected here, because an error of the library would allocate.
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = Date::new(year, month, 1).ok()?.days_in_month();
    if !(1..=days).contains(&day) {
        return None;
    }
    DateTime::new(year, month, day, hour, minute, second, number(20, 29)).ok()
}

/// Nothing, `Z`, or `±hh[[:]mm]`.
fn parse_offset(text: &str) -> Option<Offset> {
    let sign = match text.as_bytes() {
        [] | [b'Z'] => return Some(Offset::UTC),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_at_checked(2)?;
    let minutes = if minutes.is_empty() { "00" } else { minutes };
    let hours = two_digits(hours).filter(|hours| *hours <= 18)?;
    let minutes = two_digits(minutes.strip_prefix(':').unwrap_or(minutes))?;
    (minutes <= 59).then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok())?
}

fn two_digits(text: &str) -> Option<i32> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
