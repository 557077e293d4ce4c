//! Which findings wait for a summary: those beyond the rule's `max_signals`, and most of a burst.

use detect::finding::{Outcome, Window};
use detect::rule::Severity;
use detect::text::error::error_chain;

use crate::ledger::{
    Claim, ClaimUpdate, Completion, Content, Ledger, LedgerError, alerted_singly, principal_hash,
};
use crate::pipeline::delivery::{Delivery, OUT_OF_TIME, release};
use crate::pipeline::invocation::Invocation;
use crate::pipeline::outcomes::{DeliveryReport, Grouped};
use crate::pipeline::problem::Problem;

/// Findings by when they are alerted.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Those that are alerted singly.
    pub(crate) now: Vec<Delivery>,
    /// Those that wait for a summary.
    pub(crate) later: Vec<Delivery>,
    /// What could not be counted. Rather too many alerts than one too few.
    pub(crate) problems: Vec<Problem>,
}

/// Splits findings, in the order given. Those of one severity in one window of one rule are decided
/// together.
pub(crate) async fn split(invocation: &Invocation, deliveries: Vec<Delivery>) -> Groups {
    let mut groups = Groups::default();
    for (counted, deliveries) in by_window(deliveries) {
        let decided = match alerted_now(invocation, &counted, &deliveries).await {
            Ok(decided) => decided,
            Err(problem) => {
                groups.problems.push(problem);
                vec![true; deliveries.len()]
            }
        };
        for (delivery, now) in deliveries.into_iter().zip(decided) {
            if now { groups.now.push(delivery) } else { groups.later.push(delivery) }
        }
    }
    groups
}

/// What findings are counted by.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    rule: String,
    severity: Severity,
    /// `None` without a ledger: then the invocation is the window.
    window: Option<Window>,
}

fn by_window(deliveries: Vec<Delivery>) -> Vec<(Counted, Vec<Delivery>)> {
    let mut groups: Vec<(Counted, Vec<Delivery>)> = Vec::new();
    for delivery in deliveries {
        let Content::Finding(finding) = delivery.content() else { continue };
        let counted = Counted {
            rule: finding.rule.id.clone(),
            severity: finding.severity(),
            window: delivery.claim().map(|claim| claim.entry.window),
        };
        match groups.iter_mut().find(|(other, _)| *other == counted) {
            Some((_, group)) => group.push(delivery),
            None => groups.push((counted, vec![delivery])),
        }
    }
    groups
}

async fn alerted_now(
    invocation: &Invocation,
    counted: &Counted,
    deliveries: &[Delivery],
) -> Result<Vec<bool>, Problem> {
    let Counted { rule, severity, window } = counted;
    let limit = invocation.pipeline.max_signals(rule);
    let principals: Vec<String> = deliveries.iter().filter_map(principal).collect();
    let counts = match (&invocation.pipeline.ledger, window) {
        (Ledger::Stored(ledger), Some(window)) => {
            let claims: Vec<&Claim> = deliveries.iter().filter_map(Delivery::claim).collect();
            let enough = limit.saturating_add(deliveries.len() as u64);
            // Each is indexed before it is counted: the last one to count sees all.
            let counts = async {
                ledger.index_in_windows(&claims).await?;
                ledger.count_window(rule, *window, *severity, enough, &principals).await
            };
            counts.await.map_err(|error| not_counted(counted, &error))?
        }
        // No ledger, or an entry that cannot be read.
        _ => invocation.count(rule, *severity, &principals),
    };
    let mut decided = alerted_singly(&counts, &principals, limit);
    for (index, _) in deliveries.iter().enumerate().filter(|(_, it)| it.is_taken_over()) {
        // The dead worker counted it, so it comes late in the count, and was perhaps to be alerted.
        decided[index] |= invocation.is_first_taken_over(rule, &principals[index]);
    }
    Ok(decided)
}

fn principal(delivery: &Delivery) -> Option<String> {
    match delivery.content() {
        Content::Finding(finding) => Some(principal_hash(finding)),
        Content::Summary(_) | Content::Correlation(_) => None,
    }
}

fn not_counted(counted: &Counted, error: &LedgerError) -> Problem {
    let start = counted.window.map(|window| window.start.to_string()).unwrap_or_default();
    let place = format!("window of rule {} from {start}", counted.rule);
    Problem::discard(place, format!("not counted: {}", error_chain(error)))
}

/// Leaves a finding for the summary of its window.
pub(crate) async fn group(invocation: &Invocation, delivery: Delivery) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    let Content::Finding(finding) = delivery.content() else { return report };
    let Some((ledger, claim)) = delivery.record(&invocation.pipeline.ledger) else {
        report.grouped.push(Grouped::new(finding));
        return report;
    };
    if invocation.is_over() {
        report.fail(&delivery, OUT_OF_TIME);
        return report;
    }
    match ledger.complete(claim, Completion::Grouped).await {
        Ok(ClaimUpdate::Written) => report.end(finding, Outcome::Grouped),
        Ok(ClaimUpdate::TakenOver) => report.end(finding, Outcome::ClaimedElsewhere),
        Err(error) => {
            release(invocation, &delivery).await;
            report.fail(&delivery, error_chain(&error));
        }
    }
    report
}
