//! One delivery: a claimed finding, summary or correlation alert, from rendering to the record that
//! it was sent. Notifications, recovery, summaries, correlations and the canary all end here.

use alert::Alert;
use detect::text::error::error_chain;
use tracing::debug;

use super::context::{self, AlertContext};
use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use super::problem::Problem;
use super::severity;
use crate::ledger::{Claim, ClaimUpdate, Completion, Content, Ledger, LedgerError, StoredLedger};

/// Alerts that are published before they are recorded. A crash in between sends them once more, so
/// they are few; the pace lets no more pass together anyway.
const BATCH_SIZE: usize = 5;

/// From this attempt on only the minimal alert is tried: something in the full one may be what
/// fails.
const MINIMAL_FROM: u32 = 5;

/// Something whose alert is to be sent.
#[derive(Debug, Clone)]
pub(crate) enum Delivery {
    /// It is claimed, and its outcome is recorded.
    Claimed(Box<Claim>),
    /// Nothing of it is recorded: there is no ledger, or its entry cannot be read.
    Unrecorded(Content),
}

impl Delivery {
    pub(crate) fn content(&self) -> &Content {
        match self {
            Delivery::Claimed(claim) => &claim.entry.content,
            Delivery::Unrecorded(content) => content,
        }
    }

    /// The same delivery of other content with the same id.
    pub(crate) fn with(&self, content: Content) -> Delivery {
        let mut delivery = self.clone();
        match &mut delivery {
            Delivery::Claimed(claim) => claim.entry.content = content,
            Delivery::Unrecorded(old) => *old = content,
        }
        delivery
    }

    /// How often it was claimed, this time included.
    fn attempts(&self) -> u32 {
        self.claim().map_or(1, |claim| claim.entry.attempts)
    }

    pub(crate) fn is_minimal(&self) -> bool {
        self.attempts() >= MINIMAL_FROM
    }

    pub(crate) fn claim(&self) -> Option<&Claim> {
        match self {
            Delivery::Claimed(claim) => Some(claim),
            Delivery::Unrecorded(_) => None,
        }
    }

    /// The ledger and the claim in it, if there are both.
    pub(crate) fn record<'a>(
        &'a self,
        ledger: &'a Ledger,
    ) -> Option<(&'a StoredLedger, &'a Claim)> {
        match ledger {
            Ledger::Stored(ledger) => self.claim().map(|claim| (ledger, claim)),
            Ledger::None | Ledger::ReadOnly(_) => None,
        }
    }

    /// What is delivered, for a problem.
    pub(crate) fn place(&self) -> String {
        match self.content() {
            Content::Finding(finding) => {
                format!("finding {} of rule {} in {}", finding.id, finding.rule.id, finding.origin)
            }
            Content::Summary(summary) => {
                format!("summary {} of rule {}", summary.id, summary.rule.id)
            }
            Content::Correlation(alert) => {
                format!("alert {} of correlation {}", alert.id, alert.rule.id.escape_debug())
            }
        }
    }
}

/// Delivers in the order given, a few at a time. One that fails does not keep the others back.
pub(crate) async fn deliver(invocation: &Invocation, deliveries: &[Delivery]) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    for batch in deliveries.chunks(BATCH_SIZE) {
        if invocation.is_over() {
            for delivery in batch {
                release(invocation, delivery).await;
                report.fail(delivery, "not sent: the function's time is nearly over");
            }
        } else {
            report += deliver_batch(invocation, batch).await;
        }
    }
    report
}

async fn deliver_batch(invocation: &Invocation, batch: &[Delivery]) -> DeliveryReport {
    let (contexts, problems) = context::read_all(invocation, batch).await;
    let mut report = DeliveryReport { problems, ..DeliveryReport::default() };
    let rated = |(delivery, context)| (severity::rate(invocation, delivery, &context), context);
    let (live, expired): (Vec<_>, Vec<_>) = batch
        .iter()
        .zip(contexts)
        .map(rated)
        .partition(|(delivery, _)| delivery.claim().is_none_or(Claim::is_live));
    for (delivery, _) in &expired {
        // Another worker may have it by now.
        report.fail(delivery, "its claim ran out before its alert could be sent");
    }
    let alerts: Vec<Alert> =
        live.iter().map(|(delivery, context)| render(invocation, delivery, context)).collect();
    let mut answers = invocation.pipeline.sink.publish(&alerts).await.into_iter();
    for (delivery, _) in &live {
        match answers.next() {
            Some(Ok(message_id)) => {
                report.problems.extend(complete(invocation, delivery, &message_id).await);
                report.sent(invocation.now(), delivery, message_id);
            }
            Some(Err(error)) => {
                release(invocation, delivery).await;
                report.fail(delivery, error_chain(&error));
            }
            None => {
                release(invocation, delivery).await;
                report.fail(delivery, "the sink did not answer for it");
            }
        }
    }
    report
}

fn render(invocation: &Invocation, delivery: &Delivery, context: &AlertContext) -> Alert {
    let accounts = &invocation.pipeline.accounts;
    match (delivery.content(), context) {
        (Content::Finding(finding), _) if delivery.is_minimal() => {
            alert::render_minimal_finding(finding)
        }
        (Content::Finding(finding), AlertContext::Finding(context)) => {
            alert::render_finding(finding, context, accounts)
        }
        (Content::Finding(finding), _) => {
            alert::render_finding(finding, &Default::default(), accounts)
        }
        (Content::Summary(summary), _) => alert::render_summary(summary, accounts),
        (Content::Correlation(data), AlertContext::Members(members, _))
            if !delivery.is_minimal() =>
        {
            alert::render_correlation(data, members, accounts)
        }
        (Content::Correlation(data), _) => alert::render_minimal_correlation(data),
    }
}

/// Records that an alert was accepted. Returns what could not be recorded.
async fn complete(
    invocation: &Invocation,
    delivery: &Delivery,
    message_id: &str,
) -> Option<Problem> {
    debug!(id = %delivery.content().id(), message_id, "published");
    let (ledger, claim) = delivery.record(&invocation.pipeline.ledger)?;
    unrecorded(delivery, ledger.complete(claim, Completion::Alerted(message_id)).await)
}

/// The problem of something that was done and could not be recorded.
pub(crate) fn unrecorded(
    delivery: &Delivery,
    completed: Result<ClaimUpdate, LedgerError>,
) -> Option<Problem> {
    let why = match completed {
        Ok(ClaimUpdate::Written) => return None,
        Ok(ClaimUpdate::TakenOver) => "another worker took over".to_owned(),
        Err(error) => error_chain(&error),
    };
    let what = format!("done, perhaps twice, since it could not be recorded: {why}");
    Some(Problem::discard(delivery.place(), what))
}

/// Leaves it to the next worker. If this fails too, the lease runs out by itself.
pub(crate) async fn release(invocation: &Invocation, delivery: &Delivery) {
    let Some((ledger, claim)) = delivery.record(&invocation.pipeline.ledger) else { return };
    let _ = match delivery.is_minimal() {
        true => ledger.mark_failed(claim).await,
        false => ledger.release(claim).await,
    };
}
