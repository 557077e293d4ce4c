//! Dates as Elasticsearch reads them for a date field (`strict_date_optional_time||epoch_millis`
//! and date math).
//!
//! A date is a range from its floor to its ceiling: `2026-01-01` is the whole day. A range query
//! compares with the end that its operator asks for (`>` and `<=` with the ceiling, `>=` and `<`
//! with the floor); equality includes the whole range.

mod iso;
mod math;

use jiff::Timestamp;

pub(super) use self::iso::DateRange;
use self::math::DateMath;

/// A literal that can be compared with a date.
#[derive(Debug, Clone)]
pub(super) enum DateLiteral {
    Fixed(DateRange),
    /// `now`, and the date math after it.
    FromNow(DateMath),
}

impl DateLiteral {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(math) = text.strip_prefix("now") {
            return DateMath::parse(math).map(Self::FromNow);
        }
        let Some((anchor, math)) = text.split_once("||") else {
            return parse_range(text).map(Self::Fixed);
        };
        Some(Self::Fixed(DateMath::parse(math)?.range(parse_range(anchor)?.floor)))
    }

    pub(super) fn range(&self, now: Timestamp) -> DateRange {
        match self {
            Self::Fixed(range) => *range,
            Self::FromNow(math) => math.range(now),
        }
    }
}

/// The instant of a text in a document. Returns `None` if the text is not an ISO 8601 date.
pub(super) fn parse_instant(text: &str) -> Option<Timestamp> {
    iso::parse(text).map(|range| range.floor)
}

fn parse_range(text: &str) -> Option<DateRange> {
    iso::parse(text).or_else(|| parse_epoch_millis(text))
}

fn parse_epoch_millis(text: &str) -> Option<DateRange> {
    let floor = Timestamp::from_millisecond(text.parse().ok()?).ok()?;
    let ceiling = Timestamp::from_nanosecond(floor.as_nanosecond() + 999_999).ok()?;
    Some(DateRange { floor, ceiling })
}
