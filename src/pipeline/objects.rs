//! Several log objects at once, each in a task of its own, and what became of them.

use std::collections::HashMap;
use std::sync::Arc;

use detect::cloudtrail::reader::ScanMode;
use tokio::task::{Id, JoinSet};

use super::object::{self, ObjectResults};
use super::{ObjectOutcome, Problem, Run};
use crate::notification::ObjectRef;

/// How many objects are in flight at once: enough to overlap network and processor, few enough to
/// stay small.
const IN_FLIGHT: usize = 4;

/// An object, and the message that named it.
pub(super) struct QueuedObject {
    pub(super) message: Option<String>,
    pub(super) object: ObjectRef,
}

/// What became of objects, by name.
#[derive(Default)]
pub(super) struct ObjectsReport {
    pub(super) ended: Vec<(ObjectRef, ObjectOutcome)>,
    /// Not even begun, since the time was nearly over. They have no fate yet.
    pub(super) not_started: Vec<QueuedObject>,
}

impl Run {
    /// Sees objects through, and counts those that were started.
    pub(super) async fn process_objects(&mut self, objects: Vec<QueuedObject>) -> ObjectsReport {
        let (mut tasks, mut names, mut seen) =
            (JoinSet::new(), HashMap::new(), ObjectsReport::default());
        for named in objects {
            if tasks.len() == IN_FLIGHT {
                seen.ended.extend(self.join(&mut tasks, &mut names).await);
            }
            if self.clock.is_over() {
                seen.not_started.push(named);
                continue;
            }
            let (pipeline, claims) = (Arc::clone(&self.pipeline), Arc::clone(&self.claims));
            let (object, now) = (named.object.clone(), self.clock.now);
            let task = tasks.spawn(async move {
                object::process_object(&pipeline, &claims, &object, now).await
            });
            names.insert(task.id(), named);
        }
        while !tasks.is_empty() {
            seen.ended.extend(self.join(&mut tasks, &mut names).await);
        }
        seen
    }

    /// Waits for one task. One that died is one failed object.
    async fn join(
        &mut self,
        tasks: &mut JoinSet<ObjectResults>,
        names: &mut HashMap<Id, QueuedObject>,
    ) -> Option<(ObjectRef, ObjectOutcome)> {
        let (id, results) = match tasks.join_next_with_id().await? {
            Ok((id, results)) => (id, Ok(results)),
            Err(error) => (error.id(), Err(error)),
        };
        let named = names.remove(&id)?;
        let died = |error| ObjectResults::failed(&named.object, format!("its task died: {error}"));
        let results = results.unwrap_or_else(died);
        let outcome = results.outcome;
        self.count(&named, results);
        Some((named.object, outcome))
    }

    pub(super) fn out_of_time(&mut self, named: &QueuedObject) {
        let problem =
            Problem::retry(&named.object, "not started: the function's time is nearly over");
        let results = ObjectResults {
            problems: vec![problem],
            ..ObjectResults::unread(ObjectOutcome::Deadline)
        };
        self.count(named, results);
    }

    fn count(&mut self, named: &QueuedObject, results: ObjectResults) {
        let report = &mut self.outcome.report;
        report.count_object(results.outcome);
        report.bytes += results.read.bytes;
        report.records += results.read.records;
        report.probed += u64::from(results.read.mode == ScanMode::Prefiltered);
        report.bad_records += results.bad_records;
        report.findings += results.findings;
        results.correlation_alerts.iter().for_each(|it| report.count_correlation_alert(it));
        self.end(results.ended);
        self.hold(&named.message, results.held);
        self.outcome.notes.extend(results.notes);
        results.problems.into_iter().for_each(|problem| self.problem(&named.message, problem));
    }
}
