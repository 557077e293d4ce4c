//! What is told of an episode.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Incident, Mark, members, values};
use crate::finding::{Finding, FindingId};
use crate::rule::{Correlation, RuleInfo, Severity, Stage};

/// What is to be told of an episode, at one severity. What its members are is in their own entries
/// of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrelationAlertData {
    /// The same for the same episode and severity.
    pub id: FindingId,
    /// The correlation, with the severity and risk score that were reached.
    pub rule: Arc<RuleInfo>,
    /// The severity that it has where nothing raises it.
    pub base: Severity,
    /// The query that raised the severity, where one did.
    pub raised_by: Option<String>,
    /// What it asks for, in words.
    pub asked: String,
    /// The names of the rules whose findings count: a stage each, with its alternatives.
    pub stages: Vec<Vec<String>>,
    /// The fields in which its members are alike.
    pub group_by: Vec<String>,
    /// The hash of their values.
    pub folder: String,
    /// The episode.
    pub incident: FindingId,
    /// Its first event.
    pub start: Timestamp,
    /// Its last event so far.
    pub end: Timestamp,
    /// The findings that are shown, one for each event, in the order of the events.
    pub members: Vec<FindingId>,
    /// All events so far, those not shown too.
    pub events: usize,
}

/// What the ledger knows of the members.
#[derive(Debug, Clone, Default)]
pub struct MemberFindings {
    /// The values of the group_by fields, in their order; none where no member could tell.
    pub values: Option<Vec<String>>,
    /// The members that could be read, in the order of their events.
    pub members: Vec<Finding>,
    /// Why some could not be read.
    pub trouble: Option<String>,
}

/// What is to be told of an episode as it is now, by the marks around it. Its id is the same for
/// the same episode and severity, whoever tells of it.
pub fn alert_data(
    correlation: &Correlation,
    folder: &str,
    marks: &[Mark],
    incident: &Incident,
) -> CorrelationAlertData {
    let members = members(correlation, marks, incident);
    let severity = incident.severity.as_str();
    let raise = correlation.raises.iter().find(|raise| raise.severity == incident.severity);
    let names = |stage: &Stage| stage.0.iter().map(|reference| reference.name.clone()).collect();
    CorrelationAlertData {
        id: FindingId::of_parts([
            "correlation",
            &correlation.info.id,
            folder,
            incident.id.as_str(),
            severity,
        ]),
        rule: correlation.info_at(incident.severity),
        base: correlation.info.severity,
        raised_by: raise.map(|raise| raise.query.source().to_owned()),
        asked: correlation.in_words(),
        stages: correlation.stages.iter().map(names).collect(),
        group_by: correlation.group_by.clone(),
        folder: folder.to_owned(),
        incident: incident.id.clone(),
        start: incident.start,
        end: incident.end,
        members: members.shown,
        events: members.events,
    }
}

/// What is known of what is told: its members, as far as they could be read, and what they are
/// alike in.
pub fn member_findings(
    alert_data: &CorrelationAlertData,
    members: Vec<Finding>,
    trouble: Option<String>,
) -> MemberFindings {
    let values = members
        .iter()
        .find_map(|finding| values(&alert_data.group_by, &alert_data.folder, finding));
    MemberFindings { values, members, trouble }
}
