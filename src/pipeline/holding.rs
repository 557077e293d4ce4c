//! Which findings wait for a summary: those beyond the rule's `max_signals`, and most of a burst.

use std::time::Duration;

use detect::finding::{Window, canary};
use detect::rule::Rule;

use super::Pipeline;
use super::claims::Claims;
use super::open::ClaimedFinding;
use super::problem::Problem;
use super::publish::DeliveryReport;
use crate::ledger::{Ledger, StoredLedger, actor_in_account, told_at_once};

/// The interval of a rule that is not there any more: Elastic's default.
const INTERVAL: Duration = Duration::from_secs(300);

impl Pipeline {
    fn rule(&self, id: &str) -> Option<&Rule> {
        self.detections.rule_set.rules().iter().find(|rule| rule.info.id == id)
    }

    /// How long an execution of a rule is.
    pub(super) fn interval(&self, rule: &str) -> Duration {
        self.rule(rule).map_or(INTERVAL, |rule| rule.interval)
    }

    /// A rule that is not there any more holds nothing back.
    fn max_signals(&self, rule: &str) -> u64 {
        self.rule(rule).map_or(u64::MAX, |rule| rule.max_signals.into())
    }
}

/// Which findings are told now, and which later, in the order given. Findings of one execution are
/// decided together.
pub(super) async fn split(
    pipeline: &Pipeline,
    claims: &Claims,
    open: Vec<ClaimedFinding>,
    published: &mut DeliveryReport,
) -> (Vec<ClaimedFinding>, Vec<ClaimedFinding>) {
    // A canary counts for nothing, and is kept back by nothing.
    let (mut now, open): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|one| canary::is_canary(&one.finding));
    let mut later = Vec::new();
    for group in executions(open) {
        let told = decide(pipeline, claims, &group, published).await;
        for (one, told) in group.into_iter().zip(told) {
            if told { now.push(one) } else { later.push(one) }
        }
    }
    (now, later)
}

/// Findings of one execution of one rule.
fn executions(open: Vec<ClaimedFinding>) -> Vec<Vec<ClaimedFinding>> {
    let mut groups: Vec<Vec<ClaimedFinding>> = Vec::new();
    for one in open {
        match groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| execution(first) == execution(&one)))
        {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

fn execution(one: &ClaimedFinding) -> (&str, Option<Window>) {
    (&one.finding.rule.id, one.claim.as_ref().map(|claim| claim.entry.window))
}

async fn decide(
    pipeline: &Pipeline,
    claims: &Claims,
    group: &[ClaimedFinding],
    published: &mut DeliveryReport,
) -> Vec<bool> {
    let Some((rule, window)) = group.first().map(execution) else { return Vec::new() };
    let most = pipeline.max_signals(rule);
    let principals: Vec<String> = group.iter().map(|one| actor_in_account(&one.finding)).collect();
    let seen = match (&pipeline.ledger, window) {
        (Ledger::Stored(ledger), Some(window)) => {
            counted(ledger, rule, window, most, group.len()).await
        }
        // No ledger, or an entry that cannot be read.
        _ => Ok(claims.seen(rule, &principals)),
    };
    match seen {
        Ok(seen) => told_at_once(&seen, &principals, most),
        Err(problem) => {
            // Rather too many alerts than one too few.
            published.problems.push(problem);
            vec![true; group.len()]
        }
    }
}

async fn counted(
    ledger: &StoredLedger,
    rule: &str,
    window: Window,
    most: u64,
    own: usize,
) -> Result<crate::ledger::Seen, Problem> {
    let enough = most.saturating_add(own as u64);
    let seen = ledger.seen(rule, window, enough).await;
    seen.map_err(|error| {
        Problem::discard(
            format!("rule {rule} from {}", window.start),
            format!("not counted: {error}"),
        )
    })
}
