//! Whether marks meet a correlation's condition.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::mark::Mark;
use crate::rule::{Condition, Correlation, Severity};

/// A stretch of time in which the condition is met: at most as long as the timespan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Its first event.
    pub start: Timestamp,
    /// Its last event.
    pub end: Timestamp,
    /// The severity that its events reach.
    pub severity: Severity,
}

/// One event, of however many rules.
struct Event<'m> {
    time: Timestamp,
    /// Bit n: it is of stage n.
    stages: u32,
    value: Option<&'m str>,
    raised: Option<Severity>,
}

/// Every stretch of at most the timespan that meets the condition, by its last event. Events that
/// are exactly the timespan apart belong together; of events of one second any may have been first.
pub fn find_occurrences(correlation: &Correlation, marks: &[Mark]) -> Vec<Occurrence> {
    let events = events(correlation, marks);
    let (mut start, mut found) = (0, Vec::new());
    for end in 0..events.len() {
        while events[end].time.duration_since(events[start].time) > correlation.timespan {
            start += 1;
        }
        let window = &events[start..=end];
        if holds(correlation, window) {
            let raised = window.iter().filter_map(|event| event.raised).max();
            let severity =
                raised.unwrap_or(correlation.info.severity).max(correlation.info.severity);
            found.push(Occurrence { start: window[0].time, end: events[end].time, severity });
        }
    }
    found
}

/// The events of marks, in order. Marks of rules that are not correlated (any more) are no events.
fn events<'m>(correlation: &Correlation, marks: &'m [Mark]) -> Vec<Event<'m>> {
    let stages = stages(correlation);
    let mut events: BTreeMap<(Timestamp, &str), Event<'m>> = BTreeMap::new();
    for mark in marks {
        let Some(bits) = stages.get(&mark.rule) else { continue };
        let new = || Event { time: mark.time, stages: 0, value: None, raised: None };
        let event = events.entry((mark.time, &mark.event)).or_insert_with(new);
        event.stages |= bits;
        event.value = event.value.or(mark.value.as_deref());
        event.raised = event.raised.max(mark.raised);
    }
    events.into_values().collect()
}

/// The stages of each rule, by its hash.
fn stages(correlation: &Correlation) -> BTreeMap<String, u32> {
    let mut stages: BTreeMap<String, u32> = BTreeMap::new();
    for (at, stage) in correlation.stages.iter().enumerate() {
        for reference in &stage.0 {
            *stages.entry(Mark::rule_hash(&reference.rule)).or_default() |= 1 << at;
        }
    }
    stages
}

fn holds(correlation: &Correlation, window: &[Event<'_>]) -> bool {
    let stages = correlation.stages.len();
    match &correlation.condition {
        Condition::All => {
            window.iter().fold(0, |seen, event| seen | event.stages).count_ones() as usize == stages
        }
        Condition::Ordered => in_order(stages, window),
        Condition::Events(least) => window.len() >= *least as usize,
        Condition::Values(_, least) => {
            window.iter().filter_map(|event| event.value).collect::<BTreeSet<_>>().len()
                >= *least as usize
        }
    }
}

/// Whether an event of each stage can be found that is not before that of the stage before it.
fn in_order(stages: usize, window: &[Event<'_>]) -> bool {
    let mut after = None;
    (0..stages).all(|stage| {
        let next = |event: &&Event<'_>| {
            event.stages & 1 << stage != 0 && after.is_none_or(|after| event.time >= after)
        };
        let found = window.iter().find(next).map(|event| event.time);
        after = found.or(after);
        found.is_some()
    })
}
