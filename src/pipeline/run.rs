//! The work of one invocation, and what became of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use detect::cloudtrail::content::ContentHash;
use detect::cloudtrail::key::ObjectKind;
use detect::cloudtrail::reader::ScanMode;
use detect::finding::{Origin, Outcome, match_record};
use detect::model::read_changes;
use detect::text::error::error_chain;
use tokio::task::{Id, JoinSet};
use tracing::{Instrument, debug_span};

use super::digest;
use super::findings::packed::Packer;
use super::invocation::Invocation;
use super::object::{ObjectResults, process_log_events, process_object};
use super::outcomes::{DeliveryReport, FindingOutcome, Grouped};
use super::problem::{Problem, Remedy};
use super::report::{InvocationReport, ObjectOutcome};
use super::{Clock, Pipeline, findings, model};
use crate::notification::{InlineRecord, InlineSource, Item, Message, ObjectRef, Reply};

/// How many objects are in flight at once: enough to overlap network and processor, few enough to
/// stay small.
pub(crate) const OBJECTS_IN_FLIGHT: usize = 4;

/// The queue's id of a message. `None` without a queue.
pub(crate) type QueueMessageId = Option<String>;

/// How many records of a message are not accepted, by what carried them.
type RefusedRecords = BTreeMap<InlineSource, u64>;

/// An object, and the message that named it.
pub(crate) struct QueuedObject {
    pub(crate) message: QueueMessageId,
    /// How often the message was received, this time included.
    pub(crate) receives: u32,
    pub(crate) object: ObjectRef,
}

impl QueuedObject {
    /// An object that no message named.
    pub(crate) fn without_message(object: ObjectRef) -> QueuedObject {
        QueuedObject { message: None, receives: 1, object }
    }
}

/// A finding to be summarised when the invocation ends, and the message that it came with.
pub(crate) struct GroupedFinding {
    pub(crate) message: QueueMessageId,
    pub(crate) grouped: Grouped,
}

/// Objects by what became of them.
#[derive(Default)]
pub(crate) struct ProcessedObjects {
    pub(crate) ended: Vec<(ObjectRef, ObjectOutcome)>,
    /// Not started, since the time was nearly over. They have no outcome yet.
    pub(crate) not_started: Vec<QueuedObject>,
}

/// The work of one invocation.
pub(crate) struct Run {
    pub(crate) invocation: Arc<Invocation>,
    pub(crate) clock: Clock,
    /// Only without a ledger.
    pub(crate) grouped: Vec<GroupedFinding>,
    /// The messages that asked for a sweep.
    pub(crate) sweeps: BTreeSet<QueueMessageId>,
    /// The messages that asked for a canary.
    pub(crate) canaries: BTreeSet<QueueMessageId>,
    /// The messages that asked for the page of the week.
    pub(crate) reports: BTreeSet<QueueMessageId>,
    /// The hashes of log files that were read, if they are hashed.
    pub(crate) hashes: Vec<(ObjectRef, ContentHash)>,
    /// The outcome of each finding, if a replay asks for it.
    pub(crate) finding_outcomes: Option<Vec<FindingOutcome>>,
    pub(crate) outcome: InvocationReport,
}

impl Run {
    pub(crate) fn new(pipeline: &Arc<Pipeline>, clock: Clock, reply: Reply) -> Run {
        Run {
            invocation: Arc::new(Invocation::new(pipeline, clock)),
            clock,
            grouped: Vec::new(),
            sweeps: BTreeSet::new(),
            canaries: BTreeSet::new(),
            reports: BTreeSet::new(),
            hashes: Vec::new(),
            finding_outcomes: None,
            outcome: InvocationReport::new(&pipeline.detections, clock.now, reply),
        }
    }

    pub(crate) fn pipeline(&self) -> &Arc<Pipeline> {
        &self.invocation.pipeline
    }

    /// Processes everything in a message except its objects, which are returned.
    pub(crate) async fn process_message(&mut self, message: Message) -> Vec<QueuedObject> {
        let Message { id, receives, items } = message;
        self.outcome.report.messages += 1;
        let mut objects = Vec::new();
        let mut records = Vec::new();
        let mut log_events = Vec::new();
        let mut refused = RefusedRecords::new();
        for item in items {
            match item {
                Item::Object(object) if !self.pipeline().is_in_trails(&object) => {
                    self.skip_outside_trails(&object);
                }
                Item::Object(object) => {
                    objects.push(QueuedObject { message: id.clone(), receives, object });
                }
                Item::Record(record) if self.accepts(record.source) => {
                    records.push(record);
                }
                Item::Record(record) => *refused.entry(record.source).or_default() += 1,
                Item::LogEvents(stored) if self.accepts(InlineSource::CloudWatchLogs) => {
                    log_events.push(stored);
                }
                // How many they are is known only after they are read.
                Item::LogEvents(_) => {
                    *refused.entry(InlineSource::CloudWatchLogs).or_default() += 1
                }
                other => self.process_item(&id, other),
            }
        }
        self.refuse_records(&id, &refused);
        self.process_records(&id, &records).await;
        for stored in log_events {
            let results = process_log_events(&self.invocation, stored, self.clock.now).await;
            self.add_results(&id, results);
        }
        let signs =
            objects.iter().filter(|it| ObjectKind::from_key(&it.object.key).shows_delivery());
        self.outcome.report.announced += signs.count() as u64;
        self.outcome.report.objects += objects.len() as u64;
        objects
    }

    fn accepts(&self, source: InlineSource) -> bool {
        self.pipeline().inline_sources.contains(&source)
    }

    /// Counts an object that a notification names and that is not read: anyone who may send
    /// notifications could name it.
    fn skip_outside_trails(&mut self, object: &ObjectRef) {
        let report = &mut self.outcome.report;
        report.objects += 1;
        report.objects_outside_trails += 1;
        report.count_object(ObjectOutcome::Skipped);
        self.outcome.notes.push(format!("{object}: outside trails (TRAILBELL_TRAILS)"));
    }

    /// Counts records inside a notification that are not used, for the same reason.
    fn refuse_records(&mut self, message: &QueueMessageId, refused: &RefusedRecords) {
        for (source, count) in refused {
            self.outcome.report.inline_refused += count;
            let plural = if *count == 1 { "record" } else { "records" };
            let name = source.setting();
            let what = format!(
                "{count} {plural} of {source} not accepted: TRAILBELL_INLINE does not name {name}"
            );
            self.add_problem(message, Problem::discard(message_name(message), what));
        }
    }

    fn process_item(&mut self, message: &QueueMessageId, item: Item) {
        let report = &mut self.outcome.report;
        match item {
            Item::Sweep => {
                self.sweeps.insert(message.clone());
            }
            Item::Canary => {
                self.canaries.insert(message.clone());
            }
            Item::Report => {
                self.reports.insert(message.clone());
            }
            Item::Ignored(reason) => {
                report.ignored += 1;
                self.outcome.notes.push(format!("ignored: {reason}"));
            }
            Item::Unreadable(error) => {
                report.unreadable += 1;
                self.add_problem(
                    message,
                    Problem::retry(message_name(message), error_chain(&error)),
                );
            }
            // Processed together.
            Item::Object(_) | Item::Record(_) | Item::LogEvents(_) => {}
        }
    }

    async fn process_records(&mut self, message: &QueueMessageId, records: &[InlineRecord]) {
        let mut packer = Packer::default();
        let mut found = Vec::new();
        let mut changes = Vec::new();
        for InlineRecord { record, source, index } in records {
            let origin = || Origin::Inline { envelope: source.to_string(), record: *index };
            let detections = &self.pipeline().detections;
            let on_finding = &mut |it| found.push(packer.pack(it));
            let suppressed = match_record(record, detections, self.clock.now, &origin, on_finding);
            changes.extend(read_changes(record, suppressed));
        }
        let place = message_name(message);
        for problem in model::add_changes(&self.invocation, place, changes).await {
            self.add_problem(message, problem);
        }
        self.outcome.report.records += records.len() as u64;
        self.outcome.report.findings += found.len() as u64;
        let deliveries = findings::process(&self.invocation, found).await;
        self.add_deliveries(message, deliveries);
    }

    /// Processes objects, each in a task of its own, and counts those that were started.
    pub(crate) async fn process_objects(&mut self, objects: Vec<QueuedObject>) -> ProcessedObjects {
        let mut processed = ProcessedObjects::default();
        for round in digest::rounds(objects) {
            self.process_round(round, &mut processed).await;
        }
        processed
    }

    async fn process_round(&mut self, round: Vec<QueuedObject>, processed: &mut ProcessedObjects) {
        let mut tasks = JoinSet::new();
        let mut queued = HashMap::new();
        for object in round {
            if tasks.len() == OBJECTS_IN_FLIGHT {
                processed.ended.extend(self.join(&mut tasks, &mut queued).await);
            }
            if self.clock.is_over() {
                processed.not_started.push(object);
            } else {
                let task = tasks.spawn(self.object_task(&object.object));
                queued.insert(task.id(), object);
            }
        }
        while !tasks.is_empty() {
            processed.ended.extend(self.join(&mut tasks, &mut queued).await);
        }
    }

    fn object_task(&self, object: &ObjectRef) -> impl Future<Output = ObjectResults> + use<> {
        let invocation = Arc::clone(&self.invocation);
        let object = object.clone();
        let now = self.clock.now;
        let span = debug_span!("object", bucket = object.bucket, key = object.key);
        async move { process_object(&invocation, &object, now).await }.instrument(span)
    }

    /// Waits for one task. One that panicked is one failed object.
    async fn join(
        &mut self,
        tasks: &mut JoinSet<ObjectResults>,
        queued: &mut HashMap<Id, QueuedObject>,
    ) -> Option<(ObjectRef, ObjectOutcome)> {
        let (id, results) = match tasks.join_next_with_id().await? {
            Ok((id, results)) => (id, Ok(results)),
            Err(error) => (error.id(), Err(error)),
        };
        let QueuedObject { message, object, .. } = queued.remove(&id)?;
        let results = results.unwrap_or_else(|error| {
            let why = format!("its task died: {error}");
            ObjectResults::retried(ObjectOutcome::Failed, &object, why)
        });
        let outcome = results.outcome;
        let hash = results.read.hash.filter(|_| outcome == ObjectOutcome::Scanned);
        self.hashes.extend(hash.map(|hash| (object.clone(), hash)));
        self.add_object(&message, results);
        Some((object, outcome))
    }

    /// Counts objects that were not started: their messages are delivered again.
    pub(crate) fn out_of_time(&mut self, not_started: &[QueuedObject]) {
        for QueuedObject { message, object, .. } in not_started {
            let why = "not started: the function's time is nearly over";
            let results = ObjectResults::retried(ObjectOutcome::Deadline, object, why);
            self.add_object(message, results);
        }
    }

    pub(crate) fn add_object(&mut self, message: &QueueMessageId, results: ObjectResults) {
        let report = &mut self.outcome.report;
        report.count_object(results.outcome);
        report.prefiltered += u64::from(results.read.mode == ScanMode::Prefiltered);
        self.add_results(message, results);
    }

    /// Counts what was read, and what became of its findings.
    pub(crate) fn add_results(&mut self, message: &QueueMessageId, results: ObjectResults) {
        let report = &mut self.outcome.report;
        report.bytes += results.read.bytes;
        report.records += results.read.records;
        report.bad_records += results.bad_records;
        report.findings += results.findings;
        report.digests_verified += results.verified.digests;
        report.log_files_verified += results.verified.log_files;
        report.integrity_failures += results.verified.failures;
        report.digests_unverified += results.verified.unverified;
        self.add_deliveries(message, results.deliveries);
    }

    fn add_deliveries(&mut self, message: &QueueMessageId, deliveries: DeliveryReport) {
        deliveries.correlations.iter().for_each(|it| self.outcome.report.count_correlation(it));
        self.outcome.report.correlations_cut += deliveries.correlations_cut;
        self.outcome.report.conflicts += deliveries.conflicts;
        self.outcome.report.findings -= deliveries.known + deliveries.learned_matches;
        self.outcome.report.known_values += deliveries.known;
        self.outcome.report.learned_values += deliveries.learned;
        self.outcome.report.count_extras(&deliveries);
        self.outcome.problems.extend(deliveries.chat_problems);
        self.outcome.problems.extend(deliveries.page_problems);
        self.add_outcomes(deliveries.findings);
        self.grouped.extend(
            deliveries
                .grouped
                .into_iter()
                .map(|grouped| GroupedFinding { message: message.clone(), grouped }),
        );
        self.outcome.notes.extend(deliveries.notes);
        deliveries.problems.into_iter().for_each(|problem| self.add_problem(message, problem));
    }

    /// Counts what became of findings.
    pub(crate) fn add_outcomes(&mut self, outcomes: Vec<FindingOutcome>) {
        outcomes.iter().for_each(|outcome| self.outcome.report.count_finding(outcome));
        if let Some(all) = &mut self.finding_outcomes {
            all.extend(outcomes);
        }
    }

    /// Counts findings that a summary was, or would be, sent of.
    pub(crate) fn add_grouped(&mut self, grouped: &[GroupedFinding], outcome: Outcome) {
        self.add_outcomes(
            grouped
                .iter()
                .map(|it| FindingOutcome { outcome, ..it.grouped.outcome.clone() })
                .collect(),
        );
    }

    pub(crate) fn add_problem(&mut self, message: &QueueMessageId, problem: Problem) {
        if problem.remedy == Remedy::Retry {
            self.outcome.retry.insert(message.clone());
        }
        self.outcome.problems.push(problem);
    }
}

/// A message, for a problem.
fn message_name(message: &QueueMessageId) -> String {
    match message {
        Some(id) => format!("message {}", id.escape_debug()),
        None => "the invocation".to_owned(),
    }
}
