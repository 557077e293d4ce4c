//! The sentence at the top, and what needs an answer.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use detect::finding::FindingId;
use detect::rule::Severity;
use jiff::Timestamp;
use serde::Serialize;

use super::Report;
use super::event::{Event, EventKind};
use super::incident::Incident;
use super::input::Delivery;

/// The counts of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Calls that changed a group.
    pub changes: u64,
    /// Groups that were changed.
    pub groups: u64,
    /// Calls that failed.
    pub attempts: u64,
    /// Other calls that rules found.
    pub others: u64,
    /// Who made all these calls.
    pub principals: u64,
    /// What needs an answer.
    pub open: u64,
    /// Events that were not alerted.
    pub suppressed: u64,
    /// Events whose alerts were not sent so far.
    pub undelivered: u64,
}

/// Something that a person should have an explanation for: an incident, or an event of high or
/// critical severity that no incident contains.
#[derive(Debug, Clone, Serialize)]
pub struct OpenMatter {
    /// The id of the finding or of the incident's alert.
    pub id: FindingId,
    /// It is an incident.
    pub incident: bool,
    /// The severity.
    pub severity: Severity,
    /// When it happened; the last event of an incident.
    pub time: Option<Timestamp>,
    /// What happened.
    pub what: String,
    /// Why the severity is what it is.
    pub reason: Option<String>,
    /// Who.
    pub principals: Vec<String>,
}

impl Verdict {
    pub(super) fn new(report: &Report) -> Verdict {
        let count = |kind| report.events.iter().filter(|event| event.kind == kind).count() as u64;
        let with = |delivery| {
            report.events.iter().filter(|event| event.delivery == delivery).count() as u64
        };
        Verdict {
            changes: count(EventKind::Change),
            groups: report.groups.iter().filter(|group| group.changes > 0).count() as u64,
            attempts: count(EventKind::Attempt),
            others: count(EventKind::Other),
            principals: report.principals.len() as u64,
            open: report.open.len() as u64,
            suppressed: with(Delivery::Suppressed),
            undelivered: with(Delivery::Undelivered),
        }
    }
}

/// What needs an answer, the most severe and then the latest first.
pub(super) fn open_matters(events: &[Event], incidents: &[Incident]) -> Vec<OpenMatter> {
    let steps: BTreeSet<&str> = incidents
        .iter()
        .flat_map(|incident| &incident.steps)
        .map(|step| step.id.as_str())
        .collect();
    let is_open = |event: &&Event| {
        let is_severe = event.severity >= Severity::High || event.conflict;
        is_severe && !event.is_suppressed() && !steps.contains(event.id.as_str())
    };
    let of_events = events.iter().filter(is_open).map(OpenMatter::from_event);
    let mut open: Vec<OpenMatter> =
        incidents.iter().map(OpenMatter::from_incident).chain(of_events).collect();
    open.sort_by_key(|matter| Reverse((matter.severity, matter.time)));
    open
}

impl OpenMatter {
    fn from_event(event: &Event) -> OpenMatter {
        OpenMatter {
            id: event.id.clone(),
            incident: false,
            severity: event.severity,
            time: event.time,
            what: event.sentence(),
            reason: event.reason.clone(),
            principals: vec![event.principal.label.clone()],
        }
    }

    fn from_incident(incident: &Incident) -> OpenMatter {
        let groups = incident.groups.join(", ");
        let principals: BTreeSet<&str> =
            incident.steps.iter().map(|step| step.principal.label.as_str()).collect();
        OpenMatter {
            id: incident.id.clone(),
            incident: true,
            severity: incident.severity,
            time: Some(incident.end),
            what: match groups.is_empty() {
                true => incident.name.clone(),
                false => format!("{}: {groups}", incident.name),
            },
            reason: incident.reason.clone(),
            principals: principals.into_iter().map(str::to_owned).collect(),
        }
    }
}
