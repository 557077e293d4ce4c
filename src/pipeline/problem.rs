//! What went wrong, by name, and what is done about it.

use std::fmt;

/// Something that went wrong in a run. Logged once, by whoever started the run.
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
    /// What carried it is delivered again, and goes to the dead letters in the end.
    Retry,
    /// The next sweep tries it again.
    NextSweep,
    /// It is left out and counted.
    Discard,
    /// It is not tried again by itself: somebody has to look at it.
    GivenUp,
}

impl Problem {
    pub(super) fn retry(place: impl fmt::Display, what: impl fmt::Display) -> Problem {
        Problem { place: place.to_string(), what: what.to_string(), remedy: Remedy::Retry }
    }

    pub(super) fn discard(place: impl fmt::Display, what: impl fmt::Display) -> Problem {
        Problem { place: place.to_string(), what: what.to_string(), remedy: Remedy::Discard }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.remedy {
            Remedy::Retry => "to be tried again",
            Remedy::NextSweep => "to be tried again by the next sweep",
            Remedy::Discard => "left out",
            Remedy::GivenUp => "given up",
        };
        write!(f, "{}: {} ({remedy})", self.place, self.what)
    }
}
