//! The one place where the order of things is written down: what comes in is decoded, each object goes its way in a
//! task of its own, inline records go theirs, and everything is counted.

mod claims;
mod object;
mod problem;
mod publish;
mod reply;
mod report;
mod search;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use object::can_match_in;
pub use problem::{Problem, Remedy};
pub use reply::Failed;
pub use report::{Mismatch, ObjectFate, Report};
pub use search::{Hit, findings, search};

use crate::cloudtrail::reader::Gear;
use crate::finding::Origin;
use crate::notification::{self, InlineRecord, Item, Message, Notification, ObjectRef, Reply};
use crate::rule::Detections;
use crate::sink::AlertSink;
use crate::store::ObjectStore;
use claims::Claims;
use object::ObjectOutcome;

/// How many objects are in flight at once: enough to overlap network and processor, few enough to stay small.
const IN_FLIGHT: usize = 4;

/// All that a notification meets on its way.
pub struct Pipeline {
    /// Where log objects are.
    pub store: Box<dyn ObjectStore>,
    /// Where alerts go.
    pub sink: Box<dyn AlertSink>,
    /// What is looked for, and what of it is not to be alerted.
    pub detections: Arc<Detections>,
    /// Inflated bytes accepted of one object.
    pub max_object_bytes: u64,
}

/// When a run happens.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Now, for date math in queries.
    pub now: Timestamp,
    /// No object is started after this; none where time is not limited.
    pub last_start: Option<Instant>,
}

/// What became of one notification.
#[derive(Debug)]
pub struct Outcome {
    /// The counts; they add up unless `mismatch` says otherwise.
    pub report: Report,
    /// Counts that do not add up.
    pub mismatch: Option<Mismatch>,
    /// What went wrong, by name.
    pub problems: Vec<Problem>,
    /// What was not read, asked for nothing, or is not to be alerted, and why.
    pub notes: Vec<String>,
    /// What the operator should mend, whatever came in: exceptions that are not in use, or whose end is near.
    pub warnings: Vec<String>,
    /// How the caller wants to hear of failures.
    pub reply: Reply,
    /// The messages to deliver again: their queue ids, or none for one without.
    pub retry: BTreeSet<Option<String>>,
}

/// Sees one invocation's payload through. Never fails as a whole: what fails is named and counted, and its message is
/// in [`Outcome::retry`], after everything else was done.
pub async fn run(pipeline: &Arc<Pipeline>, payload: &Value, clock: Clock) -> Outcome {
    let Notification { reply, messages } = notification::decode(payload);
    let mut run = Run::new(pipeline, clock, reply);
    let mut objects = Vec::new();
    for message in messages {
        objects.extend(run.take(message).await);
    }
    run.see_objects_through(objects).await;
    run.outcome.mismatch = run.outcome.report.check().err();
    run.outcome
}

/// An object, and the message that named it.
struct Named {
    message: Option<String>,
    object: ObjectRef,
}

struct Run {
    pipeline: Arc<Pipeline>,
    claims: Arc<Claims>,
    clock: Clock,
    outcome: Outcome,
}

impl Run {
    fn new(pipeline: &Arc<Pipeline>, clock: Clock, reply: Reply) -> Run {
        let (problems, notes) = (Vec::new(), Vec::new());
        let warnings = pipeline.detections.warnings(clock.now);
        let report = Report { exception_problems: pipeline.detections.exception_problems(), ..Report::default() };
        let outcome = Outcome { report, mismatch: None, problems, notes, warnings, reply, retry: BTreeSet::new() };
        Run { pipeline: Arc::clone(pipeline), claims: Arc::default(), clock, outcome }
    }

    /// Sees to everything in a message but its objects, which it gives back.
    async fn take(&mut self, message: Message) -> Vec<Named> {
        self.outcome.report.messages += 1;
        let mut objects = Vec::new();
        let mut records = Vec::new();
        for item in message.items {
            match item {
                Item::Object(object) => objects.push(Named { message: message.id.clone(), object }),
                Item::Record(record) => records.push(record),
                Item::Ignored(reason) => self.ignored(reason),
                Item::BadRecord(error) => {
                    self.outcome.report.records += 1;
                    self.outcome.report.bad_records += 1;
                    self.problem(&message.id, Problem::discard(named(&message.id), error));
                }
                Item::Unreadable(error) => {
                    self.outcome.report.unreadable += 1;
                    self.problem(&message.id, Problem::retry(named(&message.id), error));
                }
            }
        }
        self.see_records_through(&message.id, &records).await;
        self.outcome.report.objects += objects.len() as u64;
        objects
    }

    fn ignored(&mut self, reason: String) {
        self.outcome.report.ignored += 1;
        self.outcome.notes.push(format!("ignored: {reason}"));
    }

    fn problem(&mut self, message: &Option<String>, problem: Problem) {
        if problem.remedy == Remedy::Retry {
            self.outcome.retry.insert(message.clone());
        }
        self.outcome.problems.push(problem);
    }

    async fn see_records_through(&mut self, message: &Option<String>, records: &[InlineRecord]) {
        let mut found = Vec::new();
        for InlineRecord { record, envelope, index } in records {
            let origin = || Origin::Inline { envelope: (*envelope).to_owned(), record: *index };
            findings(record, &self.pipeline.detections, self.clock.now, &origin, &mut |finding| found.push(finding));
        }
        self.outcome.report.records += records.len() as u64;
        self.outcome.report.findings += found.len() as u64;
        let published = publish::publish(&self.pipeline, &self.claims, found).await;
        published.fates.into_iter().for_each(|fate| self.outcome.report.count_finding(fate));
        published.problems.into_iter().for_each(|problem| self.problem(message, problem));
        self.outcome.notes.extend(published.notes);
    }

    async fn see_objects_through(&mut self, objects: Vec<Named>) {
        let mut tasks = JoinSet::new();
        let mut names = std::collections::HashMap::new();
        for named in objects {
            if tasks.len() == IN_FLIGHT {
                self.join(&mut tasks, &mut names).await;
            }
            if self.clock.last_start.is_some_and(|last| Instant::now() >= last) {
                self.out_of_time(&named);
                continue;
            }
            let (pipeline, claims) = (Arc::clone(&self.pipeline), Arc::clone(&self.claims));
            let (object, now) = (named.object.clone(), self.clock.now);
            let task = tasks.spawn(async move { object::see_through(&pipeline, &claims, &object, now).await });
            names.insert(task.id(), named);
        }
        while !tasks.is_empty() {
            self.join(&mut tasks, &mut names).await;
        }
    }

    /// Waits for one task. One that died is one failed object.
    async fn join(
        &mut self,
        tasks: &mut JoinSet<ObjectOutcome>,
        names: &mut std::collections::HashMap<tokio::task::Id, Named>,
    ) {
        let (id, outcome) = match tasks.join_next_with_id().await {
            Some(Ok((id, outcome))) => (id, Ok(outcome)),
            Some(Err(error)) => (error.id(), Err(error)),
            None => return,
        };
        if let Some(named) = names.remove(&id) {
            let died = |error| ObjectOutcome::failed(&named.object, format!("its task died: {error}"));
            self.count(&named, outcome.unwrap_or_else(died));
        }
    }

    fn out_of_time(&mut self, named: &Named) {
        let problem = Problem::retry(&named.object, "not started: the function's time is nearly over");
        let outcome = ObjectOutcome { problems: vec![problem], ..ObjectOutcome::unread(ObjectFate::Deadline) };
        self.count(named, outcome);
    }

    fn count(&mut self, named: &Named, outcome: ObjectOutcome) {
        let report = &mut self.outcome.report;
        report.count_object(outcome.fate);
        report.bytes += outcome.read.bytes;
        report.records += outcome.read.records;
        report.probed += u64::from(outcome.read.gear == Gear::Probe);
        report.bad_records += outcome.bad_records;
        report.findings += outcome.findings;
        outcome.fates.into_iter().for_each(|fate| report.count_finding(fate));
        self.outcome.notes.extend(outcome.notes);
        outcome.problems.into_iter().for_each(|problem| self.problem(&named.message, problem));
    }
}

fn named(message: &Option<String>) -> String {
    message.as_ref().map_or("the invocation".to_owned(), |id| format!("message {}", id.escape_debug()))
}
