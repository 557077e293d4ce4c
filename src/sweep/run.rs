//! One sweep, in its order: what others left open, summaries that are due, then the log objects of
//! every trail that no sweep has read. The ledger makes it harmless to do anything of it twice.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use detect::cloudtrail::Trail;
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout_at;

use super::backlog::{Backlog, FailedObject};
use super::suspects::Suspects;
use super::{
    ATTEMPTS, DELIVERY_ATTEMPTS, Due, LogKey, ProvenCursors, SweepReport, TrailMemory, YOUNG, due,
    look_back, state_name,
};
use crate::integrity::VerifyMode;
use crate::ledger::{Ledger, LedgerError, StoredLedger};
use crate::notification::{ObjectRef, Reply};
use crate::pipeline::invocation::Invocation;
use crate::pipeline::run::{ProcessedObjects, QueuedObject, Run};
use crate::pipeline::{
    Clock, Pipeline, Problem, Recovered, Remedy, recover_open, send_due_summaries,
};

/// Recovery, and then summaries, take one of so many parts of the time that is left: what a flood
/// left open keeps no log object from being read.
const RECOVERY_SHARE: usize = 3;

/// Sweeps if any message asked for it; once, however many did.
pub(crate) async fn sweep(run: &mut Run) {
    let messages = std::mem::take(&mut run.sweeps);
    if messages.is_empty() {
        return;
    }
    let pipeline = Arc::clone(run.pipeline());
    let mut sweep = Sweep::new(&pipeline, run.clock);
    sweep.run_all(&pipeline).await;
    let outcome = sweep.run.outcome;
    run.outcome.report += outcome.report;
    run.outcome.notes.extend(outcome.notes);
    run.outcome.warnings.extend(outcome.warnings);
    if outcome.problems.iter().any(|problem| problem.remedy == Remedy::Retry) {
        run.outcome.retry.extend(messages);
    }
    run.outcome.problems.extend(outcome.problems);
}

/// A sweep in progress.
pub(super) struct Sweep {
    /// A run of its own. Its clock is that of the trail being read.
    pub(super) run: Run,
    /// The time of the whole sweep.
    pub(super) clock: Clock,
    look_back: SignedDuration,
    pub(super) counts: SweepReport,
    /// Of the last sweep, and of this one for the trails that it has done.
    pub(super) proven: ProvenCursors,
    pub(super) suspects: Suspects,
}

impl Sweep {
    fn new(pipeline: &Arc<Pipeline>, clock: Clock) -> Sweep {
        let mut run = Run::new(pipeline, clock, Reply::Invocation);
        // The invocation has them already.
        run.outcome.warnings.clear();
        if pipeline.verification.mode != VerifyMode::Off {
            run.invocation = Arc::new(Invocation::hashing(pipeline, clock));
        }
        Sweep {
            run,
            clock,
            look_back: look_back(&pipeline.detections.rule_set),
            counts: SweepReport::default(),
            proven: ProvenCursors::default(),
            suspects: Suspects::default(),
        }
    }

    async fn run_all(&mut self, pipeline: &Arc<Pipeline>) {
        match &pipeline.ledger {
            Ledger::Stored(ledger) => self.run_stages(pipeline, ledger).await,
            Ledger::None | Ledger::ReadOnly(_) => self.add_problem(Problem::retry(
                "the sweep",
                "refused: with TRAILBELL_LEDGER=none it would repeat every alert",
            )),
        }
        self.run.summarise_grouped().await;
        self.run.outcome.report.sweep = Some(self.counts);
    }

    async fn run_stages(&mut self, pipeline: &Arc<Pipeline>, ledger: &StoredLedger) {
        let now = ledger.date().await;
        self.load_cursors(ledger).await;
        if let Ok(now) = now {
            self.start_trails(pipeline, ledger, now).await;
        }
        let clock = self.clock.share(RECOVERY_SHARE);
        let recovered = recover_open(pipeline, clock).await;
        self.counts.recovered = recovered.report.findings;
        self.add_recovered(recovered);
        let clock = self.clock.share(RECOVERY_SHARE);
        self.add_recovered(send_due_summaries(pipeline, clock).await);
        let now = match now {
            Ok(now) => now,
            Err(error) => {
                return self.add_problem(Problem::retry("the ledger", error_chain(&error)));
            }
        };
        self.load_suspects(ledger).await;
        self.read_trails(pipeline, ledger, now).await;
        if let Err(error) = self.proven.write(ledger, now, self.counts).await {
            self.add_problem(Problem::retry("the ledger", error_chain(&error)));
        }
        self.remember_contents(ledger, now).await;
        self.count_subscriptions(pipeline, ledger, now).await;
        // After everything else: this sweep may die of one.
        self.read_suspects(pipeline, ledger, now).await;
        self.run.clock = self.clock;
        // Boxed, as few invocations come here, and all would carry its state.
        Box::pin(self.verify_digests(pipeline, ledger, now)).await;
        self.end_running(ledger).await;
    }

    /// They are needed only for a trail whose state is damaged.
    async fn load_cursors(&mut self, ledger: &StoredLedger) {
        match ProvenCursors::load(ledger).await {
            Ok(proven) => self.proven = proven,
            Err(error) => self.add_problem(Problem::discard("the heartbeat", text(error))),
        }
    }

    /// Leaves a cursor for each new trail, before anything that this sweep may die of: the next one
    /// would start an hour before its own time.
    async fn start_trails(&mut self, pipeline: &Pipeline, ledger: &StoredLedger, now: Timestamp) {
        let new = |trail: &&Trail| self.proven.cursor(&state_name(trail)).is_none();
        let trails: Vec<&Trail> = pipeline.trails.iter().filter(new).collect();
        for trail in trails {
            if let Err(error) = TrailMemory::start_new(ledger, trail, now).await {
                self.add_problem(Problem::retry(format!("trail {trail}"), text(error)));
            }
        }
    }

    async fn load_suspects(&mut self, ledger: &StoredLedger) {
        match Suspects::load(ledger).await {
            Ok(suspects) => self.suspects = suspects,
            Err(error) => self.add_problem(Problem::retry("the ledger", text(error))),
        }
    }

    fn add_recovered(&mut self, recovered: Recovered) {
        self.counts.left_open += recovered.left;
        self.counts.unrecognized += recovered.unrecognized;
        self.counts.summaries += recovered.report.summaries;
        self.run.outcome.report += recovered.report;
        self.run.outcome.notes.extend(recovered.notes);
        self.run.outcome.problems.extend(recovered.problems);
    }

    pub(super) fn add_problem(&mut self, problem: Problem) {
        self.run.outcome.problems.push(problem);
    }

    async fn read_trails(&mut self, pipeline: &Pipeline, ledger: &StoredLedger, now: Timestamp) {
        if pipeline.trails.is_empty() {
            let warning = "TRAILBELL_TRAILS is not set: no log object is listed, so one that is \
                           not notified is not found";
            self.run.outcome.warnings.push(warning.to_owned());
        }
        self.counts.trails = pipeline.trails.len() as u64;
        for (index, trail) in pipeline.trails.iter().enumerate() {
            let trails_left = pipeline.trails.len() - index;
            // The backlog of one trail keeps no other waiting.
            self.run.clock = self.clock.share(trails_left);
            if let Err(why) = self.read_trail(pipeline, ledger, trail, now).await {
                self.counts.trails_failed += 1;
                self.add_problem(Problem::retry(format!("trail {trail}"), why));
            }
        }
    }

    async fn read_trail(
        &mut self,
        pipeline: &Pipeline,
        ledger: &StoredLedger,
        trail: &Trail,
        now: Timestamp,
    ) -> Result<(), String> {
        let (mut memory, damaged) =
            TrailMemory::load(ledger, trail, now, &self.proven).await.map_err(text)?;
        let damaged = damaged.map(|error| Problem::discard(format!("trail {trail}"), text(error)));
        self.run.outcome.problems.extend(damaged);
        let started = memory.start().await;
        let due = self.list(pipeline, trail, &memory, now).await?;
        self.counts.listed += due.listed;
        self.counts.young += due.young;
        self.counts.read_before += due.read_before;
        let mut backlog = Backlog::new(trail, due);
        self.counts.backlog += backlog.leave_suspects(&mut self.suspects);
        let read = self.read(&mut backlog, &mut memory).await;
        self.counts.backlog += backlog.left.len() as u64;
        self.counts.overdue += backlog.overdue(now);
        let ended = self.end_trail(backlog, &mut memory, now).await;
        started.and(read).and(ended).map_err(text)?;
        self.proven.note(memory.name(), memory.state.cursor());
        Ok(())
    }

    /// Lists what is due, within the time there is: a longer list would leave none to read.
    async fn list(
        &self,
        pipeline: &Pipeline,
        trail: &Trail,
        memory: &TrailMemory<'_>,
        now: Timestamp,
    ) -> Result<Due, String> {
        let detections = &pipeline.detections;
        let due = due(&*pipeline.store, trail, &memory.state, now, self.look_back, detections);
        match self.run.clock.last_start {
            None => due.await.map_err(text),
            Some(last) => match timeout_at(last, due).await {
                Ok(due) => due.map_err(text),
                Err(_) => Err("not listed in time".to_owned()),
            },
        }
    }

    /// Reads objects in turn, while there is time, and remembers those that were read.
    async fn read(
        &mut self,
        backlog: &mut Backlog<'_>,
        memory: &mut TrailMemory<'_>,
    ) -> Result<(), LedgerError> {
        while !backlog.left.is_empty() && !self.run.clock.is_over() {
            let batch = backlog.next_batch(self.suspects.batch_size());
            let batch_size = batch.len();
            // Another sweep may have read them meanwhile.
            let unread: Vec<LogKey> =
                batch.into_iter().filter(|key| !memory.state.is_read(key)).collect();
            self.counts.read_before += (batch_size - unread.len()) as u64;
            let (processed, unreadable) =
                self.process(backlog.trail, unread, memory.ledger()).await?;
            self.run.outcome.report.objects += processed.ended.len() as u64;
            for (object, outcome) in processed.ended {
                let is_unreadable = unreadable.contains(&object.to_string());
                self.counts.read += u64::from(backlog.note(object, outcome, is_unreadable, memory));
            }
            backlog.put_back(processed.not_started);
            memory.save().await?;
        }
        Ok(())
    }

    /// Processes objects. Nobody delivers these again: what is to be retried, the next sweep
    /// retries. Returns the names of those that could not be read, too: the problems of the others
    /// are those of findings and of the ledger.
    async fn process(
        &mut self,
        trail: &Trail,
        keys: Vec<LogKey>,
        ledger: &StoredLedger,
    ) -> Result<(ProcessedObjects, BTreeSet<String>), LedgerError> {
        let known_problems = self.run.outcome.problems.len();
        let objects: Vec<ObjectRef> = keys.into_iter().map(|key| object(trail, key.key)).collect();
        if self.suspects.is_careful {
            all_written(objects.iter().map(|object| ledger.begin_reading(object))).await?;
        }
        let queued = objects.iter().cloned().map(QueuedObject::without_message).collect();
        let processed = self.run.process_objects(queued).await;
        if self.suspects.is_careful {
            all_written(objects.iter().map(|object| ledger.end_reading(object))).await?;
        }
        let retried = self.leave_to_next_sweep(known_problems);
        let names = processed.ended.iter().map(|(object, _)| object.to_string());
        let unreadable = names.filter(|name| retried.contains(name)).collect();
        Ok((processed, unreadable))
    }

    /// Nobody delivers the objects again that the problems from the given number on are about.
    /// Returns what those are about that the next sweep retries.
    pub(super) fn leave_to_next_sweep(&mut self, known_problems: usize) -> BTreeSet<String> {
        let mut retried = BTreeSet::new();
        for problem in self.run.outcome.problems.iter_mut().skip(known_problems) {
            if problem.remedy == Remedy::Retry {
                problem.remedy = Remedy::NextSweep;
                retried.insert(problem.place.clone());
            }
        }
        retried
    }

    /// Counts what failed, and records how far the sweep has come.
    async fn end_trail(
        &mut self,
        backlog: Backlog<'_>,
        memory: &mut TrailMemory<'_>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut failed = Vec::new();
        for FailedObject { key, is_unreadable } in backlog.failed {
            let attempts = if is_unreadable { ATTEMPTS } else { DELIVERY_ATTEMPTS };
            // If nothing at all could be read, it is not the object's fault.
            if memory.state.note_failed(&key, backlog.any_read) < attempts {
                self.counts.failed += u64::from(is_unreadable);
                self.counts.undelivered += u64::from(!is_unreadable);
                failed.push(key);
                continue;
            }
            let what = if is_unreadable { "could not be read" } else { "had alerts that failed" };
            memory.state.note_read(&key);
            self.counts.abandoned += 1;
            self.add_problem(Problem {
                place: object(backlog.trail, key.key).to_string(),
                what: format!("{what} in {attempts} sweeps; no sweep retries it"),
                remedy: Remedy::Abandon,
            });
        }
        let oldest_unread = failed.iter().chain(&backlog.left).map(|key| key.delivered).min();
        let old = now.checked_sub(YOUNG).unwrap_or(now);
        memory.finish(oldest_unread.unwrap_or(old).min(old), self.look_back).await
    }
}

/// Waits for writes to the ledger, and returns the first error.
async fn all_written(
    writes: impl Iterator<Item = impl Future<Output = Result<(), LedgerError>>>,
) -> Result<(), LedgerError> {
    join_all(writes).await.into_iter().collect()
}

pub(super) fn text(error: impl Error) -> String {
    error_chain(&error)
}

fn object(trail: &Trail, key: String) -> ObjectRef {
    ObjectRef { bucket: trail.bucket.clone(), key, version_id: None }
}
