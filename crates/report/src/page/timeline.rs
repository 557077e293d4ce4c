//! The chart of events by day and severity.

use detect::rule::Severity;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit};

use super::format;
use crate::data::{Event, Report};

/// Height of the chart in its own units.
const HEIGHT: f64 = 100.0;
/// Width of one step, with the space between two bars.
const STEP: f64 = 10.0;
const BAR: f64 = 8.0;

/// The longest period whose days have a bar of their own. Longer ones have weeks, then months.
const MAX_DAYS: i32 = 100;
const MAX_WEEKS: i32 = 150;

/// Bars of one chart: more cannot be distinguished.
const MAX_BARS: usize = 240;

/// Bars for days, weeks or months.
pub struct TimelineChart {
    /// `day`, `week` or `month`.
    pub unit: &'static str,
    /// The highest number of events of a bar.
    pub max: u64,
    /// The width of the chart.
    pub width: f64,
    /// By time.
    pub bars: Vec<Bar>,
}

/// The events of a day, week or month.
pub struct Bar {
    /// The date on which it begins.
    pub date: String,
    /// How many events of each severity there are, from low to critical.
    pub counts: [u64; 4],
    /// The rectangles, the most severe at the bottom.
    pub parts: Vec<Part>,
}

/// The events of one severity.
pub struct Part {
    /// Its class.
    pub class: &'static str,
    /// From the left.
    pub x: String,
    /// From the top.
    pub y: String,
    /// The height.
    pub height: String,
}

impl TimelineChart {
    /// The chart of a report's events, suppressed ones too.
    pub fn new(report: &Report) -> TimelineChart {
        let date = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
        let first = report.events.iter().rev().find_map(|event| event.time);
        let start = report.scope.since.or(first).map(date);
        let end = report.scope.until.map(date);
        let Some((start, end)) = start.zip(end) else { return TimelineChart::empty() };
        let (unit, starts) = bar_starts(start, end.max(start));
        let mut counts = vec![[0; 4]; starts.len()];
        for (day, severity) in report.events.iter().filter_map(day_and_severity) {
            let index = starts.partition_point(|start| *start <= day).saturating_sub(1);
            if let Some(counts) = counts.get_mut(index) {
                counts[severity as usize] += 1;
            }
        }
        let max = counts.iter().map(|counts| counts.iter().sum()).max().unwrap_or_default();
        let bars = starts.iter().zip(counts).enumerate();
        let bars = bars.map(|(index, (start, counts))| Bar::new(index, *start, counts, max));
        TimelineChart { unit, max, width: STEP * starts.len() as f64, bars: bars.collect() }
    }

    fn empty() -> TimelineChart {
        TimelineChart { unit: "day", max: 0, width: STEP, bars: Vec::new() }
    }

    /// The dates below the chart: of the first bar, one in the middle and the last.
    pub fn labels(&self) -> Vec<&str> {
        let date = |index: usize| self.bars.get(index).map(|bar| bar.date.as_str());
        let last = self.bars.len().saturating_sub(1);
        let mut indexes = vec![0, last / 2, last];
        indexes.dedup();
        indexes.into_iter().filter_map(date).collect()
    }
}

impl Bar {
    fn new(index: usize, start: Date, counts: [u64; 4], max: u64) -> Bar {
        let mut parts = Vec::new();
        let mut top = HEIGHT;
        for severity in Severity::ALL.into_iter().rev() {
            let count = counts[severity as usize];
            if count > 0 {
                let height = count as f64 / max.max(1) as f64 * HEIGHT;
                top -= height;
                let x = index as f64 * STEP + (STEP - BAR) / 2.0;
                parts.push(Part {
                    class: severity.as_str(),
                    x: decimal(x),
                    y: decimal(top),
                    height: decimal(height),
                });
            }
        }
        Bar { date: start.to_string(), counts, parts }
    }

    /// `2026-03-01: 3 events, 1 critical, 2 low`.
    pub fn title(&self) -> String {
        let total: u64 = self.counts.iter().sum();
        let mut title = format!("{}: {}", self.date, format::count(total, "event"));
        for severity in Severity::ALL.into_iter().rev() {
            let count = self.counts[severity as usize];
            if count > 0 {
                title += &format!(", {} {}", format::number(count), severity.as_str());
            }
        }
        title
    }
}

fn day_and_severity(event: &Event) -> Option<(Date, Severity)> {
    Some((event.time?.to_zoned(TimeZone::UTC).date(), event.severity))
}

/// The dates on which bars begin, and for how long each is.
fn bar_starts(start: Date, end: Date) -> (&'static str, Vec<Date>) {
    let days = start.until((Unit::Day, end)).map_or(0, |span| span.get_days());
    let (unit, first, span) = match days {
        ..=MAX_DAYS => ("day", start, 1.day()),
        _ if days / 7 <= MAX_WEEKS => ("week", start, 1.week()),
        _ => ("month", start.first_of_month(), 1.month()),
    };
    let starts = first.series(span).take_while(|date| *date <= end).take(MAX_BARS);
    (unit, starts.collect())
}

/// A coordinate with as few digits as one can see.
fn decimal(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_days_weeks_or_months() {
        let date = |text: &str| text.parse().unwrap();
        for (start, end, unit, bars) in [
            ("2026-11-01", "2026-11-01", "day", 1),
            ("2026-11-01", "2026-11-30", "day", 30),
            ("2026-01-01", "2026-12-31", "week", 53),
            ("2020-01-15", "2026-12-31", "month", 84),
            ("1970-01-01", "2026-12-31", "month", 240),
        ] {
            let (actual, starts) = bar_starts(date(start), date(end));
            assert_eq!((actual, starts.len()), (unit, bars), "{start} to {end}");
        }
    }

    #[test]
    fn the_highest_bar_fills_the_chart_with_the_most_severe_below() {
        let bar = Bar::new(0, "2026-03-01".parse().unwrap(), [2, 0, 0, 2], 4);
        let parts: Vec<_> = bar.parts.iter().map(|it| (it.class, &*it.y, &*it.height)).collect();
        assert_eq!(parts, [("critical", "50", "50"), ("low", "0", "50")]);
        assert_eq!(bar.title(), "2026-03-01: 4 events, 2 critical, 2 low");
    }
}
