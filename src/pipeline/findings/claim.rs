//! Claiming findings: each is ours, another worker's, or done.

use std::sync::Arc;

use detect::finding::{Finding, Outcome};
use detect::text::error::error_chain;
use futures::future::join_all;

use crate::ledger::{ClaimOutcome, Content, EntryState, Ledger, LedgerError, StoredLedger};
use crate::pipeline::delivery::Delivery;
use crate::pipeline::invocation::{Invocation, Meeting};
use crate::pipeline::outcomes::DeliveryReport;
use crate::pipeline::problem::Problem;

/// Claims of one object that are in flight at once.
const CONCURRENCY: usize = 16;

/// What came of claiming some findings.
#[derive(Debug, Default)]
pub(crate) struct ClaimedFindings {
    /// Those that are ours to deliver.
    pub(crate) ours: Vec<Delivery>,
    /// Duplicates of what was done before: they are correlated again, which repairs what a ledger
    /// failed at the first time.
    pub(crate) done_before: Vec<Arc<Finding>>,
    /// Those whose ids are of other calls, as findings of their own: not claimed yet.
    pub(crate) conflicts: Vec<Arc<Finding>>,
    /// The outcomes of all others.
    pub(crate) report: DeliveryReport,
}

/// Claims findings, a few at a time.
pub(crate) async fn claim(invocation: &Invocation, findings: Vec<Finding>) -> ClaimedFindings {
    let mut claimed = ClaimedFindings::default();
    let mut new = claimed.add_met(invocation, findings);
    while !new.is_empty() {
        for some in new.chunks(CONCURRENCY) {
            if invocation.is_over() {
                claimed.report.fail_unclaimed(some);
                continue;
            }
            let answers = join_all(some.iter().map(|finding| claim_one(invocation, finding))).await;
            for (finding, answer) in some.iter().zip(answers) {
                claimed.add(finding, answer);
            }
        }
        new = std::mem::take(&mut claimed.conflicts);
    }
    claimed
}

/// A claim, and whether it was indexed. `None` if there is nothing to claim.
type ClaimAnswer = Result<Option<(ClaimOutcome, Result<(), LedgerError>)>, LedgerError>;

async fn claim_one(invocation: &Invocation, finding: &Arc<Finding>) -> ClaimAnswer {
    match &invocation.pipeline.ledger {
        Ledger::None => Ok(None),
        Ledger::Stored(ledger) => claim_in(ledger, invocation, finding).await,
        Ledger::ReadOnly(ledger) => Ok(ledger
            .peek_claim(&Content::Finding(Arc::clone(finding)))
            .await?
            .map(|claimed| (claimed, Ok(())))),
    }
}

async fn claim_in(
    ledger: &StoredLedger,
    invocation: &Invocation,
    finding: &Arc<Finding>,
) -> ClaimAnswer {
    let interval = invocation.pipeline.interval(&finding.rule.id);
    let content = Content::Finding(Arc::clone(finding));
    let claimed = ledger.claim(content, invocation.lease(), interval).await?;
    let indexed = match &claimed {
        ClaimOutcome::Ours(claim) => ledger.index(claim).await,
        _ => Ok(()),
    };
    Ok(Some((claimed, indexed)))
}

impl ClaimedFindings {
    /// Adds the findings that were met before in this invocation. Returns the others.
    fn add_met(&mut self, invocation: &Invocation, findings: Vec<Finding>) -> Vec<Arc<Finding>> {
        let mut new = Vec::new();
        for finding in findings {
            match (invocation.meet(&finding), &invocation.pipeline.ledger) {
                (Meeting::Again, _) => self.report.end(&finding, Outcome::Duplicate),
                // A ledger knows which of both was first.
                (Meeting::OtherCall, Ledger::None) => new.push(Arc::new(finding.into_conflict())),
                (Meeting::First | Meeting::OtherCall, _) => new.push(Arc::new(finding)),
            }
        }
        new
    }

    fn add(&mut self, finding: &Arc<Finding>, answer: ClaimAnswer) {
        let unrecorded = || Delivery::Unrecorded(Content::Finding(Arc::clone(finding)));
        let (claimed, indexed) = match answer {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return self.add_ours(finding, unrecorded()),
            Err(error) => return self.report.fail(&unrecorded(), error_chain(&error)),
        };
        if let Err(error) = indexed {
            // Better alerted without a trace in the indexes than not alerted.
            let what = format!("not indexed: {}", error_chain(&error));
            self.report.problems.push(Problem::discard(unrecorded().place(), what));
        }
        match claimed {
            ClaimOutcome::Ours(claim) => self.add_ours(finding, Delivery::Claimed(claim)),
            ClaimOutcome::Unreadable(error) => {
                let what = format!("alerted without a record: {}", error_chain(&error));
                self.report.problems.push(Problem::discard(unrecorded().place(), what));
                self.add_ours(finding, unrecorded());
            }
            ClaimOutcome::Duplicate(state) => {
                self.report.end(finding, Outcome::Duplicate);
                // Building blocks, and what another alert stands for, are correlated too.
                let counts = state != EntryState::Suppressed || finding.exception.is_none();
                self.done_before.extend(counts.then(|| Arc::clone(finding)));
            }
            // A conflict's own id is that of its call: its entry was changed by someone else.
            ClaimOutcome::Conflict(_) if finding.conflict.is_some() => {
                self.add_ours(finding, unrecorded());
            }
            ClaimOutcome::Conflict(_) => {
                self.conflicts.push(Arc::new(Finding::clone(finding).into_conflict()));
            }
            ClaimOutcome::ClaimedElsewhere => self.report.end(finding, Outcome::ClaimedElsewhere),
        }
    }

    fn add_ours(&mut self, finding: &Finding, delivery: Delivery) {
        self.report.notes.extend(suppression_note(finding));
        self.report.notes.extend(conflict_note(finding));
        self.report.conflicts += u64::from(finding.conflict.is_some());
        self.ours.push(delivery);
    }
}

fn conflict_note(finding: &Finding) -> Option<String> {
    let other = finding.conflict.as_ref()?;
    let origin = &finding.origin;
    let id = &finding.id;
    Some(format!("conflict: finding {id} in {origin} has the eventID of finding {other}"))
}

/// An exception never works in silence.
fn suppression_note(finding: &Finding) -> Option<String> {
    let name = finding.exception.as_deref()?.escape_debug();
    let rule = finding.rule.id.escape_debug();
    let origin = &finding.origin;
    let id = &finding.id;
    Some(format!("suppressed by exception `{name}`: finding {id} of rule {rule} in {origin}"))
}
