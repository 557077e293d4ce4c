//! One log object: skipped, gone, or read and its findings processed.

use std::fmt::Display;
use std::sync::Arc;

use detect::cloudtrail::key::ObjectKind;
use detect::cloudtrail::reader::{Options, ReadStats};
use detect::cloudtrail::{BadRecord, Body, ReadError};
use detect::finding::{Finding, Origin, ScanEvent, scan_body};
use detect::rule::{Detections, RuleSet};
use detect::text::error::error_chain;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::debug;

use super::findings;
use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use super::packed::PackedFinding;
use super::problem::{Problem, Remedy};
use super::report::ObjectOutcome;
use crate::notification::ObjectRef;

/// The most bad records of one object that are named: there can be millions.
const MAX_NAMED_RECORDS: u64 = 20;

/// Findings of this size are processed together. Three batches of each object in flight can exist
/// at once: one is filled, one waits, one is processed.
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What became of one object and of the findings in it.
#[derive(Debug)]
pub(crate) struct ObjectResults {
    pub(crate) outcome: ObjectOutcome,
    pub(crate) read: ReadStats,
    pub(crate) bad_records: u64,
    pub(crate) findings: u64,
    pub(crate) deliveries: DeliveryReport,
}

impl ObjectResults {
    /// An object of which nothing was read.
    pub(crate) fn unread(outcome: ObjectOutcome) -> ObjectResults {
        ObjectResults {
            outcome,
            read: ReadStats::default(),
            bad_records: 0,
            findings: 0,
            deliveries: DeliveryReport::default(),
        }
    }

    /// An object that is retried.
    pub(crate) fn retried(
        outcome: ObjectOutcome,
        object: &ObjectRef,
        why: impl Display,
    ) -> ObjectResults {
        let mut results = ObjectResults::unread(outcome);
        results.deliveries.problems.push(Problem::retry(object, why));
        results
    }

    /// Adds what was read, and decides the outcome.
    fn end(&mut self, object: &ObjectRef, scanned: Scanned) {
        let Scanned { bad, read, error } = scanned;
        debug!(bytes = read.bytes, records = read.records, findings = self.findings, "scanned");
        let problems = &mut self.deliveries.problems;
        problems.extend(bad.problems);
        problems.extend(error.map(|error| Problem::retry(object, error)));
        if !problems.iter().any(|problem| problem.remedy == Remedy::Retry) {
            self.outcome = ObjectOutcome::Scanned;
        }
        self.read = read;
        self.bad_records = bad.count;
    }

    fn noted(outcome: ObjectOutcome, object: &ObjectRef, note: impl Display) -> ObjectResults {
        let mut results = ObjectResults::unread(outcome);
        results.deliveries.notes.push(format!("{object}: {note}"));
        results
    }
}

/// Why an object need not be read: its key says that it holds no records, or none that a rule could
/// match.
pub(crate) fn skip_reason(key: &str, rules: &RuleSet) -> Option<String> {
    let kind = ObjectKind::from_key(key);
    if let Some(reason) = kind.skip_reason() {
        return Some(reason.to_owned());
    }
    let ObjectKind::Log { region } = kind else { return None };
    let region_name = region.escape_debug();
    (!rules.can_match_in(region))
        .then(|| format!("region {region_name} records nothing that the rules look for"))
}

/// Fetches one object, reads it, and processes its findings.
pub(crate) async fn process_object(
    invocation: &Invocation,
    object: &ObjectRef,
    now: Timestamp,
) -> ObjectResults {
    let pipeline = &invocation.pipeline;
    if let Some(reason) = skip_reason(&object.key, &pipeline.detections.rule_set) {
        return ObjectResults::noted(ObjectOutcome::Skipped, object, reason);
    }
    let body = match pipeline.store.open(object).await {
        Ok(body) => body,
        Err(error) if error.is_not_found() => {
            return ObjectResults::noted(ObjectOutcome::Gone, object, error.kind);
        }
        Err(error) => {
            let why = error_chain(&error.kind);
            return ObjectResults::retried(ObjectOutcome::Failed, object, why);
        }
    };
    debug!("fetched");
    let scan = Scan {
        object: object.clone(),
        detections: Arc::clone(&pipeline.detections),
        max_bytes: pipeline.max_object_bytes,
        now,
    };
    scan_and_process(invocation, object, scan, body).await
}

/// Reads an object in a thread of its own, and processes its findings as they are found. Inflating
/// and matching keep a processor busy: here they would hold up the other objects' network. Reading
/// waits while two batches of findings do.
async fn scan_and_process(
    invocation: &Invocation,
    object: &ObjectRef,
    scan: Scan,
    body: Body,
) -> ObjectResults {
    let (sender, mut batches) = mpsc::channel(1);
    let scanning = tokio::task::spawn_blocking(move || scan.run(body, sender));
    let mut count = 0;
    let mut deliveries = DeliveryReport::default();
    while let Some(batch) = batches.recv().await {
        count += batch.len() as u64;
        deliveries += findings::process(invocation, batch).await;
    }
    let mut results = ObjectResults { findings: count, deliveries, ..ObjectResults::unread(ObjectOutcome::Failed) };
    match scanning.await {
        Ok(scanned) => results.end(object, scanned),
        Err(panic) => {
            let why = format!("the task that read it died: {panic}");
            results.deliveries.problems.push(Problem::retry(object, why));
        }
    }
    results
}

/// What an object is read for.
struct Scan {
    object: ObjectRef,
    detections: Arc<Detections>,
    max_bytes: u64,
    now: Timestamp,
}

/// What was read of one object.
struct Scanned {
    bad: BadRecords,
    read: ReadStats,
    error: Option<ReadError>,
}

/// Findings on their way from the thread that reads to the task that processes them.
struct FindingSender {
    batch: Vec<PackedFinding>,
    size: usize,
    sender: mpsc::Sender<Vec<PackedFinding>>,
}

impl FindingSender {
    fn new(sender: mpsc::Sender<Vec<PackedFinding>>) -> FindingSender {
        FindingSender { batch: Vec::new(), size: 0, sender }
    }

    fn push(&mut self, finding: Finding) {
        let packed = PackedFinding::pack(finding);
        self.size += packed.size();
        self.batch.push(packed);
        if self.size >= MAX_BATCH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.size = 0;
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            // The task that receives is gone only when the invocation is.
            let _ = self.sender.blocking_send(batch);
        }
    }
}

/// The bad records of one object.
#[derive(Default)]
struct BadRecords {
    count: u64,
    problems: Vec<Problem>,
    /// One of them may hide a call that a rule looks for.
    may_hide_a_call: bool,
}

impl Scan {
    fn run(&self, body: Body, sender: mpsc::Sender<Vec<PackedFinding>>) -> Scanned {
        let mut found = FindingSender::new(sender);
        let mut bad = BadRecords::default();
        let bucket = &self.object.bucket;
        let key = &self.object.key;
        let origin = |record| Origin::Object { bucket: bucket.clone(), key: key.clone(), record };
        let options = Options { max_bytes: self.max_bytes, lines: false };
        let mut on_event = |event| match event {
            ScanEvent::Finding(finding) => found.push(*finding),
            ScanEvent::Bad(record) => self.count_bad(&mut bad, &record),
        };
        let (read, end) =
            scan_body(body, options, &self.detections, self.now, &origin, &mut on_event);
        found.flush();
        bad.note_unnamed(&self.object);
        Scanned { bad, read, error: end.err() }
    }

    fn count_bad(&self, bad: &mut BadRecords, record: &BadRecord) {
        bad.count += 1;
        // With a prefilter only records that name what a rule looks for are parsed. One that
        // cannot be parsed is then retried and dead-lettered, so that a person sees it.
        let hides = self.detections.rule_set.prefilter().is_ok() && record.may_hide_a_call();
        if bad.count <= MAX_NAMED_RECORDS || (hides && !bad.may_hide_a_call) {
            bad.problems.push(match hides {
                true => Problem::retry(&self.object, record),
                false => Problem::discard(&self.object, record),
            });
        }
        bad.may_hide_a_call |= hides;
    }
}

impl BadRecords {
    fn note_unnamed(&mut self, object: &ObjectRef) {
        if let more @ 1.. = self.count.saturating_sub(MAX_NAMED_RECORDS) {
            let what = format!("and {more} more bad records");
            self.problems.push(Problem::discard(object, what));
        }
    }
}
