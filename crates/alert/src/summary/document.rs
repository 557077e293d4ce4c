//! The document of a summary, for machines.

use detect::finding::{Member, Summary};
use serde_json::{Value, json};

use super::where_all_are;
use crate::{document, json_text, limit};

/// The document, with as many members as fit into `room` bytes of it as a JSON string.
pub(super) fn write(summary: &Summary, subject: &str, room: usize) -> Value {
    let mut document = frame(summary, subject);
    let mut left = room.saturating_sub(limit::encoded(&json_text(&document)));
    let mut members = Vec::new();
    for member in &summary.members {
        let member = json!(member);
        let size = limit::encoded(&json_text(&member)) + 1;
        if size > left {
            break;
        }
        left -= size;
        members.push(member);
    }
    let cut = summary.members.len() - members.len();
    document["trailbell"]["members"] = members.into();
    document["trailbell"]["members_left_out"] = cut.into();
    document
}

fn frame(summary: &Summary, subject: &str) -> Value {
    let rule = &summary.rule;
    let times = |pick: fn(&[Member]) -> Option<&Member>| {
        pick(&summary.members).and_then(|member| member.time)
    };
    json!({
        "@timestamp": times(<[Member]>::first),
        "message": subject,
        "ecs": {"version": document::ECS_VERSION},
        "event": {
            "kind": "alert",
            "start": times(<[Member]>::first),
            "end": times(<[Member]>::last),
            "risk_score": rule.risk_score,
            "severity": document::severity_number(rule.severity),
        },
        "rule": {"id": rule.id, "name": rule.name, "ruleset": "trailbell"},
        "trailbell": {
            "schema_version": document::SCHEMA_VERSION,
            "kind": "summary",
            "summary": {"id": summary.id, "window": summary.window, "part": summary.part},
            "subject": subject,
            "count": summary.members.len(),
            "all_members": where_all_are(summary),
            "members": [],
            "members_left_out": 0,
        },
    })
}
