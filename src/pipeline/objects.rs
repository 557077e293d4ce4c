//! Several log objects at once, each in a task of its own, and what became of them.

use std::collections::HashMap;
use std::sync::Arc;

use detect::cloudtrail::reader::Gear;
use tokio::task::{Id, JoinSet};

use super::object::{self, ObjectOutcome};
use super::{ObjectFate, Problem, Run};
use crate::notification::ObjectRef;

/// How many objects are in flight at once: enough to overlap network and processor, few enough to
/// stay small.
const IN_FLIGHT: usize = 4;

/// An object, and the message that named it.
pub(super) struct Named {
    pub(super) message: Option<String>,
    pub(super) object: ObjectRef,
}

/// What became of objects, by name.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) ended: Vec<(ObjectRef, ObjectFate)>,
    /// Not even begun, since the time was nearly over. They have no fate yet.
    pub(super) not_started: Vec<Named>,
}

impl Run {
    /// Sees objects through, and counts those that were started.
    pub(super) async fn see_objects_through(&mut self, objects: Vec<Named>) -> Seen {
        let (mut tasks, mut names, mut seen) = (JoinSet::new(), HashMap::new(), Seen::default());
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
            let task = tasks
                .spawn(async move { object::see_through(&pipeline, &claims, &object, now).await });
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
        tasks: &mut JoinSet<ObjectOutcome>,
        names: &mut HashMap<Id, Named>,
    ) -> Option<(ObjectRef, ObjectFate)> {
        let (id, outcome) = match tasks.join_next_with_id().await? {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let named = names.remove(&id)?;
        let died = |error| ObjectOutcome::failed(&named.object, format!("its task died: {error}"));
        let outcome = outcome.unwrap_or_else(died);
        let fate = outcome.fate;
        self.count(&named, outcome);
        Some((named.object, fate))
    }

    pub(super) fn out_of_time(&mut self, named: &Named) {
        let problem =
            Problem::retry(&named.object, "not started: the function's time is nearly over");
        let outcome = ObjectOutcome {
            problems: vec![problem],
            ..ObjectOutcome::unread(ObjectFate::Deadline)
        };
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
        outcome.rung.iter().for_each(|rung| report.count_rung(rung));
        self.end(outcome.ended);
        self.hold(&named.message, outcome.held);
        self.outcome.notes.extend(outcome.notes);
        outcome.problems.into_iter().for_each(|problem| self.problem(&named.message, problem));
    }
}
