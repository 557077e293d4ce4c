//! What a report says, as data.

use std::sync::Arc;

use detect::finding::Finding;
use detect::rule::RuleInfo;
use report::csv;
use report::data::{Report, ReportedFinding};
use serde_json::{Value, json};

use crate::sample;

fn json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

#[test]
fn events_are_counted_by_what_they_did() {
    let report = sample::month();
    let expected = json!({
        "changes": 47, "groups": 11, "attempts": 4, "others": 1, "principals": 6,
        "open": 5, "suppressed": 25, "undelivered": 0,
    });
    assert_eq!(json(&report)["verdict"], expected);
    let latest_first = report.events.windows(2).all(|pair| pair[0].time >= pair[1].time);
    assert!(latest_first);
}

#[test]
fn groups_hold_what_the_events_gave_them() {
    let report = sample::month();
    let group = |name: &str| report.groups.iter().find(|group| group.name == name).unwrap();
    let analysts = group("analysts");
    assert_eq!(analysts.members.keys().collect::<Vec<_>>(), ["dana", "karl"]);
    assert_eq!((analysts.power.as_str(), analysts.complete), ("limited", true));
    let developers = group("developers");
    assert_eq!(
        (developers.power.as_str(), developers.complete),
        ("opens ways to more rights", false)
    );
    let partners = group("partners");
    assert_eq!(partners.former_names, ["contractors"]);
    assert_eq!(partners.power.as_str(), "not known");
    let deleted = group("support-tools");
    assert!(deleted.deleted.is_some() && deleted.members.is_empty());
    assert!(report.groups.last().unwrap().deleted.is_some(), "deleted groups come last");
}

#[test]
fn an_incident_shows_the_power_before_and_after() {
    let report = sample::month();
    let incident = &report.incidents[0];
    assert_eq!(incident.groups, ["support-tools"]);
    assert_eq!(incident.power_before, None, "its first step created the group");
    assert_eq!(incident.power_after.unwrap().as_str(), "allows everything");
    assert_eq!(incident.steps.len(), 3);
    assert_eq!(incident.also, ["Administrator policy and new member in one group"]);
}

#[test]
fn an_exception_has_its_owner() {
    let report = sample::month();
    let [suppressed] = &report.suppressed[..] else { panic!("{:?}", report.suppressed) };
    assert_eq!(suppressed.exception.as_deref(), Some("team-pipeline"));
    assert_eq!(suppressed.info.as_ref().unwrap().owner, "platform@example.com");
}

#[test]
fn an_hour_is_verified_only_if_every_region_covers_all_of_it() {
    let proof = json(&sample::month())["proof"].clone();
    let accounts = proof["accounts"].as_array().unwrap();
    let counts: Vec<_> = accounts.iter().map(|it| (&it["account"], &it["verified"])).collect();
    assert_eq!(json!(counts), json!([["111122223333", 716], ["444455556666", 537]]));
    let gap = json!([["2026-11-17T02:00:00Z", "2026-11-17T06:00:00Z"]]);
    assert_eq!(accounts[0]["gaps"], gap);
}

#[test]
fn csv_has_one_line_for_each_event() {
    for report in [sample::month(), sample::hostile()] {
        let csv = csv::write(&report);
        assert_eq!(csv.lines().count(), report.events.len() + 1);
        let is_formula = |line: &str| line.starts_with(['=', '+', '-', '@']);
        assert!(!csv.lines().flat_map(|line| line.split(',')).any(is_formula), "{csv}");
    }
}

#[test]
fn findings_of_one_rule_share_it() {
    let mut input = sample::month_input();
    for ReportedFinding { finding, delivery } in std::mem::take(&mut input.findings) {
        // As an entry of the ledger is read: each with a rule of its own.
        let rule = Arc::new((*finding.rule).clone());
        input.add(Arc::new(Finding { rule, ..(*finding).clone() }), delivery);
    }
    let rules: Vec<&Arc<RuleInfo>> = input.findings.iter().map(|it| &it.finding.rule).collect();
    assert!(rules.len() > 40);
    for (one, other) in rules.iter().flat_map(|one| rules.iter().map(move |other| (one, other))) {
        assert_eq!(one.id == other.id, Arc::ptr_eq(one, other), "{} {}", one.name, other.name);
    }
}
