//! The findings of one object or message: claim, correlate, suppress, group, deliver.

use std::collections::HashMap;

use detect::finding::{Finding, canary};
use futures::stream::{self, StreamExt};

use super::claim::{ClaimedFindings, claim};
use super::delivery::{Delivery, OUT_OF_TIME, deliver, unrecorded};
use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use super::packed::PackedFinding;
use super::suppression::Suppressions;
use super::{correlate, folding, grouping, new_terms, severity, suppression};
use crate::ledger::{Completion, Content, principal_hash};

/// The first findings that are processed together: few, so that their alerts do not wait for a
/// flood.
const FIRST_CHUNK: usize = 32;

/// Later findings that are processed together.
const NEXT_CHUNK: usize = 256;

/// Findings are processed together only up to this size of their documents as JSON. In memory they
/// take several times as much.
const MAX_CHUNK_BYTES: usize = 1024 * 1024;

/// Requests to the ledger that are in flight at once.
const CONCURRENCY: usize = 16;

/// Processes findings from their claims to their outcomes, as far as the time allows. One that
/// fails does not keep the others back.
pub(crate) async fn process(
    invocation: &Invocation,
    findings: Vec<PackedFinding>,
) -> DeliveryReport {
    let (findings, mut report) = new_terms::without_known(invocation, findings).await;
    let mut rest = in_fair_order(findings);
    let mut chunk_size = FIRST_CHUNK;
    while !rest.is_empty() && !invocation.is_over() {
        let later = rest.split_off(chunk_end(&rest, chunk_size));
        let chunk = rest.into_iter().map(PackedFinding::unpack).collect();
        report += process_claimed(invocation, claim(invocation, chunk).await).await;
        rest = later;
        chunk_size = NEXT_CHUNK;
    }
    let unclaimed: Vec<&Finding> = rest.iter().map(PackedFinding::outline).collect();
    report.fail_unclaimed(&unclaimed);
    report
}

/// How many findings, from the start, are processed together: at least one.
fn chunk_end(findings: &[PackedFinding], max: usize) -> usize {
    let mut bytes = 0;
    let fits = |packed: &&PackedFinding| {
        bytes += packed.text_bytes();
        bytes <= MAX_CHUNK_BYTES
    };
    findings.iter().take(max).take_while(fits).count().max(1)
}

/// Orders findings so that a flood of one principal delays no other: the first finding of every
/// principal before the second of any, those of one principal by time. Records stand in no order,
/// and people read that a group was created before that a user was added to it.
fn in_fair_order(mut findings: Vec<PackedFinding>) -> Vec<PackedFinding> {
    findings.sort_by_key(|packed| packed.outline().time);
    let mut earlier: HashMap<String, usize> = HashMap::new();
    let mut ranked: Vec<(usize, PackedFinding)> = Vec::with_capacity(findings.len());
    for packed in findings {
        let count = earlier.entry(principal_hash(packed.outline())).or_default();
        ranked.push((*count, packed));
        *count += 1;
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, packed)| packed).collect()
}

/// Processes findings that are claimed.
pub(crate) async fn process_claimed(
    invocation: &Invocation,
    claimed: ClaimedFindings,
) -> DeliveryReport {
    let ClaimedFindings { ours, done_before, mut report, conflicts: _ } = claimed;
    // A canary is correlated with nothing, suppressed by nothing and grouped with nothing.
    let (canaries, ours): (Vec<_>, Vec<_>) = ours.into_iter().partition(is_canary);
    let (ours, problem) = severity::rate_all(invocation, ours).await;
    report.problems.extend(problem);
    let incidents = correlate::claim(invocation, &ours, &done_before).await;
    let ours: Vec<Delivery> = ours.into_iter().map(|rated| rated.delivery).collect();
    report.problems.extend(incidents.problems);
    report.correlations_cut += incidents.cut;
    // Incidents are more severe than their members, and a test is less urgent than anything.
    let alerted = deliver_incidents(invocation, incidents.alerts).await;
    let (mut suppressed, ours): (Vec<_>, Vec<_>) = ours.into_iter().partition(is_suppressed);
    let (folded, ours) = folding::split(&alerted.correlations, ours);
    report += alerted;
    report += in_parallel(folded, |folded| folding::record(invocation, folded)).await;
    let suppressions = suppression::split(invocation, ours).await;
    report.problems.extend(suppressions.problems);
    suppressed.extend(suppressions.suppressed);
    let groups = grouping::split(invocation, suppressions.alerted).await;
    report.problems.extend(groups.problems);
    report += deliver(invocation, &groups.now).await;
    report += in_parallel(suppressed, |delivery| suppress(invocation, delivery)).await;
    report += in_parallel(groups.later, |delivery| grouping::group(invocation, delivery)).await;
    report += deliver(invocation, &canaries).await;
    report
}

/// Sends the alerts of incidents, unless others stand for them.
pub(crate) async fn deliver_incidents(
    invocation: &Invocation,
    alerts: Vec<Delivery>,
) -> DeliveryReport {
    let Suppressions { alerted, suppressed, problems } =
        suppression::split(invocation, alerts).await;
    let mut report = deliver(invocation, &alerted).await;
    report.problems.extend(problems);
    report += in_parallel(suppressed, |delivery| suppress(invocation, delivery)).await;
    report
}

/// Runs a step for each delivery, a few at once.
async fn in_parallel<T, F: Future<Output = DeliveryReport>>(
    deliveries: Vec<T>,
    step: impl Fn(T) -> F,
) -> DeliveryReport {
    let steps = stream::iter(deliveries).map(step).buffered(CONCURRENCY);
    let add = |mut report: DeliveryReport, other| async move {
        report += other;
        report
    };
    steps.fold(DeliveryReport::default(), add).await
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
    finding(delivery).is_some_and(|finding| finding.suppression().is_some())
}

async fn suppress(invocation: &Invocation, delivery: Delivery) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    if invocation.is_over() {
        report.fail(&delivery, OUT_OF_TIME);
        return report;
    }
    if let Some((ledger, claim)) = delivery.record(&invocation.pipeline.ledger) {
        report
            .problems
            .extend(unrecorded(&delivery, ledger.complete(claim, Completion::Suppressed).await));
    }
    report.suppress(&delivery);
    report
}
