//! The ledger's protocol for one finding as a model: workers that were delivered the same finding,
//! a sweep that recovers what they left, and a store whose answers get lost. stateright visits every
//! interleaving of their requests. docs/ledger.md describes the protocol; `src/ledger` implements
//! it.
//!
//! Time is modelled by what it guarantees: a lease outlives its holder, so it ends only after the
//! holder's death; and a marker without an entry is old only when nobody who could still write the
//! entry is alive.

use stateright::{Model, Property};

/// The number of deliveries of the finding. The process after the last one is the sweep.
pub const WORKERS: usize = 3;

/// A process: a worker's index, or [`WORKERS`] for the sweep.
type Process = usize;

/// What is taken out of the protocol, to show that the check notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The protocol as it is.
    Sound,
    /// The entry is put before its marker.
    MarkerAfterEntry,
    /// The entry is put without `If-None-Match`.
    UnconditionalClaim,
    /// All claims of a finding share one marker.
    SharedMarker,
    /// The marker is deleted before the completion is put.
    MarkerDeletedFirst,
    /// An entry is taken over while its lease holds.
    LeaseIgnored,
    /// A worker whose answer was lost takes the entry for its own without comparing tokens.
    TokenIgnored,
    /// A marker without an entry is deleted at once.
    YoungMarkerDeleted,
}

/// How much may go wrong in one behaviour.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// What is taken out.
    pub variant: Variant,
    /// How many processes may die.
    pub max_deaths: u8,
    /// How many answers may get lost, with or without the request's effect.
    pub max_lost: u8,
}

/// How far an entry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// Its holder is delivering it.
    Claimed,
    /// Its holder failed and gave it back.
    Released,
    /// Its alert was published.
    Alerted,
}

/// The stored entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The process that wrote it: every claim has a token of its own.
    pub token: Process,
    /// How far it has come.
    pub state: EntryState,
    /// Changes with every write.
    pub etag: u8,
}

/// The next request of a process, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Puts the open marker. The sweep starts by looking at it.
    Mark,
    /// Puts the entry.
    Claim,
    /// Reads the entry: an answer was lost, or somebody else was first.
    Look,
    /// Takes over the entry that it read.
    TakeOver(u8),
    /// Publishes the alert; the entry that it wrote has this etag.
    Publish(u8),
    /// Puts the completion.
    Complete(u8),
    /// Puts the entry back as released.
    Release(u8),
    /// Deletes the marker.
    Unmark,
    /// Puts the marker, in the variant that does so late.
    MarkLate(u8),
    /// The delivery is acknowledged.
    Done,
    /// The delivery is not acknowledged: it is redelivered.
    Failed,
    /// The process was killed.
    Dead,
}

/// Everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The open marker of each worker's claim exists.
    pub markers: [bool; WORKERS],
    /// The marker that the sweep is looking at.
    pub swept: usize,
    /// The stored entry.
    pub entry: Option<Entry>,
    /// The next step of each worker, and of the sweep.
    pub steps: [Step; WORKERS + 1],
    /// How often the alert was published.
    pub published: u8,
    /// How often it may have been published again: a death, or a lost answer that nobody could
    /// clear up, between publishing and completing.
    pub excused: u8,
    /// Processes that died.
    pub deaths: u8,
    /// Answers that got lost.
    pub lost: u8,
    /// The etag of the next write.
    pub next_etag: u8,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The process makes its next request, and gets the answer.
    Request(Process),
    /// The request takes effect, and its answer gets lost.
    AnswerLost(Process),
    /// The request gets lost.
    RequestLost(Process),
    /// The process is killed.
    Death(Process),
    /// A sweep comes to the marker of this worker.
    Sweep(Process),
}

impl World {
    fn is_marked(&self) -> bool {
        self.markers.contains(&true)
    }

    fn is_final(&self) -> bool {
        self.entry.is_some_and(|entry| entry.state == EntryState::Alerted)
    }

    /// The lease of the entry holds: its holder is alive.
    fn is_leased(&self) -> bool {
        self.entry.is_some_and(|entry| {
            let holder = self.steps[entry.token];
            entry.state == EntryState::Claimed
                && matches!(
                    holder,
                    Step::Publish(_)
                        | Step::Complete(_)
                        | Step::Release(_)
                        | Step::Look
                        | Step::MarkLate(_)
                )
        })
    }

    /// The processes that may act as holders of the entry.
    fn owners(&self) -> usize {
        let acts = |step: &&Step| matches!(step, Step::Publish(_));
        self.steps.iter().filter(acts).count()
    }

    fn write(&mut self, token: Process, state: EntryState) -> u8 {
        let etag = self.next_etag;
        self.next_etag += 1;
        self.entry = Some(Entry { token, state, etag });
        etag
    }

    fn has_etag(&self, etag: u8) -> bool {
        self.entry.is_some_and(|entry| entry.etag == etag)
    }
}

impl Protocol {
    /// The marker that a process puts and deletes. The sweep deletes the one that it looks at.
    fn marker<'w>(&self, world: &'w mut World, process: Process) -> &'w mut bool {
        let index = match process {
            _ if self.variant == Variant::SharedMarker => 0,
            WORKERS => world.swept,
            worker => worker,
        };
        &mut world.markers[index]
    }

    /// Whether nobody is alive who could write the entry of a marker.
    fn is_orphan(&self, world: &World, marker: usize) -> bool {
        let gone = |step: &Step| !Protocol::is_active(*step) || *step == Step::Mark;
        match self.variant {
            Variant::YoungMarkerDeleted => true,
            // Judged by the age of its last writing.
            Variant::SharedMarker => world.steps[..WORKERS].iter().all(gone),
            _ => !Protocol::is_active(world.steps[marker]),
        }
    }

    /// The effect of a process's request, and the step that follows a clear answer.
    fn effect(&self, world: &mut World, process: Process) -> Step {
        match world.steps[process] {
            Step::Mark if process == WORKERS => return self.sweep(world),
            Step::Mark => {
                if self.variant == Variant::MarkerAfterEntry {
                    return Step::Claim;
                }
                *self.marker(world, process) = true;
                Step::Claim
            }
            Step::Claim => {
                if world.entry.is_some() && self.variant != Variant::UnconditionalClaim {
                    return Step::Look;
                }
                let etag = world.write(process, EntryState::Claimed);
                match self.variant {
                    Variant::MarkerAfterEntry => Step::MarkLate(etag),
                    _ => Step::Publish(etag),
                }
            }
            Step::MarkLate(etag) => {
                *self.marker(world, process) = true;
                Step::Publish(etag)
            }
            Step::Look => self.look(world, process),
            Step::TakeOver(etag) => {
                if !world.has_etag(etag) {
                    return Step::Look;
                }
                Step::Publish(world.write(process, EntryState::Claimed))
            }
            Step::Publish(etag) => {
                world.published += 1;
                if self.variant == Variant::MarkerDeletedFirst {
                    *self.marker(world, process) = false;
                }
                Step::Complete(etag)
            }
            Step::Complete(etag) => {
                if world.has_etag(etag) {
                    world.write(process, EntryState::Alerted);
                    return Step::Unmark;
                }
                self.settle(world, process)
            }
            Step::Release(etag) => {
                if world.has_etag(etag) {
                    world.write(process, EntryState::Released);
                }
                Step::Failed
            }
            Step::Unmark => {
                *self.marker(world, process) = false;
                Step::Done
            }
            step @ (Step::Done | Step::Failed | Step::Dead) => step,
        }
    }

    /// What a worker does about the entry that it reads.
    fn look(&self, world: &World, process: Process) -> Step {
        let Some(entry) = world.entry else { return Step::Claim };
        let ours = entry.token == process || self.variant == Variant::TokenIgnored;
        match entry.state {
            EntryState::Alerted => Step::Unmark,
            EntryState::Claimed if ours => Step::Publish(entry.etag),
            // Another worker has it: a success here.
            EntryState::Claimed if self.holds(world, process) => Step::Done,
            EntryState::Claimed | EntryState::Released => Step::TakeOver(entry.etag),
        }
    }

    /// Whether a lease keeps `process` from taking over. Its own claim is no reason to wait.
    fn holds(&self, world: &World, process: Process) -> bool {
        let other = world.entry.is_some_and(|entry| entry.token != process);
        other && world.is_leased() && self.variant != Variant::LeaseIgnored
    }

    /// What a worker does that could not complete: the entry decides.
    fn settle(&self, world: &mut World, process: Process) -> Step {
        match world.entry {
            Some(entry) if entry.state == EntryState::Alerted => Step::Unmark,
            Some(entry) if entry.token == process => Step::Complete(entry.etag),
            // Another worker took over: what it does counts.
            _ => Step::Done,
        }
    }

    /// What the sweep does about the marker.
    fn sweep(&self, world: &mut World) -> Step {
        if !world.markers[world.swept] {
            return Step::Done;
        }
        let Some(entry) = world.entry else {
            return if self.is_orphan(world, world.swept) { Step::Unmark } else { Step::Done };
        };
        match entry.state {
            EntryState::Alerted => Step::Unmark,
            EntryState::Claimed if self.holds(world, WORKERS) => Step::Done,
            EntryState::Claimed | EntryState::Released => Step::TakeOver(entry.etag),
        }
    }

    /// The step after an answer that got lost: what is stored decides.
    fn after_lost_answer(&self, world: &mut World, process: Process, before: Step) -> Step {
        match before {
            Step::Mark | Step::Unmark | Step::MarkLate(_) => before,
            Step::Claim | Step::Look => Step::Look,
            Step::TakeOver(_) if process == WORKERS => Step::Done,
            Step::TakeOver(_) => Step::Look,
            // Whether SNS took it cannot be known: it may be published once more.
            Step::Publish(etag) => {
                world.excused += 1;
                Step::Release(etag)
            }
            Step::Complete(etag) => Step::Complete(etag),
            Step::Release(_) => Step::Failed,
            step @ (Step::Done | Step::Failed | Step::Dead) => step,
        }
    }

    fn is_active(step: Step) -> bool {
        !matches!(step, Step::Done | Step::Failed | Step::Dead)
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        let mut steps = [Step::Mark; WORKERS + 1];
        steps[WORKERS] = Step::Done;
        vec![World {
            markers: [false; WORKERS],
            swept: 0,
            entry: None,
            steps,
            published: 0,
            excused: 0,
            deaths: 0,
            lost: 0,
            next_etag: 0,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Event>) {
        for (process, step) in world.steps.iter().enumerate() {
            if !Protocol::is_active(*step) {
                continue;
            }
            actions.push(Event::Request(process));
            if world.lost < self.max_lost {
                actions.push(Event::AnswerLost(process));
                actions.push(Event::RequestLost(process));
            }
            if world.deaths < self.max_deaths {
                actions.push(Event::Death(process));
            }
        }
        if !Protocol::is_active(world.steps[WORKERS]) {
            let marked = (0..WORKERS).filter(|worker| world.markers[*worker]);
            actions.extend(marked.map(Event::Sweep));
        }
    }

    fn next_state(&self, before: &World, event: Event) -> Option<World> {
        let mut world = before.clone();
        match event {
            Event::Request(process) => {
                world.steps[process] = self.effect(&mut world, process);
            }
            Event::AnswerLost(process) => {
                let step = world.steps[process];
                self.effect(&mut world, process);
                world.steps[process] = self.after_lost_answer(&mut world, process, step);
                world.lost += 1;
            }
            Event::RequestLost(process) => {
                let step = world.steps[process];
                world.steps[process] = self.after_lost_answer(&mut world, process, step);
                world.lost += 1;
            }
            Event::Death(process) => {
                world.excused += u8::from(matches!(world.steps[process], Step::Complete(_)));
                world.steps[process] = Step::Dead;
                world.deaths += 1;
            }
            Event::Sweep(worker) => {
                world.swept = worker;
                world.steps[WORKERS] = Step::Mark;
            }
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        vec![
            Property::always("an entry that is not final has a marker", |_, world: &World| {
                world.entry.is_none() || world.is_final() || world.is_marked()
            }),
            Property::always("no second owner", |_, world: &World| world.owners() <= 1),
            Property::always("a second alert has a reason", |_, world: &World| {
                world.published <= 1 + world.excused
            }),
            Property::always("what is acknowledged is alerted or open", |_, world: &World| {
                let acknowledged = world.steps[..WORKERS].iter().any(|step| *step == Step::Done);
                !acknowledged || world.is_final() || world.is_marked()
            }),
            Property::sometimes("the finding is alerted", |_, world: &World| {
                world.is_final() && !world.is_marked()
            }),
        ]
    }
}
