use detect::finding::{Context, Member};

use super::fixture::{document, finding};
use crate::summary::describe_member;
use crate::{Accounts, render_finding, render_minimal_finding};

#[test]
fn an_alert_says_that_one_of_two_records_is_forged() {
    let first = finding(document("CreateGroup"));
    let conflict = first.clone().into_conflict();
    for alert in [
        render_finding(&conflict, &Context::default(), &Accounts::default()),
        render_minimal_finding(&conflict),
    ] {
        assert!(alert.subject.starts_with("[CONFLICT] [low] "), "{}", alert.subject);
        let text = alert.text.split_whitespace().filter(|word| *word != "|");
        let text = text.collect::<Vec<_>>().join(" ");
        assert!(text.starts_with("CONFLICT: another record with the same eventID"), "{text}");
        assert!(text.contains(&format!("The other one is finding {}", first.id)), "{text}");
        let ours = &alert.document["trailbell"];
        assert_eq!(ours["kind"], "alert");
        assert_eq!(ours["conflict"]["finding"], first.id.as_str());
        assert!(alert.document["message"].as_str().unwrap().starts_with("CONFLICT: "));
    }
    let alert = render_finding(&first, &Context::default(), &Accounts::default());
    assert!(!alert.text.contains("CONFLICT") && alert.document["trailbell"]["conflict"].is_null());
}

#[test]
fn a_summary_marks_members_in_conflict() {
    let conflict = finding(document("CreateGroup")).into_conflict();
    let member = Member::from_finding(&conflict);
    assert_eq!(member.conflict, conflict.conflict);
    assert!(describe_member(&member).starts_with("CONFLICT: "), "{}", describe_member(&member));
}
