//! Sequences, against a plain reference: step by step over all events, as Elasticsearch does.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

use super::tests::{at, correlation, mark, seconds};
use super::*;
use crate::finding::FindingId;
use crate::rule::{Condition, Correlation, Severity};

const SPAN: i64 = 20;

/// The step of `until`.
const UNTIL: char = 'u';

fn sequence(runs: &[u32]) -> Correlation {
    let condition = Condition::Sequence { runs: runs.to_vec(), has_until: true, joined_by: None };
    let timespan = SignedDuration::from_secs(SPAN);
    Correlation { timespan, ..correlation(condition, &[&["c"]]) }
}

/// An event at a second, with the steps that it matches: `a` is the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    second: i64,
    number: usize,
    steps: String,
}

/// `10a 12b` are events at seconds 10 and 12 that match the steps `a` and `b`.
fn parse_events(text: &str) -> Vec<Event> {
    let parse = |(number, word): (usize, &str)| {
        let digits = word.find(char::is_alphabetic).unwrap();
        let second = word[..digits].parse().unwrap();
        Event { second, number, steps: word[digits..].to_owned() }
    };
    text.split_whitespace().enumerate().map(parse).collect()
}

fn marks(correlation: &Correlation, events: &[Event]) -> Vec<Mark> {
    let hashes = correlation.mark_rules();
    let mark_of = |event: &Event, step: char| {
        // Those of fewer steps than the test has letters leave no marks of the others.
        let rule = match step {
            UNTIL => hashes.last()?,
            _ => hashes[..hashes.len() - 1].get(step as usize - 'a' as usize)?,
        };
        let text = format!("{}a={}", event.second, event.number);
        Some(Mark { rule: rule.clone(), ..mark(&text) })
    };
    let of_event = |event: &Event| {
        let marks: Vec<Mark> =
            event.steps.chars().filter_map(|step| mark_of(event, step)).collect();
        marks
    };
    events.iter().flat_map(of_event).collect()
}

/// The seconds of the events of each sequence, in Elasticsearch's way: all events of one step after
/// those of the step before it. Events are at different times.
fn reference(runs: &[u32], events: &[Event]) -> BTreeSet<Vec<i64>> {
    let mut events = events.to_vec();
    events.sort();
    let matches = |event: &&Event, step: char| event.steps.contains(step);
    let steps: Vec<char> = ('a'..)
        .zip(runs)
        .flat_map(|(step, runs)| std::iter::repeat_n(step, *runs as usize))
        .collect();
    let of_step = |step: char| events.iter().filter(move |event| matches(event, step));
    let mut sequences: Vec<Vec<i64>> = of_step(steps[0]).map(|event| vec![event.second]).collect();
    for step in &steps[1..] {
        let mut longer = Vec::new();
        for event in of_step(*step) {
            let before = sequences.iter().take_while(|it| it.last() < Some(&event.second)).count();
            let Some(mut latest) = sequences.drain(..before).next_back() else { continue };
            let last = latest[latest.len() - 1];
            let is_ended = of_step(UNTIL).any(|it| (last..event.second).contains(&it.second));
            if event.second - latest[0] <= SPAN && !is_ended {
                latest.push(event.second);
                longer.push(latest);
            }
        }
        sequences = longer;
    }
    merge(sequences)
}

/// Those that share events are one.
fn merge(sequences: Vec<Vec<i64>>) -> BTreeSet<Vec<i64>> {
    let mut merged: Vec<BTreeSet<i64>> = Vec::new();
    for sequence in sequences {
        let mut sequence = BTreeSet::from_iter(sequence);
        for other in merged.extract_if(.., |it| !it.is_disjoint(&sequence)).collect::<Vec<_>>() {
            sequence.extend(other);
        }
        merged.push(sequence);
    }
    merged.into_iter().map(Vec::from_iter).collect()
}

fn second_of(key: &str) -> i64 {
    let time = key.split_once('-').unwrap().0;
    seconds(crate::finding::parse_compact_time(time).unwrap())
}

fn seconds_of(events: &[String]) -> Vec<i64> {
    events.iter().map(|key| second_of(key)).collect()
}

fn find(runs: &[u32], events: &[Event]) -> Vec<Vec<i64>> {
    let correlation = sequence(runs);
    let found = find_sequences(&correlation, &marks(&correlation, events));
    found.iter().map(|sequence| seconds_of(&sequence.events)).collect()
}

/// What was known after each delivery.
struct Delivered {
    incidents: Incidents,
    /// The alerts, and the events that each had when it was sent.
    alerts: Vec<(FindingId, Vec<i64>)>,
}

/// Delivers events in batches, as the ledger does: each evaluates the time around its events.
fn deliver(correlation: &Correlation, batches: &[Vec<Event>]) -> Delivered {
    let mut delivered = Delivered { incidents: Incidents::default(), alerts: Vec::new() };
    let mut known: Vec<Event> = Vec::new();
    for batch in batches {
        known.extend(batch.iter().cloned());
        let times: Vec<Timestamp> = batch.iter().map(|event| at(event.second)).collect();
        let first = *times.iter().min().unwrap() - correlation.timespan;
        let window = first..=*times.iter().max().unwrap() + correlation.timespan;
        let mut marks = marks(correlation, &known);
        marks.retain(|mark| window.contains(&mark.time));
        let new_id = |name: &str| FindingId::hash_parts([name]);
        let (after, found) =
            delivered.incidents.update(correlation, &marks, &window, &times, &new_id);
        delivered.incidents = after;
        for incident in found {
            if delivered.alerts.iter().all(|(id, _)| *id != incident.id) {
                delivered.alerts.push((incident.id.clone(), seconds_of(&incident.events)));
            }
        }
    }
    delivered
}

fn one_by_one(events: &[Event]) -> Vec<Vec<Event>> {
    events.iter().map(|event| vec![event.clone()]).collect()
}

#[test]
fn steps_follow_one_another() {
    for (runs, events, expected) in [
        (&[1, 1][..], "1a 2b", &[&[1, 2][..]][..]),
        (&[1, 1], "1b 2a", &[]),
        (&[1, 1], "1a 21b", &[&[1, 21]]),
        (&[1, 1], "1a 22b", &[]),
        // The latest event of the first step counts, and only once.
        (&[1, 1], "1a 2a 3b 4b", &[&[2, 3]]),
        (&[1, 1], "1a 2b 3a 4b", &[&[1, 2], &[3, 4]]),
        (&[1, 1], "1a 15a 30b", &[&[15, 30]]),
        (&[1, 1, 1], "1a 2b 3c", &[&[1, 2, 3]]),
        (&[1, 1, 1], "1a 3c 2b", &[&[1, 2, 3]]),
        (&[1, 1, 1], "1a 2b 3a 4c 5b 6c", &[&[1, 2, 4], &[3, 5, 6]]),
        (&[1, 1, 1], "1a 2c 3b", &[]),
        // The time counts from the first event.
        (&[1, 1, 1], "1a 15b 21c", &[&[1, 15, 21]]),
        (&[1, 1, 1], "1a 15b 22c", &[]),
        // `until` ends what has begun.
        (&[1, 1], "1a 2u 3b", &[]),
        (&[1, 1], "1u 2a 3b 4u", &[&[2, 3]]),
        (&[1, 1], "1a 2u 3a 4b", &[&[3, 4]]),
        (&[1, 1, 1], "1a 2b 3u 4c", &[]),
        (&[1, 1], "1au 2b", &[]),
        (&[1, 1], "1a 2bu", &[&[1, 2]]),
        // Whether it was before or after is not known.
        (&[1, 1], "1a 1u 3b", &[&[1, 3]]),
        (&[1, 1], "1a 3u 3b", &[&[1, 3]]),
        // Runs.
        (&[3], "1a 2a", &[]),
        (&[3], "1a 2a 3a", &[&[1, 2, 3]]),
        (&[3], "1a 2a 3a 4a 5a", &[&[1, 2, 3, 4, 5]]),
        (&[3], "1a 2a 3a 40a 41a 42a", &[&[1, 2, 3], &[40, 41, 42]]),
        (&[2, 1], "1a 2b 3a 4b", &[&[1, 3, 4]]),
        (&[2, 1], "1a 2a 3a 4b 5b", &[&[2, 3, 4]]),
        // One event is at most one step of a sequence.
        (&[1, 1], "1ab", &[]),
        (&[1, 1], "1ab 2ab", &[&[1, 2]]),
        // In one second, any can be the first.
        (&[1, 1], "1b 1a", &[&[1, 1]]),
        (&[1, 1], "1ab 1a", &[&[1, 1]]),
        (&[1, 1], "1ab 1b", &[&[1, 1]]),
        (&[1, 1, 1], "1c 1b 1a", &[&[1, 1, 1]]),
        (&[4], "1a 1a 1a 1a", &[&[1, 1, 1, 1]]),
        (&[1, 1], "", &[]),
    ] {
        let events = parse_events(events);
        assert_eq!(find(runs, &events), expected, "{runs:?} {events:?}");
        let seconds: BTreeSet<i64> = events.iter().map(|event| event.second).collect();
        if seconds.len() == events.len() {
            let expected = expected.iter().map(|sequence| sequence.to_vec()).collect();
            assert_eq!(reference(runs, &events), expected, "{runs:?} {events:?}");
        }
    }
}

#[test]
fn a_late_event_changes_no_alert_that_was_sent() {
    let correlation = sequence(&[1, 1]);
    for (events, expected) in [
        // The second of the first step is nearer to the end.
        ("1a 3b 2a", &[&[1, 3][..]][..]),
        ("1a 3b 2b", &[&[1, 3]]),
        // Two sequences, the ends of which were seen as one.
        ("1a 4b 2b 3a", &[&[1, 4], &[3, 4]]),
        ("1a 4b 3a 2b", &[&[1, 4], &[1, 2]]),
        ("1a 3b 2u", &[&[1, 3]]),
        ("1a 3b 2u 3b 1a", &[&[1, 3]]),
        ("2b 1a 2b 1a", &[&[1, 2]]),
    ] {
        let delivered = deliver(&correlation, &one_by_one(&parse_events(events)));
        let alerts: Vec<&[i64]> = delivered.alerts.iter().map(|(_, events)| &events[..]).collect();
        assert_eq!(alerts, expected, "{events}");
    }
}

/// The first worker with the late event stopped after it wrote the incidents.
#[test]
fn an_event_that_comes_again_finds_what_it_divided() {
    let correlation = sequence(&[1, 1]);
    let events = parse_events("1a 4b 3a 2b");
    let new_id = |name: &str| FindingId::hash_parts([name]);
    let window = Timestamp::MIN..=Timestamp::MAX;
    let update = |before: &Incidents, events: &[Event], second: i64| {
        before.update(&correlation, &marks(&correlation, events), &window, &[at(second)], &new_id)
    };
    let (before, _) = update(&Incidents::default(), &events[..2], 4);
    let (stopped, found) = update(&before, &events, 2);
    let (after, again) = update(&stopped, &events, 2);
    assert_eq!((again.len(), &again), (2, &found));
    assert_eq!(after, stopped);
    assert_eq!(update(&after, &events, 150).1, []);
}

#[test]
fn the_severity_is_the_highest_of_its_events() {
    let correlation = sequence(&[1, 1]);
    let mut marks = marks(&correlation, &parse_events("1a 2b 3a 4b"));
    marks[3].raised = Some(Severity::Critical);
    let found = find_sequences(&correlation, &marks);
    let severities: Vec<Severity> = found.iter().map(|sequence| sequence.severity).collect();
    assert_eq!(severities, [Severity::Medium, Severity::Critical]);
}

#[test]
fn an_alert_lists_the_events_of_its_sequence_only() {
    let correlation = sequence(&[1, 1, 1]);
    let marks = marks(&correlation, &parse_events("1a 2b 3a 4c 5b 6c 6u"));
    let window = Timestamp::MIN..=Timestamp::MAX;
    let new_id = |name: &str| FindingId::hash_parts([name]);
    let times = [at(4)];
    let (_, found) = Incidents::default().update(&correlation, &marks, &window, &times, &new_id);
    let members = |incident| CorrelationAlertData::new(&correlation, "0", &marks, incident).members;
    let expected: Vec<Vec<FindingId>> = [[0, 1, 3], [2, 4, 5]]
        .iter()
        .map(|indexes| indexes.iter().map(|index| marks[*index].finding.clone()).collect())
        .collect();
    assert_eq!(found.iter().map(members).collect::<Vec<_>>(), expected);
}

#[test]
fn the_alert_of_a_long_burst_is_sent_once() {
    let correlation = sequence(&[3]);
    let burst: String = (0..1_500).map(|second| format!("{second}a ")).collect();
    let events = parse_events(&burst);
    let again = [0, 5, 700, 1_499].map(|index| vec![events[index].clone()]);
    let batches: Vec<Vec<Event>> = events.chunks(7).map(<[Event]>::to_vec).chain(again).collect();
    let delivered = deliver(&correlation, &batches);
    assert_eq!(delivered.alerts.len(), 1);
    assert!(serde_json::to_vec(&delivered.incidents).unwrap().len() < 20_000);
}

/// Events at different times, each of one step.
fn events(steps: &'static [&'static str]) -> impl Strategy<Value = Vec<Event>> {
    let step = prop::sample::select(steps);
    prop::collection::btree_map(0..150_i64, step, 1..30).prop_map(|events| {
        let event = |(number, (second, steps)): (usize, (i64, &str))| Event {
            second,
            number,
            steps: steps.to_owned(),
        };
        events.into_iter().enumerate().map(event).collect()
    })
}

/// Every event at least once, in any order, in batches.
fn shuffled(events: &[Event], order: &[Index], cuts: &[Index]) -> Vec<Vec<Event>> {
    let mut rest: Vec<Event> = events.to_vec();
    let mut delivered = Vec::new();
    for index in order {
        if rest.is_empty() {
            delivered.push(events[index.index(events.len())].clone());
        } else {
            delivered.push(rest.swap_remove(index.index(rest.len())));
        }
    }
    delivered.extend(rest);
    let cuts: BTreeSet<usize> = cuts.iter().map(|cut| cut.index(delivered.len())).collect();
    let mut batches: Vec<Vec<Event>> = Vec::new();
    for (index, event) in delivered.into_iter().enumerate() {
        match batches.last_mut().filter(|_| cuts.contains(&index)) {
            Some(batch) => batch.push(event),
            None => batches.push(vec![event]),
        }
    }
    batches
}

fn order() -> impl Strategy<Value = (Vec<Index>, Vec<Index>)> {
    (prop::collection::vec(any::<Index>(), 0..40), prop::collection::vec(any::<Index>(), 0..20))
}

fn alerted(delivered: &Delivered) -> BTreeSet<Vec<i64>> {
    delivered.alerts.iter().map(|(_, events)| events.clone()).collect()
}

/// The events of every known sequence.
fn known(delivered: &Delivered) -> BTreeSet<Vec<i64>> {
    let times: Vec<Timestamp> = (0..200).map(at).collect();
    let known = delivered.incidents.near(&times, SignedDuration::from_secs(SPAN));
    known.iter().map(|incident| seconds_of(&incident.events)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn found_at_once_they_are_those_of_the_reference(
        events in events(&["a", "b", "c", "ab", "bc", "u", "cu"]),
        runs in prop::sample::select(vec![&[1, 1][..], &[1, 1, 1], &[2, 1], &[3], &[1, 2, 1]]),
    ) {
        let found = BTreeSet::from_iter(find(runs, &events));
        prop_assert_eq!(found, reference(runs, &events));
    }

    #[test]
    fn in_order_each_is_alerted_once(
        events in events(&["a", "b", "c", "u"]),
        runs in prop::sample::select(vec![&[1, 1][..], &[1, 1, 1]]),
    ) {
        let delivered = deliver(&sequence(runs), &one_by_one(&events));
        prop_assert_eq!(alerted(&delivered), reference(runs, &events));
    }

    #[test]
    fn in_any_order_and_repeated_as_many_sequences_of_two_are_alerted(
        events in events(&["a", "b"]),
        (order, cuts) in order(),
    ) {
        let delivered = deliver(&sequence(&[1, 1]), &shuffled(&events, &order, &cuts));
        prop_assert_eq!(delivered.alerts.len(), reference(&[1, 1], &events).len());
    }

    #[test]
    fn in_any_order_and_repeated_each_sequence_is_alerted(
        events in events(&["a", "b", "c", "u"]),
        runs in prop::sample::select(vec![&[1, 1][..], &[1, 1, 1]]),
        (order, cuts) in order(),
    ) {
        let batches = shuffled(&events, &order, &cuts);
        let expected = reference(runs, &events);
        let delivered = deliver(&sequence(runs), &batches);
        prop_assert!(known(&delivered).is_superset(&expected), "{:?}", expected);
        prop_assert!(delivered.alerts.len() >= expected.len());
        // And nothing happens when all of it comes once more.
        let twice: Vec<Vec<Event>> = batches.iter().chain(&batches).cloned().collect();
        prop_assert_eq!(deliver(&sequence(runs), &twice).alerts, delivered.alerts);
    }

    #[test]
    fn in_any_order_and_repeated_sequences_that_share_events_are_alerted(
        events in events(&["a", "b", "ab", "u"]),
        runs in prop::sample::select(vec![&[1, 1][..], &[2, 1], &[3]]),
        (order, cuts) in order(),
    ) {
        let batches = shuffled(&events, &order, &cuts);
        let delivered = deliver(&sequence(runs), &batches);
        let known: BTreeSet<i64> = known(&delivered).into_iter().flatten().collect();
        let expected: BTreeSet<i64> = reference(runs, &events).into_iter().flatten().collect();
        prop_assert!(known.is_superset(&expected), "{:?} {:?}", known, expected);
    }
}
