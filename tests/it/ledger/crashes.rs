//! Whatever dies when: every finding is told, and told once more only where a worker died between
//! publishing and completing.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use trailbell::pipeline::{self, Pipeline, Problem};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{LEASE, WINDOW, clock, create_group, inline, pipeline};

/// What a worker's run comes to: whether it must be delivered again, and what it could not record.
struct FindingOutcome {
    again: bool,
    problems: Vec<Problem>,
}

type Work = Pin<Box<dyn Future<Output = FindingOutcome>>>;

/// Workers, a sweep, and what they share.
struct World {
    memory: Memory,
    topic: Topic,
    pipeline: Arc<Pipeline>,
    /// What each worker has yet to do, the next last; and what it is doing.
    slots: Vec<Slot>,
    /// How often each finding may be told beyond the first time.
    allowed: BTreeMap<String, usize>,
}

struct Slot {
    /// None is the sweep's.
    payload: Option<Value>,
    pending: bool,
    work: Option<Work>,
    /// What the topic accepted from it since it began.
    published: Vec<String>,
}

impl Slot {
    fn new(payload: Option<Value>) -> Slot {
        Slot { payload, pending: true, work: None, published: Vec::new() }
    }
}

/// Nothing runs in it: who waits for something with a limit needs its timers, which never fire
/// here.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().unwrap())
}

impl World {
    fn new(payloads: Vec<Value>) -> World {
        let (memory, topic) = (Memory::new(), Topic::default());
        let pipeline = pipeline(&memory, &topic);
        let slots = payloads.into_iter().map(Some).chain([None]).map(Slot::new).collect();
        World { memory, topic, pipeline, slots, allowed: BTreeMap::new() }
    }

    fn begin(&mut self, at: usize) {
        let pipeline = Arc::clone(&self.pipeline);
        let slot = &mut self.slots[at];
        (slot.pending, slot.published) = (false, Vec::new());
        slot.work = Some(match slot.payload.clone() {
            Some(payload) => Box::pin(async move {
                let outcome = pipeline::run(&pipeline, &payload, clock()).await;
                assert_eq!(outcome.mismatch, None);
                FindingOutcome { again: outcome.reply().is_err(), problems: outcome.problems }
            }),
            None => Box::pin(async move {
                let mut problems = pipeline::recover_open(&pipeline, clock()).await.problems;
                problems.extend(pipeline::send_due_summaries(&pipeline, clock()).await.problems);
                FindingOutcome { again: true, problems }
            }),
        });
    }

    /// Lets one of them go one step further.
    fn step(&mut self, at: usize) {
        if self.slots[at].work.is_none() {
            if self.slots[at].pending {
                self.begin(at);
            }
            return;
        }
        let before = self.topic.told();
        let slot = &mut self.slots[at];
        let _timers = runtime().enter();
        let polled = slot
            .work
            .as_mut()
            .map(|work| work.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        slot.published.extend(self.topic.told_since(before));
        if let Some(Poll::Ready(ended)) = polled {
            slot.work = None;
            slot.pending = ended.again;
            for problem in &ended.problems {
                self.allow_unrecorded(problem);
            }
        }
        self.check_markers();
    }

    /// A worker whose every try to record something failed is as good as dead.
    fn allow_unrecorded(&mut self, problem: &Problem) {
        if problem.what.contains("could not be recorded") {
            for id in self.ids() {
                if problem.place.contains(&id) || problem.place.starts_with("summary") {
                    *self.allowed.entry(id).or_default() += 1;
                }
            }
        }
    }

    fn crash(&mut self, at: usize) {
        if self.slots[at].work.take().is_none() {
            return;
        }
        self.slots[at].pending = true;
        for id in std::mem::take(&mut self.slots[at].published) {
            if !self.is_final(&id) {
                *self.allowed.entry(id).or_default() += 1;
            }
        }
    }

    fn state(&self, id: &str) -> Option<String> {
        let entry = self.memory.text(&format!("entries/{id}"))?;
        // Its place in the text is fixed; parsing all entries after all steps takes minutes.
        let state = entry.split_once("\"state\":\"").unwrap().1;
        Some(state.split_once('"').unwrap().0.to_owned())
    }

    /// Whether nobody has to be told of it any more. What is held has yet to be told.
    fn is_final(&self, id: &str) -> bool {
        matches!(self.state(id).as_deref(), Some("alerted" | "suppressed" | "summarised"))
    }

    /// The ids of all findings that were ever claimed.
    fn ids(&self) -> Vec<String> {
        let entries = self.memory.keys("entries/");
        let finding =
            |key: &String| self.memory.text(key).is_some_and(|text| text.contains("\"finding\":{"));
        entries.into_iter().filter(finding).map(|key| key.replace("entries/", "")).collect()
    }

    /// The heart of it: what is not seen through has a marker, at every moment.
    fn check_markers(&self) {
        let changed = self.memory.calls();
        let ids = changed
            .iter()
            .filter_map(|call| call.rsplit_once('/').map(|(_, id)| id))
            .filter(|id| id.len() == 64);
        for id in ids.filter(|id| self.state(id).is_some()) {
            let done = self.is_final(id) || self.state(id).as_deref() == Some("grouped");
            assert!(
                done || self.memory.text(&format!("open/{id}")).is_some(),
                "{id} is {:?} unmarked",
                self.state(id)
            );
        }
    }

    /// Everyone goes on undisturbed until nothing is left to be done.
    fn settle(&mut self) {
        self.memory.fail(|_, _| Fault::None);
        self.topic.fail(&[]);
        for _ in 0..6 {
            for at in 0..self.slots.len() {
                self.slots[at].pending |= self.slots[at].payload.is_none();
                for _ in 0..20_000 {
                    self.step(at);
                    if self.slots[at].work.is_none()
                        && !(self.slots[at].pending && self.slots[at].payload.is_some())
                    {
                        break;
                    }
                }
            }
            self.memory.wait(LEASE.max(WINDOW));
        }
    }

    /// How often each finding was told.
    fn verdict(&self, findings: usize) -> Result<(), String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        self.topic.told_since(0).into_iter().for_each(|id| *counts.entry(id).or_default() += 1);
        let ids = self.ids();
        if ids.len() != findings {
            return Err(format!("{} of {findings} findings were claimed", ids.len()));
        }
        for id in ids {
            let (times, most) = (
                counts.get(&id).copied().unwrap_or(0),
                1 + self.allowed.get(&id).copied().unwrap_or(0),
            );
            if times == 0 || times > most || !self.is_final(&id) {
                return Err(format!(
                    "{id} was told {times} times, at most {most} expected, and is {:?}",
                    self.state(&id)
                ));
            }
        }
        let left = [self.memory.keys("open/"), self.memory.keys("grouped/")].concat();
        if left.is_empty() { Ok(()) } else { Err(format!("left: {left:?}")) }
    }
}

fn records(count: usize) -> Vec<Value> {
    (0..count).map(|n| create_group(&format!("e{n}"), "alice")).collect()
}

/// Chances of faults, from a fixed sequence of numbers.
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
    /// Leases run out, where nobody holds one alive.
    Wait,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        12 => (0usize..3, 1usize..40).prop_map(|(at, steps)| Move::Step(at, steps)),
        2 => (0usize..3).prop_map(Move::Crash),
        1 => Just(Move::Wait),
    ];
    prop::collection::vec(one, 0..60)
}

impl World {
    fn play(&mut self, moves: &[Move]) {
        for one in moves {
            match one {
                Move::Step(at, steps) => (0..*steps).for_each(|_| self.step(*at)),
                Move::Crash(at) => self.crash(*at),
                Move::Wait if self.slots.iter().all(|slot| slot.work.is_none()) => {
                    self.memory.wait(LEASE)
                }
                Move::Wait => self.memory.wait(1),
            }
            let sweep = self.slots.len() - 1;
            self.slots[sweep].pending = true;
        }
        self.settle();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn two_workers_and_a_sweep_tell_every_finding(moves in moves(), shared in 1usize..4, own in 0usize..2) {
        let all = records(shared + own);
        let mut world = World::new(vec![inline(&all[..shared]), inline(&all)]);
        world.play(&moves);
        prop_assert_eq!(world.verdict(shared + own), Ok(()));
    }

    #[test]
    fn a_store_that_stumbles_changes_nothing(moves in moves(), seed in any::<u64>(), percent in 0u64..25) {
        let mut world = World::new(vec![inline(&records(2)), inline(&records(3))]);
        world.memory.fail(faults(seed, percent));
        world.play(&moves);
        prop_assert_eq!(world.verdict(3), Ok(()));
    }

    #[test]
    fn a_burst_is_told_whoever_dies(moves in moves()) {
        let mut world = World::new(vec![inline(&records(12)), inline(&records(13))]);
        world.play(&moves);
        prop_assert_eq!(world.verdict(13), Ok(()));
    }
}

/// A worker dies after each of its steps in turn; the delivery is repeated or not, as the case may
/// be.
#[test]
fn a_death_at_every_step_loses_nothing() {
    for count in [1, 3, 12] {
        let mut died = true;
        for steps in 1.. {
            let mut world = World::new(vec![inline(&records(count))]);
            (0..steps).for_each(|_| world.step(0));
            let over = world.slots[0].work.is_none() && steps > 1;
            world.crash(0);
            world.settle();
            assert_eq!(world.verdict(count), Ok(()), "{count} findings, dead after {steps} steps");
            if over {
                died = false;
                break;
            }
        }
        assert!(!died);
    }
}

/// What was entered needs no second delivery: the sweep alone sees it through.
#[test]
fn what_is_entered_the_sweep_sees_through_alone() {
    for steps in 1.. {
        let mut world = World::new(vec![inline(&records(2))]);
        (0..steps).for_each(|_| world.step(0));
        let over = world.slots[0].work.is_none() && steps > 1;
        world.crash(0);
        let entered = world.memory.keys("entries/").len();
        world.slots[0].pending = false;
        world.memory.wait(LEASE);
        world.settle();
        let verdict = world.verdict(entered).map_err(|error| error.replace("left: ", ""));
        let unclaimed = matches!(&verdict, Err(left) if entered < 2 && left.contains("open/"));
        assert!(verdict.is_ok() || unclaimed, "dead after {steps} steps: {verdict:?}");
        if over {
            break;
        }
    }
}

/// The sweep dies after each of its steps in turn, while it tells a summary.
#[test]
fn a_sweep_that_dies_at_every_step_loses_nothing() {
    for steps in 1.. {
        let mut world = World::new(vec![inline(&records(12))]);
        (0..5_000).for_each(|_| world.step(0));
        world.memory.wait(WINDOW);
        (0..steps).for_each(|_| world.step(1));
        let over = world.slots[1].work.is_none() && steps > 1;
        world.crash(1);
        world.settle();
        assert_eq!(world.verdict(12), Ok(()), "dead after {steps} steps");
        if over {
            break;
        }
    }
}

/// Two successors meet at an entry whose holder is gone: one stops after each of its steps in turn,
/// the other runs.
#[test]
fn of_two_successors_one_takes_over() {
    let sweep = 2;
    for (one, other) in [(0, 1), (0, sweep), (sweep, 0)] {
        for steps in 1.. {
            let mut world = World::new(vec![inline(&records(1)), inline(&records(1))]);
            while world.memory.keys("entries/").is_empty() {
                world.step(0);
            }
            world.crash(0);
            world.memory.wait(LEASE);
            (0..steps).for_each(|_| world.step(one));
            let over = world.slots[one].work.is_none() && steps > 1;
            (0..1_000).for_each(|_| world.step(other));
            world.settle();
            assert_eq!(world.verdict(1), Ok(()), "{one} stops after {steps} steps, {other} runs");
            if over {
                break;
            }
        }
    }
}
