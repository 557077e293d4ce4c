//! Findings to correlations: which episodes they are of, and the alerts of those.
//!
//! An alert of an episode is claimed before the findings that make it are completed: whoever dies
//! in between leaves work that is found again. Findings that were seen through before are
//! correlated once more, which is what makes good a ledger that failed at it the first time.

use std::time::Duration;

use alert::Alert;
use detect::correlation::{self, CorrelationAlertData};
use detect::finding::Finding;
use jiff::Timestamp;
use tokio::time::timeout_at;

use super::claims::Claims;
use super::open::ClaimedFinding;
use super::publish::{DeliveryReport, MINIMAL_FROM};
use super::{Pipeline, Problem};
use crate::ledger::{Claim, Completed, Content, Ledger, StoredLedger};

/// One correlation may keep the single alerts waiting for so long, with a ledger that is slow or a
/// burst of thousands of groups; never past the function's time. What it had claimed by then the
/// sweep tells.
const LONGEST: Duration = Duration::from_secs(20);

/// What became of the alert of an episode.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CorrelationAlert {
    /// The correlation's id.
    pub(super) rule: String,
    /// Whether the sink accepted it.
    pub(super) told: bool,
}

impl Pipeline {
    /// How many correlations are not evaluated, since there is no ledger to find their members in;
    /// none where there is nothing to say.
    pub fn idle_correlations(&self) -> Option<String> {
        let count = self.detections.rule_set.correlations().len();
        let idle = matches!(self.ledger, Ledger::None) && count > 0;
        idle.then(|| {
            format!("TRAILBELL_LEDGER=none: correlation rules need a ledger, {count} of them are not evaluated")
        })
    }
}

/// Correlates findings that are ours and those of `published.seen_before`, and claims the alerts of
/// their episodes. What fails keeps no finding's own alert back.
pub(super) async fn claim(
    pipeline: &Pipeline,
    claims: &Claims,
    open: &[ClaimedFinding],
    published: &mut DeliveryReport,
) -> Vec<Claim> {
    let Ledger::Stored(ledger) = &pipeline.ledger else { return Vec::new() };
    let before = std::mem::take(&mut published.seen_before);
    let ours = open.iter().map(|one| (&one.finding, one.fallback_time()));
    let findings: Vec<(&Finding, Option<Timestamp>)> =
        ours.chain(before.iter().map(|it| (it, None))).collect();
    let mut claimed_alerts = Vec::new();
    for rule in pipeline.detections.rule_set.correlations() {
        let places = |(finding, fallback): &(&Finding, Option<Timestamp>)| {
            let time = finding.time.or(*fallback);
            time.map(|time| correlation::place_marks(rule, finding, time, claims.now()))
                .unwrap_or_default()
        };
        let places: Vec<correlation::PlacedMark> = findings.iter().flat_map(places).collect();
        if places.is_empty() {
            continue;
        }
        let named = || format!("correlation {}", rule.info.id.escape_debug());
        match timeout_at(claims.until(LONGEST), ledger.correlate(rule, &places, claims.lease)).await
        {
            Err(_) => published
                .problems
                .push(Problem::retry(named(), "not evaluated in the time that there is")),
            Ok(Ok(found)) => {
                claimed_alerts.extend(found.claims);
                let cut = |key| {
                    Problem::discard(named(), format!("more findings than are looked at in {key}"))
                };
                published.problems.extend(found.cut.into_iter().map(cut));
            }
            Ok(Err(error)) => published.problems.push(Problem::retry(named(), error)),
        }
    }
    claimed_alerts
}

/// Publishes the alerts of episodes, and completes each that was accepted.
pub(super) async fn tell(
    pipeline: &Pipeline,
    claims: &Claims,
    claimed_alerts: Vec<Claim>,
    published: &mut DeliveryReport,
) {
    let Ledger::Stored(ledger) = &pipeline.ledger else { return };
    for claim in claimed_alerts {
        if claims.is_over() {
            let _ = ledger.released(&claim).await;
            let why = "not sent: the function's time is nearly over";
            published.problems.push(Problem::retry(place(&claim), why));
            published.correlation_alerts.extend(correlation_alerts(&claim, false));
        } else {
            see_through(pipeline, ledger, &claim, published).await;
        }
    }
}

/// Sees one alert through that is ours.
async fn see_through(
    pipeline: &Pipeline,
    ledger: &StoredLedger,
    claim: &Claim,
    published: &mut DeliveryReport,
) {
    let Content::Correlation(told) = &claim.entry.content else { return };
    if !claim.is_live() {
        published
            .problems
            .push(Problem::retry(place(claim), "its claim ran out before its alert could be sent"));
        published.correlation_alerts.extend(correlation_alerts(claim, false));
        return;
    }
    let alert = render(pipeline, ledger, claim, told).await;
    let error = match pipeline.sink.publish(&[alert]).await.pop() {
        Some(Ok(message_id)) => {
            published.correlation_alerts.extend(correlation_alerts(claim, true));
            published.problems.extend(unrecorded(claim, ledger.alerted(claim, &message_id).await));
            return;
        }
        Some(Err(error)) => error.to_string(),
        None => "the sink did not say what became of it".to_owned(),
    };
    // Where this fails too, the lease runs out by itself.
    let _ = match claim.entry.attempts >= MINIMAL_FROM {
        true => ledger.failed(claim).await,
        false => ledger.released(claim).await,
    };
    published.problems.push(Problem::retry(place(claim), error));
    published.correlation_alerts.extend(correlation_alerts(claim, false));
}

async fn render(
    pipeline: &Pipeline,
    ledger: &StoredLedger,
    claim: &Claim,
    told: &CorrelationAlertData,
) -> Alert {
    if claim.entry.attempts >= MINIMAL_FROM {
        return alert::render_minimal_correlation(told);
    }
    let (members, trouble) = ledger.findings(&told.members).await;
    alert::render_correlation(
        told,
        &correlation::MemberFindings::new(told, members, trouble),
        &pipeline.accounts,
    )
}

fn unrecorded(
    claim: &Claim,
    completed: Result<Completed, crate::ledger::LedgerError>,
) -> Option<Problem> {
    let why = match completed {
        Ok(Completed::Done) => return None,
        Ok(Completed::TakenOver) => "another worker took over".to_owned(),
        Err(error) => error.to_string(),
    };
    let what = format!("sent, and perhaps once more, since this could not be recorded: {why}");
    Some(Problem::discard(place(claim), what))
}

fn place(claim: &Claim) -> String {
    let rule =
        if let Content::Correlation(told) = &claim.entry.content { &told.rule.id } else { "" };
    format!("alert {} of correlation {}", claim.entry.id(), rule.escape_debug())
}

fn correlation_alerts(claim: &Claim, told: bool) -> Option<CorrelationAlert> {
    let Content::Correlation(correlated) = &claim.entry.content else { return None };
    Some(CorrelationAlert { rule: correlated.rule.id.clone(), told })
}
