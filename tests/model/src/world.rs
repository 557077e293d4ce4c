//! Everything there is: the store, and the next step of every process.

/// The number of deliveries of the finding. The process after the last one is the sweep.
pub const WORKERS: usize = 3;

/// A process: a worker's index, or [`WORKERS`] for the sweep.
pub type Process = usize;

/// How far an entry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// Its holder is delivering it.
    Claimed,
    /// Its holder failed and gave it back.
    Released,
    /// Its alert was published.
    Alerted,
    /// The alert of an incident was published, and names it.
    Folded,
}

impl EntryState {
    /// Nothing is left to be done.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, EntryState::Alerted | EntryState::Folded)
    }
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
    /// Puts the completion, after the alert of an incident.
    Fold(u8),
    /// Publishes the alert of the incident, in the variant that folds before.
    PublishLate,
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
    /// How often the alert was published, or that of an incident which names the finding.
    pub published: u8,
    /// The incident's alert is claimed: only one worker publishes it.
    pub incident: bool,
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

impl World {
    pub(crate) fn is_marked(&self) -> bool {
        self.markers.contains(&true)
    }

    pub(crate) fn is_final(&self) -> bool {
        self.entry.is_some_and(|entry| entry.state.is_final())
    }

    /// The lease of the entry holds: its holder is alive.
    pub(crate) fn is_leased(&self) -> bool {
        self.entry.is_some_and(|entry| {
            let holder = self.steps[entry.token];
            entry.state == EntryState::Claimed
                && matches!(
                    holder,
                    Step::Publish(_)
                        | Step::Complete(_)
                        | Step::Fold(_)
                        | Step::Release(_)
                        | Step::Look
                        | Step::MarkLate(_)
                )
        })
    }

    /// The processes that may act as holders of the entry.
    pub(crate) fn owners(&self) -> usize {
        let acts = |step: &&Step| matches!(step, Step::Publish(_));
        self.steps.iter().filter(acts).count()
    }

    pub(crate) fn write(&mut self, token: Process, state: EntryState) -> u8 {
        let etag = self.next_etag;
        self.next_etag += 1;
        self.entry = Some(Entry { token, state, etag });
        etag
    }

    pub(crate) fn has_etag(&self, etag: u8) -> bool {
        self.entry.is_some_and(|entry| entry.etag == etag)
    }
}
