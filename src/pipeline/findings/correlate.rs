//! Correlations: which incidents the findings are of, and the claims of their alerts.
//!
//! The alert of an incident is claimed before the findings that make it are completed, so that a
//! worker that dies in between leaves work that is found again. Findings that were done before are
//! correlated once more, which repairs what a ledger failed at the first time.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use detect::correlation::{self, PlacedMark};
use detect::finding::{Facts, Finding};
use detect::rule::Correlation;
use detect::text::error::error_chain;
use jiff::Timestamp;
use tokio::time::timeout_at;

use crate::ledger::{Content, Ledger, StoredLedger};
use crate::pipeline::delivery::Delivery;
use crate::pipeline::delivery::severity::RatedFinding;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::problem::Problem;

/// How long one correlation may keep the single alerts waiting, with a ledger that is slow or a
/// burst of thousands of groups. The sweep delivers what was claimed by then.
const PATIENCE: Duration = Duration::from_secs(20);

/// The incidents that findings belong to.
#[derive(Debug, Default)]
pub(crate) struct FoundIncidents {
    /// The alerts that are ours to deliver.
    pub(crate) alerts: Vec<Delivery>,
    /// What could not be correlated. It keeps no finding's own alert back.
    pub(crate) problems: Vec<Problem>,
    /// Folders of marks of which not all were read.
    pub(crate) cut: u64,
}

/// A finding, what is known of it, and the time that it counts at.
struct Correlated<'a> {
    finding: &'a Finding,
    facts: Cow<'a, Facts>,
    time: Timestamp,
}

/// Correlates findings that are ours, and those of `done_before` again.
pub(crate) async fn claim(
    invocation: &Invocation,
    ours: &[RatedFinding],
    done_before: &[Arc<Finding>],
) -> FoundIncidents {
    let mut incidents = FoundIncidents::default();
    let Ledger::Stored(ledger) = &invocation.pipeline.ledger else { return incidents };
    let before = done_before.iter().filter_map(|finding| {
        let facts = Cow::Owned(Facts::new(finding, None));
        Some(Correlated { finding, facts, time: finding.time? })
    });
    let findings: Vec<Correlated<'_>> = ours.iter().filter_map(correlated).chain(before).collect();
    for rule in invocation.pipeline.detections.rule_set.correlations() {
        let places = |Correlated { finding, facts, time }: &Correlated<'_>| {
            correlation::place_marks(rule, finding, facts, *time, invocation.now())
        };
        let places: Vec<PlacedMark> = findings.iter().flat_map(places).collect();
        if !places.is_empty() {
            incidents.claim(invocation, ledger, rule, &places).await;
        }
    }
    incidents
}

/// A record without a time counts at the start of the window of its finding.
fn correlated(rated: &RatedFinding) -> Option<Correlated<'_>> {
    let RatedFinding { delivery, facts } = rated;
    let Content::Finding(finding) = delivery.content() else { return None };
    let window = delivery.claim().map(|claim| claim.entry.window.start);
    Some(Correlated { finding, facts: Cow::Borrowed(facts), time: finding.time.or(window)? })
}

impl FoundIncidents {
    async fn claim(
        &mut self,
        invocation: &Invocation,
        ledger: &StoredLedger,
        rule: &Correlation,
        places: &[PlacedMark],
    ) {
        let name = format!("correlation {}", rule.info.id.escape_debug());
        let correlated = ledger.correlate(rule, places, invocation.lease());
        match timeout_at(invocation.wait_until(PATIENCE), correlated).await {
            Ok(Ok(found)) => {
                let claims = found.claims.into_iter().map(Box::new);
                self.alerts.extend(claims.map(Delivery::Claimed));
                self.cut += found.cut.len() as u64;
                self.problems.extend(found.cut.into_iter().map(|key| {
                    Problem::discard(&name, format!("more findings than are read in {key}"))
                }));
            }
            Ok(Err(error)) => self.problems.push(Problem::retry(name, error_chain(&error))),
            Err(_) => self.problems.push(Problem::retry(name, "not evaluated in time")),
        }
    }
}
