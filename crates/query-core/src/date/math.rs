//! Date math: what follows `now`, or the `||` after a fixed date.

use jiff::civil::{DateTime, DateTimeRound, Time};
use jiff::tz::Offset;
use jiff::{RoundMode, Span, Timestamp, ToSpan, Unit};

use super::iso::{DateRange, saturating_timestamp};

/// Steps such as `-1d` and `/d`, applied in order, in UTC.
#[derive(Debug, Clone)]
pub(crate) struct DateMath {
    steps: Vec<MathStep>,
}

#[derive(Debug, Clone)]
enum MathStep {
    Add(Span),
    /// To the first or the last instant of a unit, of this length.
    Round(Unit, Span),
}

impl DateMath {
    /// Parses any number of `[+-]N?unit` and `/unit`. The units are y, M, w, d, h or H, m and s.
    pub(super) fn parse(mut text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        while !text.is_empty() {
            let (step, rest) = parse_step(text)?;
            steps.push(step);
            text = rest;
        }
        Some(Self { steps })
    }

    pub(super) fn range(&self, anchor: Timestamp) -> DateRange {
        let last_of = |at, unit, length: Span| {
            round_down(at, unit).saturating_add(length).saturating_sub(1.nanosecond())
        };
        DateRange {
            floor: self.apply(anchor, |at, unit, _| round_down(at, unit)),
            ceiling: self.apply(anchor, last_of),
        }
    }

    fn apply(
        &self,
        anchor: Timestamp,
        round: impl Fn(DateTime, Unit, Span) -> DateTime,
    ) -> Timestamp {
        let start = Offset::UTC.to_datetime(anchor);
        let end = self.steps.iter().fold(start, |at, step| match step {
            MathStep::Add(span) => at.saturating_add(*span),
            MathStep::Round(unit, length) => round(at, *unit, *length),
        });
        saturating_timestamp(end, Offset::UTC)
    }
}

fn parse_step(text: &str) -> Option<(MathStep, &str)> {
    let mut chars = text.chars();
    let operator = chars.next()?;
    let after = chars.as_str();
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = after.split_at(digits);
    let number: i64 = if number.is_empty() { 1 } else { number.parse().ok()? };
    let (unit, length) = match rest.chars().next()? {
        'y' => (Unit::Year, 1.year()),
        'M' => (Unit::Month, 1.month()),
        'w' => (Unit::Week, 1.week()),
        'd' => (Unit::Day, 1.day()),
        'h' | 'H' => (Unit::Hour, 1.hour()),
        'm' => (Unit::Minute, 1.minute()),
        's' => (Unit::Second, 1.second()),
        _ => return None,
    };
    let step = match operator {
        '+' => MathStep::Add(length.checked_mul(number).ok()?),
        '-' => MathStep::Add(length.checked_mul(-number).ok()?),
        '/' if number == 1 => MathStep::Round(unit, length),
        _ => return None,
    };
    Some((step, &rest[1..]))
}

fn round_down(at: DateTime, unit: Unit) -> DateTime {
    let date = match unit {
        Unit::Year => at.date().first_of_year(),
        Unit::Month => at.date().first_of_month(),
        Unit::Week => {
            let since_monday = at.date().weekday().to_monday_zero_offset();
            at.date().saturating_sub(since_monday.days())
        }
        _ => {
            let round = DateTimeRound::new().smallest(unit).mode(RoundMode::Trunc);
            return at.round(round).unwrap_or(at);
        }
    };
    date.to_datetime(Time::midnight())
}
