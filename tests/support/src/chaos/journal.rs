//! Everything that happened in a deployment, in one order: what the stand-ins answered, and when
//! copies of the function started, were invoked and died.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::faults::Act;

/// One thing that happened. Its place in [`Journal::events`] is its order.
#[derive(Debug, Clone)]
pub struct Event {
    /// By this machine's clock.
    pub time: Instant,
    /// The copy that did it, or that it was done to: its access key.
    pub copy: String,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    Started,
    Died,
    Invoked,
    Request(RequestNote),
}

/// A request and what became of it.
#[derive(Debug, Clone)]
pub struct RequestNote {
    /// E.g. `PUT`.
    pub method: String,
    /// Bucket and key, or the action of a query.
    pub resource: String,
    /// What a put entry says its state is. See [`super::ledger::entry_state`].
    pub state: Option<String>,
    /// As the service answered; 0 if the request never reached it.
    pub status: u16,
    /// The fault that hit it.
    pub fault: Option<Act>,
    /// False if the answer was lost.
    pub answered: bool,
}

/// The record of a deployment.
#[derive(Debug, Default)]
pub struct Journal {
    // Std mutexes: nothing awaits under them.
    events: Mutex<Vec<Event>>,
    breaches: Mutex<Vec<String>>,
}

impl Journal {
    /// Adds an event. Returns its place in the order.
    pub fn add(&self, copy: &str, what: What) -> usize {
        let mut events = lock(&self.events);
        events.push(Event { time: Instant::now(), copy: copy.to_owned(), what });
        events.len() - 1
    }

    /// Completes the note of a request.
    pub fn update(&self, place: usize, change: impl FnOnce(&mut RequestNote)) {
        if let What::Request(note) = &mut lock(&self.events)[place].what {
            change(note);
        }
    }

    /// Records something that the real service would have refused, or that the stand-in does not
    /// model.
    pub fn breach(&self, what: impl Into<String>) {
        lock(&self.breaches).push(what.into());
    }

    pub fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    pub fn breaches(&self) -> Vec<String> {
        lock(&self.breaches).clone()
    }
}

impl RequestNote {
    /// Status, fault and whether it was answered, for people.
    pub fn fate(&self) -> String {
        let fault = self.fault.map(|fault| format!(" {fault:?}")).unwrap_or_default();
        let answered = if self.answered { "" } else { " unanswered" };
        format!("{}{fault}{answered}", self.status)
    }
}

impl Event {
    pub fn request(&self) -> Option<&RequestNote> {
        match &self.what {
            What::Request(note) => Some(note),
            _ => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
