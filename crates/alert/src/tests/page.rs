//! The place of an alert's page, in every form of the alert.

use detect::finding::Context;
use serde_json::json;

use crate::tests::fixture::{document, finding};
use crate::{Accounts, Alert, render_finding, render_minimal_finding};

const LINK: &str = "https://eu-west-1.console.aws.amazon.com/s3/object/b?prefix=incidents/1.html";

fn alert() -> Alert {
    render_finding(&finding(document("CreateGroup")), &Context::default(), &Accounts::default())
}

#[test]
fn a_page_is_one_line_more_before_the_sections() {
    let minimal = render_minimal_finding(&finding(document("CreateGroup")));
    let mut guided = alert();
    guided.text.push_str("\nABOUT THIS RULE\n  It finds groups.\n");
    for alert in [alert(), guided, minimal] {
        let text = alert.clone().with_page(LINK).text;
        let line = format!("  Page: {LINK}\n");
        assert_eq!(text.replacen(&line, "", 1), alert.text);
        let at = text.find(&line).unwrap();
        assert!(text[at + line.len()..].starts_with('\n'), "the end of a paragraph: {text}");
        let is_heading = |line: &str| line.starts_with(|first: char| !first.is_whitespace());
        assert!(!text[..at].lines().any(is_heading), "{text}");
    }
}

#[test]
fn a_page_is_in_the_document_and_nothing_else_changes() {
    let (without, with) = (alert(), alert().with_page(LINK));
    assert_eq!(with.document["trailbell"]["page"], LINK);
    let mut document = with.document.clone();
    document["trailbell"].as_object_mut().unwrap().remove("page");
    assert_eq!(document, without.document);
    assert_eq!((with.subject, with.sms), (without.subject, without.sms));
}

#[test]
fn chat_has_links_only() {
    let description = |place: &str| alert().with_page(place).chat["content"]["description"].clone();
    let before = alert().chat["content"]["description"].as_str().unwrap().to_owned();
    assert_eq!(description(LINK), json!(format!("{before}\nPage: {LINK}")));
    for place in ["out/reports/incidents/1.html", "https://a/`<!here>`", "https://a b"] {
        assert_eq!(description(place), json!(before), "{place}");
    }
}

#[test]
fn a_document_of_maximal_size_makes_room_for_the_page() {
    let mut ecs = document("PutGroupPolicy");
    ecs["aws"]["cloudtrail"]["request_parameters"] = json!("x".repeat(245_000));
    let alert =
        render_finding(&finding(ecs), &Context::default(), &Accounts::default()).with_page(LINK);
    let attributes: usize = alert.attributes.iter().map(|it| it.name.len() + it.value.len()).sum();
    assert!(alert.message().len() + attributes <= crate::limits::MAX_MESSAGE_BYTES);
    assert_eq!(alert.document["trailbell"]["page"], LINK);
}
