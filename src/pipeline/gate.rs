//! Findings whose rules want an alert only if facts say so: `alert_when`.

use detect::finding::{ContextGap, Facts, Finding, canary, fact_document};
use futures::future::join_all;

use super::context::before_claim;
use super::invocation::Invocation;

/// Marks the findings whose `alert_when` does not match: they are recorded, and not alerted. If a
/// ledger cannot be read in time, a finding is alerted: nobody could tell later what was missed.
pub(crate) async fn mark_unmet(invocation: &Invocation, findings: Vec<Finding>) -> Vec<Finding> {
    join_all(findings.into_iter().map(|finding| mark(invocation, finding))).await
}

async fn mark(invocation: &Invocation, mut finding: Finding) -> Finding {
    let rule = invocation.pipeline.rule(&finding.rule.id);
    let Some(query) = rule.and_then(|rule| rule.alert_when.as_ref()) else { return finding };
    if canary::is_canary(&finding) {
        return finding;
    }
    let context = before_claim(invocation, &finding).await;
    let is_known = matches!(
        context.gap,
        None | Some(ContextGap::LedgerOff | ContextGap::TooMuch | ContextGap::Unreadable)
    );
    let facts = Facts::new(&finding, Some(&context));
    let matches = query.matches(&fact_document(&finding, &facts), invocation.now());
    finding.unmet = is_known && !matches;
    finding
}
