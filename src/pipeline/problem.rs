//! What went wrong, by name, and what is done about it.

use std::fmt;

/// Something that went wrong in an invocation. Logged once, by the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The object, record, message or finding concerned.
    pub place: String,
    /// What is wrong, with its cause.
    pub what: String,
    /// What is done about it.
    pub remedy: Remedy,
}

/// What is done about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// What carried it is delivered again, and dead-lettered in the end.
    Retry,
    /// The next sweep retries it.
    NextSweep,
    /// It is discarded and counted.
    Discard,
    /// It is not retried: a person must look into it.
    Abandon,
}

impl Problem {
    pub(crate) fn retry(place: impl fmt::Display, what: impl fmt::Display) -> Problem {
        Problem { place: place.to_string(), what: what.to_string(), remedy: Remedy::Retry }
    }

    pub(crate) fn discard(place: impl fmt::Display, what: impl fmt::Display) -> Problem {
        Problem { place: place.to_string(), what: what.to_string(), remedy: Remedy::Discard }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.remedy {
            Remedy::Retry => "retried",
            Remedy::NextSweep => "retried by the next sweep",
            Remedy::Discard => "discarded",
            Remedy::Abandon => "abandoned",
        };
        write!(f, "{}: {} ({remedy})", self.place, self.what)
    }
}
