//! Marks, conditions and incidents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::ecs::View;
use crate::finding::{Facts, Finding, FindingId, Origin, Suppression};
use crate::rule::testing::RuleTests;
use crate::rule::{
    Condition, Correlation, LoadedRules, Position, RuleInfo, RuleOrigin, RuleReference, Severity,
    Stage,
};

const SPAN: i64 = 600;

pub(super) fn correlation(condition: Condition, stages: &[&[&str]]) -> Correlation {
    static INFO: LazyLock<Arc<RuleInfo>> =
        LazyLock::new(|| LoadedRules::embedded().correlations.remove(0).info);
    let info =
        RuleInfo { id: "c".to_owned(), severity: Severity::Medium, ..RuleInfo::clone(&INFO) };
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
        query: None,
        group_by: vec![],
        timespan: SignedDuration::from_secs(SPAN),
        covered_by: Vec::new(),
        raises: vec![],
        is_threshold: false,
        origin: RuleOrigin::Embedded("test"),
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_359_200 + seconds).unwrap()
}

pub(super) fn seconds(time: Timestamp) -> i64 {
    time.as_second() - at(0).as_second()
}

/// `10a` is rule `a` at second 10 in an event of its own; `10a=x` in event `x`; `10a:v` has the
/// value `v`, `10a!` raises.
pub(super) fn mark(text: &str) -> Mark {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap();
    let time = text[..digits].parse().unwrap();
    let rule = &text[digits..digits + 1];
    let rest = &text[digits + 1..];
    let part = |sign: char| rest.split_once(sign).map(|(_, part)| part);
    Mark {
        time: at(time),
        rule: Mark::rule_hash(rule),
        raised: rest.contains('!').then_some(Severity::Critical),
        event: Mark::rule_hash(part('=').unwrap_or(text)),
        value: part(':').map(Mark::rule_hash),
        link: None,
        target: Mark::rule_hash(part('@').unwrap_or("target")),
        finding: FindingId::hash_parts([text]),
    }
}

/// The start and end in seconds and the severity of each occurrence.
fn occurrences(condition: Condition, stages: &[&[&str]], marks: &str) -> Vec<(i64, i64, Severity)> {
    let marks: Vec<Mark> = marks.split_whitespace().map(mark).collect();
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
        ("of the same second any can be first", Condition::Ordered, AB, "5b=1 5a=2", true),
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
        ("an absent value is not counted", values(2), ONE, "0a:u 1a", false),
        ("two values, too far apart", values(2), ONE, "0a:u 601a:v", false),
    ];
    for (name, condition, stages, marks, expected) in cases {
        assert_eq!(!occurrences(condition, stages, marks).is_empty(), expected, "{name}: {marks}");
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
        assert_eq!(occurrences(Condition::All, ab, marks), expected, "{marks}");
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
        let name = mark.key_name();
        assert_eq!(Mark::parse(&name), Some(mark), "{name}");
        assert!(name.len() <= 176, "{name}");
        for wrong in [
            &name[1..],
            &name[..name.len() - 1],
            &format!("{name}-x"),
            &name.replace("-critical-", "-worst-"),
        ] {
            assert!(Mark::parse(wrong).is_none() || *wrong == name, "{wrong}");
        }
    }
    assert!(mark("9a").key_name() < mark("10a").key_name());
}

fn rename(time: i64, from: &str, to: &str) -> [(String, Mark); 2] {
    let old = Mark::rule_hash(from);
    let new = Mark::rule_hash(to);
    let mark = mark(&format!("{time}r"));
    [
        (old.clone(), Mark { link: Some(Link::To(new.clone())), ..mark.clone() }),
        (new, Mark { link: Some(Link::From(old)), ..mark }),
    ]
}

#[test]
fn the_timeline_of_a_renamed_group_continues_under_its_new_name() {
    let renames = [rename(10, "a", "b"), rename(20, "b", "c"), rename(30, "c", "a")].concat();
    let mut folders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for (folder, mark) in renames {
        folders.entry(folder).or_default().push(mark);
    }
    for (name, marks) in [("a", "5x 15y"), ("b", "15z 25y"), ("c", "25z")] {
        folders.get_mut(&Mark::rule_hash(name)).unwrap().extend(marks.split(' ').map(mark));
    }
    let timeline = |name: &str| {
        let mut walk = FolderWalk::new(&Mark::rule_hash(name));
        while let Some(next) = walk.next_folder() {
            walk.add_marks(&next, folders[&next.folder].clone());
        }
        walk.into_marks()
    };
    let of_c = timeline("c");
    let times: BTreeSet<i64> = of_c.iter().map(|mark| seconds(mark.time)).collect();
    let expected = BTreeSet::from([5, 10, 15, 20, 25, 30]);
    assert_eq!(times, expected, "events under the old names count until the rename");
    let of_b = timeline("b");
    for (event, is_part) in [("5x", true), ("25y", true), ("25z", false)] {
        assert_eq!(of_b.contains(&mark(event)), is_part, "{event}");
    }
    let later: Vec<&str> = later_folders(&of_b, at(15)).collect();
    assert!(later.contains(&Mark::rule_hash("c").as_str()), "{later:?}");
}

/// Absorbs events one by one, as the ledger does, and returns each incident and severity that is
/// alerted.
fn alerts_for(correlation: &Correlation, marks: &[Mark]) -> Vec<(FindingId, Severity)> {
    let timespan = correlation.timespan;
    let mut arrived: Vec<Mark> = Vec::new();
    let mut incidents = Incidents::default();
    let mut alerts = Vec::new();
    for mark in marks {
        arrived.push(mark.clone());
        let is_near = |it: &&Mark| it.time.duration_since(mark.time).abs() <= timespan;
        let near: Vec<Mark> = arrived.iter().filter(is_near).cloned().collect();
        let occurrences = find_occurrences(correlation, &near);
        incidents = incidents.absorb(&occurrences, &[mark.time], timespan, &new_id);
        for incident in incidents.near(&[mark.time], timespan) {
            let alert = (incident.id, incident.severity);
            if !alerts.contains(&alert) {
                alerts.push(alert);
            }
        }
    }
    alerts
}

fn new_id(start: Timestamp) -> FindingId {
    FindingId::hash_parts([Mark::time_prefix(start).as_str()])
}

/// Events within one timespan.
fn events() -> impl Strategy<Value = Vec<String>> {
    let event = (
        0i64..SPAN,
        prop::sample::select(vec!["a", "b", "x"]),
        prop::sample::select(vec!["", "", "!"]),
    );
    prop::collection::vec(event, 1..9).prop_map(|events| {
        let text = |(n, (time, rule, raised))| format!("{time}{rule}{raised}={n}");
        events.into_iter().enumerate().map(text).collect()
    })
}

proptest! {
    #[test]
    fn the_highest_severity_is_alerted_last_in_any_order_of_arrival(
        events in events().prop_shuffle(),
        count in 1u32..4,
    ) {
        let by_rule: &[&[&str]] = &[&["a"], &["b", "x"]];
        let together: &[&[&str]] = &[&["a", "b", "x"]];
        let conditions = [
            (Condition::All, by_rule),
            (Condition::Ordered, by_rule),
            (Condition::Events(count), together),
        ];
        for (condition, stages) in conditions {
            let correlation = correlation(condition, stages);
            let marks: Vec<Mark> = events.iter().map(|event| mark(event)).collect();
            let highest =
                find_occurrences(&correlation, &marks).iter().map(|it| it.severity).max();
            let alerts = alerts_for(&correlation, &marks);
            let severities: Vec<Severity> = alerts.iter().map(|(_, severity)| *severity).collect();
            prop_assert_eq!(severities.last().copied(), highest, "{:?}", severities);
            prop_assert!(severities.is_sorted_by(|a, b| a < b), "{:?}", severities);
        }
    }

    /// Over many timespans.
    #[test]
    fn every_occurrence_is_alerted_once_at_each_severity(
        times in prop::collection::vec((0i64..6000, prop::bool::ANY), 1..14),
        first in any::<prop::sample::Index>(),
    ) {
        let event = |(n, (time, raised)): (usize, &(i64, bool))| {
            mark(&format!("{time}a{}={n}", if *raised { "!" } else { "" }))
        };
        let mut marks: Vec<Mark> = times.iter().enumerate().map(event).collect();
        marks.rotate_left(first.index(times.len()));
        let correlation = correlation(Condition::Events(2), &[&["a"]]);
        let alerts = alerts_for(&correlation, &marks);
        let distinct: BTreeSet<_> = alerts.iter().collect();
        prop_assert_eq!(distinct.len(), alerts.len());
        let highest = find_occurrences(&correlation, &marks).iter().map(|it| it.severity).max();
        prop_assert_eq!(alerts.iter().map(|(_, severity)| *severity).max(), highest);
    }

    #[test]
    fn an_alert_lists_100_members_with_those_that_matter(
        kept in subsequence((0..120usize).collect::<Vec<_>>(), 3)
    ) {
        let correlation = correlation(Condition::Events(2), &[&["a", "b"]]);
        let event = |n: usize| {
            let rule = if n == kept[1] { "b" } else { "a" };
            let raised = if n == kept[2] { "!" } else { "" };
            mark(&format!("{n}{rule}{raised}={n}"))
        };
        let marks: Vec<Mark> = (0..120).map(event).collect();
        let incident = Incident {
            events: vec![],
            id: FindingId::hash_parts(["e"]),
            start: at(0),
            end: at(119),
            severity: Severity::Medium,
            found_with: None,
        };
        let alert_data = CorrelationAlertData::new(&correlation, "f", &marks, &incident);
        let CorrelationAlertData { members, events, .. } = alert_data;
        prop_assert_eq!((members.len(), events), (100, 120));
        prop_assert!(kept[1..].iter().all(|n| members.contains(&marks[*n].finding)));
        let index = |id: &FindingId| marks.iter().position(|mark| mark.finding == *id).unwrap();
        prop_assert!(members.iter().map(index).is_sorted());
    }
}

#[test]
fn incidents_join_within_the_timespan() {
    let span = SignedDuration::from_secs(SPAN);
    let absorb = |incidents: &Incidents, occurrence: Option<(i64, i64, Severity)>, time| {
        let occurrence = occurrence.map(|(start, end, severity)| Occurrence {
            start: at(start),
            end: at(end),
            severity,
        });
        incidents.absorb(occurrence.as_slice(), &[at(time)], span, &new_id)
    };
    let near = |incidents: &Incidents, time| -> Vec<(i64, i64, Severity)> {
        let near = incidents.near(&[at(time)], span).into_iter();
        near.map(|it| (seconds(it.start), seconds(it.end), it.severity)).collect()
    };
    let one = absorb(&Incidents::default(), Some((0, 10, Severity::High)), 10);
    assert_eq!(near(&one, 610), [(0, 10, Severity::High)], "a timespan after its end");
    assert_eq!(near(&one, 611), [], "a second later");
    let longer = absorb(&one, None, 610);
    assert_eq!(near(&longer, 1210), [(0, 610, Severity::High)], "an event extends it");
    assert_eq!(absorb(&one, None, 611), one, "an event beyond it does not");
    let two = absorb(&one, Some((1000, 1001, Severity::Critical)), 1001);
    assert_eq!(near(&two, 600).len(), 2, "beyond the timespan it is another incident");
    let joined = absorb(&two, None, 500);
    assert_eq!(near(&joined, 500), [(0, 1001, Severity::Critical)], "an event between joins them");
    let [id, most_severe] = [(&joined, 0), (&two, 1001)]
        .map(|(incidents, time)| incidents.near(&[at(time)], span)[0].id.clone());
    assert_eq!(id, most_severe, "the id that was alerted at this severity stays");
    let many = (0..100).fold(Incidents::default(), |incidents, n| {
        absorb(&incidents, Some((n * 1000, n * 1000, Severity::High)), n * 1000)
    });
    assert_eq!(near(&many, 99_000).len(), 1);
    assert_eq!(near(&many, 0).len(), 0, "the oldest are forgotten");
}

#[test]
fn damaged_incidents_are_ignored_and_later_versions_are_an_error() {
    let stored = serde_json::to_vec(&Incidents::default()).unwrap();
    assert_eq!(Incidents::decode(&stored), Ok(Some(Incidents::default())));
    for damaged in ["", "{}", "[]", r#"{"version":1,"incidents":[7]}"#] {
        assert_eq!(Incidents::decode(damaged.as_bytes()), Ok(None), "{damaged}");
    }
    assert!(Incidents::decode(br#"{"version":2}"#).is_err());
}

#[test]
fn the_embedded_correlations_pass_their_tests() {
    let report = testing::test_correlations(None, Timestamp::UNIX_EPOCH);
    assert_eq!(report.problems, []);
    assert_eq!(report.results.len(), 3);
    for result in report.results {
        assert_eq!(result.failures, [""; 0], "{}", result.rule.name);
        assert!(result.must_match >= 6 && result.must_not_match >= 8, "{}", result.rule.name);
    }
}

#[test]
fn suppressed_findings_canaries_and_findings_without_a_group_do_not_count() {
    let rule_set = LoadedRules::embedded().into_rule_set().unwrap();
    let mut correlations = rule_set.correlations().iter();
    let correlation = correlations.find(|it| it.info.name.contains("staged")).unwrap();
    let record =
        RuleTests::for_origin(&correlation.origin).unwrap().must_match.remove(0).records.remove(0);
    let rule = rule_set.matching(&View::new(&record), at(0)).next().unwrap();
    let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
    let marks = |finding: &Finding| {
        place_marks(correlation, finding, &Facts::new(finding, None), at(0), at(0)).len()
    };

    let finding = Finding::new(&rule.info, &record, origin);
    assert_eq!(marks(&finding), 1);

    let exception = Some("planned".to_owned());
    assert_eq!(marks(&Finding { exception, ..finding.clone() }), 0, "suppressed");

    assert_eq!(marks(&Finding { origin: Origin::Canary, ..finding.clone() }), 0, "canary");

    let info = RuleInfo { building_block: true, ..RuleInfo::clone(&finding.rule) };
    let block = Finding { rule: Arc::new(info), ..finding.clone() };
    assert_eq!((marks(&block), block.suppression()), (1, Some(Suppression::BuildingBlock)));

    let mut without_group = Finding { group: None, ..finding };
    without_group.ecs["group"] = serde_json::json!({});
    assert_eq!(marks(&without_group), 0, "a group_by field has no value");
}

fn kept(condition: Condition, marks: &str) -> usize {
    let marks: Vec<Mark> = marks.split_whitespace().map(mark).collect();
    let correlation = correlation(condition, &[&["a"], &["b"]]);
    without_repeats(&correlation, marks, |mark| mark.target.clone()).len()
}

#[test]
fn a_repeated_step_of_the_same_target_is_kept_at_both_ends_of_a_timespan() {
    let values = Condition::Values("user.name".to_owned(), 3);
    for (condition, marks, expected) in [
        (Condition::All, "0a 1a 2a 3a", 2),
        (Condition::All, "3a 1a 0a 2a", 2),
        (Condition::All, "0a@x 1a@y 2a@z", 3),
        (Condition::All, "0a 1b 2a 3b 4a", 4),
        (Condition::All, "0a 1a! 2a", 3),
        // Another timespan begins at 600.
        (Condition::All, "0a 1a 599a 600a 601a 602a", 4),
        (values, "0a:u 1a:u 2a:u 3a:v 4a:u", 3),
        (Condition::Events(3), "0a 1a 2a 3a 4a 5a 6a 7a", 6),
        (Condition::Ordered, "0a 1a 2a 3a", 4),
    ] {
        assert_eq!(kept(condition, marks), expected, "{marks}");
    }
}

proptest! {
    #[test]
    fn what_a_correlation_finds_does_not_depend_on_repeats(
        events in prop::collection::vec((0..2_000_i64, "[abx]", "[uv]", any::<bool>()), 0..60),
        least in 1..6_u32,
    ) {
        let texts = events.iter().enumerate().map(|(number, (time, rule, value, raises))| {
            let raises = if *raises { "!" } else { "" };
            format!("{time}{rule}{raises}={number}:{value}")
        });
        let marks: Vec<Mark> = texts.map(|text| Mark {
            value: Some(Mark::rule_hash(text.rsplit(':').next().unwrap())),
            ..mark(&text)
        }).collect();
        let values = Condition::Values("user.name".to_owned(), 2);
        for condition in [Condition::All, Condition::Ordered, Condition::Events(least), values] {
            let correlation = correlation(condition, &[&["a"], &["b", "x"]]);
            let kept = without_repeats(&correlation, marks.clone(), |_| ());
            let most_severe = |marks: &[Mark]| {
                find_occurrences(&correlation, marks).iter().map(|it| it.severity).max()
            };
            prop_assert_eq!(most_severe(&kept), most_severe(&marks));
        }
    }
}
