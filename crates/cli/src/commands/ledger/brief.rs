//! One entry in one line.

use std::cmp::Reverse;

use alert::{correlation_subject, summary_subject};
use detect::finding::FindingId;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::ledger::{Content, Entry, EntryState};

use crate::commands::matches::time;

/// Hexadecimal digits of an id: enough to find it, as in a summary's mail.
const DIGITS: usize = 8;

/// What a list tells of an entry.
#[derive(Debug)]
pub struct Brief {
    pub id: FindingId,
    /// When the call was made; where that is not known, when it was claimed.
    pub time: Timestamp,
    pub cells: [String; 5],
    pub document: Value,
}

impl Brief {
    /// The headings of [`Brief::cells`].
    pub const HEADER: [&str; 5] = ["Time (UTC)", "State", "Id", "What", "Rule"];

    pub fn of(entry: &Entry) -> Brief {
        let id = entry.id().clone();
        let (time, what, rule) = match &entry.content {
            Content::Finding(finding) => (finding.time, alert::subject(finding), &finding.rule),
            Content::Summary(summary) => (None, summary_subject(summary), &summary.rule),
            Content::Correlation(told) => (Some(told.end), correlation_subject(told), &told.rule),
        };
        let when = time.unwrap_or(entry.window.start);
        let short = id.as_str()[..DIGITS].to_owned();
        let cells = [
            self::time(Some(when)),
            state(entry),
            short,
            super::cell(&what),
            super::cell(&rule.name),
        ];
        Brief { id, time: when, cells, document: document(entry, &what) }
    }

    /// The latest first; of the same second, by id.
    pub fn rank(&self) -> (Reverse<Timestamp>, &FindingId) {
        (Reverse(self.time), &self.id)
    }
}

fn state(entry: &Entry) -> String {
    let exception = match &entry.content {
        Content::Finding(finding) => finding.exception.as_deref(),
        Content::Summary(_) | Content::Correlation(_) => None,
    };
    let name = name(entry.state);
    match (entry.state, exception) {
        (EntryState::Suppressed, Some(exception)) => format!("{name}: {}", super::cell(exception)),
        (EntryState::Claimed | EntryState::Released | EntryState::Failed, _) => {
            format!("{name}, attempt {}", entry.attempts)
        }
        _ => name.to_owned(),
    }
}

/// A state as the ledger writes it.
pub fn name(state: EntryState) -> &'static str {
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

fn document(entry: &Entry, what: &str) -> Value {
    let common = json!({
        "id": entry.id(),
        "state": entry.state,
        "attempts": entry.attempts,
        "message_id": entry.message_id,
        "summary": entry.summary,
        "window": entry.window.to_string(),
        "what": what,
    });
    let own = match &entry.content {
        Content::Finding(finding) => json!({
            "kind": "finding",
            "time": finding.time,
            "rule": {"id": finding.rule.id, "name": finding.rule.name, "severity": finding.rule.severity},
            "account": finding.account,
            "group": finding.group,
            "target_user": finding.target_user,
            "principal": finding.principal,
            "action": finding.ecs["event"]["action"],
            "event_id": finding.ecs["event"]["id"],
            "exception": finding.exception,
            "origin": finding.origin,
        }),
        Content::Summary(summary) => json!({
            "kind": "summary",
            "rule": {"id": summary.rule.id, "name": summary.rule.name, "severity": summary.rule.severity},
            "part": summary.part,
            "members": summary.members.len(),
        }),
        Content::Correlation(told) => json!({
            "kind": "correlation",
            "time": told.end,
            "rule": {"id": told.rule.id, "name": told.rule.name, "severity": told.rule.severity},
            "incident": told.incident,
            "start": told.start,
            "events": told.events,
            "members": told.members,
        }),
    };
    let fields = |value: Value| value.as_object().cloned().unwrap_or_default();
    Value::Object(fields(common).into_iter().chain(fields(own)).collect())
}
