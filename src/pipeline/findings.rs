//! The findings of one object or message: claim, correlate, suppress, group, deliver.

use detect::finding::{Finding, Outcome, canary};

use super::claim::{ClaimedFindings, claim};
use super::delivery::{Delivery, deliver, unrecorded};
use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use super::{correlate, grouping};
use crate::ledger::{Completion, Content};

/// Processes findings from their claims to their outcomes. One that fails does not keep the others
/// back.
pub(crate) async fn process(invocation: &Invocation, findings: Vec<Finding>) -> DeliveryReport {
    process_claimed(invocation, claim(invocation, findings).await).await
}

/// Processes findings that are claimed.
pub(crate) async fn process_claimed(
    invocation: &Invocation,
    claimed: ClaimedFindings,
) -> DeliveryReport {
    let ClaimedFindings { ours, done_before, mut report } = claimed;
    // A canary is correlated with nothing, suppressed by nothing and grouped with nothing.
    let (canaries, ours): (Vec<_>, Vec<_>) = ours.into_iter().partition(is_canary);
    let incidents = correlate::claim(invocation, &ours, &done_before).await;
    report.problems.extend(incidents.problems);
    report.correlations_cut += incidents.cut;
    // Incidents are more severe than their members.
    report += deliver(invocation, &incidents.alerts).await;
    let (suppressed, ours): (Vec<_>, Vec<_>) = ours.into_iter().partition(is_suppressed);
    report += suppress(invocation, &suppressed).await;
    let groups = grouping::split(invocation, ours).await;
    report.problems.extend(groups.problems);
    report += grouping::group(invocation, groups.later).await;
    report += deliver(invocation, &canaries).await;
    report += deliver(invocation, &groups.now).await;
    report
}

fn finding(delivery: &Delivery) -> Option<&Finding> {
    match delivery.content() {
        Content::Finding(finding) => Some(finding),
        Content::Summary(_) | Content::Correlation(_) => None,
    }
}

fn is_canary(delivery: &Delivery) -> bool {
    finding(delivery).is_some_and(canary::is_canary)
}

fn is_suppressed(delivery: &Delivery) -> bool {
    finding(delivery).is_some_and(|finding| finding.exception.is_some())
}

async fn suppress(invocation: &Invocation, suppressed: &[Delivery]) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    for delivery in suppressed {
        if let Some((ledger, claim)) = delivery.record(&invocation.pipeline.ledger) {
            report
                .problems
                .extend(unrecorded(delivery, ledger.complete(claim, Completion::Suppressed).await));
        }
        if let Some(finding) = finding(delivery) {
            report.end(finding, Outcome::Suppressed);
        }
    }
    report
}
