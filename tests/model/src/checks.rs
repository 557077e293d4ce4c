//! Every interleaving, and what holds in all of them.

use stateright::{Model, Property};

use crate::protocol::Protocol;
use crate::world::{EntryState, Process, Step, WORKERS, World};

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The process makes its next request, and gets the answer.
    Request(Process),
    /// The process publishes the alert of an incident that names the finding.
    Incident(Process),
    /// The same, and the answer gets lost.
    IncidentAnswerLost(Process),
    /// The request takes effect, and its answer gets lost.
    AnswerLost(Process),
    /// The request gets lost.
    RequestLost(Process),
    /// The process is killed.
    Death(Process),
    /// A sweep comes to the marker of this worker.
    Sweep(Process),
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
            incident: false,
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
            if matches!(step, Step::Publish(_)) && !world.incident {
                actions.push(Event::Incident(process));
                if world.lost < self.max_lost {
                    actions.push(Event::IncidentAnswerLost(process));
                }
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
            Event::Incident(process) => {
                let Step::Publish(etag) = world.steps[process] else { return None };
                world.incident = true;
                world.steps[process] = self.publish_incident(&mut world, etag);
            }
            Event::IncidentAnswerLost(process) => {
                let Step::Publish(etag) = world.steps[process] else { return None };
                // Whether SNS took it cannot be known: the finding has an alert of its own.
                world.incident = true;
                self.publish_incident(&mut world, etag);
                world.excused += 1;
                world.lost += 1;
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
                world.excused +=
                    u8::from(matches!(world.steps[process], Step::Complete(_) | Step::Fold(_)));
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
            Property::always("what is acknowledged is sent or open", |_, world: &World| {
                let acknowledged = world.steps[..WORKERS].contains(&Step::Done);
                let is_sent = world.is_final() && world.published > 0;
                !acknowledged || is_sent || world.is_marked()
            }),
            Property::sometimes("the finding is folded", |_, world: &World| {
                world.entry.is_some_and(|entry| entry.state == EntryState::Folded)
            }),
            Property::sometimes("the finding is alerted", |_, world: &World| {
                world.is_final() && !world.is_marked()
            }),
        ]
    }
}
