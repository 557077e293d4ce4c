//! One story is one alert: findings that the alert of an incident names have none of their own.

use detect::finding::{Finding, FindingId, Outcome};
use detect::text::error::error_chain;

use super::delivery::{Delivery, OUT_OF_TIME, release};
use super::invocation::Invocation;
use super::outcomes::{AlertOutcome, CorrelationOutcome, DeliveryReport};
use crate::ledger::{ClaimUpdate, Completion, Content};

/// A finding, and the alert that names it.
pub(crate) type Folded = (Delivery, FindingId);

/// Splits off the findings that alerts of incidents name, which were sent.
pub(crate) fn split(
    sent: &[CorrelationOutcome],
    deliveries: Vec<Delivery>,
) -> (Vec<Folded>, Vec<Delivery>) {
    let mut folded = Vec::new();
    let mut others = Vec::new();
    for delivery in deliveries {
        match foldable(&delivery).and_then(|finding| alert_that_names(sent, &finding.id)) {
            Some(alert) => folded.push((delivery, alert.clone())),
            None => others.push(delivery),
        }
    }
    (folded, others)
}

/// That one of two records is forged must be alerted by itself. What is not in the ledger could not
/// be correlated.
fn foldable(delivery: &Delivery) -> Option<&Finding> {
    match delivery.content() {
        Content::Finding(finding) if finding.conflict.is_none() => {
            delivery.claim().map(|_| &**finding)
        }
        _ => None,
    }
}

fn alert_that_names<'s>(
    sent: &'s [CorrelationOutcome],
    finding: &FindingId,
) -> Option<&'s FindingId> {
    let names =
        |it: &&CorrelationOutcome| it.outcome == AlertOutcome::Sent && it.named.contains(finding);
    sent.iter().find(names).map(|outcome| &outcome.alert)
}

/// Records that an alert which was sent names a finding. A finding of which this cannot be recorded
/// is alerted by itself later.
pub(crate) async fn record(invocation: &Invocation, (delivery, alert): Folded) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    let Content::Finding(finding) = delivery.content() else { return report };
    let Some((ledger, claim)) = delivery.record(&invocation.pipeline.ledger) else {
        report.end(finding, Outcome::Folded);
        return report;
    };
    if invocation.is_over() {
        release(invocation, &delivery).await;
        report.fail(&delivery, OUT_OF_TIME);
        return report;
    }
    match ledger.complete(claim, Completion::Folded(&alert)).await {
        Ok(ClaimUpdate::Written) => report.end(finding, Outcome::Folded),
        Ok(ClaimUpdate::TakenOver) => report.end(finding, Outcome::ClaimedElsewhere),
        Err(error) => {
            release(invocation, &delivery).await;
            report.fail(&delivery, error_chain(&error));
        }
    }
    report
}
