//! Date math: what stands after `now`, or after the `||` of a fixed date.

use jiff::civil::{DateTime, Time};
use jiff::tz::Offset;
use jiff::{Span, Timestamp, Unit};

use super::{Stretch, saturated};

/// Steps such as `-1d` and `/d`, taken in order, in UTC.
#[derive(Debug, Clone)]
pub(crate) struct DateMath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Add(Span),
    Round(Unit),
}

/// Which instant of a unit rounding gives.
#[derive(Clone, Copy, PartialEq)]
enum Towards {
    First,
    Last,
}

impl DateMath {
    /// Reads `[+-]N?unit` and `/unit`, any number of them. The units are y, M, w, d, h or H, m and
    /// s.
    pub(super) fn parse(mut text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        while !text.is_empty() {
            let (step, rest) = step(text)?;
            steps.push(step);
            text = rest;
        }
        Some(Self { steps })
    }

    pub(super) fn stretch(&self, anchor: Timestamp) -> Stretch {
        let start = Offset::UTC.to_datetime(anchor);
        Stretch { floor: self.run(start, Towards::First), ceiling: self.run(start, Towards::Last) }
    }

    fn run(&self, start: DateTime, towards: Towards) -> Timestamp {
        let end = self.steps.iter().fold(start, |at, step| match step {
            Step::Add(span) => at.saturating_add(*span),
            Step::Round(unit) => round(at, *unit, towards),
        });
        saturated(end, Offset::UTC)
    }
}

fn step(text: &str) -> Option<(Step, &str)> {
    let mut chars = text.chars();
    let operator = chars.next()?;
    let after = chars.as_str();
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = after.split_at(digits);
    let number: i64 = if number.is_empty() { 1 } else { number.parse().ok()? };
    let unit = unit(rest.chars().next()?)?;
    let step = match operator {
        '+' => Step::Add(span(unit, number)?),
        '-' => Step::Add(span(unit, -number)?),
        '/' if number == 1 => Step::Round(unit),
        _ => return None,
    };
    Some((step, &rest[1..]))
}

fn unit(letter: char) -> Option<Unit> {
    match letter {
        'y' => Some(Unit::Year),
        'M' => Some(Unit::Month),
        'w' => Some(Unit::Week),
        'd' => Some(Unit::Day),
        'h' | 'H' => Some(Unit::Hour),
        'm' => Some(Unit::Minute),
        's' => Some(Unit::Second),
        _ => None,
    }
}

fn span(unit: Unit, number: i64) -> Option<Span> {
    let zero = Span::new();
    let span = match unit {
        Unit::Year => zero.try_years(number),
        Unit::Month => zero.try_months(number),
        Unit::Week => zero.try_weeks(number),
        Unit::Day => zero.try_days(number),
        Unit::Hour => zero.try_hours(number),
        Unit::Minute => zero.try_minutes(number),
        _ => zero.try_seconds(number),
    };
    span.ok()
}

fn round(at: DateTime, unit: Unit, towards: Towards) -> DateTime {
    let first = first_of(at, unit);
    match (towards, span(unit, 1)) {
        (Towards::Last, Some(one)) => {
            first.saturating_add(one).saturating_sub(Span::new().nanoseconds(1))
        }
        _ => first,
    }
}

fn first_of(at: DateTime, unit: Unit) -> DateTime {
    let since_midnight = |hours, minutes| {
        at.date().to_datetime(Time::midnight()).saturating_add(hours_minutes(hours, minutes))
    };
    let date = match unit {
        Unit::Year => at.date().first_of_year(),
        Unit::Month => at.date().first_of_month(),
        Unit::Week => at.date().saturating_sub(
            Span::new().days(i64::from(at.date().weekday().to_monday_zero_offset())),
        ),
        Unit::Hour => return since_midnight(at.hour(), 0),
        Unit::Minute => return since_midnight(at.hour(), at.minute()),
        Unit::Second => {
            return since_midnight(at.hour(), at.minute())
                .saturating_add(Span::new().seconds(at.second()));
        }
        _ => at.date(),
    };
    date.to_datetime(Time::midnight())
}

fn hours_minutes(hours: i8, minutes: i8) -> Span {
    Span::new().hours(hours).minutes(minutes)
}
