//! The counts of a sweep.

use std::fmt;

use serde::Serialize;

use crate::telemetry::counters::counters;

counters! {
    /// Counts of one sweep. Every log object that was listed is in exactly one of `young`,
    /// `read_before`, `read`, `failed`, `undelivered`, `abandoned` and `backlog`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
    pub struct SweepReport, metrics "Sweep" {
        /// Trails that could not be listed, or whose state could not be saved.
        trails_failed: Count,
        /// Log objects listed by a sweep.
        listed: Count,
        /// Log objects that a sweep read to their end, or that are gone.
        read: Count,
        /// Log objects that a sweep could not read to their end: the next sweep retries.
        failed: Count,
        /// Log objects that a sweep read, with a finding that the ledger could not record or the
        /// topic did not take: the next sweep retries.
        undelivered: Count,
        /// Log objects that failed in too many sweeps: not retried.
        abandoned: Count,
        /// Log objects that a sweep did not start: left to the next.
        backlog: Count,
        /// Log objects delivered more than two hours ago that a sweep did not start.
        overdue: Count,
        /// Findings taken over from workers that died.
        recovered: Count,
        /// Open markers left alone: their holders are alive, or time was over.
        left_open: Count,
        /// Keys beside the open markers that this program did not write: left, and named in the
        /// log.
        unrecognized: Count,
    } and {
        /// Trails to be listed.
        trails: u64,
        /// Log objects left to their notifications for now.
        young: u64,
        /// Log objects read by an earlier sweep.
        read_before: u64,
        /// Summaries sent.
        summaries: u64,
    }
}

impl SweepReport {
    /// The sum of all outcomes: as many as were listed, unless this program has a bug.
    pub fn accounted(&self) -> u64 {
        let retried = self.failed + self.undelivered + self.backlog;
        self.young + self.read_before + self.read + self.abandoned + retried
    }
}

impl fmt::Display for SweepReport {
    /// One line for people, without the zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sweep: {} log objects listed", self.listed)?;
        let outcomes = [
            (self.read, "read"),
            (self.read_before, "read before"),
            (self.young, "too young"),
            (self.failed, "could not be read"),
            (self.undelivered, "read, with findings not recorded or not alerted"),
            (self.abandoned, "abandoned"),
            (self.backlog, "left to the next sweep"),
        ];
        let outcomes: Vec<String> = outcomes
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, outcome)| format!("{count} {outcome}"))
            .collect();
        if !outcomes.is_empty() {
            write!(f, " ({})", outcomes.join(", "))?;
        }
        let rest = [
            (self.trails_failed, "trails not swept"),
            (self.recovered, "findings taken over"),
            (self.left_open, "findings left open"),
            (self.unrecognized, "strange keys under open/"),
            (self.summaries, "summaries sent"),
        ];
        rest.iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_what_is_not_zero() {
        let report = SweepReport {
            listed: 12,
            read: 2,
            read_before: 6,
            undelivered: 2,
            failed: 1,
            backlog: 1,
            summaries: 1,
            ..Default::default()
        };
        let expected = "sweep: 12 log objects listed (2 read, 6 read before, 1 could not be read, \
                        2 read, with findings not recorded or not alerted, 1 left to the next \
                        sweep), 1 summaries sent";
        assert_eq!(report.to_string(), expected);
        assert_eq!(report.accounted(), 12);
        assert_eq!(SweepReport::default().to_string(), "sweep: 0 log objects listed");
    }
}
