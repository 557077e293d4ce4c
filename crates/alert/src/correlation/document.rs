//! The document of a correlation, for machines.

use detect::finding::Member;
use serde_json::{Map, Value, json};

use super::Story;
use crate::commands::Step;
use crate::document;

/// The whole document. Values are as the records have them, not cleaned: JSON escapes what it must.
pub(super) fn write(story: &Story<'_>, subject: &str) -> Value {
    let (told, rule) = (story.told, &story.told.rule);
    let mut whole = json!({
        "@timestamp": told.end,
        "message": subject,
        "ecs": {"version": document::ECS_VERSION},
        "event": {
            "kind": "alert",
            "start": told.start,
            "end": told.end,
            "risk_score": rule.risk_score,
            "severity": document::severity_number(rule.severity),
        },
        "rule": document::rule(rule),
        "tags": rule.tags,
        "trailbell": ours(story, subject),
    });
    if !rule.threat.is_empty() {
        whole["threat"] = document::threat(&rule.threat);
    }
    whole
}

fn ours(story: &Story<'_>, subject: &str) -> Value {
    let told = story.told;
    let members: Vec<Value> = story.known.members.iter().map(member).collect();
    json!({
        "schema_version": document::SCHEMA_VERSION,
        "kind": "correlation",
        "subject": subject,
        "correlation": {
            "id": told.id,
            "incident": told.incident,
            "asked": told.condition,
            "stages": told.stages,
            "group_by": alike(story),
            "severity_without_raise": told.base_severity,
            "raised_by": told.raised_by,
        },
        "rule": document::our_rule(&told.rule),
        "count": told.events,
        "member_ids": told.members,
        "members": members,
        "members_left_out": told.events - members.len().min(told.events),
        "members_trouble": story.known.read_error,
        "check": story.check.iter().map(Step::document).collect::<Value>(),
        "undo": story.undo.iter().map(Step::document).collect::<Value>(),
    })
}

fn alike(story: &Story<'_>) -> Value {
    let values = story.known.values.iter().flatten();
    let pairs =
        story.told.group_by.iter().zip(values).map(|(field, value)| (field.clone(), json!(value)));
    pairs.collect::<Map<String, Value>>().into()
}

fn member(finding: &detect::finding::Finding) -> Value {
    let mut member = json!(Member::from_finding(finding));
    member["rule"] = json!({"id": finding.rule.id, "name": finding.rule.name});
    member
}
