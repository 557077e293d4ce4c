//! Incidents: how long one lasts and how severe it is. Each is alerted once, and again only when
//! its severity rises.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{FoundSequence, Mark, Occurrence, find_occurrences, find_sequences};
use crate::finding::FindingId;
use crate::rule::{Condition, Correlation, Severity};

/// Late events can belong to any of the latest incidents.
const MAX_INCIDENTS: usize = 32;

/// The most events of one sequence that are stored, more than a single one can have.
pub(super) const MAX_EVENTS: usize = 400;

/// The events of the latest sequences that are stored: those of 1,000 sequences of two.
const MAX_STORED_EVENTS: usize = 2_000;

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
    /// The [events](Mark::event_key) of a sequence; empty for other correlations, where all events
    /// of that time belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The time of an event with which a sequence was found, which need not be one of its own: a
    /// late one can divide others. If its worker stops before the alert is claimed, the next one
    /// with that event claims it. `None` for other correlations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_with: Option<Timestamp>,
}

/// The incidents of one correlation and one set of group_by values, by start. They are more than a
/// timespan apart, except for those of sequences.
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

    /// The incidents after events at `times`, and those that are to be alerted if they were not: of
    /// these events, with enough of the marks. `marks` are those that were listed in the time of
    /// `window`, which is a timespan longer at either end. `new_id` makes the
    /// id of a new incident of what distinguishes it.
    pub fn update(
        &self,
        correlation: &Correlation,
        marks: &[Mark],
        window: &RangeInclusive<Timestamp>,
        times: &[Timestamp],
        new_id: &dyn Fn(&str) -> FindingId,
    ) -> (Incidents, Vec<Incident>) {
        if let Condition::Sequence { .. } = correlation.condition {
            let found = find_sequences(correlation, marks);
            let (after, found) = self.absorb_sequences(found, window, times, new_id);
            // An event changes no other sequences, but it can divide one that was known.
            let is_changed = |incident: &Incident| {
                times.iter().any(|time| (incident.start..=incident.end).contains(time))
                    || incident.found_with.is_some_and(|time| times.contains(&time))
            };
            return (after, found.into_iter().filter(is_changed).collect());
        }
        let occurrences = find_occurrences(correlation, marks);
        let new_id = |start: Timestamp| new_id(&Mark::time_prefix(start));
        let after = self.absorb_for(correlation, &occurrences, times, &new_id);
        let mut near = after.near(times, correlation.timespan);
        // Another worker can have found one in marks that were not there when these were listed.
        // It alerts that one: these would not show why.
        near.retain(|incident| occurrences.iter().any(|occurrence| occurrence.shows(incident)));
        (after, near)
    }

    /// The incidents with those of sequences that were found in a window.
    fn absorb_sequences(
        &self,
        found: Vec<FoundSequence>,
        window: &RangeInclusive<Timestamp>,
        times: &[Timestamp],
        new_id: &dyn Fn(&str) -> FindingId,
    ) -> (Incidents, Vec<Incident>) {
        let mut known = self.incidents.clone();
        let before = take_same(&mut known, &found, window);
        let pairs = found.into_iter().zip(before);
        let absorbed: Vec<Incident> = pairs
            .map(|(found, before)| match before {
                Some(before) => continue_sequence(before, found, window),
                None => Incident {
                    id: new_id(&found.name),
                    start: found.start,
                    end: found.end,
                    severity: found.severity,
                    events: latest(found.events),
                    found_with: times.first().copied(),
                },
            })
            .collect();
        known.extend(absorbed.iter().cloned());
        known.sort_by_key(|incident| incident.start);
        let mut room = MAX_STORED_EVENTS;
        let kept = known.iter().rev().take_while(|incident| {
            let fits = room > 0;
            room = room.saturating_sub(incident.events.len());
            fits
        });
        let oldest = known.len() - kept.count();
        (Incidents { version: VERSION, incidents: known.split_off(oldest) }, absorbed)
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

/// Takes the known incident of each sequence, if there is one. A late event can change of which
/// events a sequence consists: then it is the one with which it shares most, or one in its time
/// that is no longer found. A known one that was not found stays: a late event of `until` takes no
/// alert back.
fn take_same(
    known: &mut Vec<Incident>,
    found: &[FoundSequence],
    window: &RangeInclusive<Timestamp>,
) -> Vec<Option<Incident>> {
    let mut pairs = Vec::new();
    for (f, found) in found.iter().enumerate() {
        for (k, known) in known.iter().enumerate() {
            let overlaps = known.start <= found.end && found.start <= known.end;
            let shared = if overlaps { count_shared(known, found) } else { 0 };
            // One that began before the window is not found in it.
            if shared > 0 || (overlaps && window.contains(&known.start)) {
                pairs.push((Reverse(shared), f, k));
            }
        }
    }
    pairs.sort_unstable();
    let mut same: Vec<Option<Incident>> = vec![None; found.len()];
    let mut taken = BTreeSet::new();
    for (_, f, k) in pairs {
        if same[f].is_none() && taken.insert(k) {
            same[f] = Some(known[k].clone());
        }
    }
    let mut index = 0..;
    known.retain(|_| index.next().is_some_and(|k| !taken.contains(&k)));
    same
}

/// The number of events that both have. Of long sequences, not all events are known: then at least
/// one, if they overlap.
fn count_shared(known: &Incident, found: &FoundSequence) -> usize {
    let is_long = known.events.len() >= MAX_EVENTS || found.events.len() >= MAX_EVENTS;
    let is_shared = |event: &&String| found.events.binary_search(event).is_ok();
    known.events.iter().filter(is_shared).count().max(usize::from(is_long))
}

/// What a known sequence has become in a window.
fn continue_sequence(
    before: Incident,
    found: FoundSequence,
    window: &RangeInclusive<Timestamp>,
) -> Incident {
    let FoundSequence { mut start, mut end, severity, mut events, name: _ } = found;
    let first = Mark::time_prefix(*window.start());
    // `:` is after all digits and the sign between time and event.
    let last = format!("{}:", Mark::time_prefix(*window.end()));
    // Of one that began before the window, not all events were found.
    if before.events.iter().any(|event| *event < first || *event > last) {
        start = start.min(before.start);
        end = end.max(before.end);
        events.extend_from_slice(&before.events);
        events.sort_unstable();
        events.dedup();
    }
    let severity = severity.max(before.severity);
    Incident { start, end, severity, events: latest(events), ..before }
}

/// The latest events of a long sequence: those that others can share.
fn latest(mut events: Vec<String>) -> Vec<String> {
    let oldest = events.len().saturating_sub(MAX_EVENTS);
    events.split_off(oldest)
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
    all.push(Incident { id, start, end, severity, events: Vec::new(), found_with: None });
    all.sort_by_key(|incident| incident.start);
}
