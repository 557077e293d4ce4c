//! The page of one alert.

use alert::Alert;
use askama::Template;
use detect::finding::FindingId;
use detect::rule::Severity;
use serde::Deserialize;
use serde_json::Value;

use super::{MAX_EVENTS, MAX_REFERENCES, SCRIPT, STYLE, format, policy};
use crate::data::{Event, Report};

/// The page of one alert: what happened, what to check, and what to undo.
#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage<'a> {
    subject: &'a str,
    headline: String,
    severity: Severity,
    reason: Option<String>,
    id: &'a FindingId,
    /// What became of it.
    state: &'a str,
    /// What to check and what to undo.
    todo: [(&'static str, Vec<Step>); 2],
    /// The events around it, by time.
    events: Vec<&'a Event>,
    report: &'a Report,
}

/// A step as the document of an alert has it. Texts are cleaned there.
#[derive(Debug, Default, Deserialize)]
struct Step {
    purpose: String,
    command: Option<String>,
    link: Option<String>,
    unavailable: Option<String>,
}

/// The page of an alert in HTML. `report` has the events around it, those of an incident or of the
/// group; `state` says what became of the alert.
///
/// # Errors
/// Fails if a template does, which means a defect in it.
pub fn alert_page(alert: &Alert, report: &Report, state: &str) -> Result<String, askama::Error> {
    let Alert { document, subject, finding, .. } = alert;
    let own = &document["trailbell"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let severity = alert.attributes.iter().find(|attribute| attribute.name == "severity");
    let severity = severity.and_then(|attribute| Severity::from_word(&attribute.value));
    let page = AlertPage {
        subject,
        headline: headline(alert, report),
        severity: severity.unwrap_or(Severity::Low),
        reason: text(&own["severity"]["reason"]),
        id: finding,
        state,
        todo: [("Check", steps(&own["check"])), ("Undo", steps(&own["undo"]))],
        events: report.events.iter().take(MAX_EVENTS).rev().collect(),
        report,
    };
    page.render()
}

/// What happened. A subject is cut, so an incident has its name and those of its groups.
fn headline(alert: &Alert, report: &Report) -> String {
    let Alert { document, subject, .. } = alert;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let groups: Vec<&str> = report.groups.iter().map(|group| group.name.as_str()).collect();
    match text(&document["rule"]["name"]) {
        Some(rule) if document["trailbell"]["kind"] == "correlation" && !groups.is_empty() => {
            format!("{rule}: {}", groups.join(", "))
        }
        _ => text(&document["message"]).unwrap_or_else(|| subject.clone()),
    }
}

impl AlertPage<'_> {
    fn security_policy(&self) -> String {
        policy::security_policy(STYLE, SCRIPT)
    }

    fn is_own(&self, event: &Event) -> bool {
        event.findings.contains(self.id)
    }
}

impl Step {
    fn has_same_purpose(&self, other: &Step) -> bool {
        self.purpose == other.purpose
    }

    /// A page of the console. Anything but HTTPS is not linked to.
    fn safe_link(&self) -> Option<&str> {
        self.link.as_deref().filter(|link| link.starts_with("https://"))
    }
}

fn steps(documents: &Value) -> Vec<Step> {
    let documents = documents.as_array().into_iter().flatten();
    documents.filter_map(|document| Step::deserialize(document).ok()).collect()
}
