//! The page: one file, without requests to anywhere, and readable without its script.

mod alert;
mod calendar;
mod format;
mod policy;
mod timeline;
mod words;

use std::collections::BTreeSet;

use askama::Template;
use detect::rule::Severity;
use jiff::Timestamp;

use crate::data::{Event, Group, Incident, Report};
pub use alert::alert_page;
use calendar::CalendarChart;
use timeline::TimelineChart;

/// Events that are listed without unfolding. Older ones are in folded tables.
const OPEN_EVENTS: usize = 100;

/// Events that are listed at all: a page of this many has less than 2 MB.
const MAX_EVENTS: usize = 10_000;

/// Groups and principals that are listed at all.
const MAX_ROWS: usize = 500;

/// Items of a list within a cell.
const MAX_ITEMS: usize = 12;

/// Records that the page of an alert names.
const MAX_REFERENCES: usize = 20;

/// Names in a sentence.
const MAX_LIST: usize = 5;

const STYLE: &str = include_str!("../../templates/style.css");
const SCRIPT: &str = include_str!("../../templates/script.js");

/// The page of a report.
#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'r> {
    report: &'r Report,
    timeline: TimelineChart,
    calendars: Vec<CalendarChart>,
    /// Ids of events and incidents that can be linked to.
    linked: BTreeSet<&'r str>,
    days: Vec<Day<'r>>,
}

/// The events of one day or of the time before.
struct Day<'r> {
    name: String,
    events: &'r [Event],
}

impl Report {
    /// The page in HTML.
    ///
    /// # Errors
    /// Fails if a template does, which means a defect in it.
    pub fn to_html(&self) -> Result<String, askama::Error> {
        ReportPage::new(self).render()
    }
}

impl<'r> ReportPage<'r> {
    fn new(report: &'r Report) -> ReportPage<'r> {
        let proof = report.proof.iter();
        let calendars = proof.flat_map(|proof| &proof.accounts);
        ReportPage {
            report,
            timeline: TimelineChart::new(report),
            calendars: calendars.map(CalendarChart::new).collect(),
            linked: report.open.iter().map(|matter| matter.id.as_str()).collect(),
            days: days(&report.events),
        }
    }

    fn security_policy(&self) -> String {
        policy::security_policy(STYLE, SCRIPT)
    }

    fn events_open(&self) -> &'r [Event] {
        &self.report.events[..self.report.events.len().min(OPEN_EVENTS)]
    }

    fn more_events(&self) -> usize {
        self.report.events.len().saturating_sub(MAX_EVENTS)
    }

    fn groups(&self) -> &'r [Group] {
        &self.report.groups[..self.report.groups.len().min(MAX_ROWS)]
    }

    fn account(&self, id: &Option<String>) -> String {
        id.as_ref().map_or("account not recorded".to_owned(), |id| self.account_label(id))
    }

    fn account_label(&self, id: &str) -> String {
        self.report.accounts.label(id)
    }

    fn has_incomplete_groups(&self) -> bool {
        self.report.groups.iter().any(|group| !group.complete)
    }

    fn is_anchor(&self, event: &Event) -> bool {
        self.linked.contains(event.id.as_str())
    }

    fn is_past(&self, time: &Option<Timestamp>) -> bool {
        time.is_some_and(|time| time < self.report.made)
    }

    /// `alice, bob and 3 more`.
    fn list(&self, names: &[String]) -> String {
        let shown: Vec<String> = names.iter().take(MAX_LIST).map(format::name).collect();
        match names.len().saturating_sub(MAX_LIST) {
            0 => shown.join(", "),
            more => format!("{} and {} more", shown.join(", "), format::number(more)),
        }
    }

    /// When an incident happened.
    fn span(&self, incident: &Incident) -> String {
        let minute = |time: Timestamp| time.strftime("%H:%M").to_string();
        let start = format::minute(incident.start);
        match format::date(Some(incident.start)) == format::date(Some(incident.end)) {
            true => {
                let day = format::date(Some(incident.start));
                format!("{day} {} to {} UTC", minute(incident.start), minute(incident.end))
            }
            false => format!("{start} to {}", format::minute(incident.end)),
        }
    }

    fn timeline_unit(&self) -> &'static str {
        match self.timeline.unit {
            "day" => "Day",
            "week" => "Week from",
            _ => "Month from",
        }
    }

    fn timeline_in_words(&self) -> String {
        let total = format::count(self.report.events.len(), "event");
        let of_severity = |severity: Severity| {
            let events = self.report.events.iter().filter(|event| event.severity == severity);
            format!("{} {}", format::number(events.count() as u64), severity.as_str())
        };
        let counts: Vec<String> = Severity::ALL.into_iter().rev().map(of_severity).collect();
        format!("{total} by {}: {}", self.timeline.unit, counts.join(", "))
    }
}

/// The events after the first [`OPEN_EVENTS`], by day, or by month if there are many days.
fn days(events: &[Event]) -> Vec<Day<'_>> {
    let older = events.get(OPEN_EVENTS..events.len().min(MAX_EVENTS)).unwrap_or_default();
    let day = |event: &Event| format::day(event.time);
    older
        .chunk_by(|one, other| day(one) == day(other))
        .map(|events| Day { name: events.first().map(day).unwrap_or_default(), events })
        .collect()
}
