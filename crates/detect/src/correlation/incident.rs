//! Episodes: how long one story lasts, and how severe it has become. Each is told once, and again
//! when it gets worse.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Occurrence;
use crate::finding::FindingId;
use crate::rule::Severity;

/// Episodes that are remembered of one correlation and one set of group_by values: late arrivals
/// can be of any.
const MOST: usize = 32;

/// The version of this form.
const VERSION: u32 = 1;

/// One story: from its first event to its last so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The same as long as it lasts.
    pub id: FindingId,
    /// Its first event.
    pub start: Timestamp,
    /// Its last event.
    pub end: Timestamp,
    /// The severity to be told; told when the alert of this id and severity is.
    pub severity: Severity,
}

/// The episodes of one correlation and one set of group_by values, by their start; more than a
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
    /// Reads the JSON of what was written.
    ///
    /// # Errors
    /// A later program wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Option<Incidents>, String> {
        let versioned = serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(bytes).ok();
        let version = versioned.and_then(|fields| fields.get("version")?.as_u64());
        match version {
            Some(version) if version > u64::from(VERSION) => Err(format!(
                "the episodes are of version {version}; this program reads up to version {VERSION}"
            )),
            _ => Ok(serde_json::from_slice(bytes).ok()),
        }
    }

    /// The episodes after events at `times`, and what is known to have occurred around them. An
    /// occurrence makes an episode, or joins those within the timespan of it; an event by itself
    /// only joins. Joined episodes are one, under the id of the more severe, so that what was told
    /// is not told again. `id` names a new one by its start.
    pub fn absorb(
        &self,
        occurrences: &[Occurrence],
        times: &[Timestamp],
        timespan: SignedDuration,
        id: &dyn Fn(Timestamp) -> FindingId,
    ) -> Incidents {
        let mut all = self.incidents.clone();
        for Occurrence { start, end, severity } in occurrences {
            join(&mut all, Stretch { start: *start, end: *end }, Some(*severity), timespan, id);
        }
        for time in times {
            join(&mut all, Stretch { start: *time, end: *time }, None, timespan, id);
        }
        let forgotten = all.len().saturating_sub(MOST);
        Incidents { version: VERSION, incidents: all.split_off(forgotten) }
    }

    /// The episodes that events at `times` belong to.
    pub fn around(&self, times: &[Timestamp], timespan: SignedDuration) -> Vec<Incident> {
        let is_near = |incident: &&Incident| {
            times
                .iter()
                .any(|time| Stretch { start: *time, end: *time }.is_near(incident, timespan))
        };
        self.incidents.iter().filter(is_near).cloned().collect()
    }
}

#[derive(Clone, Copy)]
struct Stretch {
    start: Timestamp,
    end: Timestamp,
}

impl Stretch {
    fn is_near(self, incident: &Incident, timespan: SignedDuration) -> bool {
        self.start.duration_since(incident.end) <= timespan
            && incident.start.duration_since(self.end) <= timespan
    }
}

/// Joins a stretch with the episodes near it. Without a severity it makes none by itself.
fn join(
    all: &mut Vec<Incident>,
    stretch: Stretch,
    severity: Option<Severity>,
    timespan: SignedDuration,
    id: &dyn Fn(Timestamp) -> FindingId,
) {
    let (near, apart): (Vec<_>, Vec<_>) =
        std::mem::take(all).into_iter().partition(|incident| stretch.is_near(incident, timespan));
    *all = apart;
    let start = near.iter().map(|incident| incident.start).fold(stretch.start, Timestamp::min);
    let end = near.iter().map(|incident| incident.end).fold(stretch.end, Timestamp::max);
    // Of equals the first.
    let worst = near.iter().rev().max_by_key(|incident| incident.severity);
    let joined = match (worst, severity) {
        (None, None) => return,
        (None, Some(severity)) => Incident { id: id(start), start, end, severity },
        (Some(worst), severity) => Incident {
            id: worst.id.clone(),
            start,
            end,
            severity: severity.unwrap_or(worst.severity).max(worst.severity),
        },
    };
    all.push(joined);
    all.sort_by_key(|incident| incident.start);
}
