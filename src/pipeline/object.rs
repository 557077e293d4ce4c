//! The way of one log object.

use std::sync::Arc;

use jiff::Timestamp;

use super::claims::Claims;
use super::publish::publish;
use super::report::ObjectFate;
use super::search::{Hit, search};
use super::{Pipeline, Problem};
use crate::cloudtrail::reader::{Options, Read};
use crate::cloudtrail::{Body, ReadError, key, region};
use crate::finding::{Fate, Finding, Origin};
use crate::notification::ObjectRef;
use crate::rule::{Detections, RuleSet};
use crate::store::StoreError;

/// What became of one object and of the findings in it.
#[derive(Debug)]
pub(super) struct ObjectOutcome {
    pub(super) fate: ObjectFate,
    pub(super) read: Read,
    pub(super) bad_records: u64,
    pub(super) fates: Vec<Fate>,
    pub(super) findings: u64,
    pub(super) problems: Vec<Problem>,
    /// Why it was not read, where that is no problem; findings of which nobody is told.
    pub(super) notes: Vec<String>,
}

impl ObjectOutcome {
    /// An object of which nothing was read.
    pub(super) fn unread(fate: ObjectFate) -> ObjectOutcome {
        let (read, fates, problems, notes) = (Read::default(), Vec::new(), Vec::new(), Vec::new());
        ObjectOutcome { fate, read, bad_records: 0, fates, findings: 0, problems, notes }
    }

    /// An object that failed as a whole.
    pub(super) fn failed(object: &ObjectRef, what: impl std::fmt::Display) -> ObjectOutcome {
        ObjectOutcome { problems: vec![Problem::retry(object, what)], ..ObjectOutcome::unread(ObjectFate::Failed) }
    }

    fn noted(fate: ObjectFate, object: &ObjectRef, note: impl std::fmt::Display) -> ObjectOutcome {
        ObjectOutcome { notes: vec![format!("{object}: {note}")], ..ObjectOutcome::unread(fate) }
    }
}

/// Why an object need not be read: its key says that it holds no records, or none that a rule could match.
pub(super) fn not_worth_reading(key: &str, rules: &RuleSet) -> Option<String> {
    let kind = key::kind(key);
    if let Some(reason) = kind.no_records() {
        return Some(reason.to_owned());
    }
    let key::Kind::Log { region } = kind else { return None };
    (!can_match_in(rules, region))
        .then(|| format!("of region {}, which records nothing that the rules look for", region.escape_debug()))
}

/// Whether log objects of a region can hold records that a rule could match.
pub fn can_match_in(rules: &RuleSet, region: &str) -> bool {
    let can_hold = |provider: &&str| region::can_hold(region, provider);
    rules.providers().is_none_or(|providers| providers.iter().any(can_hold))
}

/// Opens one object, reads it, and tells people of what was found.
pub(super) async fn see_through(
    pipeline: &Pipeline,
    claims: &Claims,
    object: &ObjectRef,
    now: Timestamp,
) -> ObjectOutcome {
    if let Some(reason) = not_worth_reading(&object.key, &pipeline.detections.rules) {
        return ObjectOutcome::noted(ObjectFate::Skipped, object, reason);
    }
    let body = match pipeline.store.open(object).await {
        Ok(body) => body,
        Err(StoreError::Gone) => return ObjectOutcome::noted(ObjectFate::Gone, object, StoreError::Gone),
        Err(error) => return ObjectOutcome::failed(object, error),
    };
    let (detections, max_bytes) = (Arc::clone(&pipeline.detections), pipeline.max_object_bytes);
    let origin = object.clone();
    // Inflating and matching are work for a processor: they would hold up the other objects' network.
    let found = tokio::task::spawn_blocking(move || find(body, &detections, max_bytes, now, &origin)).await;
    match found {
        Ok(found) => finish(pipeline, claims, object, found).await,
        Err(panic) => ObjectOutcome::failed(object, format!("the task that read it died: {panic}")),
    }
}

/// What was found in one object.
struct Found {
    findings: Vec<Finding>,
    problems: Vec<Problem>,
    read: Read,
    end: Result<(), ReadError>,
}

fn find(body: Body, detections: &Detections, max_bytes: u64, now: Timestamp, object: &ObjectRef) -> Found {
    let (mut findings, mut problems) = (Vec::new(), Vec::new());
    let (bucket, key) = (&object.bucket, &object.key);
    let origin = |record| Origin::Object { bucket: bucket.clone(), key: key.clone(), record };
    let options = Options { max_bytes, lines: false };
    let (read, end) = search(body, options, detections, now, &origin, &mut |hit| match hit {
        Hit::Finding(finding) => findings.push(*finding),
        Hit::Bad(bad) => problems.push(Problem::discard(object, bad)),
    });
    // Records stand in no order; people read the group's creation before the user's addition.
    findings.sort_by_key(|finding| finding.time);
    Found { findings, problems, read, end }
}

async fn finish(pipeline: &Pipeline, claims: &Claims, object: &ObjectRef, found: Found) -> ObjectOutcome {
    let Found { findings, mut problems, read, end } = found;
    let bad_records = problems.len() as u64;
    let found = findings.len() as u64;
    let published = publish(pipeline, claims, findings).await;
    let mut fate = if published.problems.is_empty() { ObjectFate::Scanned } else { ObjectFate::Failed };
    problems.extend(published.problems);
    if let Err(error) = end {
        fate = ObjectFate::Failed;
        problems.push(Problem::retry(object, error));
    }
    let (fates, notes) = (published.fates, published.notes);
    ObjectOutcome { fate, read, bad_records, fates, findings: found, problems, notes }
}
