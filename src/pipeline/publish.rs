//! Findings to fates: claim, correlate, hold, render, publish, complete.

use alert::Alert;
use detect::finding::{Context, Finding, FindingId, Outcome};
use jiff::Timestamp;

use super::claims::Claims;
use super::correlate::{self, CorrelationAlert};
use super::open::{self, ClaimedFinding};
use super::{Pipeline, Problem, context, holding};
use crate::sink::{MessageId, PublishError};

/// Alerts that are published before they are completed. A crash between the two tells them once
/// more, so they are few; the pace lets no more pass together anyway.
const TOGETHER: usize = 5;

/// From this attempt on only the minimal alert is tried: something in the full one may be what
/// fails.
pub(super) const MINIMAL_FROM: u32 = 5;

/// What became of some findings.
#[derive(Debug, Default)]
pub(super) struct DeliveryReport {
    /// A fate for each finding, but for those in `held`.
    pub(super) ended: Vec<FindingOutcome>,
    /// What failed, or could not be recorded, by name.
    pub(super) problems: Vec<Problem>,
    /// Those that nobody is told of because of an exception, by name.
    pub(super) notes: Vec<String>,
    /// Held back until the run ends, where there is no ledger to hold them.
    pub(super) held: Vec<Finding>,
    /// Duplicates of what was seen through before, to be correlated again.
    pub(super) seen_before: Vec<Finding>,
    /// What became of the alerts of correlations.
    pub(super) correlation_alerts: Vec<CorrelationAlert>,
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
    /// Of an alert: seconds from the call to the moment when it was accepted.
    pub latency: Option<u64>,
}

impl FindingOutcome {
    pub(super) fn new(finding: &Finding, outcome: Outcome) -> FindingOutcome {
        FindingOutcome {
            rule: finding.rule.id.clone(),
            finding: finding.id.clone(),
            time: finding.time,
            subject: alert::subject(finding),
            outcome,
            latency: None,
        }
    }
}

impl DeliveryReport {
    pub(super) fn end(&mut self, finding: &Finding, outcome: Outcome) {
        self.ended.push(FindingOutcome::new(finding, outcome));
    }

    /// The finding's alert was accepted at `now`.
    pub(super) fn alerted(&mut self, finding: &Finding, now: Timestamp) {
        // A caller's clock can be ahead of ours.
        let since =
            |call: Timestamp| u64::try_from(now.duration_since(call).as_secs()).unwrap_or(0);
        let latency = finding.time.map(since);
        self.ended
            .push(FindingOutcome { latency, ..FindingOutcome::new(finding, Outcome::Alerted) });
    }

    /// The finding is neither told nor held: what carried it is tried again.
    pub(super) fn fail(&mut self, finding: &Finding, why: impl std::fmt::Display) {
        self.end(finding, Outcome::Failed);
        self.problems.push(Problem::retry(place(finding), why));
    }

    /// What was done cannot be undone, and could not be written down.
    pub(super) fn unrecorded(&mut self, finding: &Finding, why: impl std::fmt::Display) {
        let what =
            format!("seen through, and perhaps once more, since this could not be recorded: {why}");
        self.problems.push(Problem::discard(place(finding), what));
    }
}

/// A sink that gives fewer answers than it got alerts.
pub(super) fn unanswered() -> PublishError {
    PublishError("the sink did not say what became of it".to_owned())
}

/// A finding, for an error.
pub(super) fn place(finding: &Finding) -> String {
    format!("finding {} of rule {} in {}", finding.id, finding.rule.id, finding.origin)
}

/// Tells people of the findings of one object or notification. One that fails does not keep the
/// others back.
pub(super) async fn publish(
    pipeline: &Pipeline,
    claims: &Claims,
    findings: Vec<Finding>,
) -> DeliveryReport {
    let mut published = DeliveryReport::default();
    let open = open::claim_all(pipeline, claims, findings, &mut published).await;
    see_through(pipeline, claims, open, &mut published).await;
    published
}

/// Sees findings through that are ours.
pub(super) async fn see_through(
    pipeline: &Pipeline,
    claims: &Claims,
    open: Vec<ClaimedFinding>,
    published: &mut DeliveryReport,
) {
    let claimed_alerts = correlate::claim(pipeline, claims, &open, published).await;
    // The worst news first.
    correlate::tell(pipeline, claims, claimed_alerts, published).await;
    let (suppressed, open): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|one| one.finding.exception.is_some());
    for one in suppressed {
        one.except(&pipeline.ledger, published).await;
    }
    let (now, later) = holding::split(pipeline, claims, open, published).await;
    for one in later {
        one.hold(&pipeline.ledger, published).await;
    }
    for some in now.chunks(TOGETHER) {
        if claims.is_over() {
            release(pipeline, some, published).await;
        } else {
            tell(pipeline, claims, some, published).await;
        }
    }
}

/// The pace allows only so many alerts in the function's time: the others go to whoever comes next.
async fn release(pipeline: &Pipeline, some: &[ClaimedFinding], published: &mut DeliveryReport) {
    for one in some {
        let error = PublishError("not sent: the function's time is nearly over".to_owned());
        one.release(&pipeline.ledger, error, published).await;
    }
}

/// Publishes the alerts of a few findings, and completes each that was accepted.
async fn tell(
    pipeline: &Pipeline,
    claims: &Claims,
    some: &[ClaimedFinding],
    published: &mut DeliveryReport,
) {
    let contexts = context::of_each(pipeline, claims, some, published).await;
    let (live, late): (Vec<_>, Vec<_>) =
        some.iter().zip(&contexts).partition(|(one, _)| one.is_live());
    for (one, _) in late {
        // Someone else may be at it by now.
        published.fail(&one.finding, "its claim ran out before its alert could be sent");
    }
    let alerts: Vec<Alert> =
        live.iter().map(|(one, context)| render(pipeline, one, context)).collect();
    for ((one, _), result) in live.iter().zip(pipeline.sink.publish(&alerts).await) {
        end(pipeline, claims.now(), one, result, published).await;
    }
}

fn render(pipeline: &Pipeline, one: &ClaimedFinding, context: &Context) -> Alert {
    if one.attempts() >= MINIMAL_FROM {
        return alert::render_minimal(&one.finding);
    }
    alert::render(&one.finding, context, &pipeline.accounts)
}

async fn end(
    pipeline: &Pipeline,
    now: Timestamp,
    one: &ClaimedFinding,
    result: Result<MessageId, PublishError>,
    published: &mut DeliveryReport,
) {
    match result {
        Ok(message_id) => one.complete(&pipeline.ledger, &message_id, now, published).await,
        Err(error) => one.release(&pipeline.ledger, error, published).await,
    }
}
