//! Whether marks meet a correlation's condition.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::incident::Incident;
use super::mark::Mark;
use crate::rule::{Condition, Correlation, Severity};

/// An interval, at most as long as the timespan, in which the condition is met. Of a threshold: the
/// time from the event that reaches it until there are too few, if no other event follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The time of its first event.
    pub start: Timestamp,
    /// The time of its last event.
    pub end: Timestamp,
    /// The severity that its events reach.
    pub severity: Severity,
}

impl Occurrence {
    /// Returns true if its events are enough for an incident of this severity.
    pub(super) fn shows(&self, incident: &Incident) -> bool {
        let overlaps = incident.start <= self.end && self.start <= incident.end;
        overlaps && self.severity == incident.severity
    }
}

/// One event, whichever rules found it.
struct Event<'m> {
    time: Timestamp,
    /// Bit n is set if the event satisfies stage n.
    stages: u32,
    /// The values that are counted: several if the event has several.
    values: BTreeSet<&'m str>,
    raised: Option<Severity>,
}

/// Every occurrence in the marks, by its last event. Events exactly the timespan apart belong
/// together; of events in the same second, any can be the first.
pub fn find_occurrences(correlation: &Correlation, marks: &[Mark]) -> Vec<Occurrence> {
    let events = events(correlation, marks);
    let own_severity = correlation.info.severity;
    let mut occurrences = Vec::new();
    let mut start = 0;
    for (index, last) in events.iter().enumerate() {
        while last.time.duration_since(events[start].time) > correlation.timespan {
            start += 1;
        }
        let interval = &events[start..=index];
        if is_met(correlation, interval) {
            let raised = interval.iter().filter_map(|event| event.raised).max();
            let severity = raised.map_or(own_severity, |raised| raised.max(own_severity));
            occurrences.push(match correlation.is_threshold {
                true => {
                    let end = end_of_threshold(correlation, interval);
                    Occurrence { start: last.time, end, severity }
                }
                false => Occurrence { start: interval[0].time, end: last.time, severity },
            });
        }
    }
    occurrences
}

/// When a threshold is reached after it was not: the times of the events that reach it.
pub fn times_reached(threshold: &Correlation, marks: &[Mark]) -> Vec<Timestamp> {
    let mut reached = Vec::new();
    let mut until: Option<Timestamp> = None;
    for Occurrence { start, end, .. } in find_occurrences(threshold, marks) {
        // Times are whole seconds.
        if until.is_none_or(|until| start.duration_since(until).as_secs() > 1) {
            reached.push(start);
        }
        until = until.max(Some(end));
    }
    reached
}

/// The events of the marks, by time. Marks of rules that are no longer correlated are ignored.
fn events<'m>(correlation: &Correlation, marks: &'m [Mark]) -> Vec<Event<'m>> {
    let stages = stages_by_rule(correlation);
    let mut events: BTreeMap<(Timestamp, &str), Event<'m>> = BTreeMap::new();
    for mark in marks {
        let Some(bits) = stages.get(&mark.rule) else { continue };
        let event = events.entry((mark.time, &mark.event)).or_insert(Event {
            time: mark.time,
            stages: 0,
            values: BTreeSet::new(),
            raised: None,
        });
        event.stages |= bits;
        event.values.extend(mark.value.as_deref());
        event.raised = event.raised.max(mark.raised);
    }
    events.into_values().collect()
}

/// The bits of the stages that each rule satisfies, by the rule's hash.
fn stages_by_rule(correlation: &Correlation) -> BTreeMap<String, u32> {
    let mut stages: BTreeMap<String, u32> = BTreeMap::new();
    for (index, stage) in correlation.stages.iter().enumerate() {
        for reference in &stage.0 {
            *stages.entry(Mark::rule_hash(&reference.rule)).or_default() |= 1 << index;
        }
    }
    stages
}

fn is_met(correlation: &Correlation, events: &[Event<'_>]) -> bool {
    let stages = correlation.stages.len();
    match &correlation.condition {
        Condition::All => {
            let satisfied = events.iter().fold(0, |satisfied, event| satisfied | event.stages);
            satisfied.count_ones() as usize == stages
        }
        Condition::Ordered => are_in_order(stages, events),
        Condition::Events(least) => events.len() >= *least as usize,
        Condition::Values(_, least) => has_values(events, *least),
        // `find_sequences` finds them.
        Condition::Sequence { .. } => false,
        Condition::EventsAndValues(least_events, _, least) => {
            events.len() >= *least_events as usize && has_values(events, *least)
        }
    }
}

fn has_values(events: &[Event<'_>], least: u32) -> bool {
    let values: BTreeSet<&str> = events.iter().flat_map(|event| &event.values).copied().collect();
    values.len() >= least as usize
}

/// When the first event is too old of the latest ones that reach the threshold.
fn end_of_threshold(correlation: &Correlation, events: &[Event<'_>]) -> Timestamp {
    let nth_last = |least: u32| events.iter().nth_back((least as usize).saturating_sub(1));
    let with_values = |least: u32| {
        let mut values: BTreeSet<&str> = BTreeSet::new();
        events.iter().rev().find(|event| {
            values.extend(&event.values);
            values.len() >= least as usize
        })
    };
    let firsts = match &correlation.condition {
        Condition::Events(least) => [nth_last(*least), None],
        Condition::Values(_, least) => [with_values(*least), None],
        Condition::EventsAndValues(events, _, values) => [nth_last(*events), with_values(*values)],
        Condition::All | Condition::Ordered | Condition::Sequence { .. } => [None, None],
    };
    let first = firsts.into_iter().flatten().map(|event| event.time).min();
    let first = first.or(events.first().map(|event| event.time)).unwrap_or(Timestamp::MAX);
    first.checked_add(correlation.timespan).unwrap_or(Timestamp::MAX)
}

/// Returns true if every stage has an event that is not before that of the previous stage.
fn are_in_order(stages: usize, events: &[Event<'_>]) -> bool {
    let mut earliest = Timestamp::MIN;
    (0..stages).all(|stage| {
        let satisfies =
            |event: &&Event<'_>| event.stages & 1 << stage != 0 && event.time >= earliest;
        let Some(event) = events.iter().find(satisfies) else { return false };
        earliest = event.time;
        true
    })
}
