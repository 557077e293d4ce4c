//! An entry as a row of a table, and as a JSON document.

use std::cmp::Reverse;

use alert::{correlation_subject, summary_subject};
use detect::finding::FindingId;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::ledger::{Content, Entry, EntryState};

use crate::commands::output::{clean_text, format_time};

/// Hexadecimal digits of an id: enough to find it.
const ID_DIGITS: usize = 8;

#[derive(Debug)]
pub struct EntryRow {
    id: FindingId,
    /// The time of the call, or of the claim if that is not known.
    time: Timestamp,
    pub cells: [String; 5],
    pub document: Value,
}

impl EntryRow {
    pub const HEADER: [&str; 5] = ["Time (UTC)", "EntryState", "Id", "Subject", "Rule"];

    pub fn new(entry: &Entry) -> EntryRow {
        let (time, subject, rule) = match &entry.content {
            Content::Finding(finding) => {
                (finding.time, alert::finding_subject(finding), &finding.rule)
            }
            Content::Summary(summary) => (None, summary_subject(summary), &summary.rule),
            Content::Correlation(alert) => {
                (Some(alert.end), correlation_subject(alert), &alert.rule)
            }
        };
        let id = entry.id().clone();
        let time = time.unwrap_or(entry.window.start);
        let cells = [
            format_time(Some(time)),
            state_cell(entry),
            short_id(&id).to_owned(),
            clean_text(&subject),
            clean_text(&rule.name),
        ];
        EntryRow { id, time, cells, document: entry_document(entry, &subject) }
    }

    /// The latest first.
    pub fn rank(&self) -> (Reverse<Timestamp>, &FindingId) {
        (Reverse(self.time), &self.id)
    }
}

/// The start of an id, as tables and alerts show it.
pub fn short_id(id: &FindingId) -> &str {
    &id.as_str()[..ID_DIGITS]
}

fn state_cell(entry: &Entry) -> String {
    let name = state_name(entry.state);
    match (&entry.content, entry.state) {
        (Content::Finding(finding), EntryState::Suppressed)
            if let Some(exception) = &finding.exception =>
        {
            format!("{name}: {}", clean_text(exception))
        }
        (_, state) if state.is_final() => name.to_owned(),
        _ => format!("{name}, attempt {}", entry.attempts),
    }
}

/// The state as the ledger writes it.
pub fn state_name(state: EntryState) -> &'static str {
    match state {
        EntryState::Claimed => "claimed",
        EntryState::Released => "released",
        EntryState::Failed => "failed",
        EntryState::Alerted => "alerted",
        EntryState::Suppressed => "suppressed",
        EntryState::Grouped => "grouped",
        EntryState::Summarised => "summarised",
    }
}

fn entry_document(entry: &Entry, subject: &str) -> Value {
    let mut document = json!({
        "id": entry.id(),
        "state": entry.state,
        "attempts": entry.attempts,
        "message_id": entry.message_id,
        "summary": entry.summary,
        "window": entry.window.to_string(),
        "subject": subject,
    });
    let (rule, content) = match &entry.content {
        Content::Finding(finding) => (
            &finding.rule,
            json!({
                "kind": "finding",
                "time": finding.time,
                "account": finding.account,
                "group": finding.group,
                "target_user": finding.target_user,
                "principal": finding.principal,
                "action": finding.ecs["event"]["action"],
                "event_id": finding.ecs["event"]["id"],
                "exception": finding.exception,
                "origin": finding.origin,
            }),
        ),
        Content::Summary(summary) => (
            &summary.rule,
            json!({
                "kind": "summary",
                "part": summary.part,
                "members": summary.members.len(),
            }),
        ),
        Content::Correlation(alert) => (
            &alert.rule,
            json!({
                "kind": "correlation",
                "time": alert.end,
                "incident": alert.incident,
                "start": alert.start,
                "events": alert.events,
                "members": alert.members,
            }),
        ),
    };
    document["rule"] = json!({"id": rule.id, "name": rule.name, "severity": rule.severity});
    for (key, value) in content.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    document
}
