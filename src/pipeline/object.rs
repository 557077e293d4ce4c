//! The way of one log object.

use std::sync::Arc;

use detect::cloudtrail::reader::{Options, Read};
use detect::cloudtrail::{Body, ReadError, key};
use detect::finding::{Finding, Origin, ScanEvent, scan_body};
use detect::rule::{Detections, RuleSet};
use jiff::Timestamp;

use super::claims::Claims;
use super::correlate::CorrelationAlert;
use super::publish::{DeliveryReport, FindingOutcome, publish};
use super::report::ObjectOutcome;
use super::{Pipeline, Problem, Remedy};
use crate::notification::ObjectRef;
use crate::store::StoreError;

/// What became of one object and of the findings in it.
#[derive(Debug)]
pub(super) struct ObjectResults {
    pub(super) outcome: ObjectOutcome,
    pub(super) read: Read,
    pub(super) bad_records: u64,
    pub(super) ended: Vec<FindingOutcome>,
    /// Held back until the run ends, where there is no ledger to hold them.
    pub(super) held: Vec<Finding>,
    /// What became of the alerts of correlations.
    pub(super) correlation_alerts: Vec<CorrelationAlert>,
    pub(super) findings: u64,
    pub(super) problems: Vec<Problem>,
    /// Why it was not read, where that is no problem; findings of which nobody is told.
    pub(super) notes: Vec<String>,
}

impl ObjectResults {
    /// An object of which nothing was read.
    pub(super) fn unread(outcome: ObjectOutcome) -> ObjectResults {
        let (read, ended, held, correlation_alerts) =
            (Read::default(), Vec::new(), Vec::new(), Vec::new());
        let (problems, notes) = (Vec::new(), Vec::new());
        ObjectResults {
            outcome,
            read,
            bad_records: 0,
            ended,
            held,
            correlation_alerts,
            findings: 0,
            problems,
            notes,
        }
    }

    /// An object that failed as a whole.
    pub(super) fn failed(object: &ObjectRef, what: impl std::fmt::Display) -> ObjectResults {
        ObjectResults {
            problems: vec![Problem::retry(object, what)],
            ..ObjectResults::unread(ObjectOutcome::Failed)
        }
    }

    fn noted(
        outcome: ObjectOutcome,
        object: &ObjectRef,
        note: impl std::fmt::Display,
    ) -> ObjectResults {
        ObjectResults { notes: vec![format!("{object}: {note}")], ..ObjectResults::unread(outcome) }
    }
}

/// Why an object need not be read: its key says that it holds no records, or none that a rule could
/// match.
pub(super) fn not_worth_reading(key: &str, rules: &RuleSet) -> Option<String> {
    let kind = key::kind(key);
    if let Some(reason) = kind.no_records() {
        return Some(reason.to_owned());
    }
    let key::Kind::Log { region } = kind else { return None };
    (!rules.can_match_in(region)).then(|| {
        format!(
            "of region {}, which records nothing that the rules look for",
            region.escape_debug()
        )
    })
}

/// Opens one object, reads it, and tells people of what was found.
pub(super) async fn process_object(
    pipeline: &Pipeline,
    claims: &Claims,
    object: &ObjectRef,
    now: Timestamp,
) -> ObjectResults {
    if let Some(reason) = not_worth_reading(&object.key, &pipeline.detections.rule_set) {
        return ObjectResults::noted(ObjectOutcome::Skipped, object, reason);
    }
    let body = match pipeline.store.open(object).await {
        Ok(body) => body,
        Err(StoreError::Gone) => {
            return ObjectResults::noted(ObjectOutcome::Gone, object, StoreError::Gone);
        }
        Err(error) => return ObjectResults::failed(object, error),
    };
    let (detections, max_bytes) = (Arc::clone(&pipeline.detections), pipeline.max_object_bytes);
    let origin = object.clone();
    // Inflating and matching are work for a processor: they would hold up the other objects'
    // network.
    let found =
        tokio::task::spawn_blocking(move || find(body, &detections, max_bytes, now, &origin)).await;
    match found {
        Ok(found) => finish(pipeline, claims, object, found).await,
        Err(panic) => ObjectResults::failed(object, format!("the task that read it died: {panic}")),
    }
}

/// The most bad records of one object that are named: there can be millions.
const NAMED: u64 = 20;

/// What was found in one object.
struct Found {
    findings: Vec<Finding>,
    problems: Vec<Problem>,
    bad_records: u64,
    read: Read,
    end: Result<(), ReadError>,
}

fn find(
    body: Body,
    detections: &Detections,
    max_bytes: u64,
    now: Timestamp,
    object: &ObjectRef,
) -> Found {
    let (mut findings, mut problems, mut bad_records, mut hidden) =
        (Vec::new(), Vec::new(), 0, false);
    let probed = detections.rule_set.prefilter().is_ok();
    let (bucket, key) = (&object.bucket, &object.key);
    let origin = |record| Origin::Object { bucket: bucket.clone(), key: key.clone(), record };
    let options = Options { max_bytes, lines: false };
    let (read, end) = scan_body(body, options, detections, now, &origin, &mut |hit| match hit {
        ScanEvent::Finding(finding) => findings.push(*finding),
        ScanEvent::Bad(bad) => {
            bad_records += 1;
            // Only records that name what is looked for are parsed: one that cannot be must be seen
            // by a person.
            let hides = probed && bad.may_hide_a_call();
            if bad_records <= NAMED || (hides && !hidden) {
                problems.push(if hides {
                    Problem::retry(object, &bad)
                } else {
                    Problem::discard(object, &bad)
                });
            }
            hidden |= hides;
        }
    });
    if bad_records > NAMED {
        problems.push(Problem::discard(
            object,
            format!("and {} more bad records", bad_records - NAMED),
        ));
    }
    // Records stand in no order; people read the group's creation before the user's addition.
    findings.sort_by_key(|finding| finding.time);
    Found { findings, problems, bad_records, read, end }
}

async fn finish(
    pipeline: &Pipeline,
    claims: &Claims,
    object: &ObjectRef,
    found: Found,
) -> ObjectResults {
    let Found { findings, mut problems, bad_records, read, end } = found;
    let found = findings.len() as u64;
    let mut published = publish(pipeline, claims, findings).await;
    problems.extend(std::mem::take(&mut published.problems));
    problems.extend(end.err().map(|error| Problem::retry(object, error)));
    let failed = problems.iter().any(|problem| problem.remedy == Remedy::Retry);
    let outcome = if failed { ObjectOutcome::Failed } else { ObjectOutcome::Scanned };
    let DeliveryReport { ended, held, correlation_alerts, notes, .. } = published;
    ObjectResults {
        outcome,
        read,
        bad_records,
        ended,
        held,
        correlation_alerts,
        findings: found,
        problems,
        notes,
    }
}
