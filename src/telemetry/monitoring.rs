//! How much is measured. CloudWatch charges for every metric and alarm, so by default there are
//! only those that the alarms of a small deployment need, and one count of all other problems.

use super::counters::Metric;

/// How much is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Monitoring {
    /// The metrics of the main alarms, and `Problems`. None by rule.
    #[default]
    Basic,
    /// All metrics.
    Full,
}

/// The metrics of [`Monitoring::Basic`]. CloudWatch gives ten custom metrics for free.
const BASIC: [&str; 7] = [
    "Announced",
    "SweepListed",
    "FindingsFailed",
    "SubscriptionsConfirmed",
    "IntegrityFailures",
    "IntegrityLag",
    PROBLEMS,
];

/// The metric that counts what no other alarm is about.
pub(super) const PROBLEMS: &str = "Problems";

pub(super) const PROBLEMS_HELP: &str = "Problems that no other alarm is about, with \
    `TRAILBELL_METRICS=basic` of all kinds. The log line `problems` has their kinds.";

/// The metrics that count problems, and the metric whose alarm is about the same problem if all
/// metrics are written.
const PROBLEM_METRICS: [(&str, Option<&str>); 17] = [
    ("ObjectsOutsideTrails", Some("ObjectsOutsideTrails")),
    ("InlineRefused", Some("InlineRefused")),
    ("BadRecords", Some("BadRecords")),
    ("CorrelationsFailed", None),
    ("CorrelationsCut", None),
    ("ChatFailed", Some("ChatFailed")),
    ("PagesFailed", None),
    ("CanariesFailed", Some("CanariesFailed")),
    ("ExceptionProblems", Some("ExceptionProblems")),
    ("StaleDetections", Some("StaleDetections")),
    ("Mismatches", Some("Mismatches")),
    ("IntegrityFailures", Some("IntegrityFailures")),
    ("DigestsUnverified", Some("IntegrityLag")),
    ("SweepAbandoned", Some("SweepAbandoned")),
    // One backlog is no problem, and an alarm can look at an hour of them.
    ("SweepOverdue", Some("SweepBacklog")),
    ("SweepUnrecognized", None),
    ("SubscriptionsLost", Some("SubscriptionsLost")),
];

impl Monitoring {
    /// Reads `basic` or `full`.
    pub fn from_word(word: &str) -> Option<Monitoring> {
        match word {
            "basic" => Some(Monitoring::Basic),
            "full" => Some(Monitoring::Full),
            _ => None,
        }
    }

    /// Returns true if a metric of totals is written.
    pub(super) fn includes(self, name: &str) -> bool {
        self == Monitoring::Full || BASIC.contains(&name)
    }

    /// The metrics among these that count problems, are not zero, and have no alarm of their own.
    pub(super) fn problems(self, totals: &[Metric]) -> impl Iterator<Item = &Metric> {
        let is_problem = move |name: &str| {
            PROBLEM_METRICS.iter().any(|(problem, alarm)| {
                *problem == name && (self == Monitoring::Basic || alarm.is_none())
            })
        };
        totals.iter().filter(move |metric| metric.value > 0 && is_problem(&metric.name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn basic_stays_within_what_cloudwatch_gives_for_free() {
        assert!(BASIC.len() <= 10, "{BASIC:?}");
    }

    #[test]
    fn the_template_has_the_alarms_that_are_taken_for_granted() {
        let template = fs::read_to_string("template.yaml").unwrap();
        let lines = template.lines().map(str::trim);
        let alarms: BTreeSet<&str> =
            lines.filter_map(|line| line.strip_prefix("MetricName: ")).collect();
        for (problem, alarm) in PROBLEM_METRICS {
            assert!(alarms.contains(alarm.unwrap_or(PROBLEMS)), "{problem}");
            assert!(alarm.is_some() || !alarms.contains(problem), "{problem}");
        }
        let missing: Vec<_> = BASIC.iter().filter(|name| !alarms.contains(**name)).collect();
        assert!(missing.is_empty(), "written without an alarm: {missing:?}");
    }
}
