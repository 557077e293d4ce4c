//! One log object: skipped, gone, or read and its findings processed. The log events of a
//! subscription are read in the same way.

use std::fmt::{self, Display};
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use detect::cloudtrail::key::ObjectKind;
use detect::cloudtrail::reader::{Layout, Options, ReadStats};
use detect::cloudtrail::{BadRecord, Body, ReadError};
use detect::finding::{Finding, Origin, ScanEvent, scan_body};
use detect::model::Change;
use detect::rule::Detections;
use detect::text::error::error_chain;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::debug;

use super::digest::{self, VerifiedCounts};
use super::findings::packed::{Batch, Packer, WaitingBytes};
use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use super::problem::{Problem, Remedy};
use super::report::ObjectOutcome;
use super::{findings, model};
use crate::notification::{InlineSource, ObjectRef};

/// The most bad records of one object that are named: there can be millions.
const MAX_NAMED_RECORDS: u64 = 20;

/// An object's findings are processed when all of it is read, so that they can be put in a fair
/// order. If the findings of all objects in flight take more than this, those of some are processed
/// earlier.
const MAX_WAITING_BYTES: usize = 40 * 1024 * 1024;

/// The smallest batch of findings that is processed before the end of its object. Three batches of
/// an object can exist at once: one is filled, one waits, one is processed.
const MIN_BATCH_BYTES: usize = 1024 * 1024;

/// What became of one object and of the findings in it.
#[derive(Debug)]
pub(crate) struct ObjectResults {
    pub(crate) outcome: ObjectOutcome,
    pub(crate) read: ReadStats,
    pub(crate) bad_records: u64,
    pub(crate) findings: u64,
    pub(crate) deliveries: DeliveryReport,
    /// Of a digest.
    pub(crate) verified: VerifiedCounts,
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
            verified: VerifiedCounts::default(),
        }
    }

    /// An object that is retried.
    pub(crate) fn retried(
        outcome: ObjectOutcome,
        object: &ObjectRef,
        why: impl Display,
    ) -> ObjectResults {
        let mut results = ObjectResults::unread(outcome);
        results.fail(outcome, object, why);
        results
    }

    fn fail(&mut self, outcome: ObjectOutcome, place: impl Display, why: impl Display) {
        self.outcome = outcome;
        self.deliveries.problems.push(Problem::retry(place, why));
    }

    async fn process(&mut self, invocation: &Invocation, place: &Source, mut batch: Batch) {
        let changes = batch.take_changes();
        self.deliveries.problems.extend(model::add_changes(invocation, place, changes).await);
        self.findings += batch.len() as u64;
        self.deliveries += findings::process(invocation, batch.take_findings()).await;
    }

    /// Adds what was read, and decides the outcome.
    fn end(&mut self, place: impl Display, scanned: Scanned) {
        let Scanned { bad, read, error } = scanned;
        debug!(bytes = read.bytes, records = read.records, findings = self.findings, "scanned");
        let problems = &mut self.deliveries.problems;
        problems.extend(bad.problems);
        problems.extend(error.map(|error| Problem::retry(place, error)));
        if !problems.iter().any(|problem| problem.remedy == Remedy::Retry) {
            self.outcome = ObjectOutcome::Scanned;
        }
        self.read = read;
        self.bad_records = bad.count;
    }

    pub(crate) fn noted(
        outcome: ObjectOutcome,
        object: &ObjectRef,
        note: impl Display,
    ) -> ObjectResults {
        let mut results = ObjectResults::unread(outcome);
        results.deliveries.notes.push(format!("{object}: {note}"));
        results
    }
}

/// Why an object need not be read: its key says that it holds no records, or none that a rule could
/// match.
pub(crate) fn skip_reason(key: &str, detections: &Detections) -> Option<String> {
    let kind = ObjectKind::from_key(key);
    if let Some(reason) = kind.skip_reason() {
        return Some(reason.to_owned());
    }
    let ObjectKind::Log { account, region } = kind else { return None };
    let region_name = region.escape_debug();
    (!detections.can_match_in(account, region))
        .then(|| format!("region {region_name} records nothing that the rules look for"))
}

/// Fetches one object, reads it, and processes its findings.
pub(crate) async fn process_object(
    invocation: &Invocation,
    object: &ObjectRef,
    now: Timestamp,
) -> ObjectResults {
    let pipeline = &invocation.pipeline;
    if matches!(ObjectKind::from_key(&object.key), ObjectKind::Digest) {
        return Box::pin(digest::process_digest(invocation, object, now)).await;
    }
    if let Some(reason) = skip_reason(&object.key, &pipeline.detections) {
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
    scan_and_process(invocation, Source::Object(object.clone()), now, body).await
}

/// Reads the log events of a subscription, and processes their findings. Its outcome is that of the
/// message.
pub(crate) async fn process_log_events(
    invocation: &Invocation,
    stored: Bytes,
    now: Timestamp,
) -> ObjectResults {
    // As a stream, reading can be ended in time.
    let body = Body::Stream(Box::new(Cursor::new(stored)));
    scan_and_process(invocation, Source::LogEvents, now, body).await
}

/// Reads an object in a thread of its own, and processes its findings as they are found. Inflating
/// and matching keep a processor busy: here they would hold up the other objects' network. Reading
/// waits while two batches of findings do.
async fn scan_and_process(
    invocation: &Invocation,
    source: Source,
    now: Timestamp,
    body: Body,
) -> ObjectResults {
    let hash = invocation.hashes_logs;
    let (mut results, scanned) = scan_body_of(invocation, source.clone(), now, body, hash).await;
    if let Some(scanned) = scanned {
        results.end(source, scanned);
    }
    results
}

/// Reads a log object that a digest lists, and processes its findings. Returns what was read if it
/// was read in time; its problems are not among the results.
pub(crate) async fn read_listed_log(
    invocation: &Invocation,
    object: &ObjectRef,
    now: Timestamp,
    body: Body,
) -> (ObjectResults, Option<Scanned>) {
    scan_body_of(invocation, Source::Object(object.clone()), now, body, true).await
}

async fn scan_body_of(
    invocation: &Invocation,
    source: Source,
    now: Timestamp,
    body: Body,
    hash: bool,
) -> (ObjectResults, Option<Scanned>) {
    let pipeline = &invocation.pipeline;
    let scan = Scan {
        source: source.clone(),
        detections: Arc::clone(&pipeline.detections),
        max_bytes: pipeline.max_object_bytes,
        hash,
        now,
    };
    let (sender, mut batches) = mpsc::channel(1);
    let waiting = invocation.waiting.clone();
    let stop = StopSignal::default();
    let body = stop.stops(body);
    let scanning = tokio::task::spawn_blocking(move || scan.run(body, sender, waiting));
    let mut results = ObjectResults::unread(ObjectOutcome::Failed);
    loop {
        match invocation.before_the_end(batches.recv()).await {
            Some(Some(batch)) => results.process(invocation, &source, batch).await,
            Some(None) => break,
            None => {
                stop.send();
                results.fail(ObjectOutcome::Deadline, source, "not read in time");
                return (results, None);
            }
        }
    }
    match scanning.await {
        Ok(scanned) => (results, Some(scanned)),
        Err(panic) => {
            let why = format!("the task that read it died: {panic}");
            results.fail(ObjectOutcome::Failed, source, why);
            (results, None)
        }
    }
}

/// Where records are read.
#[derive(Debug, Clone)]
enum Source {
    Object(ObjectRef),
    /// What a CloudWatch Logs subscription sent.
    LogEvents,
}

impl Source {
    fn layout(&self) -> Layout {
        match self {
            Source::Object(_) => Layout::Records,
            Source::LogEvents => Layout::LogEvents,
        }
    }

    fn origin(&self, record: usize) -> Origin {
        match self {
            Source::Object(ObjectRef { bucket, key, .. }) => {
                Origin::Object { bucket: bucket.clone(), key: key.clone(), record }
            }
            Source::LogEvents => {
                Origin::Inline { envelope: InlineSource::CloudWatchLogs.to_string(), record }
            }
        }
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Object(object) => object.fmt(f),
            Source::LogEvents => write!(f, "{} subscription", InlineSource::CloudWatchLogs),
        }
    }
}

/// Ends the reading of an object that takes too long.
#[derive(Default, Clone)]
struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    fn send(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// A body that ends with an error after the signal. One in memory is read quickly.
    fn stops(&self, body: Body) -> Body {
        match body {
            Body::Whole(bytes) => Body::Whole(bytes),
            Body::Stream(stream) => {
                Body::Stream(Box::new(StoppableStream { stream, stop: self.clone() }))
            }
        }
    }
}

struct StoppableStream {
    stream: Box<dyn Read + Send>,
    stop: StopSignal,
}

impl Read for StoppableStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.0.load(Ordering::Relaxed) {
            return Err(io::Error::other("not read in time"));
        }
        self.stream.read(buffer)
    }
}

/// What is read, and for what.
struct Scan {
    source: Source,
    detections: Arc<Detections>,
    max_bytes: u64,
    /// Whether the text is hashed as it is read.
    hash: bool,
    now: Timestamp,
}

/// What was read of one object.
pub(crate) struct Scanned {
    bad: BadRecords,
    pub(crate) read: ReadStats,
    pub(crate) error: Option<ReadError>,
}

/// Findings on their way from the thread that reads to the task that processes them.
struct FindingSender {
    packer: Packer,
    batch: Batch,
    waiting: WaitingBytes,
    sender: mpsc::Sender<Batch>,
}

impl FindingSender {
    fn new(sender: mpsc::Sender<Batch>, waiting: WaitingBytes) -> FindingSender {
        let batch = Batch::new(&waiting);
        FindingSender { packer: Packer::default(), batch, waiting, sender }
    }

    fn push(&mut self, finding: Finding) {
        self.batch.push(self.packer.pack(finding));
        self.flush_if_large();
    }

    fn push_change(&mut self, change: Change) {
        self.batch.push_change(change);
        self.flush_if_large();
    }

    fn flush_if_large(&mut self) {
        if self.waiting.total() > MAX_WAITING_BYTES && self.batch.bytes() > MIN_BATCH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Batch::new(&self.waiting));
        if !batch.is_empty() {
            // Nobody receives it after the time for the object is over: it is retried.
            let _ = self.sender.blocking_send(batch);
        }
    }
}

/// The bad records of one object or message.
#[derive(Default)]
struct BadRecords {
    count: u64,
    problems: Vec<Problem>,
    /// One of them may hide a call that a rule looks for.
    may_hide_a_call: bool,
}

impl Scan {
    fn run(&self, body: Body, sender: mpsc::Sender<Batch>, waiting: WaitingBytes) -> Scanned {
        let mut found = FindingSender::new(sender, waiting);
        let mut bad = BadRecords::default();
        let origin = |record| self.source.origin(record);
        let options =
            Options { max_bytes: self.max_bytes, layout: self.source.layout(), hash: self.hash };
        let mut on_event = |event| match event {
            ScanEvent::Finding(finding) => found.push(*finding),
            ScanEvent::Change(change) => found.push_change(*change),
            ScanEvent::Bad(record) => self.count_bad(&mut bad, &record),
        };
        let (read, end) =
            scan_body(body, options, &self.detections, self.now, &origin, &mut on_event);
        found.flush();
        bad.note_unnamed(&self.source);
        Scanned { bad, read, error: end.err() }
    }

    fn count_bad(&self, bad: &mut BadRecords, record: &BadRecord) {
        bad.count += 1;
        // A record that names what a rule looks for is retried and dead-lettered, so that a person
        // sees it.
        let hides = record.may_hide_a_call;
        if bad.count <= MAX_NAMED_RECORDS || (hides && !bad.may_hide_a_call) {
            bad.problems.push(match hides {
                true => Problem::retry(&self.source, record),
                false => Problem::discard(&self.source, record),
            });
        }
        bad.may_hide_a_call |= hides;
    }
}

impl BadRecords {
    fn note_unnamed(&mut self, source: &Source) {
        if let more @ 1.. = self.count.saturating_sub(MAX_NAMED_RECORDS) {
            let what = format!("and {more} more bad records");
            self.problems.push(Problem::discard(source, what));
        }
    }
}
