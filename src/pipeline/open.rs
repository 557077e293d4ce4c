//! Findings that are ours to see through, and how that ends in the ledger.

use std::fmt::Display;

use detect::finding::{Finding, Outcome};
use futures::future::join_all;
use jiff::Timestamp;

use super::Pipeline;
use super::claims::Claims;
use super::problem::Problem;
use super::publish::{DeliveryReport, MINIMAL_FROM, place};
use crate::ledger::{Claim, Claimed, Completed, Content, Ledger, LedgerError, State, StoredLedger};

/// Claims of one object that are on their way at once.
const TOGETHER: usize = 8;

/// A finding that is ours to see through.
#[derive(Debug)]
pub(super) struct ClaimedFinding {
    pub(super) finding: Finding,
    /// Our claim; none where nothing is recorded.
    pub(super) claim: Option<Box<Claim>>,
}

/// Claims findings, and gives those that are ours. The others have their fates.
pub(super) async fn claim_all(
    pipeline: &Pipeline,
    claims: &Claims,
    findings: Vec<Finding>,
    published: &mut DeliveryReport,
) -> Vec<ClaimedFinding> {
    let mut new = Vec::new();
    for finding in findings {
        if claims.claim(&finding.id) {
            new.push(finding);
        } else {
            published.end(&finding, Outcome::Duplicate);
        }
    }
    match &pipeline.ledger {
        Ledger::None => new.into_iter().map(|finding| unrecorded(finding, published)).collect(),
        Ledger::Stored(ledger) => {
            in_turn(&new, published, |finding| claim(pipeline, ledger, finding, claims)).await
        }
        Ledger::ReadOnly(ledger) => {
            in_turn(&new, published, |finding| peek_claim(ledger, finding)).await
        }
    }
}

/// Asks the ledger about findings, some at a time, and gives those that are ours.
async fn in_turn<'a, F: Future<Output = Result<Option<Indexed>, LedgerError>>>(
    findings: &'a [Finding],
    published: &mut DeliveryReport,
    ask: impl Fn(&'a Finding) -> F,
) -> Vec<ClaimedFinding> {
    let mut open = Vec::new();
    for some in findings.chunks(TOGETHER) {
        let answers = join_all(some.iter().map(&ask)).await;
        for (finding, answer) in some.iter().zip(answers) {
            open.extend(match answer.transpose() {
                Some(claimed) => sort(finding, claimed, published),
                None => Some(unrecorded(finding.clone(), published)),
            });
        }
    }
    open
}

/// A finding that is ours, and of which nothing is recorded.
fn unrecorded(finding: Finding, published: &mut DeliveryReport) -> ClaimedFinding {
    published.notes.extend(suppressed(&finding));
    ClaimedFinding { finding, claim: None }
}

async fn peek_claim(
    ledger: &StoredLedger,
    finding: &Finding,
) -> Result<Option<Indexed>, LedgerError> {
    Ok(ledger.peek_claim(&finding.id).await?.map(|claimed| (claimed, Ok(()))))
}

/// A claim, and what became of its indexes.
type Indexed = (Claimed, Result<(), LedgerError>);

async fn claim(
    pipeline: &Pipeline,
    ledger: &StoredLedger,
    finding: &Finding,
    claims: &Claims,
) -> Result<Option<Indexed>, LedgerError> {
    let content = Content::Finding(Box::new(finding.clone()));
    let claimed = ledger.claim(content, claims.lease, pipeline.interval(&finding.rule.id)).await?;
    let indexed = match &claimed {
        Claimed::Mine(claim) => ledger.index(claim).await,
        _ => Ok(()),
    };
    Ok(Some((claimed, indexed)))
}

/// The finding where it is ours; else its fate.
fn sort(
    finding: &Finding,
    claimed: Result<Indexed, LedgerError>,
    published: &mut DeliveryReport,
) -> Option<ClaimedFinding> {
    let (claimed, indexed) = match claimed {
        Ok(claimed) => claimed,
        Err(error) => {
            published.fail(finding, error);
            return None;
        }
    };
    if let Err(error) = indexed {
        // Better told without a trace in the indexes than not told.
        published.problems.push(Problem::discard(place(finding), format!("not indexed: {error}")));
    }
    let claim = match claimed {
        Claimed::Mine(claim) => Some(claim),
        Claimed::Unreadable(error) => {
            published
                .problems
                .push(Problem::discard(place(finding), format!("told without a record: {error}")));
            None
        }
        Claimed::Duplicate(state) => {
            published.end(finding, Outcome::Duplicate);
            published.seen_before.extend((state != State::Suppressed).then(|| finding.clone()));
            return None;
        }
        Claimed::HeldElsewhere => {
            published.end(finding, Outcome::HeldElsewhere);
            return None;
        }
    };
    published.notes.extend(suppressed(finding));
    Some(ClaimedFinding { finding: finding.clone(), claim })
}

/// An exception never works in silence.
fn suppressed(finding: &Finding) -> Option<String> {
    let name = finding.exception.as_deref()?.escape_debug();
    let (id, rule, origin) = (&finding.id, finding.rule.id.escape_debug(), &finding.origin);
    Some(format!(
        "not alerted because of exception `{name}`: finding {id} of rule {rule} in {origin}"
    ))
}

impl ClaimedFinding {
    /// How often it was claimed, this time included.
    pub(super) fn attempts(&self) -> u32 {
        self.claim.as_ref().map_or(1, |claim| claim.entry.attempts)
    }

    /// The time that stands for that of a record without one: the start of the execution that it
    /// counts in.
    pub(super) fn fallback_time(&self) -> Option<Timestamp> {
        self.claim.as_ref().map(|claim| claim.entry.window.start)
    }

    /// Whether it is still ours.
    pub(super) fn is_live(&self) -> bool {
        self.claim.as_ref().is_none_or(|claim| claim.is_live())
    }

    /// The ledger and our claim in it, where there are both.
    fn recorded<'a>(&'a self, ledger: &'a Ledger) -> Option<(&'a StoredLedger, &'a Claim)> {
        match (ledger, &self.claim) {
            (Ledger::Stored(ledger), Some(claim)) => Some((ledger, claim)),
            _ => None,
        }
    }

    /// Its alert was accepted at `now`.
    pub(super) async fn complete(
        &self,
        ledger: &Ledger,
        message_id: &str,
        now: Timestamp,
        published: &mut DeliveryReport,
    ) {
        if let Some((ledger, claim)) = self.recorded(ledger) {
            self.note(ledger.alerted(claim, message_id).await, published);
        }
        published.alerted(&self.finding, now);
    }

    /// An exception matched.
    pub(super) async fn except(&self, ledger: &Ledger, published: &mut DeliveryReport) {
        if let Some((ledger, claim)) = self.recorded(ledger) {
            self.note(ledger.suppressed(claim).await, published);
        }
        published.end(&self.finding, Outcome::Suppressed);
    }

    fn note(&self, completed: Result<Completed, LedgerError>, published: &mut DeliveryReport) {
        match completed {
            Ok(Completed::Done) => {}
            Ok(Completed::TakenOver) => {
                published.unrecorded(&self.finding, "another worker took over")
            }
            Err(error) => published.unrecorded(&self.finding, error),
        }
    }

    /// It is to be told in a summary.
    pub(super) async fn hold(self, ledger: &Ledger, published: &mut DeliveryReport) {
        let Some((stored, claim)) = self.recorded(ledger) else {
            published.held.push(self.finding);
            return;
        };
        match stored.held(claim, &self.finding.rule.id).await {
            Ok(Completed::Done) => published.end(&self.finding, Outcome::Grouped),
            Ok(Completed::TakenOver) => published.end(&self.finding, Outcome::HeldElsewhere),
            Err(error) => self.release(ledger, error, published).await,
        }
    }

    /// It failed: whoever comes next tries again.
    pub(super) async fn release(
        &self,
        ledger: &Ledger,
        why: impl Display,
        published: &mut DeliveryReport,
    ) {
        if let Some((ledger, claim)) = self.recorded(ledger) {
            // Where this fails too, the lease runs out by itself.
            let _ = match self.attempts() >= MINIMAL_FROM {
                true => ledger.failed(claim).await,
                false => ledger.released(claim).await,
            };
        }
        published.fail(&self.finding, why);
    }
}
