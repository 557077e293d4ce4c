//! Date literals as Elasticsearch reads them against a date field
//! (`strict_date_optional_time||epoch_millis`, and date math).
//!
//! A date stands for a stretch of time, from its floor to its ceiling: `2026-01-01` is the whole
//! day. A range takes the end that its operator asks for (`>` and `<=` the ceiling, `>=` and `<`
//! the floor), and equality takes both.

mod iso;
mod math;

use jiff::Timestamp;
use jiff::tz::Offset;
use math::DateMath;

/// A literal that can be compared with a date.
#[derive(Debug, Clone)]
pub(super) enum DateLiteral {
    Fixed(Stretch),
    /// `now`, and what is added to it and rounded.
    FromNow(DateMath),
}

/// The instants that one date stands for, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) floor: Timestamp,
    pub(super) ceiling: Timestamp,
}

impl Stretch {
    pub(super) fn holds(&self, instant: Timestamp) -> bool {
        (self.floor..=self.ceiling).contains(&instant)
    }
}

impl DateLiteral {
    /// `None` if the text is not a date.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(steps) = text.strip_prefix("now") {
            return DateMath::parse(steps).map(Self::FromNow);
        }
        let Some((anchor, steps)) = text.split_once("||") else {
            return stretch(text).map(Self::Fixed);
        };
        Some(Self::Fixed(DateMath::parse(steps)?.stretch(stretch(anchor)?.floor)))
    }

    pub(super) fn stretch(&self, now: Timestamp) -> Stretch {
        match self {
            Self::Fixed(stretch) => *stretch,
            Self::FromNow(math) => math.stretch(now),
        }
    }
}

/// The instant a document's text stands for, if it is a date in ISO 8601's form.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    iso::parse(text).map(|stretch| stretch.floor)
}

fn stretch(text: &str) -> Option<Stretch> {
    iso::parse(text).or_else(|| epoch_millis(text))
}

fn epoch_millis(text: &str) -> Option<Stretch> {
    let floor = Timestamp::from_millisecond(text.parse().ok()?).ok()?;
    let ceiling = Timestamp::from_nanosecond(floor.as_nanosecond() + 999_999).ok()?;
    Some(Stretch { floor, ceiling })
}

/// The instant, or the first or last one there is.
fn saturated(civil: jiff::civil::DateTime, offset: Offset) -> Timestamp {
    let limit = if civil.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    offset.to_timestamp(civil).unwrap_or(limit)
}
