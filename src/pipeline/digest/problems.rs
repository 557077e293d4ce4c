//! What is not as CloudTrail wrote it becomes a finding.

use detect::finding::integrity::{IntegrityEvent, IntegrityKind};
use detect::text::time::format_date;
use jiff::Timestamp;

use super::DigestVerification;
use crate::integrity::chain::CADENCE;
use crate::integrity::verified_day::VerifiedDay;
use crate::ledger::ChainId;
use crate::pipeline::findings;
use crate::pipeline::findings::packed::{PackedFinding, Packer};
use crate::pipeline::invocation::Invocation;
use crate::pipeline::object::ObjectResults;
use crate::pipeline::report::ObjectOutcome;

impl DigestVerification<'_> {
    /// Adds a finding. `time`: the hour that is not proven, or the end of a digest's hour twice.
    pub(super) fn add(
        &mut self,
        kind: IntegrityKind,
        key: &str,
        reason: &str,
        digest: Option<String>,
        (from, until): (Timestamp, Timestamp),
    ) {
        let from = if from == until { until.checked_sub(CADENCE).unwrap_or(from) } else { from };
        let event = event(&self.chain, kind, key, reason, digest, (from, until));
        self.day(until).add_problem(&event);
        self.events.push(event);
    }

    /// What the head of the chain is to know of the day of a digest's end.
    pub(super) fn day(&mut self, end: Timestamp) -> &mut VerifiedDay {
        self.days.entry(format_date(end)).or_default()
    }
    pub(super) async fn alert(&mut self) {
        let events = std::mem::take(&mut self.events);
        self.counts.failures += events.len() as u64;
        let results = alert(self.invocation, events, self.now).await;
        self.results.findings += results.findings;
        self.results.deliveries += results.deliveries;
    }
}
/// What is wrong with an object of a chain.
pub(crate) fn event(
    chain: &ChainId,
    kind: IntegrityKind,
    key: &str,
    reason: &str,
    digest: Option<String>,
    (from, until): (Timestamp, Timestamp),
) -> IntegrityEvent {
    IntegrityEvent {
        kind,
        account: chain.account.clone(),
        region: chain.region.clone(),
        trail: chain.trail.clone(),
        bucket: chain.bucket.clone(),
        key: key.to_owned(),
        reason: reason.to_owned(),
        digest,
        from,
        until,
    }
}

/// Alerts on what is wrong, as on other findings.
pub(crate) async fn alert(
    invocation: &Invocation,
    events: Vec<IntegrityEvent>,
    now: Timestamp,
) -> ObjectResults {
    let mut results = ObjectResults::unread(ObjectOutcome::Scanned);
    let exceptions = &invocation.pipeline.detections.exceptions;
    let found = events.iter().filter_map(|event| event.finding(exceptions, now));
    let mut packer = Packer::default();
    let found: Vec<PackedFinding> = found.map(|finding| packer.pack(finding)).collect();
    results.findings = found.len() as u64;
    results.deliveries = findings::process(invocation, found).await;
    results
}
