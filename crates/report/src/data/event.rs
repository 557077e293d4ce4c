//! Events: the findings that several rules made of one call are one event.

use std::collections::HashMap;

use detect::finding::{Call, FindingId, GroupAction, Principal, TimelineEntry, canary};
use detect::power::{Power, PowerLevel};
use detect::rule::Severity;
use jiff::Timestamp;
use serde::Serialize;

use super::group::GroupPower;
use super::input::{Delivery, ReportedFinding};

/// One call that rules found. Texts are as in the record: not safe to print.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// The id of the first finding of it.
    pub id: FindingId,
    /// The ids of all findings of it.
    pub findings: Vec<FindingId>,
    /// `eventTime`.
    pub time: Option<Timestamp>,
    /// `eventID`.
    pub event_id: Option<String>,
    /// What kind of call it is.
    pub kind: EventKind,
    /// The highest severity of its findings.
    pub severity: Severity,
    /// Why the severity is not that of the rule: the rest of a sentence that begins with "since".
    pub reason: Option<String>,
    /// What became of it.
    pub delivery: Delivery,
    /// The exception that matched.
    pub exception: Option<String>,
    /// The record of another call has the same `eventID`: one of both is forged.
    pub conflict: bool,
    /// `eventSource`.
    pub provider: Option<String>,
    /// `eventName`.
    pub action: Option<String>,
    /// The account whose trail holds the record.
    pub account: Option<String>,
    /// `awsRegion`.
    pub region: Option<String>,
    /// The name of the group.
    pub group: Option<String>,
    /// The name that the call gave to the group.
    pub new_group: Option<String>,
    /// The user, policy or other object of the call.
    pub object: Option<String>,
    /// What the policy that the call attaches or writes can do.
    pub policy_power: Option<PowerLevel>,
    /// What the group could do before. `None` if the call created it.
    pub power_before: Option<GroupPower>,
    /// What the group could do after.
    pub power_after: Option<GroupPower>,
    /// Who made the call.
    pub principal: Principal,
    /// `sourceIPAddress`.
    pub source: Option<String>,
    /// `userAgent`.
    pub user_agent: Option<String>,
    /// The error of a call that failed.
    pub error: Option<String>,
    /// The rules that found it.
    pub rules: Vec<RuleName>,
    /// Where the record was read.
    pub origin: String,
    /// Which group action it is.
    #[serde(skip)]
    pub(crate) step: Option<GroupAction>,
}

/// What kind of call an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It changed a group.
    Change,
    /// It would have changed something, but failed.
    Attempt,
    /// Anything else that a rule found.
    Other,
}

/// A rule that found an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleName {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Event {
    fn new(reported: &ReportedFinding) -> Event {
        let finding = &*reported.finding;
        let call = Call::new(finding);
        let text = |name: &str| call.fields.text(name).map(str::to_owned);
        let step = call.group_action().or(call.directory_action());
        let kind = match (call.failed(), step) {
            (true, _) => EventKind::Attempt,
            (false, Some(_)) => EventKind::Change,
            (false, None) => EventKind::Other,
        };
        let rating = finding.rating();
        let new_group = call.current_group().filter(|current| Some(*current) != call.group());
        Event {
            id: finding.id.clone(),
            findings: vec![finding.id.clone()],
            time: finding.time,
            event_id: text("event.id"),
            kind,
            severity: rating.severity,
            reason: rating.reason,
            delivery: reported.delivery,
            exception: finding.exception.clone(),
            conflict: finding.conflict.is_some(),
            provider: text("event.provider"),
            action: text("event.action"),
            account: finding.account.clone(),
            region: text("cloud.region"),
            group: finding.group.clone(),
            new_group: new_group.map(str::to_owned),
            object: call.object().map(str::to_owned),
            policy_power: Power::from_call(call).map(|power| power.level()),
            power_before: None,
            power_after: None,
            principal: finding.principal.clone(),
            source: text("source.ip").or_else(|| text("source.address")),
            user_agent: text("user_agent.original"),
            error: call.error().map(str::to_owned),
            rules: vec![RuleName { id: finding.rule.id.clone(), name: finding.rule.name.clone() }],
            origin: finding.origin.to_string(),
            step,
        }
    }

    /// Adds what another rule found about the same call.
    fn merge(&mut self, other: Event) {
        self.findings.extend(other.findings);
        self.rules.extend(other.rules);
        self.exception = self.exception.take().or(other.exception);
        self.delivery = self.delivery.min(other.delivery);
        if other.severity > self.severity {
            self.severity = other.severity;
            self.reason = other.reason;
        }
    }

    /// Returns true if nothing was alerted because an exception matched or the rule is a building
    /// block.
    pub fn is_suppressed(&self) -> bool {
        self.delivery == Delivery::Suppressed
    }

    /// What happened, with the names as they are: not safe to print.
    pub fn sentence(&self) -> String {
        let group = self.group.as_deref().unwrap_or("a group");
        let object = self.object.as_deref().unwrap_or("(not recorded)");
        let policy = object.rsplit('/').next().unwrap_or(object);
        let done = match (self.kind, self.step) {
            (EventKind::Attempt, Some(_)) => return self.attempt(group),
            (EventKind::Attempt, None) => return format!("{} failed", self.call()),
            (_, None) => return self.call(),
            (_, Some(step)) => step,
        };
        match done {
            GroupAction::Create => format!("{group} created"),
            GroupAction::Delete => format!("{group} deleted"),
            GroupAction::Update => match &self.new_group {
                Some(new) => format!("{group} renamed to {new}"),
                None => format!("{group} moved to another path"),
            },
            GroupAction::AddUser => format!("{object} added to {group}"),
            GroupAction::RemoveUser => format!("{object} removed from {group}"),
            GroupAction::AttachPolicy => format!("{policy} attached to {group}"),
            GroupAction::DetachPolicy => format!("{policy} detached from {group}"),
            GroupAction::PutPolicy => format!("inline policy {object} written into {group}"),
            GroupAction::DeletePolicy => format!("inline policy {object} deleted from {group}"),
        }
    }

    fn attempt(&self, group: &str) -> String {
        let action = self.action.as_deref().unwrap_or("a call");
        let is_denied = self
            .error
            .as_ref()
            .is_some_and(|error| error.contains("AccessDenied") || error.contains("Unauthorized"));
        let outcome = if is_denied { "denied" } else { "failed" };
        match &self.object {
            Some(object) => format!("{action} of {object} on {group} {outcome}"),
            None => format!("{action} on {group} {outcome}"),
        }
    }

    fn call(&self) -> String {
        let action = self.action.as_deref().unwrap_or("a call");
        match &self.object {
            Some(object) => format!("{action}: {object}"),
            None => action.to_owned(),
        }
    }
}

/// One event for each call, by time. Canaries are left out.
pub(super) fn merge(findings: &[ReportedFinding]) -> Vec<Event> {
    let mut findings: Vec<&ReportedFinding> =
        findings.iter().filter(|it| !canary::is_canary(&it.finding)).collect();
    findings.sort_by(|one, other| one.finding.id.as_str().cmp(other.finding.id.as_str()));
    let mut by_call: HashMap<(Option<String>, String), usize> = HashMap::new();
    let mut events: Vec<Event> = Vec::new();
    for reported in findings {
        let event = Event::new(reported);
        // A conflict is about another call of the same id.
        let call_id = event.event_id.clone().filter(|_| !event.conflict);
        let key = (event.account.clone(), call_id.unwrap_or_else(|| event.id.to_string()));
        match by_call.get(&key).and_then(|index| events.get_mut(*index)) {
            Some(first) => first.merge(event),
            None => {
                by_call.insert(key, events.len());
                events.push(event);
            }
        }
    }
    let mut keyed: Vec<_> = events.into_iter().map(|event| (sort_entry(&event), event)).collect();
    keyed.sort_by(|(one, _), (other, _)| one.sort_key().cmp(&other.sort_key()));
    keyed.into_iter().map(|(_, event)| event).collect()
}

/// What orders the calls of one second as they must have happened.
fn sort_entry(event: &Event) -> TimelineEntry {
    TimelineEntry {
        time: event.time.unwrap_or(Timestamp::MAX),
        event_id: Some(event.id.to_string()),
        action: event.action.clone().unwrap_or_default(),
        group: None,
        object: None,
        power: None,
        principal: None,
        failed: false,
        suppressed: false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use detect::cloudtrail::Record;
    use detect::finding::{Finding, Origin};
    use detect::rule::{LoadedRules, Rating, RuleInfo};
    use serde_json::json;

    use super::*;

    fn finding(rule: &Arc<RuleInfo>, event_id: &str) -> Finding {
        let record = json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateGroup",
            "eventTime": "2026-03-01T10:00:00Z",
            "eventID": event_id,
            "recipientAccountId": "111122223333",
            "requestParameters": {"groupName": "ops"},
        });
        let origin = Origin::File { path: "log.json".to_owned(), record: 0 };
        Finding::new(rule, &Record::from_value(record).unwrap(), origin)
    }

    fn reported(finding: Finding, delivery: Delivery) -> ReportedFinding {
        ReportedFinding { finding: Arc::new(finding), delivery }
    }

    #[test]
    fn what_several_rules_found_is_one_event_of_the_highest_severity() {
        let rules = LoadedRules::embedded().into_rule_set().unwrap();
        let [first, second] = [0, 1].map(|index| rules.rules()[index].info.clone());
        let mut severe = finding(&second, "a");
        let reason = Some("it is a test".to_owned());
        severe.rating = Some(Rating { severity: Severity::Critical, risk_score: 99, reason });
        let mut conflict = finding(&first, "a");
        conflict.id = FindingId::hash_parts(["conflict"]);
        conflict.conflict = Some(finding(&first, "a").id);
        let events = merge(&[
            reported(finding(&first, "a"), Delivery::Suppressed),
            reported(severe, Delivery::Alerted),
            reported(finding(&first, "b"), Delivery::Suppressed),
            reported(conflict, Delivery::Alerted),
        ]);
        let mut counts: Vec<_> =
            events.iter().map(|it| (it.findings.len(), it.severity, it.delivery)).collect();
        counts.sort();
        let own = first.severity;
        let expected = [
            (1, own, Delivery::Alerted),
            (1, own, Delivery::Suppressed),
            (2, Severity::Critical, Delivery::Alerted),
        ];
        assert_eq!(counts, expected);
    }
}
