//! Incidents: how long one lasts and how severe it is. Each is alerted once, and again only when
//! its severity rises.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Occurrence;
use crate::finding::FindingId;
use crate::rule::{Correlation, Severity};

/// Late events can belong to any of the latest incidents.
const MAX_INCIDENTS: usize = 32;

/// The version of the stored form.
const VERSION: u32 = 1;

/// One incident. It lasts until nothing has happened for a timespan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Stays the same while the incident lasts.
    pub id: FindingId,
    /// The time of its first event.
    pub start: Timestamp,
    /// The time of its last event.
    pub end: Timestamp,
    /// The highest severity that it reached.
    pub severity: Severity,
}

/// The incidents of one correlation and one set of group_by values, by start. They are more than a
/// timespan apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incidents {
    version: u32,
    incidents: Vec<Incident>,
}

impl Default for Incidents {
    fn default() -> Incidents {
        Incidents { version: VERSION, incidents: Vec::new() }
    }
}

impl Incidents {
    /// Reads the stored JSON. Returns `None` if it is damaged.
    /// Fails if a later version of the program wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Option<Incidents>, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        match serde_json::from_slice(bytes) {
            Ok(Versioned { version }) if version > VERSION => Err(format!(
                "the incidents have version {version}; this program reads up to version {VERSION}"
            )),
            _ => Ok(serde_json::from_slice(bytes).ok()),
        }
    }

    /// The incidents after events at `times`, with the occurrences around them. An occurrence
    /// starts an incident or joins those within the timespan; an event alone only joins. Joined
    /// incidents become one with the id of the most severe, so that it is not alerted again.
    /// `new_id` names a new incident by its start.
    pub fn absorb(
        &self,
        occurrences: &[Occurrence],
        times: &[Timestamp],
        timespan: SignedDuration,
        new_id: &dyn Fn(Timestamp) -> FindingId,
    ) -> Incidents {
        let mut all = self.incidents.clone();
        for Occurrence { start, end, severity } in occurrences {
            let range = EventTimes { start: *start, end: *end };
            join(&mut all, range, Some(*severity), timespan, new_id);
        }
        for time in times {
            join(&mut all, EventTimes::at(*time), None, timespan, new_id);
        }
        let oldest = all.len().saturating_sub(MAX_INCIDENTS);
        Incidents { version: VERSION, incidents: all.split_off(oldest) }
    }

    /// Returns true if one of them includes all of the events of an incident, and is at least as
    /// severe.
    pub fn cover(&self, other: &Incident) -> bool {
        self.incidents.iter().any(|incident| {
            incident.start <= other.start
                && other.end <= incident.end
                && other.severity <= incident.severity
        })
    }

    /// The same for a correlation. Of a threshold, no event alone makes an incident longer, and
    /// incidents are joined only if the threshold was reached all the time.
    pub fn absorb_for(
        &self,
        correlation: &Correlation,
        occurrences: &[Occurrence],
        times: &[Timestamp],
        new_id: &dyn Fn(Timestamp) -> FindingId,
    ) -> Incidents {
        match correlation.is_threshold {
            // Times are whole seconds.
            true => self.absorb(occurrences, &[], SignedDuration::from_secs(1), new_id),
            false => self.absorb(occurrences, times, correlation.timespan, new_id),
        }
    }

    /// The incidents that events at `times` belong to.
    pub fn near(&self, times: &[Timestamp], timespan: SignedDuration) -> Vec<Incident> {
        let is_near = |incident: &&Incident| {
            times.iter().any(|time| EventTimes::at(*time).is_near(incident, timespan))
        };
        self.incidents.iter().filter(is_near).cloned().collect()
    }
}

#[derive(Clone, Copy)]
struct EventTimes {
    start: Timestamp,
    end: Timestamp,
}

impl EventTimes {
    fn at(time: Timestamp) -> EventTimes {
        EventTimes { start: time, end: time }
    }

    fn is_near(self, incident: &Incident, timespan: SignedDuration) -> bool {
        self.start.duration_since(incident.end) <= timespan
            && incident.start.duration_since(self.end) <= timespan
    }
}

/// Joins a time range with the incidents near it. Without a severity, it starts none by itself.
fn join(
    all: &mut Vec<Incident>,
    range: EventTimes,
    severity: Option<Severity>,
    timespan: SignedDuration,
    new_id: &dyn Fn(Timestamp) -> FindingId,
) {
    let near: Vec<Incident> =
        all.extract_if(.., |incident| range.is_near(incident, timespan)).collect();
    let start = near.iter().map(|incident| incident.start).fold(range.start, Timestamp::min);
    let end = near.iter().map(|incident| incident.end).fold(range.end, Timestamp::max);
    // Of equally severe ones, the first.
    let most_severe = near.iter().rev().max_by_key(|incident| incident.severity);
    let Some(severity) = severity.max(most_severe.map(|incident| incident.severity)) else {
        return;
    };
    let id = most_severe.map_or_else(|| new_id(start), |incident| incident.id.clone());
    all.push(Incident { id, start, end, severity });
    all.sort_by_key(|incident| incident.start);
}
