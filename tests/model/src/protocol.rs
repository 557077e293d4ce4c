//! What a process does next, and what is taken out of that to show that the check notices.

use crate::world::{EntryState, Process, Step, WORKERS, World};

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
    /// A finding is folded before the incident's alert is published.
    FoldedFirst,
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
    pub(crate) fn effect(&self, world: &mut World, process: Process) -> Step {
        match world.steps[process] {
            Step::Mark if process == WORKERS => self.sweep(world),
            Step::Mark => {
                if self.variant == Variant::MarkerAfterEntry {
                    return Step::Claim;
                }
                *self.marker(world, process) = true;
                Step::Claim
            }
            Step::Claim => self.claim(world, process),
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
            Step::Complete(etag) => self.complete(world, process, etag, EntryState::Alerted),
            Step::Fold(etag) => self.complete(world, process, etag, EntryState::Folded),
            Step::PublishLate => {
                world.published += 1;
                Step::Unmark
            }
            Step::Release(etag) => {
                if world.has_etag(etag) {
                    world.write(process, EntryState::Released);
                }
                Step::Failed
            }
            Step::Unmark => {
                self.unmark(world, process);
                Step::Done
            }
            step @ (Step::Done | Step::Failed | Step::Dead) => step,
        }
    }

    /// Publishes the alert of an incident that names the finding, in place of its own alert. The
    /// worker claims it just before, and only one can.
    pub(crate) fn publish_incident(&self, world: &mut World, etag: u8) -> Step {
        if self.variant != Variant::FoldedFirst {
            world.published += 1;
        }
        Step::Fold(etag)
    }

    /// Puts the completion. What another worker did meanwhile counts.
    fn complete(&self, world: &mut World, process: Process, etag: u8, state: EntryState) -> Step {
        if !world.has_etag(etag) {
            return self.settle(world, process, state);
        }
        world.write(process, state);
        match (self.variant, state) {
            (Variant::FoldedFirst, EntryState::Folded) => Step::PublishLate,
            _ => Step::Unmark,
        }
    }

    fn claim(&self, world: &mut World, process: Process) -> Step {
        if world.entry.is_some() && self.variant != Variant::UnconditionalClaim {
            return Step::Look;
        }
        let etag = world.write(process, EntryState::Claimed);
        match self.variant {
            Variant::MarkerAfterEntry => Step::MarkLate(etag),
            _ => Step::Publish(etag),
        }
    }

    /// A worker deletes its own marker; a sweep all those of a final entry.
    fn unmark(&self, world: &mut World, process: Process) {
        if process == WORKERS && world.is_final() {
            world.markers = [false; WORKERS];
        } else {
            *self.marker(world, process) = false;
        }
    }

    /// What a worker does about the entry that it reads.
    fn look(&self, world: &World, process: Process) -> Step {
        let Some(entry) = world.entry else { return Step::Claim };
        let ours = entry.token == process || self.variant == Variant::TokenIgnored;
        match entry.state {
            EntryState::Alerted | EntryState::Folded => Step::Unmark,
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
    fn settle(&self, world: &mut World, process: Process, state: EntryState) -> Step {
        match world.entry {
            Some(entry) if entry.state.is_final() => Step::Unmark,
            Some(entry) if entry.token == process => match state {
                EntryState::Folded => Step::Fold(entry.etag),
                _ => Step::Complete(entry.etag),
            },
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
            EntryState::Alerted | EntryState::Folded => Step::Unmark,
            EntryState::Claimed if self.holds(world, WORKERS) => Step::Done,
            EntryState::Claimed | EntryState::Released => Step::TakeOver(entry.etag),
        }
    }

    /// The step after an answer that got lost: what is stored decides.
    pub(crate) fn after_lost_answer(
        &self,
        world: &mut World,
        process: Process,
        before: Step,
    ) -> Step {
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
            Step::Complete(_) | Step::Fold(_) | Step::PublishLate => before,
            Step::Release(_) => Step::Failed,
            step @ (Step::Done | Step::Failed | Step::Dead) => step,
        }
    }

    pub(crate) fn is_active(step: Step) -> bool {
        !matches!(step, Step::Done | Step::Failed | Step::Dead)
    }
}
