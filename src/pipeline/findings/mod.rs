//! The findings of one object or message: claim, correlate, suppress, group, deliver.

pub(crate) mod claim;
mod correlate;
mod folding;
mod grouping;
pub(crate) mod new_terms;
pub(crate) mod packed;
mod suppression;

use std::collections::HashMap;

use detect::finding::{Finding, canary};
use futures::stream::{self, StreamExt};

use super::delivery::{Delivery, OUT_OF_TIME, deliver, severity, unrecorded};
use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use crate::ledger::{Completion, Content, principal_hash};
use claim::{ClaimedFindings, claim};
use packed::PackedFinding;
use suppression::Suppressions;

/// The first findings that are processed together: few, so that their alerts do not wait for a
/// flood.
const FIRST_CHUNK: usize = 32;

/// Later findings that are processed together.
const NEXT_CHUNK: usize = 256;

/// Findings are processed together only up to this size of their documents as JSON. In memory they
/// take several times as much.
const MAX_CHUNK_BYTES: usize = 1024 * 1024;

/// The documents of a chunk that are in flight at once take at most so many bytes as JSON. Each is
/// also in the buffers of its connection, and a second time if another worker recorded it.
const MAX_BYTES_IN_FLIGHT: usize = 512 * 1024;

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
        let sizes = rest.iter().map(PackedFinding::text_bytes);
        let later = rest.split_off(chunk_end(sizes, chunk_size));
        let chunk = rest.into_iter().map(PackedFinding::unpack).collect();
        report += process_claimed(invocation, claim(invocation, chunk).await).await;
        rest = later;
        chunk_size = NEXT_CHUNK;
    }
    let unclaimed: Vec<&Finding> = rest.iter().map(PackedFinding::outline).collect();
    report.fail_unclaimed(&unclaimed);
    report
}

/// How many findings, from the start, are processed together: at least one. `sizes` are those of
/// their documents as JSON.
fn chunk_end(sizes: impl Iterator<Item = usize>, max: usize) -> usize {
    let mut chunk = Chunk::default();
    sizes.take(max).take_while(|size| chunk.add(*size)).count().max(1)
}

/// The documents of a chunk, in bytes as JSON.
#[derive(Default)]
struct Chunk {
    count: usize,
    bytes: usize,
    largest: usize,
}

impl Chunk {
    /// Adds a document. Returns false if it is one too many.
    fn add(&mut self, size: usize) -> bool {
        self.count += 1;
        self.bytes += size;
        self.largest = self.largest.max(size);
        let in_flight = self.largest.saturating_mul(self.count.min(CONCURRENCY));
        self.bytes <= MAX_CHUNK_BYTES && in_flight <= MAX_BYTES_IN_FLIGHT
    }
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
    let alerted = deliver_unsuppressed(invocation, incidents.alerts).await;
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

/// Sends alerts for which no other stands. Those of single findings are grouped first.
pub(crate) async fn deliver_unsuppressed(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_ends_by_number_by_size_or_with_what_is_in_flight_at_once() {
        let cases: [(&str, &[usize], usize, usize); 8] = [
            ("by number", &[3_000; 300], 256, 256),
            ("all", &[3_000; 20], 256, 20),
            ("by size", &[30_000; 300], 256, 34),
            ("in flight at once", &[90_000; 100], 256, 5),
            ("as large as may be in flight", &[512 * 1024; 3], 256, 1),
            ("too large by itself", &[600_000, 1], 256, 1),
            ("a large one after small ones", &[&[3_000; 20][..], &[90_000]].concat(), 256, 20),
            ("small ones after a large one", &[&[90_000][..], &[3_000; 20]].concat(), 256, 5),
        ];
        for (case, sizes, max, expected) in cases {
            assert_eq!(chunk_end(sizes.iter().copied(), max), expected, "{case}");
        }
    }
}
