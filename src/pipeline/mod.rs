//! The one place where the order of things is written down: what comes in is decoded, each object
//! goes its way in a task of its own, inline records go theirs, and everything is counted.

mod canary;
mod claims;
mod context;
mod correlate;
mod holding;
mod object;
mod objects;
mod open;
mod problem;
mod publish;
mod recover;
mod replay;
mod reply;
mod report;
mod summary_at_exit;
mod sweep;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

pub use canary::{CanaryRun, CanaryStep, run_canary};
pub use problem::{Problem, Remedy};
pub use publish::FindingOutcome;
pub use recover::{Recovered, recover_open, send_due_summaries};
pub use replay::{Replay, ReplayProgress};
pub use reply::Failed;
pub use report::{Mismatch, ObjectOutcome, Report};

use crate::ledger::Ledger;
use crate::notification::{self, InlineRecord, Item, Message, Notification, Reply};
use crate::sink::AlertSink;
use crate::store::ObjectStore;
use alert::Accounts;
use claims::Claims;
use detect::cloudtrail::Trail;
use detect::cloudtrail::key;
use detect::finding::{Finding, Origin, match_record};
use detect::rule::Detections;
use objects::QueuedObject;
use summary_at_exit::Held;

/// All that a notification meets on its way.
pub struct Pipeline {
    /// Where log objects are.
    pub store: Box<dyn ObjectStore>,
    /// Where alerts go.
    pub sink: Box<dyn AlertSink>,
    /// Where findings are remembered.
    pub ledger: Ledger,
    /// What a sweep lists.
    pub trails: Vec<Trail>,
    /// What is looked for, and what of it is not to be alerted.
    pub detections: Arc<Detections>,
    /// What people call their accounts.
    pub accounts: Accounts,
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
    /// How long claims in the ledger hold: longer than whoever runs can live. See
    /// [`crate::ledger::lease`].
    pub lease: Duration,
}

impl Clock {
    /// Whether nothing is to be started any more.
    fn is_over(&self) -> bool {
        self.last_start.is_some_and(|last| Instant::now() >= last)
    }
}

/// What became of one notification.
#[derive(Debug)]
pub struct InvocationReport {
    /// The counts; they add up unless `mismatch` says otherwise.
    pub report: Report,
    /// Counts that do not add up.
    pub mismatch: Option<Mismatch>,
    /// What went wrong, by name.
    pub problems: Vec<Problem>,
    /// What was not read, asked for nothing, or is not to be alerted, and why.
    pub notes: Vec<String>,
    /// What the operator should mend, whatever came in: exceptions that are not in use, or whose
    /// end is near.
    pub warnings: Vec<String>,
    /// How the caller wants to hear of failures.
    pub reply: Reply,
    /// The messages to deliver again: their queue ids, or none for one without.
    pub retry: BTreeSet<Option<String>>,
}

/// Sees one payload through, which nobody will send again as the same request.
pub async fn run(pipeline: &Arc<Pipeline>, payload: &Value, clock: Clock) -> InvocationReport {
    run_request(pipeline, payload, &clock.now.as_nanosecond().to_string(), clock).await
}

/// Sees one invocation's payload through. Never fails as a whole: what fails is named and counted,
/// and its message is in [`InvocationReport::retry`], after everything else was done. `request` names the
/// invocation: Lambda's second try of it has the same.
pub async fn run_request(
    pipeline: &Arc<Pipeline>,
    payload: &Value,
    request: &str,
    clock: Clock,
) -> InvocationReport {
    let Notification { reply, messages } = notification::decode(payload);
    let mut run = Run::new(pipeline, clock, reply);
    run.request = request.to_owned();
    let mut objects = Vec::new();
    for message in messages {
        objects.extend(run.take(message).await);
    }
    let seen = run.process_objects(objects).await;
    seen.not_started.iter().for_each(|named| run.out_of_time(named));
    run.canaries().await;
    run.sweep().await;
    run.tell_what_was_held().await;
    run.outcome.mismatch = run.outcome.report.check().err();
    run.outcome
}

struct Run {
    pipeline: Arc<Pipeline>,
    claims: Arc<Claims>,
    clock: Clock,
    /// Told when the run ends: only where there is no ledger.
    held: Vec<Held>,
    /// The messages that asked for a sweep.
    sweeps: BTreeSet<Option<String>>,
    /// The messages that asked for a canary.
    canaries: BTreeSet<Option<String>>,
    /// What names the invocation.
    request: String,
    /// What became of each finding, where that is asked for.
    ended: Option<Vec<FindingOutcome>>,
    outcome: InvocationReport,
}

impl Run {
    fn new(pipeline: &Arc<Pipeline>, clock: Clock, reply: Reply) -> Run {
        let (problems, notes) = (Vec::new(), Vec::new());
        let warnings = pipeline.detections.warnings(clock.now);
        let report = Report {
            exception_problems: pipeline.detections.exception_problems(),
            stale_detections: pipeline.detections.reload_errors.len() as u64,
            ..Report::default()
        };
        let outcome = InvocationReport {
            report,
            mismatch: None,
            problems,
            notes,
            warnings,
            reply,
            retry: BTreeSet::new(),
        };
        let claims = Arc::new(Claims::new(clock));
        Run {
            pipeline: Arc::clone(pipeline),
            claims,
            clock,
            held: Vec::new(),
            sweeps: BTreeSet::new(),
            canaries: BTreeSet::new(),
            request: String::new(),
            ended: None,
            outcome,
        }
    }

    /// Sees to everything in a message but its objects, which it gives back.
    async fn take(&mut self, message: Message) -> Vec<QueuedObject> {
        self.outcome.report.messages += 1;
        let mut objects = Vec::new();
        let mut records = Vec::new();
        for item in message.items {
            match item {
                Item::Object(object) => {
                    self.outcome.report.announced +=
                        u64::from(key::kind(&object.key).is_sign_of_life());
                    objects.push(QueuedObject { message: message.id.clone(), object });
                }
                Item::Record(record) => records.push(record),
                Item::Sweep => {
                    self.sweeps.insert(message.id.clone());
                }
                Item::Canary => {
                    self.canaries.insert(message.id.clone());
                }
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

    /// Counts what became of findings.
    fn end(&mut self, ended: Vec<FindingOutcome>) {
        ended.iter().for_each(|ended| self.outcome.report.count_finding(ended));
        if let Some(all) = &mut self.ended {
            all.extend(ended);
        }
    }

    fn hold(&mut self, message: &Option<String>, findings: Vec<Finding>) {
        self.held
            .extend(findings.into_iter().map(|finding| Held { message: message.clone(), finding }));
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
            match_record(
                record,
                &self.pipeline.detections,
                self.clock.now,
                &origin,
                &mut |finding| found.push(finding),
            );
        }
        self.outcome.report.records += records.len() as u64;
        self.outcome.report.findings += found.len() as u64;
        let published = publish::publish(&self.pipeline, &self.claims, found).await;
        self.end(published.ended);
        self.hold(message, published.held);
        published.problems.into_iter().for_each(|problem| self.problem(message, problem));
        published.correlation_alerts.iter().for_each(|correlation_alerts| {
            self.outcome.report.count_correlation_alert(correlation_alerts)
        });
        self.outcome.notes.extend(published.notes);
    }
}

fn named(message: &Option<String>) -> String {
    message
        .as_ref()
        .map_or("the invocation".to_owned(), |id| format!("message {}", id.escape_debug()))
}
