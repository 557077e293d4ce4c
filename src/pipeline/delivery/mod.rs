//! One delivery: a claimed finding, summary or correlation alert, from rendering to the record that
//! it was sent. Notifications, recovery, summaries, correlations and the canary all end here.

mod chat;
pub(crate) mod context;
mod facts;
mod pages;
pub(crate) mod severity;

use std::time::Duration;

use alert::Alert;
use detect::finding::FindingId;
use detect::text::error::error_chain;
use futures::future::join_all;
use tracing::debug;

use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use super::problem::Problem;
use super::setup::MailLength;
use crate::ledger::{Claim, ClaimUpdate, Completion, Content, Ledger, LedgerError, StoredLedger};
use crate::sink::{MessageId, PublishError};
use chat::Accepted;
use context::AlertContext;

/// Why something is left to the next worker.
pub(crate) const OUT_OF_TIME: &str = "not done: the function's time is nearly over";

/// After so many refusals only the minimal alert is tried: something in the full one may be what is
/// refused.
const MAX_FULL_ALERTS: u32 = 4;

/// How often an alert is published before it is left to the next worker.
const MAX_TRIES: u32 = 3;

/// Claims that are released at the same time.
const CONCURRENCY: usize = 16;

/// What the sink may need to recover from a fault of its own.
const RETRY_DELAY: Duration = Duration::from_millis(200);

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

    /// Another worker had claimed it, and ended without an outcome for it.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.claim().is_some_and(|claim| claim.entry.claims > 1)
    }

    /// Returns true if only the minimal alert is tried: the full one was refused again and again,
    /// or workers died of it.
    pub(crate) fn is_minimal(&self) -> bool {
        self.claim().is_some_and(|claim| {
            claim.entry.refusals >= MAX_FULL_ALERTS || claim.entry.is_suspect()
        })
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

/// An alert, and what it is of.
pub(super) struct Rendered<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) alert: Alert,
    /// The findings that an alert of several names.
    pub(super) named: Vec<FindingId>,
}

/// Delivers in the order given, as many together as the sink's pace allows. One that fails does not
/// keep the others back.
pub(crate) async fn deliver(invocation: &Invocation, deliveries: &[Delivery]) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    let mut rest = deliveries;
    while !rest.is_empty() && !invocation.is_over() {
        let (batch, later) = rest.split_at(invocation.pipeline.sink.burst().min(rest.len()));
        report += deliver_batch(invocation, batch).await;
        rest = later;
    }
    report += leave(invocation, rest.iter().collect()).await;
    report
}

async fn deliver_batch(invocation: &Invocation, batch: &[Delivery]) -> DeliveryReport {
    let (contexts, problems) = context::read_all(invocation, batch).await;
    let mut report = DeliveryReport { problems, ..DeliveryReport::default() };
    let raise = |(delivery, context)| severity::raise(invocation, delivery, context);
    let rated: Vec<Delivery> = batch.iter().zip(&contexts).map(raise).collect();
    let rendered: Vec<Rendered<'_>> = rated
        .iter()
        .zip(&contexts)
        .map(|(delivery, context)| {
            let alert = render_in_full(invocation, delivery, context);
            let mut named = context.named();
            // A document that is too large is cut.
            named.retain(|finding| alert.shows_member(finding));
            Rendered { delivery, alert, named }
        })
        .collect();
    let mut waiting = pages::add_pages(invocation, rendered, &mut report).await;
    for tries_left in (0..MAX_TRIES).rev() {
        // Before deadline and leases are looked at: the wait may be longer than they are.
        let Some(permit) = invocation.permit_to_publish(waiting.len()).await else {
            report += leave(invocation, waiting.iter().map(|it| it.delivery).collect()).await;
            return report;
        };
        waiting = publish(invocation, waiting, tries_left, &mut report).await;
        drop(permit);
        if waiting.is_empty() {
            break;
        }
        debug!(alerts = waiting.len(), tries_left, "to be published again");
        tokio::time::sleep(RETRY_DELAY).await;
    }
    report
}

/// Publishes alerts and records what became of them. Returns those worth another try.
async fn publish<'a>(
    invocation: &Invocation,
    alerts: Vec<Rendered<'a>>,
    tries_left: u32,
    report: &mut DeliveryReport,
) -> Vec<Rendered<'a>> {
    let (live, expired): (Vec<_>, Vec<_>) =
        alerts.into_iter().partition(|it| it.delivery.claim().is_none_or(Claim::is_live));
    for Rendered { delivery, .. } in expired {
        // Another worker may have it by now.
        report.fail(delivery, "its claim ran out before its alert could be sent");
    }
    let alerts: Vec<Alert> = live.iter().map(|it| it.alert.clone()).collect();
    let mut results = invocation.pipeline.sink.publish(&alerts).await;
    results.resize_with(live.len(), || Err(PublishError::NoAnswer));
    let accepted: Vec<Accepted<'_>> = live
        .iter()
        .zip(&results)
        .filter(|(_, result)| result.is_ok())
        .map(|(rendered, _)| Accepted { delivery: rendered.delivery, alert: &rendered.alert })
        .collect();
    chat::publish(invocation, &accepted, report).await;
    let mut again = Vec::new();
    let mut ended = Vec::new();
    for (rendered, result) in live.into_iter().zip(results) {
        match result {
            Err(error) if error.is_transient() && tries_left > 0 => again.push(rendered),
            result => ended.push((rendered, result)),
        }
    }
    let records = ended.iter().map(|(it, result)| record(invocation, it.delivery, result));
    let problems = join_all(records).await;
    for ((Rendered { delivery, named, .. }, result), problem) in ended.into_iter().zip(problems) {
        report.problems.extend(problem);
        match result {
            Ok(message_id) => report.sent(invocation.now(), delivery, message_id, named),
            Err(error) => report.fail(delivery, error_chain(&error)),
        }
    }
    again
}

/// The alert, with the rule's guide if mails are to have it. The alert of last resort is small.
fn render_in_full(invocation: &Invocation, delivery: &Delivery, context: &AlertContext) -> Alert {
    let alert = render(invocation, delivery, context);
    let has_guide = invocation.pipeline.mail == MailLength::Full && !delivery.is_minimal();
    match delivery.content() {
        _ if !has_guide => alert,
        Content::Finding(finding) => alert.with_guide(&finding.rule),
        Content::Summary(summary) => alert.with_guide(&summary.rule),
        Content::Correlation(data) => alert.with_guide(&data.rule),
    }
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
        (Content::Finding(finding), AlertContext::Canary(subscriptions)) => {
            alert::render_canary(finding, subscriptions, accounts)
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

/// Records what the sink answered for an alert. Returns what could not be recorded of an alert that
/// was sent.
async fn record(
    invocation: &Invocation,
    delivery: &Delivery,
    result: &Result<MessageId, PublishError>,
) -> Option<Problem> {
    if let Ok(message_id) = result {
        debug!(id = %delivery.content().id(), message_id, "published");
    }
    let (ledger, claim) = delivery.record(&invocation.pipeline.ledger)?;
    // If a failure cannot be recorded, the lease runs out by itself.
    let _ = match result {
        Ok(message_id) => {
            let completed = ledger.complete(claim, Completion::Alerted(message_id)).await;
            return unrecorded(delivery, completed);
        }
        Err(error) if !error.is_about_alert() => ledger.release(claim).await,
        Err(_) if delivery.is_minimal() => ledger.mark_failed(claim).await,
        Err(_) => ledger.mark_refused(claim).await,
    };
    None
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

/// Leaves deliveries to the next worker, since the time is over. That is no refusal of theirs.
async fn leave(invocation: &Invocation, deliveries: Vec<&Delivery>) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    for some in deliveries.chunks(CONCURRENCY) {
        join_all(some.iter().map(|delivery| release(invocation, delivery))).await;
        some.iter().for_each(|delivery| report.fail(delivery, OUT_OF_TIME));
    }
    report
}

/// Leaves it to the next worker. If this fails too, the lease runs out by itself.
pub(crate) async fn release(invocation: &Invocation, delivery: &Delivery) {
    let Some((ledger, claim)) = delivery.record(&invocation.pipeline.ledger) else { return };
    let _ = ledger.release(claim).await;
}
