//! What became of everything, in counts that must add up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

use detect::finding::{Outcome, Summary};
use detect::rule::Detections;
use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use super::outcomes::{AlertOutcome, CorrelationOutcome, DeliveryReport, FindingOutcome};
use super::problem::Problem;
use crate::notification::Reply;
use crate::sweep::{SubscriptionReport, SweepReport};
use crate::telemetry::counters::counters;

/// What became of a log object. Every notified object has exactly one fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectOutcome {
    /// Read to its end.
    Scanned,
    /// Not read: not a log object, outside the trails, or of a region that cannot hold what the
    /// rules look for.
    Skipped,
    /// There is no such object (any more).
    Gone,
    /// Not read by notifications again, since readers died of it.
    LeftToSweep,
    /// It could not be read to its end, or an alert of it could not be published: tried again.
    Failed,
    /// Not started, or not read to its end, since the time was nearly over: tried again.
    Deadline,
}

impl ObjectOutcome {
    /// Every fate, in the order reports show them.
    pub const ALL: [ObjectOutcome; 6] = [
        ObjectOutcome::Scanned,
        ObjectOutcome::Skipped,
        ObjectOutcome::Gone,
        ObjectOutcome::LeftToSweep,
        ObjectOutcome::Failed,
        ObjectOutcome::Deadline,
    ];

    /// Whether the object must be delivered again.
    pub fn is_retried(self) -> bool {
        matches!(self, ObjectOutcome::Failed | ObjectOutcome::Deadline)
    }
}

/// What became of one invocation.
#[derive(Debug)]
pub struct InvocationReport {
    /// The counts. They add up unless `mismatch` says otherwise.
    pub report: Report,
    /// Counts that do not add up.
    pub mismatch: Option<Mismatch>,
    /// What went wrong, by name.
    pub problems: Vec<Problem>,
    /// What was not read, was ignored, or is not to be alerted, and why.
    pub notes: Vec<String>,
    /// What the operator should fix, whatever came in: exceptions that are not in use, or that
    /// expire soon.
    pub warnings: Vec<String>,
    /// How failures are reported.
    pub reply: Reply,
    /// The queue ids of the messages to deliver again. `None` stands for a message without one.
    pub retry: BTreeSet<Option<String>>,
}

impl InvocationReport {
    pub(crate) fn new(detections: &Detections, now: Timestamp, reply: Reply) -> InvocationReport {
        InvocationReport {
            report: Report {
                exception_problems: detections.exception_problems(),
                stale_detections: detections.reload_errors.len() as u64,
                ..Report::default()
            },
            mismatch: None,
            problems: Vec::new(),
            notes: Vec::new(),
            warnings: detections.warnings(now),
            reply,
            retry: BTreeSet::new(),
        }
    }

    /// Checks that the counts add up.
    pub(crate) fn check(&mut self) {
        self.mismatch = self.report.check().err();
    }
}

counters! {
    /// Counts of one run. What came in is counted as it comes in, outcomes as they are met:
    /// [`Report::check`] compares.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
    pub struct Report, metrics "" {
        /// Messages received.
        messages: Count,
        /// Parts of messages that ask for nothing, e.g. a test event.
        ignored: Count,
        /// Parts of messages that cannot be understood.
        unreadable: Count,
        /// Log objects named by messages, or listed and read by a sweep.
        objects: Count,
        /// Log objects and digest files named by messages, not by a sweep: trail and notification
        /// work.
        announced: Count,
        /// Log objects named by messages that are not in the trails (`TRAILBELL_TRAILS`): skipped.
        objects_outside_trails: Count,
        /// Inflated bytes read.
        bytes: Bytes,
        /// Records split off, inline ones included.
        records: Count,
        /// Records inside notifications that `TRAILBELL_INLINE` does not accept: discarded. What a
        /// CloudWatch Logs subscription sends counts as one.
        inline_refused: Count,
        /// Records that cannot be used.
        bad_records: Count,
        /// Summaries of grouped findings that were sent.
        summaries: Count,
        /// Alerts of correlations that could not be sent: to be retried.
        correlations_failed: Count,
        /// Times that there were more correlated findings than are read: a correlation may be
        /// missed.
        correlations_cut: Count,
        /// Findings whose record has the `eventID` of another call: one of the two is forged.
        conflicts: Count,
        /// Alerts that were sent to chat channels too (`TRAILBELL_CHAT`).
        chat_sent: Count,
        /// Alerts that were sent, but not to chat channels. Nothing is retried.
        chat_failed: Count,
        /// Pages of alerts and weeks that were written (`TRAILBELL_REPORTS`).
        pages_written: Count,
        /// Pages that could not be written. Their alerts are sent without them.
        pages_failed: Count,
        /// Digests of CloudTrail whose signature was verified.
        digests_verified: Count,
        /// Digests that could not be verified: sweeps retry them.
        digests_unverified: Count,
        /// Log files that are what a verified digest says.
        log_files_verified: Count,
        /// Log files and digests that are changed, missing or forged, and trails whose digests
        /// stopped.
        integrity_failures: Count,
        /// Canaries asked for. They are not counted as findings.
        canaries: Count,
        /// Canaries that failed.
        canaries_failed: Count,
    } and {
        /// Log objects by outcome.
        object_outcomes: BTreeMap<ObjectOutcome, u64>,
        /// Log objects that hold nothing that a rule looks for. They are inflated and searched,
        /// their records not counted.
        prefiltered: u64,
        /// Matches of rules with new terms whose values were known: they are no findings.
        known_values: u64,
        /// Values that became known, in a replay that only learns them.
        #[serde(skip)]
        learned_values: u64,
        /// Findings.
        findings: u64,
        /// Findings by outcome.
        finding_outcomes: BTreeMap<Outcome, u64>,
        /// Findings by their rule's id, and by outcome.
        by_rule: BTreeMap<String, BTreeMap<Outcome, u64>>,
        /// Seconds from the call to its alert, of the slowest. `None` without an alert.
        #[serde(skip_serializing_if = "Option::is_none")]
        slowest_alert: Option<u64>,
        /// Seconds since the end of the last verified digest, of the latest trail. `None` if
        /// digests were not listed.
        #[serde(skip_serializing_if = "Option::is_none")]
        integrity_lag: Option<u64>,
        /// Alerts of correlations that were sent, by the correlation's id.
        correlations: BTreeMap<String, u64>,
        /// Alerts of thresholds and sequences for which another one stands (`alert_suppression`).
        correlations_suppressed: u64,
        /// Problems in the exception files. While there is one, no exception is in use.
        exception_problems: u64,
        /// Reasons why rules or exceptions are not those that were written last.
        stale_detections: u64,
        /// The counts of a sweep, if there was one. The objects that it read are counted above too.
        #[serde(skip_serializing_if = "Option::is_none")]
        sweep: Option<SweepReport>,
        /// The subscriptions of the topic, if a sweep counted them.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscriptions: Option<SubscriptionReport>,
    }
}

/// Counts that do not add up: a fault in this program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the report does not add up: {came} {what} came in, {ended} have a fate")]
pub struct Mismatch {
    what: &'static str,
    came: u64,
    ended: u64,
}

impl Report {
    /// Whether every object and every finding has exactly one fate.
    pub fn check(&self) -> Result<(), Mismatch> {
        equal("objects", self.objects, self.object_outcomes.values().sum())?;
        let swept = self.sweep.unwrap_or_default();
        equal("listed objects", swept.listed, swept.accounted())?;
        equal("findings", self.findings, self.finding_outcomes.values().sum())?;
        equal(
            "findings of rules",
            self.findings,
            self.by_rule.values().flat_map(BTreeMap::values).sum(),
        )
    }

    /// How many findings ended so.
    pub fn findings_that(&self, outcome: Outcome) -> u64 {
        self.finding_outcomes.get(&outcome).copied().unwrap_or(0)
    }

    /// How many objects ended so.
    pub fn objects_that(&self, outcome: ObjectOutcome) -> u64 {
        self.object_outcomes.get(&outcome).copied().unwrap_or(0)
    }

    pub(crate) fn count_object(&mut self, outcome: ObjectOutcome) {
        *self.object_outcomes.entry(outcome).or_default() += 1;
    }

    pub(crate) fn count_finding(&mut self, ended: &FindingOutcome) {
        self.slowest_alert = self.slowest_alert.max(ended.latency);
        self.count(&ended.rule, ended.outcome);
    }

    pub(crate) fn count(&mut self, rule: &str, outcome: Outcome) {
        *self.finding_outcomes.entry(outcome).or_default() += 1;
        *self.by_rule.entry(rule.to_owned()).or_default().entry(outcome).or_default() += 1;
    }

    /// Counts messages to chat channels and pages, without which alerts are sent too.
    pub(crate) fn count_extras(&mut self, deliveries: &DeliveryReport) {
        self.chat_sent += deliveries.chat_sent;
        self.chat_failed += deliveries.chat_problems.len() as u64;
        self.pages_written += deliveries.pages_written;
        self.pages_failed += deliveries.page_problems.len() as u64;
    }

    pub(crate) fn count_correlation(&mut self, ended: &CorrelationOutcome) {
        match ended.outcome {
            AlertOutcome::Sent => *self.correlations.entry(ended.rule.clone()).or_default() += 1,
            AlertOutcome::Failed => self.correlations_failed += 1,
            AlertOutcome::Suppressed => self.correlations_suppressed += 1,
        }
    }

    /// A summary was sent, and its members have this fate.
    pub(crate) fn count_summary(&mut self, summary: &Summary, outcome: Outcome) {
        self.summaries += 1;
        self.findings += summary.members.len() as u64;
        summary.members.iter().for_each(|_| self.count(&summary.rule.id, outcome));
    }
}

impl AddAssign for Report {
    /// Joins the counts of another part of the same run.
    fn add_assign(&mut self, other: Report) {
        self.add_counters(&other);
        add(&mut self.object_outcomes, other.object_outcomes);
        self.prefiltered += other.prefiltered;
        self.known_values += other.known_values;
        self.learned_values += other.learned_values;
        self.findings += other.findings;
        add(&mut self.finding_outcomes, other.finding_outcomes);
        for (rule, outcomes) in other.by_rule {
            add(self.by_rule.entry(rule).or_default(), outcomes);
        }
        self.slowest_alert = self.slowest_alert.max(other.slowest_alert);
        self.integrity_lag = self.integrity_lag.max(other.integrity_lag);
        add(&mut self.correlations, other.correlations);
        self.correlations_suppressed += other.correlations_suppressed;
        // Of the same files.
        self.exception_problems = self.exception_problems.max(other.exception_problems);
        self.stale_detections = self.stale_detections.max(other.stale_detections);
        self.sweep = self.sweep.or(other.sweep);
        self.subscriptions = self.subscriptions.or(other.subscriptions);
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    more.into_iter().for_each(|(key, count)| *counts.entry(key).or_default() += count);
}

fn equal(what: &'static str, came: u64, ended: u64) -> Result<(), Mismatch> {
    if came == ended { Ok(()) } else { Err(Mismatch { what, came, ended }) }
}

impl fmt::Display for Report {
    /// One line for people, the zeros left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let came_in = [self.messages_in_words(), self.objects_in_words(), self.findings_in_words()];
        let parts = came_in.into_iter().chain(self.alerts_in_words()).chain(self.others_in_words());
        f.write_str(&parts.collect::<Vec<_>>().join("; "))
    }
}

impl Report {
    fn messages_in_words(&self) -> String {
        let extra = counted_all([
            (self.bad_records, "bad record"),
            (self.ignored, "ignored part"),
            (self.unreadable, "unreadable part"),
            (self.inline_refused, "refused record"),
        ]);
        let records = format!("{} read", counted(self.records, "record"));
        std::iter::once(records).chain(extra).collect::<Vec<_>>().join(", ")
    }

    fn objects_in_words(&self) -> String {
        let outcomes = join_counts(&self.object_outcomes);
        let prefiltered = match self.prefiltered {
            0 => String::new(),
            count => format!(", {count} only prefiltered"),
        };
        format!("{}{outcomes}{prefiltered}", counted(self.objects, "object"))
    }

    fn findings_in_words(&self) -> String {
        format!("{}{}", counted(self.findings, "finding"), join_counts(&self.finding_outcomes))
    }

    fn alerts_in_words(&self) -> impl Iterator<Item = String> {
        let known = match self.known_values {
            0 => None,
            1 => Some("1 match of known values".to_owned()),
            count => Some(format!("{count} matches of known values")),
        };
        let summaries = match self.summaries {
            0 => None,
            1 => Some("1 summary".to_owned()),
            count => Some(format!("{count} summaries")),
        };
        // Of correlations, thresholds and sequences.
        let over_several = counted_all([
            (self.correlations.values().sum(), "alert"),
            (self.correlations_failed, "failed alert"),
            (self.correlations_suppressed, "suppressed alert"),
        ])
        .map(|alerts| format!("{alerts} over several calls"));
        known.into_iter().chain(summaries).chain(over_several)
    }

    fn others_in_words(&self) -> impl Iterator<Item = String> {
        let canaries = (self.canaries > 0).then(|| {
            let plural = if self.canaries == 1 { "canary" } else { "canaries" };
            format!("{} {plural}, {} failed", self.canaries, self.canaries_failed)
        });
        let sweep = self.sweep.as_ref().map(SweepReport::to_string);
        let confirmed = self.subscriptions.as_ref().map(|it| it.confirmed);
        let subscriptions =
            confirmed.map(|it| format!("{} confirmed", counted(it, "subscription")));
        let stale = (self.stale_detections > 0)
            .then(|| "rules or exceptions are those of before".to_owned());
        let exceptions = (self.exception_problems > 0).then(|| {
            format!("no exception is in use: {}", counted(self.exception_problems, "problem"))
        });
        [canaries, sweep, subscriptions, stale, exceptions].into_iter().flatten()
    }
}

/// Those that are not zero.
fn counted_all<const N: usize>(counts: [(u64, &'static str); N]) -> impl Iterator<Item = String> {
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(count, what))
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn join_counts<K: Serialize>(fates: &BTreeMap<K, u64>) -> String {
    let name = |outcome: &K| {
        serde_json::to_value(outcome).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " ")))
    };
    let all: Vec<String> =
        fates.iter().map(|(f, count)| format!("{count} {}", name(f).unwrap_or_default())).collect();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_and_every_finding_needs_a_fate() {
        let mut report = Report { objects: 2, findings: 1, ..Report::default() };
        report.count_object(ObjectOutcome::Scanned);
        assert!(
            report.check().unwrap_err().to_string().contains("2 objects came in, 1 have a fate")
        );
        report.count_object(ObjectOutcome::Gone);
        assert!(
            report.check().unwrap_err().to_string().contains("1 findings came in, 0 have a fate")
        );
        report.count("r", Outcome::Alerted);
        assert_eq!(report.check(), Ok(()));
    }

    #[test]
    fn people_read_one_line() {
        let mut report =
            Report { objects: 2, findings: 1, records: 7, bad_records: 1, ..Report::default() };
        report.count_object(ObjectOutcome::Scanned);
        report.count_object(ObjectOutcome::Skipped);
        report.count("r", Outcome::ClaimedElsewhere);
        let line = "7 records read, 1 bad record; 2 objects (1 scanned, 1 skipped); \
                    1 finding (1 claimed elsewhere)";
        assert_eq!(report.to_string(), line);
        report.prefiltered = 1;
        let line = line.replace(" skipped)", " skipped), 1 only prefiltered");
        assert_eq!(report.to_string(), line);
        report.exception_problems = 2;
        assert_eq!(report.to_string(), format!("{line}; no exception is in use: 2 problems"));
    }
}
