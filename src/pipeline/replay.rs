//! A backfill: log objects that an operator names are processed as if they were notified.

use std::sync::Arc;

use detect::finding::Outcome;

use super::invocation::Invocation;
use super::outcomes::FindingOutcome;
use super::problem::Problem;
use super::report::InvocationReport;
use super::run::{QueuedObject, Run};
use super::{Clock, Pipeline};
use crate::ledger::Ledger;
use crate::notification::{ObjectRef, Reply};

/// A run over any number of log objects that were not notified.
///
/// With [`Ledger::ReadOnly`] it is a dry run: nothing is written, and findings that would wait for
/// a summary are counted as grouped.
pub struct Replay {
    run: Run,
}

/// What came of some objects.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    /// Findings, and what became of them.
    pub findings: Vec<FindingOutcome>,
    /// What went wrong, by name.
    pub problems: Vec<Problem>,
    /// What was not read, or is not to be alerted, and why.
    pub notes: Vec<String>,
}

impl Replay {
    /// Starts a replay.
    pub fn new(pipeline: &Arc<Pipeline>, clock: Clock) -> Replay {
        let mut run = Run::new(pipeline, clock, Reply::Invocation);
        run.finding_outcomes = Some(Vec::new());
        Replay { run }
    }

    /// Starts a replay that only makes values known to the rules with new terms.
    pub fn learning(pipeline: &Arc<Pipeline>, clock: Clock) -> Replay {
        let mut replay = Replay::new(pipeline, clock);
        replay.run.invocation = Arc::new(Invocation::learning(pipeline, clock));
        replay
    }

    /// Processes objects, a few at a time.
    pub async fn process(&mut self, objects: Vec<ObjectRef>) -> ReplayProgress {
        self.run.outcome.report.objects += objects.len() as u64;
        let queued = objects.into_iter().map(QueuedObject::without_message);
        let processed = self.run.process_objects(queued.collect()).await;
        self.run.out_of_time(&processed.not_started);
        if matches!(self.run.pipeline().ledger, Ledger::ReadOnly(_)) {
            let grouped = std::mem::take(&mut self.run.grouped);
            self.run.add_grouped(&grouped, Outcome::Grouped);
        }
        self.progress()
    }

    /// Summarises what was grouped, if there is no ledger to keep it. Returns what came of that,
    /// and the report of the whole replay.
    pub async fn finish(mut self) -> (ReplayProgress, InvocationReport) {
        self.run.summarise_grouped().await;
        self.run.outcome.check();
        (self.progress(), self.run.outcome)
    }

    fn progress(&mut self) -> ReplayProgress {
        ReplayProgress {
            findings: self.run.finding_outcomes.as_mut().map(std::mem::take).unwrap_or_default(),
            problems: std::mem::take(&mut self.run.outcome.problems),
            notes: std::mem::take(&mut self.run.outcome.notes),
        }
    }
}
