//! Findings whose rules want an alert only if facts say so: `alert_when`.

use detect::finding::{ContextGap, Finding, canary};
use futures::stream::{self, StreamExt};

use super::context::before_claim;
use super::invocation::Invocation;

/// Findings whose contexts are read at once.
const CONCURRENCY: usize = 8;

/// Looks again at the findings whose records alone did not meet `alert_when`: what the ledger knows
/// may. If it cannot be read in time, a finding is alerted: nobody could tell later what was missed.
pub(crate) async fn mark_unmet(invocation: &Invocation, findings: Vec<Finding>) -> Vec<Finding> {
    let marked = stream::iter(findings).map(|finding| mark(invocation, finding));
    marked.buffered(CONCURRENCY).collect().await
}

async fn mark(invocation: &Invocation, mut finding: Finding) -> Finding {
    let rule = invocation.pipeline.rule(&finding.rule.id);
    let Some(rule) = rule.filter(|_| finding.unmet) else { return finding };
    if canary::is_canary(&finding) || finding.exception.is_some() {
        return finding;
    }
    let context = before_claim(invocation, &finding).await;
    let is_known = matches!(
        context.gap,
        None | Some(ContextGap::LedgerOff | ContextGap::TooMuch | ContextGap::Unreadable)
    );
    finding.unmet = is_known && !rule.is_alerted(&finding, Some(&context), invocation.now());
    finding
}
