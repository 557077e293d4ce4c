//! The data of a correlation's alert.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Incident, Mark, group_by_values};
use crate::finding::{Finding, FindingId};
use crate::rule::{Correlation, Rating, RuleInfo, Severity, SeverityRaise, Stage};

/// The most members that one alert names, so that it can stand for their own.
const MAX_MEMBERS: usize = 100;

/// What is stored for the alert about an incident at one severity. The members themselves are read
/// from their own ledger entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrelationAlertData {
    /// The same for the same incident and severity, whichever worker publishes it.
    pub id: FindingId,
    /// The correlation, with the severity and risk score that were reached.
    pub rule: Arc<RuleInfo>,
    /// The correlation's own severity, before `severity_when`.
    pub base_severity: Severity,
    /// Why the severity was raised, see [`SeverityRaise::reason_in_words`].
    ///
    /// [`SeverityRaise::reason_in_words`]: crate::rule::SeverityRaise::reason_in_words
    pub raised_by: Option<String>,
    /// The condition in words, see [`Correlation::condition_in_words`].
    pub condition: String,
    /// The names of the correlated rules: for each stage, its alternatives.
    pub stages: Vec<Vec<String>>,
    /// The fields whose values the members share.
    pub group_by: Vec<String>,
    /// The hash of those values.
    pub folder: String,
    /// The incident's id.
    pub incident: FindingId,
    /// The time of its first event.
    pub start: Timestamp,
    /// The time of its last event so far.
    pub end: Timestamp,
    /// When a threshold was reached; `None` for other correlations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Timestamp>,
    /// The findings that the alert shows, one for each event, by time.
    pub members: Vec<FindingId>,
    /// The number of events so far, including those that the alert does not show.
    pub events: usize,
}

/// The members of an alert as read from the ledger.
#[derive(Debug, Clone, Default)]
pub struct MemberFindings {
    /// The values of the group_by fields, in the order of the fields; `None` if no member that
    /// could be read has them.
    pub values: Option<Vec<String>>,
    /// The members that could be read, by time.
    pub members: Vec<Finding>,
    /// Why some could not be read.
    pub read_error: Option<String>,
}

impl CorrelationAlertData {
    /// The alert data of an incident in its present state. `marks` are those around it.
    pub fn new(
        correlation: &Correlation,
        folder: &str,
        marks: &[Mark],
        incident: &Incident,
    ) -> CorrelationAlertData {
        let members = incident_members(correlation, marks, incident);
        let shown = select_members(&members);
        let range = match (members.first(), members.last()) {
            // The incident of a threshold is when it is reached, not when its events are.
            (Some(first), Some(last)) if correlation.is_threshold => first.time..last.time,
            _ => incident.start..incident.end,
        };
        let severity = incident.severity;
        let raise = correlation.raises.iter().find(|raise| raise.severity == severity);
        let names = |stage: &Stage| stage.0.iter().map(|rule| rule.name.clone()).collect();
        CorrelationAlertData {
            id: FindingId::hash_parts([
                "correlation",
                &correlation.info.id,
                folder,
                incident.id.as_str(),
                severity.as_str(),
            ]),
            rule: correlation.info_at_severity(severity),
            base_severity: correlation.info.severity,
            raised_by: raise.map(SeverityRaise::reason_in_words),
            condition: correlation.condition_in_words(),
            stages: correlation.stages.iter().map(names).collect(),
            group_by: correlation.group_by.clone(),
            folder: folder.to_owned(),
            incident: incident.id.clone(),
            start: range.start,
            end: range.end,
            reached: correlation.is_threshold.then_some(incident.start),
            members: shown.into_iter().map(|mark| mark.finding.clone()).collect(),
            events: members.len(),
        }
    }
}

impl CorrelationAlertData {
    /// The same with a higher severity.
    pub fn raised(self, rating: Rating) -> CorrelationAlertData {
        let Rating { severity, risk_score, reason } = rating;
        let rule = RuleInfo { severity, risk_score, ..(*self.rule).clone() };
        CorrelationAlertData { rule: Arc::new(rule), raised_by: reason, ..self }
    }

    /// The severity that was reached, and why it is not that of the rule.
    pub fn rating(&self) -> Rating {
        Rating { reason: self.raised_by.clone(), ..Rating::of_rule(&self.rule) }
    }
}

impl MemberFindings {
    /// `members` are the findings of `alert_data` that could be read.
    pub fn new(
        alert_data: &CorrelationAlertData,
        members: Vec<Finding>,
        read_error: Option<String>,
    ) -> MemberFindings {
        let CorrelationAlertData { group_by, folder, .. } = alert_data;
        let values = members.iter().find_map(|finding| group_by_values(group_by, folder, finding));
        MemberFindings { values, members, read_error }
    }
}

/// One mark for each event of the incident, by time. `marks` are those around it.
fn incident_members<'m>(
    correlation: &Correlation,
    marks: &'m [Mark],
    incident: &Incident,
) -> Vec<&'m Mark> {
    let rules = correlation.mark_rules();
    let events: HashSet<&str> = incident.events.iter().map(String::as_str).collect();
    // Those that reached a threshold are before its incident.
    let before = if correlation.is_threshold { correlation.timespan } else { Default::default() };
    let start = incident.start.checked_sub(before).unwrap_or(Timestamp::MIN);
    let is_member = |mark: &&Mark| {
        rules.contains(&mark.rule)
            && (start..=incident.end).contains(&mark.time)
            && (events.is_empty() || events.contains(mark.event_key().as_str()))
    };
    let mut members: BTreeMap<(Timestamp, &str), &Mark> = BTreeMap::new();
    for mark in marks.iter().filter(is_member) {
        let member = members.entry((mark.time, &mark.event)).or_insert(mark);
        // Of several rules that found the event, prefer the one that raised the severity.
        if mark.raised > member.raised {
            *member = mark;
        }
    }
    members.into_values().collect()
}

/// At most [`MAX_MEMBERS`], by time. The first of each rule and those that raised the severity are
/// preferred.
fn select_members<'m>(members: &[&'m Mark]) -> Vec<&'m Mark> {
    let is_notable = |index: usize| {
        let mark = members[index];
        let earlier = || members[..index].iter();
        earlier().all(|other| other.rule != mark.rule)
            || (mark.raised.is_some() && earlier().all(|other| other.raised < mark.raised))
    };
    let mut selected: Vec<usize> = (0..members.len()).collect();
    selected.sort_by_key(|index| !is_notable(*index));
    selected.truncate(MAX_MEMBERS);
    selected.sort_unstable();
    selected.into_iter().map(|index| members[index]).collect()
}
