//! A backfill: log objects that an operator names go the way of notified ones.

use std::sync::Arc;

use detect::finding::Outcome;

use super::objects::QueuedObject;
use super::publish::FindingOutcome;
use super::{Clock, InvocationReport, Pipeline, Problem, Run};
use crate::ledger::Ledger;
use crate::notification::{ObjectRef, Reply};

/// A run over log objects that nobody announced, in any number.
///
/// With [`Ledger::ReadOnly`] it is a dry run: nothing is written, and what would be held for a
/// summary is said so.
pub struct Replay {
    run: Run,
}

/// What came of some objects.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    /// Findings, and what became of them.
    pub ended: Vec<FindingOutcome>,
    /// What went wrong, by name.
    pub problems: Vec<Problem>,
    /// What was not read, or is not to be alerted, and why.
    pub notes: Vec<String>,
}

impl Replay {
    /// Begins.
    pub fn new(pipeline: &Arc<Pipeline>, clock: Clock) -> Replay {
        let mut run = Run::new(pipeline, clock, Reply::Invocation);
        run.ended = Some(Vec::new());
        Replay { run }
    }

    /// Sees objects through, a few at a time, and tells what came of them.
    pub async fn see_through(&mut self, objects: Vec<ObjectRef>) -> ReplayProgress {
        self.run.outcome.report.objects += objects.len() as u64;
        let named =
            objects.into_iter().map(|object| QueuedObject { message: None, object }).collect();
        let seen = self.run.process_objects(named).await;
        seen.not_started.iter().for_each(|named| self.run.out_of_time(named));
        if matches!(self.run.pipeline.ledger, Ledger::ReadOnly(_)) {
            self.count_held();
        }
        self.news()
    }

    /// Tells what was held back, where there is no ledger to hold it, and gives what came of that
    /// and the whole outcome.
    pub async fn finish(mut self) -> (ReplayProgress, InvocationReport) {
        self.run.tell_what_was_held().await;
        self.run.outcome.mismatch = self.run.outcome.report.check().err();
        (self.news(), self.run.outcome)
    }

    fn count_held(&mut self) {
        let held = std::mem::take(&mut self.run.held);
        self.run.end(
            held.iter().map(|held| FindingOutcome::new(&held.finding, Outcome::Grouped)).collect(),
        );
    }

    fn news(&mut self) -> ReplayProgress {
        ReplayProgress {
            ended: self.run.ended.as_mut().map(std::mem::take).unwrap_or_default(),
            problems: std::mem::take(&mut self.run.outcome.problems),
            notes: std::mem::take(&mut self.run.outcome.notes),
        }
    }
}
