//! Thresholds, against a plain reference: how many events are in the time before every second.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::{at, correlation, mark, seconds};
use super::*;
use crate::finding::FindingId;
use crate::rule::{Condition, Correlation};

const SPAN: i64 = 20;

fn threshold(condition: Condition) -> Correlation {
    let timespan = SignedDuration::from_secs(SPAN);
    Correlation { is_threshold: true, timespan, ..correlation(condition, &[&["a"]]) }
}

/// `10:v` is an event at second 10 with the value `v`.
fn marks(events: &[(i64, u8)]) -> Vec<Mark> {
    let text = |(number, (second, value)): (usize, &(i64, u8))| {
        mark(&format!("{second}a={number}:{value}"))
    };
    let mut marks: Vec<Mark> = events.iter().enumerate().map(text).collect();
    for (mark, (number, (_, value))) in marks.iter_mut().zip(events.iter().enumerate()) {
        mark.event = Mark::rule_hash(&number.to_string());
        mark.value = Some(Mark::rule_hash(&value.to_string()));
    }
    marks
}

/// When the condition is met, from the first second to the last, by counting in every second.
fn reference(condition: &Condition, events: &[(i64, u8)]) -> Vec<(i64, i64)> {
    let is_met = |now: i64| {
        let window = events.iter().filter(|(second, _)| (now - SPAN..=now).contains(second));
        match condition {
            Condition::Events(least) => window.count() >= *least as usize,
            Condition::Values(_, least) => {
                window.map(|(_, value)| value).collect::<BTreeSet<_>>().len() >= *least as usize
            }
            Condition::EventsAndValues(least, _, values) => {
                let values_of: BTreeSet<u8> = window.clone().map(|(_, value)| *value).collect();
                window.count() >= *least as usize && values_of.len() >= *values as usize
            }
            _ => unreachable!(),
        }
    };
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for now in (0..400).filter(|now| is_met(*now)) {
        match stretches.last_mut().filter(|(_, end)| *end == now - 1) {
            Some((_, end)) => *end = now,
            None => stretches.push((now, now)),
        }
    }
    stretches
}

fn new_id(start: Timestamp) -> FindingId {
    FindingId::hash_parts([start.to_string().as_str()])
}

/// The incidents after events were delivered one by one, and the number of different alerts.
fn deliver(threshold: &Correlation, marks: &[Mark]) -> (Vec<(i64, i64)>, usize) {
    let mut incidents = Incidents::default();
    let mut alerts = BTreeSet::new();
    for count in 1..=marks.len() {
        let times = [marks[count - 1].time];
        let occurrences = find_occurrences(threshold, &marks[..count]);
        incidents = incidents.absorb_for(threshold, &occurrences, &times, &new_id);
        let near = incidents.near(&times, threshold.timespan);
        alerts.extend(near.into_iter().map(|incident| incident.id));
    }
    let all = incidents.near(&(0..400).map(at).collect::<Vec<_>>(), threshold.timespan);
    (all.iter().map(|it| (seconds(it.start), seconds(it.end))).collect(), alerts.len())
}

fn conditions() -> [Condition; 4] {
    let field = || "user.name".to_owned();
    [
        Condition::Events(3),
        Condition::Events(1),
        Condition::Values(field(), 3),
        Condition::EventsAndValues(4, field(), 2),
    ]
}

#[test]
fn it_is_reached_until_there_are_too_few() {
    let three = threshold(Condition::Events(3));
    for (seconds, expected) in [
        (&[0, 1][..], vec![]),
        (&[0, 10, 20], vec![(20, 20)]),
        (&[0, 10, 21], vec![]),
        (&[0, 1, 2], vec![(2, 20)]),
        // Reached again in the second after it was not.
        (&[0, 1, 2, 21], vec![(2, 21)]),
        (&[0, 1, 2, 22], vec![(2, 20)]),
        (&[0, 1, 2, 30, 31, 32], vec![(2, 20), (32, 50)]),
    ] {
        let events: Vec<(i64, u8)> = seconds.iter().map(|second| (*second, 0)).collect();
        assert_eq!(reference(&three.condition, &events), expected, "{seconds:?}");
        assert_eq!(times_reached(&three, &marks(&events)).len(), expected.len(), "{seconds:?}");
        assert_eq!(deliver(&three, &marks(&events)), (expected.clone(), expected.len()));
    }
}

fn events() -> impl Strategy<Value = Vec<(i64, u8)>> {
    prop::collection::vec((0..300_i64, 0..5_u8), 1..30)
}

proptest! {
    #[test]
    fn in_order_each_stretch_is_alerted_once(mut events in events()) {
        events.sort_unstable();
        for condition in conditions() {
            let threshold = threshold(condition.clone());
            let expected = reference(&condition, &events);
            let (found, alerts) = deliver(&threshold, &marks(&events));
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(alerts, expected.len());
            let reached: Vec<i64> =
                times_reached(&threshold, &marks(&events)).into_iter().map(seconds).collect();
            prop_assert_eq!(reached, expected.iter().map(|(start, _)| *start).collect::<Vec<_>>());
        }
    }

    #[test]
    fn in_any_order_and_repeated_the_stretches_are_the_same(
        events in events(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let all = marks(&events);
        let repeated = order.iter().map(|index| all[index.index(all.len())].clone());
        let delivered: Vec<Mark> = all.iter().cloned().chain(repeated).collect();
        for condition in conditions() {
            let (found, alerts) = deliver(&threshold(condition.clone()), &delivered);
            let expected = reference(&condition, &events);
            prop_assert_eq!(&found, &expected);
            prop_assert!(alerts >= expected.len());
        }
    }
}
