//! The context: in event order whatever the order of arrival, once each, and bounded.

use detect::finding::{Context, ContextGap, Finding, PrincipalFinding, TimelineEntry};
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{ACTIONS, document, finding};
use crate::{Accounts, render_finding};

/// A finding of a call at a time on 2026-03-01; its event id is of both.
fn call(action: &str, time: &str) -> Finding {
    let mut ecs = document(action);
    ecs["@timestamp"] = json!(format!("2026-03-01T{time}Z"));
    ecs["event"]["id"] = json!(format!("{action} {time}"));
    ecs["aws"]["cloudtrail"]["flattened"]["request_parameters"]["policyArn"] =
        json!("arn:aws:iam::aws:policy/AdministratorAccess");
    finding(ecs)
}

fn entry(finding: &Finding) -> TimelineEntry {
    TimelineEntry::from_finding(finding).expect("a time")
}

/// The section of the mail, without its heading.
fn section(finding: &Finding, context: &Context) -> Vec<String> {
    let text = render_finding(finding, context, &Accounts::default()).text;
    let Some((_, section)) = text.split_once("\nTHE LAST 48 HOURS\n") else { return Vec::new() };
    let end = section.find("\n\nFACTS").expect("the next section");
    section[..end].lines().map(str::to_owned).collect()
}

fn with_timeline(group_timeline: Vec<TimelineEntry>) -> Context {
    Context { group_timeline, ..Context::default() }
}

#[test]
fn events_are_in_event_order_whatever_the_order_of_arrival() {
    let findings = [
        call("CreateGroup", "10:00:00"),
        call("AttachGroupPolicy", "10:00:00"),
        call("AddUserToGroup", "10:00:05"),
    ];
    let lines = [
        "03-01 10:00:00 created by alice",
        "03-01 10:00:00 AdministratorAccess attached by alice (allows everything)",
        "03-01 10:00:05 bob added by alice",
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        for arrived in 1..=order.len() {
            let known: Vec<usize> = order[..arrived].to_vec();
            let last = known[arrived - 1];
            let context = with_timeline(known.iter().map(|at| entry(&findings[*at])).collect());
            if arrived == 1 {
                assert_eq!(
                    section(&findings[last], &context),
                    ["  No other event of Admins is on record."]
                );
                continue;
            }
            let mut expected = vec!["  Admins (UTC, > marks this event):".to_owned()];
            expected.extend((0..findings.len()).filter(|at| known.contains(at)).map(|at| {
                let mark = if at == last { "  > " } else { "    " };
                format!("{mark}{}", lines[at])
            }));
            assert_eq!(section(&findings[last], &context), expected, "{order:?} up to {arrived}");
        }
    }
}

#[test]
fn every_kind_of_event_is_described() {
    let this = call("CreateGroup", "12:00:00");
    for (action, change, words) in [
        ("DeleteGroup", json!({}), "deleted by alice"),
        ("UpdateGroup", json!({}), "renamed from Admins to Readers by alice"),
        ("UpdateGroup", json!({"object": null}), "moved to another path by alice"),
        ("RemoveUserFromGroup", json!({}), "bob removed by alice"),
        ("DetachGroupPolicy", json!({}), "AdministratorAccess detached by alice"),
        ("PutGroupPolicy", json!({"power": null}), "inline policy p written by alice"),
        (
            "PutGroupPolicy",
            json!({"power": "escalates"}),
            "inline policy p written by alice (opens ways to more rights)",
        ),
        ("DeleteGroupPolicy", json!({}), "inline policy p deleted by alice"),
        ("AddUserToGroup", json!({"group": "Temp"}), "as Temp: bob added by alice"),
        ("AddUserToGroup", json!({"suppressed": true}), "bob added by alice (suppressed)"),
        (
            "AddUserToGroup",
            json!({"failed": true, "object": null}),
            "AddUserToGroup by alice failed",
        ),
        ("AddUserToGroup", json!({"object": null, "principal": null}), "(name not recorded) added"),
        (
            "AttachGroupPolicy",
            json!({"power": null}),
            "AdministratorAccess attached by alice (allows everything)",
        ),
        ("Other", json!({"principal": "x\ny"}), "Other by \"x\\u{a}y\""),
    ] {
        let mut entry = json!(entry(&call(action, "11:00:00")));
        entry.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let context = with_timeline(vec![serde_json::from_value(entry).unwrap()]);
        let lines = section(&this, &context);
        let text = lines[1..lines.len() - 1].join(" ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(text, format!("03-01 11:00:00 {words}"), "{action} {change}");
    }
}

#[test]
fn an_event_found_by_two_rules_is_suppressed_only_if_both_findings_are() {
    let this = call("CreateGroup", "10:00:00");
    let other = entry(&call("AddUserToGroup", "11:00:00"));
    for (first, second, suffix) in
        [(true, true, " (suppressed)"), (true, false, ""), (false, true, "")]
    {
        let rules = [first, second].map(|suppressed| TimelineEntry { suppressed, ..other.clone() });
        let lines = section(&this, &with_timeline(rules.to_vec()));
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[2], format!("    03-01 11:00:00 bob added by alice{suffix}"));
    }
}

#[test]
fn a_long_timeline_shows_this_event_and_counts_those_left_out() {
    let all: Vec<TimelineEntry> =
        (0..50).map(|n| entry(&call("AddUserToGroup", &format!("10:{n:02}:00")))).collect();
    for (at, first, before, after) in [(0, 0, 0, 20), (25, 10, 10, 10), (49, 20, 20, 0)] {
        let this = call("AddUserToGroup", &format!("10:{at:02}:00"));
        let lines = section(&this, &with_timeline(all.clone()));
        let own = lines.iter().position(|line| line.starts_with("  > ")).expect("this event");
        assert_eq!(lines[own], format!("  > 03-01 10:{at:02}:00 bob added by alice"));
        let neighbours = lines.iter().filter(|line| line.starts_with("    03-01 "));
        assert!((1..=12).contains(&neighbours.count()), "{lines:?}");
        let is_note = |line: &&String| line.starts_with("    … ");
        assert_eq!(lines[..own].iter().any(|it| is_note(&it)), before > 0, "{lines:?}");
        assert_eq!(lines[own..].iter().any(|it| is_note(&it)), after > 0, "{lines:?}");
        let document = &render_finding(&this, &with_timeline(all.clone()), &Accounts::default())
            .document["trailbell"]["context"];
        assert_eq!(
            (&document["earlier_events"], &document["later_events"]),
            (&json!(before), &json!(after))
        );
        assert_eq!(document["group_timeline"].as_array().map(Vec::len), Some(30));
        assert_eq!(document["group_timeline"][at - first]["this_event"], json!(true));
    }
}

#[test]
fn other_findings_of_the_principal_are_counted_by_rule() {
    let rule = |n: usize| PrincipalFinding {
        rule_id: format!("r{n}"),
        rule_name: format!("Rule {n:02}"),
        count: n,
    };
    let context = |count| Context {
        principal_findings: (1..=count).map(rule).collect(),
        ..Context::default()
    };
    let this = call("CreateGroup", "10:00:00");
    assert_eq!(section(&this, &context(2)), ["  alice was also found: 2 × Rule 02, 1 × Rule 01"]);
    let expected = "  alice was also found: 20 × Rule 20, 19 × Rule 19, 18 × Rule 18, 17 other";
    assert_eq!(section(&this, &context(20)), [expected, "  rules"]);
}

#[test]
fn what_the_added_user_was_found_doing_is_told() {
    let found = PrincipalFinding {
        rule_id: "r".to_owned(),
        rule_name: "AWS IAM Group Creation".to_owned(),
        count: 1,
    };
    let context = Context { target_findings: vec![found], ..Context::default() };
    let this = call("AddUserToGroup", "10:00:00");
    assert_eq!(section(&this, &context), ["  bob was also found: 1 × AWS IAM Group Creation"]);
}

#[test]
fn first_findings_and_gaps_are_stated() {
    let this = call("CreateGroup", "10:00:00");
    let mail = |context: &Context| render_finding(&this, context, &Accounts::default()).text;
    for (principal, group, note) in [
        (true, true, "  -  No earlier finding is on record for alice or Admins.\n"),
        (true, false, "  -  No earlier finding is on record for alice.\n"),
        (false, true, "  -  No earlier finding is on record for Admins.\n"),
    ] {
        let context =
            Context { first_of_principal: principal, first_of_group: group, ..Context::default() };
        assert!(mail(&context).contains(note), "{note}");
    }
    assert!(!mail(&Context::default()).contains("No earlier finding"));
    for (gap, text) in [
        (ContextGap::LedgerFailed, "  Unknown: the ledger could not be read."),
        (ContextGap::Late, "  Unknown: the ledger did not answer in time."),
        (ContextGap::TooMuch, "  Incomplete: the ledger holds more than was read."),
    ] {
        assert_eq!(section(&this, &Context::without(gap)), [text]);
    }
    for (gap, text) in [
        (ContextGap::LedgerFailed, "  Incomplete: part of the ledger could not be read."),
        (ContextGap::Late, "  Incomplete: part of the ledger did not answer in time."),
    ] {
        let context = Context { gap: Some(gap), ..with_timeline(vec![entry(&this)]) };
        assert_eq!(section(&this, &context), ["  No other event of Admins is on record.", text]);
    }
    for context in [Context::default(), Context::without(ContextGap::LedgerOff)] {
        assert!(section(&this, &context).is_empty());
    }
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_nothing(
        calls in prop::collection::vec((0..9_usize, 0..4_usize), 1..40), swaps in 0..40_usize
    ) {
        let entries: Vec<TimelineEntry> = calls.iter().enumerate().map(|(n, (action, second))| {
            let mut finding = call(ACTIONS[*action], &format!("10:00:0{second}"));
            finding.ecs["event"]["id"] = json!(format!("e{n}"));
            entry(&finding)
        }).collect();
        let mut moved = entries.clone();
        moved.rotate_left(swaps % entries.len());
        moved.reverse();
        let this = call("CreateGroup", "10:00:00");
        let lines = |entries| section(&this, &with_timeline(entries));
        prop_assert_eq!(lines(entries), lines(moved));
    }
}
