//! Crashes at any step: every finding is alerted, and once more only if a worker died between
//! publishing and recording.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use proptest::prelude::*;
use serde_json::Value;
use trailbell::pipeline::{self, Pipeline, Problem};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{self, LEASE, WINDOW, Worker, clock, create_group, inline, pipeline};
use crate::ledger::{correlation_crashes, correlations};

/// Enough steps for any run.
const ALL_STEPS: usize = 20_000;

/// What came of one run of a worker.
struct RunResult {
    /// It must run again.
    again: bool,
    problems: Vec<Problem>,
}

/// Workers that deliver one notification each, a sweep, and what they share.
struct World {
    memory: Memory,
    topic: Topic,
    pipeline: Arc<Pipeline>,
    /// The last one is the sweep.
    workers: Vec<Slot>,
    /// How many more alerts than one each finding may have.
    allowed: BTreeMap<String, usize>,
}

/// A worker between and during its runs.
struct Slot {
    /// `None` for the sweep.
    payload: Option<Value>,
    /// It has to run.
    pending: bool,
    run: Option<Worker<RunResult>>,
    /// The findings that it sent in its last run.
    sent: Vec<String>,
}

impl World {
    fn new(payloads: Vec<Value>) -> World {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        let slot = |payload| Slot { payload, pending: true, run: None, sent: Vec::new() };
        let workers = payloads.into_iter().map(Some).chain([None]).map(slot).collect();
        World { memory, topic, pipeline, workers, allowed: BTreeMap::new() }
    }

    fn start(&mut self, index: usize) {
        let pipeline = Arc::clone(&self.pipeline);
        let worker = &mut self.workers[index];
        worker.pending = false;
        worker.sent.clear();
        worker.run = Some(match worker.payload.clone() {
            Some(payload) => Box::pin(async move {
                let report = pipeline::run(&pipeline, &payload, clock()).await;
                assert_eq!(report.mismatch, None);
                RunResult { again: report.reply().is_err(), problems: report.problems }
            }),
            None => Box::pin(async move {
                let mut problems = pipeline::recover_open(&pipeline, clock()).await.problems;
                problems.extend(pipeline::send_due_summaries(&pipeline, clock()).await.problems);
                RunResult { again: true, problems }
            }),
        });
    }

    /// Lets a worker take one step, or starts it if it has to run.
    fn step(&mut self, index: usize) {
        let sent_before = self.topic.sent_count();
        let worker = &mut self.workers[index];
        let Some(run) = &mut worker.run else {
            if worker.pending {
                self.start(index);
            }
            return;
        };
        let polled = world::step(run);
        worker.sent.extend(self.topic.sent_after(sent_before));
        if let Poll::Ready(result) = polled {
            worker.run = None;
            worker.pending = result.again;
            for problem in &result.problems {
                self.allow_unrecorded(problem);
            }
        }
        self.check_markers();
    }

    fn steps(&mut self, index: usize, steps: usize) {
        (0..steps).for_each(|_| self.step(index));
    }

    /// Returns true if a worker that took `steps` has come to its end.
    fn is_over(&self, index: usize, steps: usize) -> bool {
        self.workers[index].run.is_none() && steps > 1
    }

    /// A worker that failed to record something is as good as dead.
    fn allow_unrecorded(&mut self, problem: &Problem) {
        if !problem.what.contains("could not be recorded") {
            return;
        }
        for id in self.finding_ids() {
            if problem.place.contains(&id) || problem.place.starts_with("summary") {
                *self.allowed.entry(id).or_default() += 1;
            }
        }
    }

    /// Stops a worker for good. It runs again later.
    fn crash(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if worker.run.take().is_none() {
            return;
        }
        worker.pending = true;
        for id in std::mem::take(&mut worker.sent) {
            if !self.is_sent(&id) {
                *self.allowed.entry(id).or_default() += 1;
            }
        }
    }

    fn state(&self, id: &str) -> Option<String> {
        let entry = self.memory.text(&format!("entries/{id}"))?;
        // Parsing all entries after all steps would take minutes.
        let state = entry.split_once("\"state\":\"").unwrap().1;
        Some(state.split_once('"').unwrap().0.to_owned())
    }

    /// Returns true if the entry says that nothing of it is to be sent any more.
    fn is_sent(&self, id: &str) -> bool {
        let state = self.state(id);
        matches!(state.as_deref(), Some("alerted" | "suppressed" | "summarised" | "folded"))
    }

    /// The ids of all findings with an entry.
    fn finding_ids(&self) -> Vec<String> {
        let mut keys = self.memory.keys("entries/");
        keys.retain(|key| self.memory.text(key).unwrap().contains("\"finding\":{"));
        keys.iter().map(|key| key.replace("entries/", "")).collect()
    }

    /// The invariant: an entry that is not final has an open marker, at every moment.
    fn check_markers(&self) {
        let calls = self.memory.take_calls();
        let names = calls.iter().filter_map(|call| call.rsplit_once('/').map(|(_, name)| name));
        for id in names.filter_map(|name| name.get(..64)) {
            let Some(state) = self.state(id) else { continue };
            let is_final = self.is_sent(id) || state == "grouped";
            let is_open = !self.memory.keys(&format!("open/{id}-")).is_empty();
            assert!(is_final || is_open, "{id} is {state} without an open marker");
        }
    }

    /// Lets everything run without faults until nothing is left to be done.
    fn settle(&mut self) {
        self.memory.fail(|_, _| Fault::None);
        self.topic.fail(&[]);
        for _ in 0..8 {
            for index in 0..self.workers.len() {
                self.run_to_end(index);
            }
            self.memory.advance(LEASE.max(WINDOW));
        }
    }

    fn run_to_end(&mut self, index: usize) {
        let is_sweep = self.workers[index].payload.is_none();
        self.workers[index].pending |= is_sweep;
        for _ in 0..ALL_STEPS {
            self.step(index);
            let worker = &self.workers[index];
            if worker.run.is_none() && (is_sweep || !worker.pending) {
                return;
            }
        }
    }

    /// Checks that each finding was sent as often as it should be, and that nothing is left.
    fn check(&self, findings: usize) -> Result<(), String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for id in self.topic.sent_after(0) {
            *counts.entry(id).or_default() += 1;
        }
        let ids = self.finding_ids();
        if ids.len() != findings {
            return Err(format!("{} of {findings} findings were claimed", ids.len()));
        }
        for id in ids {
            let sent = counts.get(&id).copied().unwrap_or(0);
            let max = 1 + self.allowed.get(&id).copied().unwrap_or(0);
            if sent == 0 || sent > max || !self.is_sent(&id) {
                let state = self.state(&id);
                return Err(format!("{id} was sent {sent} times of {max}, and is {state:?}"));
            }
        }
        let left = [self.memory.keys("open/"), self.memory.keys("grouped/")].concat();
        if left.is_empty() { Ok(()) } else { Err(format!("left: {left:?}")) }
    }

    /// Checks that each finding was sent by itself or in an alert that shows it, as its entry says,
    /// and that nothing is left. How often depends on which worker finds the incident.
    fn check_reported(&self, findings: usize) -> Result<(), String> {
        let ids = self.finding_ids();
        if ids.len() != findings {
            return Err(format!("{} of {findings} findings were claimed", ids.len()));
        }
        ids.iter().try_for_each(|id| {
            correlation_crashes::check_reported(&self.memory, &self.topic, id)
        })?;
        let left = self.memory.keys("open/");
        if left.is_empty() { Ok(()) } else { Err(format!("left: {left:?}")) }
    }

    fn play(&mut self, moves: &[Move]) {
        for next in moves {
            match next {
                Move::Step(index, steps) => self.steps(*index, *steps),
                Move::Crash(index) => self.crash(*index),
                // A lease is longer than its holder lives.
                Move::Wait if self.workers.iter().all(|worker| worker.run.is_none()) => {
                    self.memory.advance(LEASE);
                }
                Move::Wait => self.memory.advance(1),
            }
            if let Some(sweep) = self.workers.last_mut() {
                sweep.pending = true;
            }
        }
        self.settle();
    }
}

fn records(count: usize) -> Vec<Value> {
    (0..count).map(|n| create_group(&format!("e{n}"), "alice")).collect()
}

/// Faults of so many percent of the calls, from a fixed sequence of numbers.
fn faults(seed: u64, percent: u64) -> impl FnMut(&str, &str) -> Fault + Send + 'static {
    let state = Arc::new(Mutex::new(seed | 1));
    move |_, _| {
        let mut state = state.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        match *state % 100 {
            chance if chance >= percent => Fault::None,
            chance if chance % 3 == 0 => Fault::Refused,
            chance if chance % 3 == 1 => Fault::Lost,
            _ => Fault::Conflict,
        }
    }
}

#[derive(Debug, Clone)]
enum Move {
    Step(usize, usize),
    Crash(usize),
    /// Leases run out, if no worker is running.
    Wait,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        12 => (0_usize..3, 1_usize..40).prop_map(|(index, steps)| Move::Step(index, steps)),
        2 => (0_usize..3).prop_map(Move::Crash),
        1 => Just(Move::Wait),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn two_workers_and_a_sweep_alert_every_finding(
        moves in moves(),
        shared in 1_usize..4,
        own in 0_usize..2,
    ) {
        let all = records(shared + own);
        let mut world = World::new(vec![inline(&all[..shared]), inline(&all)]);
        world.play(&moves);
        prop_assert_eq!(world.check(shared + own), Ok(()));
    }

    #[test]
    fn a_failing_store_loses_and_repeats_nothing(
        moves in moves(),
        seed in any::<u64>(),
        percent in 0_u64..25,
    ) {
        let mut world = World::new(vec![inline(&records(2)), inline(&records(3))]);
        world.memory.fail(faults(seed, percent));
        world.play(&moves);
        prop_assert_eq!(world.check(3), Ok(()));
    }

    #[test]
    fn a_burst_is_alerted_whichever_worker_crashes(moves in moves()) {
        let mut world = World::new(vec![inline(&records(12)), inline(&records(13))]);
        world.play(&moves);
        prop_assert_eq!(world.check(13), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// The one that finds the incident folds its own findings into it.
    #[test]
    fn a_staged_group_is_alerted_whichever_worker_crashes(moves in moves(), first in 1_usize..=3) {
        let all = correlations::staged_administrators();
        let mut world = World::new(vec![inline(&all[..first]), inline(&all)]);
        world.play(&moves);
        prop_assert_eq!(world.check_reported(3), Ok(()));
    }

    #[test]
    fn a_failing_store_folds_nothing_that_is_not_named(
        moves in moves(),
        seed in any::<u64>(),
        percent in 0_u64..25,
    ) {
        let all = correlations::staged_administrators();
        let mut world = World::new(vec![inline(&all[..2]), inline(&all)]);
        world.memory.fail(faults(seed, percent));
        world.play(&moves);
        prop_assert_eq!(world.check_reported(3), Ok(()));
    }
}

/// The delivery is repeated, if the queue would repeat it.
#[test]
fn a_worker_crash_at_any_step_loses_nothing() {
    for count in [1, 3, 12] {
        for steps in 1.. {
            let mut world = World::new(vec![inline(&records(count))]);
            world.steps(0, steps);
            let is_over = world.is_over(0, steps);
            world.crash(0);
            world.settle();
            assert_eq!(world.check(count), Ok(()), "{count} findings, crash after {steps} steps");
            if is_over {
                break;
            }
        }
    }
}

/// The delivery is not repeated. What was not claimed by then has only an open marker.
#[test]
fn claimed_findings_are_alerted_by_the_sweep_alone() {
    for steps in 1.. {
        let mut world = World::new(vec![inline(&records(2))]);
        world.steps(0, steps);
        let is_over = world.is_over(0, steps);
        world.crash(0);
        let claimed = world.memory.keys("entries/").len();
        world.workers[0].pending = false;
        world.memory.advance(LEASE);
        world.settle();
        let checked = world.check(claimed).map_err(|error| error.replace("left: ", ""));
        let unclaimed = matches!(&checked, Err(left) if claimed < 2 && left.contains("open/"));
        assert!(checked.is_ok() || unclaimed, "crash after {steps} steps: {checked:?}");
        if is_over {
            break;
        }
    }
}

/// The sweep crashes while it sends a summary.
#[test]
fn a_sweep_crash_at_any_step_loses_nothing() {
    for steps in 1.. {
        let mut world = World::new(vec![inline(&records(12))]);
        world.steps(0, 5_000);
        world.memory.advance(WINDOW);
        world.steps(1, steps);
        let is_over = world.is_over(1, steps);
        world.crash(1);
        world.settle();
        assert_eq!(world.check(12), Ok(()), "crash after {steps} steps");
        if is_over {
            break;
        }
    }
}

/// Two workers meet at an entry whose holder is gone. One stops at any step while the other runs.
#[test]
fn of_two_successors_one_takes_over() {
    let sweep = 2;
    for (stopped, running) in [(0, 1), (0, sweep), (sweep, 0)] {
        for steps in 1.. {
            let mut world = World::new(vec![inline(&records(1)), inline(&records(1))]);
            while world.memory.keys("entries/").is_empty() {
                world.step(0);
            }
            world.crash(0);
            world.memory.advance(LEASE);
            world.steps(stopped, steps);
            let is_over = world.is_over(stopped, steps);
            world.steps(running, 1_000);
            world.settle();
            let case = format!("{stopped} stops after {steps} steps, {running} runs");
            assert_eq!(world.check(1), Ok(()), "{case}");
            if is_over {
                break;
            }
        }
    }
}
