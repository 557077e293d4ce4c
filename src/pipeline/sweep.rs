//! The schedule's work, in its order: what others left open, summaries that are due, then the log
//! objects of every trail that no sweep has read. Whatever happens twice at once, or after a
//! notification, the ledger makes harmless.

use std::collections::VecDeque;

use bytes::Bytes;
use detect::cloudtrail::Trail;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::objects::{ObjectsReport, QueuedObject};
use super::{
    Clock, InvocationReport, ObjectOutcome, Pipeline, Problem, Recovered, Remedy, Run,
    recover_open, send_due_summaries,
};
use crate::ledger::{Ledger, LedgerError, StoredLedger};
use crate::notification::{ObjectRef, Reply};
use crate::store::Condition;
use crate::sweep::{self, ATTEMPTS, Due, LogKey, Memory, SweepReport, YOUNG};

/// Objects that are read between two writings of what was read: what a crash costs is to read so
/// many again.
const TOGETHER: usize = 500;

impl Run {
    /// Sweeps, if any message asked for it; once, however many did.
    pub(super) async fn sweep(&mut self) {
        let messages = std::mem::take(&mut self.sweeps);
        if messages.is_empty() {
            return;
        }
        let InvocationReport { report, problems, notes, warnings, .. } = Sweep::run(self).await;
        self.outcome.report += report;
        self.outcome.notes.extend(notes);
        self.outcome.warnings.extend(warnings);
        if problems.iter().any(|problem| problem.remedy == Remedy::Retry) {
            self.outcome.retry.extend(messages);
        }
        self.outcome.problems.extend(problems);
    }
}

/// A sweep on its way: a run of its own, and what it counts besides.
struct Sweep {
    run: Run,
    /// Of the whole sweep; the run's own is that of the trail it is at.
    clock: Clock,
    look_back: SignedDuration,
    counts: SweepReport,
}

impl Sweep {
    async fn run(run: &Run) -> InvocationReport {
        let pipeline = run.pipeline.clone();
        let own = Run::new(&pipeline, run.clock, Reply::Invocation);
        let look_back = sweep::look_back(&pipeline.detections.rule_set);
        let mut sweep =
            Sweep { run: own, clock: run.clock, look_back, counts: SweepReport::default() };
        sweep.run.outcome.warnings.clear();
        match &pipeline.ledger {
            Ledger::Stored(ledger) => sweep.all(&pipeline, ledger).await,
            Ledger::None | Ledger::ReadOnly(_) => sweep.problem(Problem::retry(
                "the sweep",
                "refused: with TRAILBELL_LEDGER=none it would tell everything again",
            )),
        }
        sweep.run.tell_what_was_held().await;
        sweep.run.outcome.report.sweep = Some(sweep.counts);
        sweep.run.outcome
    }

    async fn all(&mut self, pipeline: &Pipeline, ledger: &StoredLedger) {
        let recovered = recover_open(pipeline, self.clock).await;
        self.counts.recovered = recovered.report.findings;
        self.take(recovered);
        self.take(send_due_summaries(pipeline, self.clock).await);
        let now = match ledger.date().await {
            Ok(now) => now,
            Err(error) => return self.problem(Problem::retry("the ledger", error)),
        };
        self.trails(pipeline, ledger, now).await;
        self.heartbeat(ledger, now).await;
    }

    fn take(&mut self, recovered: Recovered) {
        let Recovered { report, problems, notes, left } = recovered;
        self.counts.left_open += left;
        self.counts.summaries += report.summaries;
        self.run.outcome.report += report;
        self.run.outcome.notes.extend(notes);
        self.run.outcome.problems.extend(problems);
    }

    fn problem(&mut self, problem: Problem) {
        self.run.outcome.problems.push(problem);
    }

    async fn trails(&mut self, pipeline: &Pipeline, ledger: &StoredLedger, now: Timestamp) {
        if pipeline.trails.is_empty() {
            let warning = "TRAILBELL_TRAILS is not set: no log object is listed, and one that is not notified is not found";
            self.run.outcome.warnings.push(warning.to_owned());
        }
        self.counts.trails = pipeline.trails.len() as u64;
        for (at, trail) in pipeline.trails.iter().enumerate() {
            self.run.clock.last_start = share(self.clock.last_start, pipeline.trails.len() - at);
            if let Err(problem) = self.trail(pipeline, ledger, trail, now).await {
                self.counts.trails_failed += 1;
                self.problem(problem);
            }
        }
    }

    async fn trail(
        &mut self,
        pipeline: &Pipeline,
        ledger: &StoredLedger,
        trail: &Trail,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let refused =
            |error: &dyn std::fmt::Display| Problem::retry(format!("trail {trail}"), error);
        let (mut memory, damaged) =
            Memory::load(ledger, trail, now).await.map_err(|error| refused(&error))?;
        self.run
            .outcome
            .problems
            .extend(damaged.map(|error| Problem::discard(format!("trail {trail}"), error)));
        let Due { listed, young, read_before, keys } =
            self.list(pipeline, trail, &memory, now).await?;
        self.counts.listed += listed;
        self.counts.young += young;
        self.counts.read_before += read_before;
        let mut reading = Reading { trail, left: keys.into(), failed: Vec::new(), any_read: false };
        let read = self.read(&mut reading, &mut memory).await;
        self.counts.backlog += reading.left.len() as u64;
        let done = self.end(reading, &mut memory, now).await;
        read.and(done).map_err(|error| refused(&error))
    }

    /// A list that takes too long would leave no time to read.
    async fn list(
        &self,
        pipeline: &Pipeline,
        trail: &Trail,
        memory: &Memory<'_>,
        now: Timestamp,
    ) -> Result<Due, Problem> {
        let region = |region: &str| pipeline.detections.rule_set.can_match_in(region);
        let due = sweep::due(&*pipeline.store, trail, &memory.state, now, self.look_back, &region);
        let refused =
            |error: &dyn std::fmt::Display| Problem::retry(format!("trail {trail}"), error);
        match self.run.clock.last_start {
            None => due.await.map_err(|error| refused(&error)),
            Some(last) => match timeout_at(last, due).await {
                Ok(due) => due.map_err(|error| refused(&error)),
                Err(_) => Err(refused(&"not listed in the time there is")),
            },
        }
    }

    /// Reads objects in turn, while there is time, and remembers those that were read.
    async fn read(
        &mut self,
        reading: &mut Reading<'_>,
        memory: &mut Memory<'_>,
    ) -> Result<(), LedgerError> {
        while !reading.left.is_empty() && !self.run.clock.is_over() {
            let some = reading.left.drain(..TOGETHER.min(reading.left.len())).collect::<Vec<_>>();
            // Another sweep may have read them meanwhile.
            let (before, some): (Vec<_>, Vec<_>) =
                some.into_iter().partition(|key| memory.state.is_read(key));
            self.counts.read_before += before.len() as u64;
            let objects = some.into_iter().map(|key| reading.named(key)).collect::<Vec<_>>();
            let ObjectsReport { ended, not_started } = self.see_through(objects).await;
            self.run.outcome.report.objects += ended.len() as u64;
            for (object, outcome) in ended {
                self.counts.read += u64::from(reading.note(object, outcome, memory));
            }
            let not_started =
                not_started.into_iter().rev().filter_map(|named| LogKey::new(named.object.key));
            not_started.for_each(|key| reading.left.push_front(key));
            memory.save().await?;
        }
        Ok(())
    }

    /// Nobody delivers these again: the next sweep comes upon them.
    async fn see_through(&mut self, objects: Vec<QueuedObject>) -> ObjectsReport {
        let told = self.run.outcome.problems.len();
        let seen = self.run.process_objects(objects).await;
        let problems = self.run.outcome.problems.iter_mut().skip(told);
        problems
            .filter(|problem| problem.remedy == Remedy::Retry)
            .for_each(|problem| problem.remedy = Remedy::NextSweep);
        seen
    }

    /// Counts what failed, and writes how far the sweep has come.
    async fn end(
        &mut self,
        reading: Reading<'_>,
        memory: &mut Memory<'_>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut again = Vec::new();
        for key in reading.failed {
            // Where nothing at all could be read, it is not the object's fault.
            if memory.state.note_failed(&key, reading.any_read) < ATTEMPTS {
                again.push(key);
                continue;
            }
            memory.state.note_read(&key);
            self.counts.given_up += 1;
            let object = object(reading.trail, key.key);
            let what = format!(
                "failed in {ATTEMPTS} sweeps, the last time as told above; no sweep tries it again"
            );
            self.problem(Problem { place: object.to_string(), what, remedy: Remedy::GivenUp });
        }
        self.counts.failed += again.len() as u64;
        let unread = again.iter().chain(&reading.left).map(|key| key.delivered).min();
        let old = now.checked_sub(YOUNG).unwrap_or(now);
        memory.finish(unread.unwrap_or(old).min(old), self.look_back).await
    }

    /// Written by every sweep that came to its end, whatever it met: who looks after the function
    /// can tell by it that the schedule works.
    async fn heartbeat(&mut self, ledger: &StoredLedger, now: Timestamp) {
        let beat = json!({ "time": now, "sweep": self.counts }).to_string();
        if let Err(error) = ledger.put_note("heartbeat", Bytes::from(beat), Condition::None).await {
            self.problem(Problem::retry("the ledger", ledger.note_error("heartbeat", error)));
        }
    }
}

/// The objects of one trail on their way.
struct Reading<'a> {
    trail: &'a Trail,
    /// In order.
    left: VecDeque<LogKey>,
    failed: Vec<LogKey>,
    /// Whether the store gives anything at all.
    any_read: bool,
}

impl Reading<'_> {
    fn named(&self, key: LogKey) -> QueuedObject {
        QueuedObject { message: None, object: object(self.trail, key.key) }
    }

    /// Remembers what became of an object; whether it need not be read again.
    fn note(&mut self, object: ObjectRef, outcome: ObjectOutcome, memory: &mut Memory<'_>) -> bool {
        let Some(key) = LogKey::new(object.key) else { return false };
        self.any_read |= outcome == ObjectOutcome::Scanned;
        if outcome.is_retried() {
            self.failed.push(key);
            return false;
        }
        memory.state.note_read(&key);
        true
    }
}

fn object(trail: &Trail, key: String) -> ObjectRef {
    ObjectRef { bucket: trail.bucket.clone(), key, version_id: None }
}

/// The end of one trail's part of the time, where so many share what is left: the backlog of one
/// keeps no other waiting.
fn share(last_start: Option<Instant>, trails: usize) -> Option<Instant> {
    let now = Instant::now();
    let trails = u32::try_from(trails).unwrap_or(u32::MAX).max(1);
    last_start.map(|last| now + last.saturating_duration_since(now) / trails)
}
