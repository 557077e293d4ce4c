//! Conditions and episodes, by hand and by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::cloudtrail::Record;
use crate::ecs::View;
use crate::finding::{Finding, FindingId, Origin};
use crate::rule::load::{LoadedRules, Position};
use crate::rule::testing::TestSequences;
use crate::rule::{
    Condition, Correlation, RuleInfo, RuleOrigin, RuleReference, RuleSet, RuleSources, Severity,
    Stage,
};

const SPAN: i64 = 600;

fn correlation(condition: Condition, stages: &[&[&str]]) -> Correlation {
    let info = LoadedRules::embedded().correlations.remove(0).info;
    let info =
        RuleInfo { id: "c".to_owned(), severity: Severity::Medium, ..RuleInfo::clone(&info) };
    let position = Position { line: 1, column: 1 };
    let reference = |rule: &&str| RuleReference {
        rule: (*rule).to_owned(),
        name: (*rule).to_owned(),
        position,
    };
    Correlation {
        info: Arc::new(info),
        condition,
        stages: stages.iter().map(|stage| Stage(stage.iter().map(reference).collect())).collect(),
        group_by: vec![],
        timespan: SignedDuration::from_secs(SPAN),
        raises: vec![],
        origin: RuleOrigin::Embedded("test"),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_359_200 + seconds).unwrap()
}

/// `10a` is rule `a` at second 10 in an event of its own; `10a=x` in event `x`; `10a:v` has the
/// value `v`, `10a!` raises.
fn mark(text: &str) -> Mark {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap();
    let (time, rule) = (text[..digits].parse().unwrap(), &text[digits..digits + 1]);
    let rest = &text[digits + 1..];
    let part = |sign: char| rest.split_once(sign).map(|(_, part)| part);
    Mark {
        time: at(time),
        rule: Mark::rule_hash(rule),
        raised: rest.contains('!').then_some(Severity::Critical),
        event: Mark::rule_hash(part('=').unwrap_or(text)),
        value: part(':').map(Mark::rule_hash),
        link: None,
        finding: FindingId::hash_parts([text]),
    }
}

fn found(condition: Condition, stages: &[&[&str]], marks: &str) -> Vec<(i64, i64, Severity)> {
    let marks: Vec<Mark> = marks.split_whitespace().map(mark).collect();
    let seconds = |time: Timestamp| time.as_second() - at(0).as_second();
    let all = find_occurrences(&correlation(condition, stages), &marks);
    all.iter().map(|it| (seconds(it.start), seconds(it.end), it.severity)).collect()
}

#[test]
fn a_condition_is_met_within_the_timespan_and_not_a_second_beyond() {
    const AB: &[&[&str]] = &[&["a"], &["b"]];
    const OF_TWO: &[&[&str]] = &[&["a", "x"], &["b"]];
    const ONE: &[&[&str]] = &[&["a", "x"]];
    let values = |least| Condition::Values("user.name".to_owned(), least);
    type Case<'c> = (&'c str, Condition, &'c [&'c [&'c str]], &'c str, bool);
    let cases: [Case<'_>; 29] = [
        ("both", Condition::All, AB, "0a 5b", true),
        ("in the other order", Condition::All, AB, "0b 5a", true),
        ("exactly the timespan", Condition::All, AB, "0a 600b", true),
        ("a second more", Condition::All, AB, "0a 601b", false),
        ("one of them twice", Condition::All, AB, "0a 5a", false),
        ("another rule", Condition::All, AB, "0a 5c", false),
        ("an alternative", Condition::All, OF_TWO, "0x 5b", true),
        ("both alternatives are one stage", Condition::All, OF_TWO, "0x 5a", false),
        (
            "the early one is too old, the late one is not",
            Condition::All,
            AB,
            "0a 500a 1000b",
            true,
        ),
        ("one event of both rules", Condition::All, AB, "0a=e 0b=e", true),
        ("marks in any order", Condition::All, AB, "600b 0a", true),
        ("in order", Condition::Ordered, AB, "0a 5b", true),
        ("out of order", Condition::Ordered, AB, "0b 5a", false),
        ("of one second any may be first", Condition::Ordered, AB, "5b=1 5a=2", true),
        ("out of order, then in order", Condition::Ordered, AB, "0b 5a 9b", true),
        ("in order, too late", Condition::Ordered, AB, "0a 601b", false),
        ("in order, exactly in time", Condition::Ordered, AB, "0a 600b", true),
        ("three events", Condition::Events(3), ONE, "0a 1a 2a", true),
        ("two events", Condition::Events(3), ONE, "0a 1a", false),
        ("one event delivered twice", Condition::Events(3), ONE, "0a=e 0a=e 1a", false),
        ("one event that two rules found", Condition::Events(3), ONE, "0a=e 0x=e 1a", false),
        ("of two rules", Condition::Events(3), ONE, "0a 1x 2a", true),
        ("the third exactly in time", Condition::Events(3), ONE, "0a 1a 600a", true),
        ("the third too late", Condition::Events(3), ONE, "0a 1a 601a", false),
        ("all in one second", Condition::Events(3), ONE, "0a=1 0a=2 0a=3", true),
        ("two values", values(2), ONE, "0a:u 1a:v", true),
        ("one value twice", values(2), ONE, "0a:u 1a:u", false),
        ("no value is none", values(2), ONE, "0a:u 1a", false),
        ("two values, too far apart", values(2), ONE, "0a:u 601a:v", false),
    ];
    for (name, condition, stages, marks, expected) in cases {
        assert_eq!(!found(condition, stages, marks).is_empty(), expected, "{name}: {marks}");
    }
}

#[test]
fn an_occurrence_has_the_severity_of_its_own_events() {
    let ab: &[&[&str]] = &[&["a"], &["b"]];
    let cases = [
        ("0a 5b!", vec![(0, 5, Severity::Critical)]),
        ("0a 5b 6a!", vec![(0, 5, Severity::Medium), (0, 6, Severity::Critical)]),
        ("0a! 601a 602b", vec![(601, 602, Severity::Medium)]),
        ("0a=e 0a!=e 1b", vec![(0, 1, Severity::Critical)]),
    ];
    for (marks, expected) in cases {
        assert_eq!(found(Condition::All, ab, marks), expected, "{marks}");
    }
}

#[test]
fn a_mark_is_read_as_it_was_written_and_sorts_by_time() {
    let plain = mark("10a=e:v!");
    let other = "0123456789abcdef".to_owned();
    let all = [
        plain.clone(),
        mark("11a"),
        Mark { link: Some(Link::From(other.clone())), ..plain.clone() },
        Mark { link: Some(Link::To(other)), ..plain.clone() },
    ];
    for mark in all {
        let name = mark.name();
        assert_eq!(Mark::parse(&name), Some(mark), "{name}");
        assert!(name.len() <= 160, "{name}");
        for wrong in [
            &name[1..],
            &name[..name.len() - 1],
            &format!("{name}-x"),
            &name.replace("-critical-", "-worst-"),
        ] {
            assert!(Mark::parse(wrong).is_none() || *wrong == name, "{wrong}");
        }
    }
    assert!(mark("9a").name() < mark("10a").name());
}

fn rename(time: i64, from: &str, to: &str) -> [(String, Mark); 2] {
    let (old, new) = (Mark::rule_hash(from), Mark::rule_hash(to));
    let mark = mark(&format!("{time}r"));
    [
        (old.clone(), Mark { link: Some(Link::To(new.clone())), ..mark.clone() }),
        (new, Mark { link: Some(Link::From(old)), ..mark }),
    ]
}

#[test]
fn the_story_of_a_renamed_one_goes_on_under_its_new_name() {
    let all = [rename(10, "a", "b"), rename(20, "b", "c"), rename(30, "c", "a")].concat();
    let mut folders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for (folder, mark) in all {
        folders.entry(folder).or_default().push(mark);
    }
    for (name, marks) in [("a", "5x 15y"), ("b", "15z 25y"), ("c", "25z")] {
        folders.get_mut(&Mark::rule_hash(name)).unwrap().extend(marks.split(' ').map(mark));
    }
    let story = |name: &str| {
        let mut reading = FolderWalk::new(&Mark::rule_hash(name));
        while let Some(next) = reading.next_folder() {
            reading.add(&next, folders[&next.folder].clone());
        }
        reading.marks()
    };
    let times = |marks: &[Mark]| -> Vec<i64> {
        let all: BTreeSet<i64> =
            marks.iter().map(|mark| mark.time.as_second() - at(0).as_second()).collect();
        all.into_iter().collect()
    };
    assert_eq!(
        times(&story("c")),
        [5, 10, 15, 20, 25, 30],
        "what was under the old names before it was renamed counts"
    );
    let of_b: Vec<Mark> = story("b");
    assert!(
        of_b.contains(&mark("5x")) && of_b.contains(&mark("25y")) && !of_b.contains(&mark("25z")),
        "{of_b:?}"
    );
    let later_of_b: Vec<&str> = later_folders(&of_b, at(15)).collect();
    assert!(later_of_b.contains(&Mark::rule_hash("c").as_str()), "{later_of_b:?}");
}

/// Takes in events one by one, as the ledger does, and tells what is told: each (episode, severity)
/// once.
fn arrive(correlation: &Correlation, marks: &[Mark]) -> Vec<(FindingId, Severity)> {
    let id = |start: Timestamp| FindingId::hash_parts([Mark::time_prefix(start).as_str()]);
    let (mut seen, mut incidents, mut alert_data) = (Vec::new(), Incidents::default(), Vec::new());
    for mark in marks {
        seen.push(mark.clone());
        let span = correlation.timespan;
        let near =
            seen.iter().filter(|it| it.time.duration_since(mark.time).abs() <= span).cloned();
        let found = find_occurrences(correlation, &near.collect::<Vec<_>>());
        incidents = incidents.absorb(&found, &[mark.time], span, &id);
        for incident in incidents.around(&[mark.time], span) {
            let key = (incident.id, incident.severity);
            if !alert_data.contains(&key) {
                alert_data.push(key);
            }
        }
    }
    alert_data
}

fn events() -> impl Strategy<Value = Vec<String>> {
    let one = (
        0i64..SPAN,
        prop::sample::select(vec!["a", "b", "x"]),
        prop::sample::select(vec!["", "", "!"]),
    );
    prop::collection::vec(one, 1..9).prop_map(|events| {
        let name = |(at, (time, rule, raised)): (usize, &(i64, &str, &str))| {
            format!("{time}{rule}{raised}={at}")
        };
        events.iter().enumerate().map(name).collect()
    })
}

proptest! {
    /// All within one timespan: one episode, whatever the order.
    #[test]
    fn any_order_of_arrival_tells_the_highest_severity_once(
        (events, order) in events().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        count in 1u32..4,
    ) {
        for condition in [Condition::All, Condition::Ordered, Condition::Events(count)] {
            let stages: &[&[&str]] = if matches!(condition, Condition::Events(_)) { &[&["a", "b", "x"]] } else { &[&["a"], &["b", "x"]] };
            let correlation = correlation(condition.clone(), stages);
            let marks: Vec<Mark> = order.iter().map(|it| mark(it)).collect();
            let highest = find_occurrences(&correlation, &marks).iter().map(|it| it.severity).max();
            let alert_data = arrive(&correlation, &marks);
            let alert_data: Vec<Severity> = alert_data.into_iter().map(|(_, severity)| severity).collect();
            prop_assert_eq!(alert_data.iter().copied().max(), highest, "{:?} {:?}", condition, events);
            prop_assert!(alert_data.is_sorted_by(|a, b| a < b), "{:?} told {:?} of {:?}", condition, alert_data, order);
        }
    }

    /// Over many timespans: every occurrence is in an episode that was told at its severity or
    /// above.
    #[test]
    fn whatever_occurs_is_told(
        times in prop::collection::vec((0i64..6000, prop::bool::ANY), 1..14),
        order in any::<prop::sample::Index>(),
    ) {
        let mut marks: Vec<Mark> = times.iter().enumerate()
            .map(|(at, (time, raised))| mark(&format!("{time}a{}={at}", if *raised { "!" } else { "" }))).collect();
        let turn = order.index(marks.len());
        marks.rotate_left(turn);
        let correlation = correlation(Condition::Events(2), &[&["a"]]);
        let alert_data = arrive(&correlation, &marks);
        let distinct: BTreeSet<_> = alert_data.iter().collect();
        prop_assert_eq!(distinct.len(), alert_data.len());
        let highest = find_occurrences(&correlation, &marks).iter().map(|it| it.severity).max();
        prop_assert_eq!(alert_data.iter().map(|(_, severity)| *severity).max(), highest);
    }

    #[test]
    fn of_too_many_members_the_telling_ones_are_shown(kept in subsequence((0..40usize).collect::<Vec<_>>(), 3)) {
        let correlation = correlation(Condition::Events(2), &[&["a", "b"]]);
        let marks: Vec<Mark> = (0..40).map(|n| {
            let rule = if n == kept[1] { "b" } else { "a" };
            mark(&format!("{n}{rule}{}={n}", if n == kept[2] { "!" } else { "" }))
        }).collect();
        let incident = Incident { id: FindingId::hash_parts(["e"]), start: at(0), end: at(39), severity: Severity::Medium };
        let IncidentMembers { shown, events } = incident_members(&correlation, &marks, &incident);
        prop_assert_eq!((shown.len(), events), (20, 40));
        prop_assert!(kept[1..].iter().all(|n| shown.contains(&marks[*n].finding)));
        let order: Vec<usize> = shown.iter().map(|id| marks.iter().position(|mark| mark.finding == *id).unwrap()).collect();
        prop_assert!(order.is_sorted());
    }
}

#[test]
fn episodes_join_and_part() {
    let id = |start: Timestamp| FindingId::hash_parts([Mark::time_prefix(start).as_str()]);
    let occurrence = |start, end, severity| Occurrence { start: at(start), end: at(end), severity };
    let span = SignedDuration::from_secs(SPAN);
    let show = |incidents: &Incidents, time| -> Vec<(i64, i64, Severity)> {
        let around = incidents.around(&[at(time)], span).into_iter();
        around
            .map(|it| {
                (
                    it.start.as_second() - at(0).as_second(),
                    it.end.as_second() - at(0).as_second(),
                    it.severity,
                )
            })
            .collect()
    };
    let one =
        Incidents::default().absorb(&[occurrence(0, 10, Severity::High)], &[at(10)], span, &id);
    assert_eq!(
        show(&one, 610),
        [(0, 10, Severity::High)],
        "the timespan after its end belongs to it"
    );
    assert_eq!(show(&one, 611), []);
    let longer = one.absorb(&[], &[at(610)], span, &id);
    assert_eq!(show(&longer, 1210), [(0, 610, Severity::High)], "an event extends it");
    assert_eq!(one.absorb(&[], &[at(611)], span, &id), one, "an event beyond it does not");
    let two = one.absorb(&[occurrence(1000, 1001, Severity::Critical)], &[at(1001)], span, &id);
    assert_eq!(show(&two, 600).len(), 2, "beyond the timespan it is another one");
    let joined = two.absorb(&[], &[at(500)], span, &id);
    assert_eq!(
        show(&joined, 500),
        [(0, 1001, Severity::Critical)],
        "an event between two makes them one"
    );
    assert_eq!(
        joined.around(&[at(0)], span)[0].id,
        two.around(&[at(1001)], span)[0].id,
        "under the id that was told"
    );
    let many = (0..100).fold(Incidents::default(), |all, n| {
        all.absorb(&[occurrence(n * 1000, n * 1000, Severity::High)], &[at(n * 1000)], span, &id)
    });
    assert_eq!(
        (show(&many, 99_000).len(), show(&many, 0).len()),
        (1, 0),
        "the oldest are forgotten"
    );
}

#[test]
fn what_is_damaged_is_begun_anew_and_what_is_newer_is_left_alone() {
    let written = serde_json::to_vec(&Incidents::default()).unwrap();
    assert_eq!(Incidents::decode(&written), Ok(Some(Incidents::default())));
    for damaged in ["", "{}", "[]", r#"{"version":1,"incidents":[7]}"#] {
        assert_eq!(Incidents::decode(damaged.as_bytes()), Ok(None), "{damaged}");
    }
    assert!(Incidents::decode(br#"{"version":2}"#).is_err());
}

#[test]
fn the_embedded_correlations_stand_their_tests() {
    let tested = testing::test_correlations(None, Timestamp::UNIX_EPOCH);
    assert_eq!((tested.problems, tested.results.len()), (vec![], 2));
    for outcome in tested.results {
        let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
        assert_eq!(failures, [""; 0], "{}", outcome.name);
        assert!(outcome.must_match >= 6 && outcome.must_not_match >= 8, "{}", outcome.name);
    }
}

/// The sample of a correlation, with the group under another name.
fn sample(of: &str, group: &str) -> (RuleSet, Correlation, Vec<Record>) {
    let set = RuleSources::from_paths(true, &[]).into_rule_set().unwrap();
    let correlation =
        set.correlations().iter().find(|it| it.info.name.contains(of)).unwrap().clone();
    let records =
        TestSequences::for_correlation(&correlation).unwrap().unwrap().must_match.remove(0).records;
    let named = records.into_iter().map(|record| {
        let mut fields = record.fields().clone();
        fields["requestParameters"]["groupName"] = group.into();
        Record::from_value(fields.into()).unwrap()
    });
    let records = named.collect();
    (set, correlation, records)
}

#[test]
fn a_finding_counts_for_its_correlation_unless_an_exception_matched() {
    let (set, correlation, records) = sample("staged", "ops");
    let view = View::new(&records[0]);
    let rule = set.matching(&view, at(0)).next().unwrap();
    let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
    let mut finding = Finding::new(&rule.info, &records[0], origin);
    assert_eq!(place_marks(&correlation, &finding, at(0), at(0)).len(), 1);
    finding.exception = Some("planned".to_owned());
    assert_eq!(place_marks(&correlation, &finding, at(0), at(0)), []);
    finding.exception = None;
    let canary =
        Record::from_value(crate::finding::canary::payload("run-1", at(0))["detail"].clone())
            .unwrap();
    let canary = Finding::new(&rule.info, &canary, finding.origin.clone());
    assert_eq!(place_marks(&correlation, &canary, at(0), at(0)), [], "nobody called");
    finding.ecs["group"] = serde_json::json!({});
    finding.group = None;
    assert_eq!(
        place_marks(&correlation, &finding, at(0), at(0)),
        [],
        "without a value there is nothing to be alike in"
    );
}
