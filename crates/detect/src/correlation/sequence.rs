//! Which events follow one another as the steps of a sequence say.
//!
//! As in Elasticsearch: an event of the first step begins a sequence. An event of a later step
//! continues the latest one that waits for it, and drops those that have waited for longer. So an
//! event of one step is in one sequence. Only where steps match the same events, sequences can
//! share events: those that do are one, since they tell of one thing.
//!
//! Times are whole seconds: of events in one second, any can be the first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::mark::Mark;
use crate::rule::{Condition, Correlation, Severity};

/// A completed sequence, or several that share events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSequence {
    /// The time of its first event.
    pub start: Timestamp,
    /// The time of its last event.
    pub end: Timestamp,
    /// The severity that its events reach.
    pub severity: Severity,
    /// [`Mark::event_key`] of its events, by time.
    pub events: Vec<String>,
    /// Tells the sequence that was completed first from all others.
    pub name: String,
}

/// One event, with the steps that it matches.
struct Event<'m> {
    mark: &'m Mark,
    /// Bit n is set if it matches step n; after those of the steps, the bit of `until`.
    steps: u32,
    raised: Option<Severity>,
}

/// An event of a sequence that has begun, and the one before it.
#[derive(Clone, Copy)]
struct Link {
    event: usize,
    before: Option<usize>,
    /// The time of the first event.
    start: Timestamp,
}

/// Finds sequences in events by time.
struct Matcher<'m> {
    events: Vec<Event<'m>>,
    /// The step of each event of a sequence.
    steps: Vec<usize>,
    timespan: jiff::SignedDuration,
    /// The times of `until` events, ascending.
    until: Vec<Timestamp>,
    until_bit: u32,
    links: Vec<Link>,
    /// For each event but the last, the latest links of sequences that have come to it, by time.
    waiting: Vec<Vec<usize>>,
    /// The last links of completed sequences, by time.
    completed: Vec<usize>,
}

/// Every completed sequence in the marks, by its last event. Sequences that begin within the marks
/// are the same, whatever was before.
pub fn find_sequences(correlation: &Correlation, marks: &[Mark]) -> Vec<FoundSequence> {
    let Condition::Sequence { runs, .. } = &correlation.condition else { return Vec::new() };
    let steps: Vec<usize> = runs
        .iter()
        .enumerate()
        .flat_map(|(step, runs)| std::iter::repeat_n(step, *runs as usize))
        .collect();
    let events = events(correlation, marks);
    let until_bit = 1 << runs.len();
    let until = events.iter().filter(|event| event.steps & until_bit != 0);
    let mut matcher = Matcher {
        until: until.map(|event| event.mark.time).collect(),
        waiting: vec![Vec::new(); steps.len().saturating_sub(1)],
        timespan: correlation.timespan,
        links: Vec::new(),
        completed: Vec::new(),
        until_bit,
        events,
        steps,
    };
    matcher.run();
    matcher.found(correlation.info.severity)
}

/// The events of the marks, by time. Of those in one second, the ones that match several steps are
/// first, so that later steps choose them last.
fn events<'m>(correlation: &Correlation, marks: &'m [Mark]) -> Vec<Event<'m>> {
    let hashes = correlation.mark_rules();
    let mut events: BTreeMap<(Timestamp, &str), Event<'m>> = BTreeMap::new();
    for mark in marks {
        let Some(step) = hashes.iter().position(|hash| *hash == mark.rule) else { continue };
        let event = events.entry((mark.time, &mark.event)).or_insert(Event {
            mark,
            steps: 0,
            raised: None,
        });
        event.steps |= 1 << step;
        event.raised = event.raised.max(mark.raised);
    }
    let mut events: Vec<Event<'m>> = events.into_values().collect();
    events.sort_by_key(|event| (event.mark.time, 32 - event.steps.count_ones()));
    events
}

impl Matcher<'_> {
    fn run(&mut self) {
        let mut first = 0;
        while let Some(event) = self.events.get(first) {
            let time = event.mark.time;
            let same_second = self.events[first..].iter();
            let end = first + same_second.take_while(|event| event.mark.time == time).count();
            for position in 0..self.steps.len() {
                for event in first..end {
                    if self.events[event].steps & 1 << self.steps[position] != 0 {
                        self.take(event, position);
                    }
                }
            }
            first = end;
        }
    }

    /// Takes an event at a position of the sequence.
    fn take(&mut self, event: usize, position: usize) {
        let time = self.events[event].mark.time;
        let before = match position.checked_sub(1) {
            None => None,
            Some(previous) => {
                let waiting = &self.waiting[previous];
                let latest = waiting.iter().rposition(|link| !self.has_event(*link, event));
                let Some(latest) = latest else { return };
                let Some(link) = self.waiting[previous].drain(..=latest).next_back() else {
                    return;
                };
                if self.is_over(link, time) {
                    return;
                }
                Some(link)
            }
        };
        let start = before.map_or(time, |before| self.links[before].start);
        let link = self.links.len();
        self.links.push(Link { event, before, start });
        match self.waiting.get_mut(position) {
            Some(waiting) => waiting.push(link),
            None => self.completed.push(link),
        }
    }

    /// Returns true if an event is already part of a sequence. Only events of its own second can
    /// be after it.
    fn has_event(&self, link: usize, event: usize) -> bool {
        let time = self.events[event].mark.time;
        let links = std::iter::successors(Some(link), |link| self.links[*link].before);
        links
            .map(|link| self.links[link].event)
            .take_while(|found| self.events[*found].mark.time == time)
            .any(|found| found == event)
    }

    /// Returns true if an event at this time is too late for a sequence, or `until` ended it.
    fn is_over(&self, link: usize, time: Timestamp) -> bool {
        let Link { event, start, .. } = self.links[link];
        let last = &self.events[event];
        let before = self.until.partition_point(|until| *until < time).checked_sub(1);
        let is_ended = before.is_some_and(|until| self.until[until] > last.mark.time);
        // An event that ends what it is part of.
        let is_ended = is_ended || last.steps & self.until_bit != 0;
        is_ended || time.duration_since(start) > self.timespan
    }

    /// The completed sequences; those that share events are one.
    fn found(&self, own_severity: Severity) -> Vec<FoundSequence> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut group_of: Vec<Option<usize>> = vec![None; self.events.len()];
        for last in &self.completed {
            let mut events = self.events_of(*last);
            let shared: BTreeSet<usize> =
                events.iter().filter_map(|event| group_of[*event]).collect();
            let name = || self.keys(&events).join(" ");
            let group = shared.first().copied().unwrap_or(groups.len());
            if group == groups.len() {
                groups.push(Vec::new());
                names.push(name());
            }
            for other in shared.into_iter().skip(1) {
                events.append(&mut groups[other]);
            }
            for event in events {
                if group_of[event].replace(group) != Some(group) {
                    groups[group].push(event);
                }
            }
        }
        let found = groups.iter_mut().zip(names).filter(|(events, _)| !events.is_empty());
        found
            .map(|(events, name)| {
                events.sort_unstable();
                let time = |event: Option<&usize>| event.map(|event| self.events[*event].mark.time);
                let raised = events.iter().filter_map(|event| self.events[*event].raised).max();
                FoundSequence {
                    start: time(events.first()).unwrap_or(Timestamp::MIN),
                    end: time(events.last()).unwrap_or(Timestamp::MAX),
                    severity: raised.map_or(own_severity, |raised| raised.max(own_severity)),
                    events: self.keys(events),
                    name,
                }
            })
            .collect()
    }

    /// The events of the sequence with this last link, by time.
    fn events_of(&self, last: usize) -> Vec<usize> {
        let links = std::iter::successors(Some(last), |link| self.links[*link].before);
        let mut events: Vec<usize> = links.map(|link| self.links[link].event).collect();
        events.sort_unstable();
        events
    }

    fn keys(&self, events: &[usize]) -> Vec<String> {
        let mut keys: Vec<String> =
            events.iter().map(|event| self.events[*event].mark.event_key()).collect();
        keys.sort_unstable();
        keys
    }
}
