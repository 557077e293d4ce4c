//! The chart of the hours of an account that are proven: a column for each day, a row for each
//! hour.

use jiff::{SignedDuration, Timestamp};

use super::format;
use crate::data::{AccountCalendar, HourState};

const HOURS: usize = 24;

/// The hours of one account.
pub struct CalendarChart {
    /// The account.
    pub account: String,
    /// How many days it shows.
    pub days: usize,
    /// Consecutive hours of a day with the same state.
    pub runs: Vec<Run>,
    /// `719 of 720 hours verified`.
    pub summary: String,
    /// The dates below: of the first day, one in the middle and the last.
    pub labels: Vec<String>,
    /// In words.
    pub gaps: Vec<String>,
}

/// Consecutive hours of a day with the same state.
pub struct Run {
    /// The day, from 0.
    pub day: usize,
    /// The first hour, from 0.
    pub hour: usize,
    /// How many hours.
    pub length: usize,
    /// The state.
    pub class: &'static str,
}

impl CalendarChart {
    /// The chart of an account.
    pub fn new(calendar: &AccountCalendar) -> CalendarChart {
        let offset = hour_of_day(calendar.start);
        let cells = calendar.hours.iter().enumerate();
        let cells = cells.map(|(index, state)| ((offset + index), *state));
        let cells: Vec<(usize, HourState)> = cells.collect();
        let is_same_run = |one: &(usize, HourState), other: &(usize, HourState)| {
            one.1 == other.1 && one.0 / HOURS == other.0 / HOURS
        };
        let run = |cells: &[(usize, HourState)]| {
            let (cell, state) = cells.first().copied()?;
            let class = class(state);
            Some(Run { day: cell / HOURS, hour: cell % HOURS, length: cells.len(), class })
        };
        let days = cells.last().map_or(0, |(cell, _)| cell / HOURS + 1);
        let date = |day: usize| {
            let later = SignedDuration::from_hours((day * HOURS) as i64);
            format::date(calendar.start.checked_add(later).ok())
        };
        let mut labeled = vec![0, days.saturating_sub(1) / 2, days.saturating_sub(1)];
        labeled.dedup();
        let total = calendar.hours.len();
        CalendarChart {
            account: calendar.account.clone(),
            days,
            runs: cells.chunk_by(is_same_run).filter_map(run).collect(),
            summary: format!(
                "{} of {} verified",
                format::number(calendar.verified),
                format::count(total, "hour")
            ),
            labels: labeled.into_iter().map(date).collect(),
            gaps: calendar.gaps.iter().map(|gap| gap_in_words(*gap)).collect(),
        }
    }
}

fn gap_in_words((from, until): (Timestamp, Timestamp)) -> String {
    let hours = until.duration_since(from).as_hours();
    let end = until.strftime("%Y-%m-%d %H:%M UTC");
    let count = format::count(hours.unsigned_abs(), "hour");
    format!("{} to {end} ({count})", from.strftime("%Y-%m-%d %H:%M"))
}

fn class(state: HourState) -> &'static str {
    match state {
        HourState::Verified => "ok",
        HourState::Partly => "partly",
        HourState::Unknown => "unknown",
        HourState::Broken => "gap",
    }
}

fn hour_of_day(time: Timestamp) -> usize {
    let hours = time.as_second().div_euclid(3600).rem_euclid(HOURS as i64);
    usize::try_from(hours).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_hours_of_a_day_are_one_run() {
        use HourState::{Broken, Verified};
        let mut hours = vec![Verified; 30];
        hours[3] = Broken;
        let start: Timestamp = "2026-03-01T20:00:00Z".parse().unwrap();
        let gap =
            ("2026-03-01T23:00:00Z".parse().unwrap(), "2026-03-02T00:00:00Z".parse().unwrap());
        let chart = CalendarChart::new(&AccountCalendar {
            account: "111122223333".to_owned(),
            start,
            verified: 29,
            gaps: vec![gap],
            hours,
        });
        let runs: Vec<_> =
            chart.runs.iter().map(|run| (run.day, run.hour, run.length, run.class)).collect();
        assert_eq!(runs, [(0, 20, 3, "ok"), (0, 23, 1, "gap"), (1, 0, 24, "ok"), (2, 0, 2, "ok")]);
        assert_eq!((chart.days, &*chart.summary), (3, "29 of 30 hours verified"));
        assert_eq!(chart.labels, ["2026-03-01", "2026-03-02", "2026-03-03"]);
        assert_eq!(chart.gaps, ["2026-03-01 23:00 to 2026-03-02 00:00 UTC (1 hour)"]);
    }
}
