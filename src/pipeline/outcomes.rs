//! What became of findings and of the alerts that were delivered.

use std::borrow::Borrow;
use std::fmt::Display;
use std::ops::AddAssign;
use std::sync::Arc;

use detect::correlation::CorrelationAlertData;
use detect::finding::{Finding, FindingId, Member, Outcome, Summary};
use detect::rule::RuleInfo;
use jiff::Timestamp;

use super::delivery::{Delivery, OUT_OF_TIME};
use super::problem::Problem;
use crate::ledger::Content;
use crate::sink::MessageId;

/// What became of some findings, summaries and correlations.
#[derive(Debug, Default)]
pub(crate) struct DeliveryReport {
    /// An outcome for each finding, except those in `grouped`.
    pub(crate) findings: Vec<FindingOutcome>,
    /// Matches that are no findings, since their values are known.
    pub(crate) known: u64,
    /// Values that became known, in a run that only learns them.
    pub(crate) learned: u64,
    /// The matches that had them: they are no findings either.
    pub(crate) learned_matches: u64,
    /// Findings to be summarised when the invocation ends, since there is no ledger to keep them.
    pub(crate) grouped: Vec<Grouped>,
    /// Summaries that were sent.
    pub(crate) summaries: Vec<Arc<Summary>>,
    /// Correlations and whether their alerts were sent.
    pub(crate) correlations: Vec<CorrelationOutcome>,
    /// Folders of correlated findings of which not all were read.
    pub(crate) correlations_cut: u64,
    /// Findings of records that have another record's `eventID`.
    pub(crate) conflicts: u64,
    /// Alerts that were sent to chat channels too.
    pub(crate) chat_sent: u64,
    /// Alerts that were sent, but not to chat channels, by name.
    pub(crate) chat_problems: Vec<Problem>,
    /// Alerts that have a page.
    pub(crate) pages_written: u64,
    /// Alerts whose page could not be written, by name.
    pub(crate) page_problems: Vec<Problem>,
    /// What failed, or could not be recorded, by name.
    pub(crate) problems: Vec<Problem>,
    /// Findings that are not alerted because of an exception, by name.
    pub(crate) notes: Vec<String>,
}

/// A finding that waits for a summary in memory: what the summary needs of it.
#[derive(Debug)]
pub(crate) struct Grouped {
    pub(crate) rule: Arc<RuleInfo>,
    pub(crate) member: Member,
    pub(crate) outcome: FindingOutcome,
}

impl Grouped {
    pub(crate) fn new(finding: &Finding) -> Grouped {
        Grouped {
            rule: Arc::clone(&finding.rule),
            member: Member::from_finding(finding),
            outcome: FindingOutcome::new(finding, Outcome::Grouped),
        }
    }
}

/// What became of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingOutcome {
    /// The rule's id.
    pub rule: String,
    /// The finding's id.
    pub finding: FindingId,
    /// When the call was made.
    pub time: Option<Timestamp>,
    /// What was done, by whom and in which account: printable ASCII, as a mail's subject.
    pub subject: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Seconds from the call to the moment when its alert was accepted. `None` without an alert.
    pub latency: Option<u64>,
    /// What the sink calls its alert.
    pub message_id: Option<MessageId>,
}

/// What became of the alert of a correlation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CorrelationOutcome {
    /// The correlation's id.
    pub(crate) rule: String,
    /// The alert's id.
    pub(crate) alert: FindingId,
    /// Whether the sink accepted it.
    pub(crate) outcome: AlertOutcome,
    /// The findings that it names.
    pub(crate) named: Vec<FindingId>,
}

/// Whether the alert of a correlation was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AlertOutcome {
    /// The sink accepted it.
    Sent,
    /// It is retried.
    Failed,
    /// Another alert of the same rule and values stands for it.
    Suppressed,
}

impl CorrelationOutcome {
    fn new(alert: &CorrelationAlertData, outcome: AlertOutcome) -> CorrelationOutcome {
        let rule = alert.rule.id.clone();
        CorrelationOutcome { rule, alert: alert.id.clone(), outcome, named: Vec::new() }
    }
}

impl FindingOutcome {
    pub(crate) fn new(finding: &Finding, outcome: Outcome) -> FindingOutcome {
        FindingOutcome {
            rule: finding.rule.id.clone(),
            finding: finding.id.clone(),
            time: finding.time,
            subject: alert::finding_subject(finding),
            outcome,
            latency: None,
            message_id: None,
        }
    }

    /// The outcome of a finding that nobody looked at: it has no subject.
    fn unclaimed(finding: &Finding) -> FindingOutcome {
        FindingOutcome {
            rule: finding.rule.id.clone(),
            finding: finding.id.clone(),
            time: finding.time,
            subject: String::new(),
            outcome: Outcome::Failed,
            latency: None,
            message_id: None,
        }
    }

    fn alerted(finding: &Finding, now: Timestamp, message_id: MessageId) -> FindingOutcome {
        // AWS's clock can be ahead of ours.
        let seconds =
            |call: Timestamp| u64::try_from(now.duration_since(call).as_secs()).unwrap_or(0);
        FindingOutcome {
            latency: finding.time.map(seconds),
            message_id: Some(message_id),
            ..FindingOutcome::new(finding, Outcome::Alerted)
        }
    }
}

impl DeliveryReport {
    pub(crate) fn end(&mut self, finding: &Finding, outcome: Outcome) {
        self.findings.push(FindingOutcome::new(finding, outcome));
    }

    /// Adds a delivery whose alert was accepted at `now`. `named` are the findings that an alert of
    /// several names.
    pub(crate) fn sent(
        &mut self,
        now: Timestamp,
        delivery: &Delivery,
        message_id: MessageId,
        named: Vec<FindingId>,
    ) {
        match delivery.content() {
            Content::Finding(finding) => {
                self.findings.push(FindingOutcome::alerted(finding, now, message_id));
            }
            Content::Summary(summary) => self.summaries.push(Arc::clone(summary)),
            Content::Correlation(alert) => self.correlations.push(CorrelationOutcome {
                named,
                ..CorrelationOutcome::new(alert, AlertOutcome::Sent)
            }),
        }
    }

    /// Adds a delivery that is recorded, and not alerted.
    pub(crate) fn suppress(&mut self, delivery: &Delivery) {
        match delivery.content() {
            Content::Finding(finding) => self.end(finding, Outcome::Suppressed),
            Content::Summary(_) => {}
            Content::Correlation(alert) => {
                self.correlations.push(CorrelationOutcome::new(alert, AlertOutcome::Suppressed));
            }
        }
    }

    /// Adds a delivery that failed: what carried it is retried.
    pub(crate) fn fail(&mut self, delivery: &Delivery, why: impl Display) {
        match delivery.content() {
            Content::Finding(finding) => self.end(finding, Outcome::Failed),
            Content::Summary(_) => {}
            Content::Correlation(alert) => {
                self.correlations.push(CorrelationOutcome::new(alert, AlertOutcome::Failed));
            }
        }
        self.problems.push(Problem::retry(delivery.place(), why));
    }
}

impl DeliveryReport {
    /// Adds a delivery whose alert was sent, but not to chat channels.
    pub(crate) fn fail_chat(&mut self, delivery: &Delivery, why: impl Display) {
        let what = format!("sent, but not to chat channels: {why}");
        self.chat_problems.push(Problem::discard(delivery.place(), what));
    }

    /// Adds a delivery whose page could not be written: its alert is sent without it.
    pub(crate) fn fail_page(&mut self, delivery: &Delivery, why: impl Display) {
        let what = format!("alerted without a page: {why}");
        self.page_problems.push(Problem::discard(delivery.place(), what));
    }

    /// Adds a match of which nobody knows whether it is a finding: what carried it is retried.
    pub(crate) fn fail_unread(&mut self, finding: &Finding, why: &str) {
        self.findings.push(FindingOutcome::unclaimed(finding));
        let place = format!("new terms of rule {}", finding.rule.id.escape_debug());
        let problem = Problem::retry(place, why);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Adds findings that were not claimed in time: what carried them is retried. There can be
    /// thousands, so one problem names them all.
    pub(crate) fn fail_unclaimed<F: Borrow<Finding>>(&mut self, findings: &[F]) {
        self.findings
            .extend(findings.iter().map(|finding| FindingOutcome::unclaimed(finding.borrow())));
        if let Some(first) = findings.first() {
            let what = format!("{} findings not claimed: {OUT_OF_TIME}", findings.len());
            self.problems.push(Problem::retry(first.borrow().origin.place(), what));
        }
    }
}

impl AddAssign for DeliveryReport {
    fn add_assign(&mut self, other: DeliveryReport) {
        self.findings.extend(other.findings);
        self.known += other.known;
        self.learned += other.learned;
        self.learned_matches += other.learned_matches;
        self.grouped.extend(other.grouped);
        self.summaries.extend(other.summaries);
        self.correlations.extend(other.correlations);
        self.correlations_cut += other.correlations_cut;
        self.conflicts += other.conflicts;
        self.chat_sent += other.chat_sent;
        self.chat_problems.extend(other.chat_problems);
        self.pages_written += other.pages_written;
        self.page_problems.extend(other.page_problems);
        self.problems.extend(other.problems);
        self.notes.extend(other.notes);
    }
}
