//! The alert for a correlation: several findings that together form an incident.

mod mail;

use std::sync::Arc;

use detect::correlation::{CorrelationAlertData, MemberFindings};
use detect::finding::{Finding, Member};
use detect::text::clean;
use serde_json::{Map, Value, json};

use crate::Accounts;
use crate::builder::{AlertBuilder, AlertKind, Routing};
use crate::call::AlertCall;
use crate::commands::{self, ResponseStep};
use crate::document::{fields_over_time, set, shared};
use crate::finding::minimal_rule;
use crate::message::Alert;
use crate::story::{Story, fit_subject};
use crate::subject::MAX_SUBJECT;

const MAX_VALUE_CHARS: usize = 128;

struct IncidentParts<'a> {
    data: &'a CorrelationAlertData,
    members: &'a MemberFindings,
    /// What the document says of each of them.
    briefs: Vec<Member>,
    accounts: &'a Accounts,
    check: Vec<ResponseStep>,
    undo: Vec<ResponseStep>,
}

/// One line of printable ASCII, of at most 99 characters, without what only the members know.
pub fn correlation_subject(data: &CorrelationAlertData) -> String {
    incident_subject(data, Some(count_events(data.events)))
}

fn incident_subject(data: &CorrelationAlertData, detail: Option<String>) -> String {
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    subject(data, &format!("{}{detail}", data.rule.name))
}

fn subject(data: &CorrelationAlertData, text: &str) -> String {
    clean::ascii(&format!("[{}] {text}", data.rule.severity.as_str()), MAX_SUBJECT)
}

/// Renders the alert for an incident; `accounts` gives names to account ids. Never fails: members
/// that could not be read are counted, and what does not fit into 256 KiB is cut.
pub fn render_correlation(
    data: &CorrelationAlertData,
    members: &MemberFindings,
    accounts: &Accounts,
) -> Alert {
    let latest_first = members.members.iter().rev();
    let calls: Vec<AlertCall<'_>> =
        latest_first.map(|finding| AlertCall::new(finding, accounts)).collect();
    let parts = IncidentParts {
        data,
        members,
        briefs: members.members.iter().map(Member::from_finding).collect(),
        accounts,
        check: commands::check::steps_for_all(&calls),
        undo: commands::undo::steps_for_all(&calls),
    };
    AlertBuilder {
        id: &data.id,
        kind: AlertKind::Correlation,
        rule: &data.rule,
        rule_severity: data.base_severity,
        rating: data.rating(),
        subject: parts.subject(),
        sentence: None,
        mail: parts.mail(),
        routing: calls.first().copied().map(Routing::from_call).unwrap_or_default(),
        ecs: parts.ecs(),
        fields: parts.fields(),
    }
    .build()
}

/// Renders the alert of last resort: what finds the incident in the ledger.
pub fn render_minimal_correlation(data: &CorrelationAlertData) -> Alert {
    let members = MemberFindings {
        read_error: Some("the full alert could not be sent".to_owned()),
        ..MemberFindings::default()
    };
    let data = CorrelationAlertData { rule: Arc::new(minimal_rule(&data.rule)), ..data.clone() };
    render_correlation(&data, &members, &Accounts::default())
}

fn is_account(field: &str) -> bool {
    matches!(field, "cloud.account.id" | "aws.cloudtrail.recipient_account_id")
}

fn count_events(count: usize) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

impl IncidentParts<'_> {
    /// What happened, if it is one kind of call; otherwise the rule, about what, and by whom.
    fn subject(&self) -> String {
        let story = self.story();
        if self.briefs.is_empty() {
            return incident_subject(self.data, None);
        }
        if story.is_of_one_kind() {
            return subject(self.data, &story.subject(""));
        }
        let text = fit_subject(|name| {
            let values = self.group_by_values().filter(|(field, _)| !is_account(field));
            let values: Vec<String> = values.map(|(_, value)| name(value)).collect();
            let about = if values.is_empty() { String::new() } else { values.join(", ") + " " };
            format!("{}: {about}{}", self.data.rule.name, story.by_and_account(name))
        });
        subject(self.data, &text)
    }

    fn story(&self) -> Story<'_> {
        let IncidentParts { data, briefs, .. } = self;
        Story { members: briefs, count: data.events, rule_name: &data.rule.name }
    }

    /// The values that the members share, the account last. `None` if there are none.
    fn group_by_in_words(&self) -> Option<String> {
        let (accounts, others): (Vec<_>, Vec<_>) =
            self.group_by_values().partition(|(field, _)| is_account(field));
        let account = accounts.first().map(|(_, id)| self.accounts.label(id));
        let others: Vec<String> =
            others.iter().map(|(_, value)| clean::short_name(value, MAX_VALUE_CHARS)).collect();
        match (others.is_empty(), account) {
            (true, account) => account.map(|account| format!("account {account}")),
            (false, None) => Some(others.join(", ")),
            (false, Some(account)) => Some(format!("{} in {account}", others.join(", "))),
        }
    }

    fn group_by_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.members.values.iter().flatten();
        self.data.group_by.iter().map(String::as_str).zip(values.map(String::as_str))
    }

    fn ecs(&self) -> Map<String, Value> {
        let IncidentParts { data, briefs, accounts, .. } = self;
        let mut fields = fields_over_time(briefs, accounts, Some(data.start), Some(data.end));
        // Of a group that was renamed, the members have several names.
        for (field, value) in self.group_by_values() {
            set(&mut fields, field, value.into());
        }
        fields
    }

    fn fields(&self) -> Value {
        let data = self.data;
        let members = &self.members.members;
        let group_by: Map<String, Value> =
            self.group_by_values().map(|(field, value)| (field.to_owned(), value.into())).collect();
        let account = shared(&self.briefs, |member| member.account.as_deref());
        let briefs = self.briefs.iter().zip(members);
        let member_documents: Value =
            briefs.map(|(member, finding)| member_document(member, finding)).collect();
        json!({
            "account": account,
            "account_name": account.and_then(|id| self.accounts.name(id)),
            "correlation": {
                "incident": data.incident,
                "condition": data.condition,
                "stages": data.stages,
                "group_by": group_by,
                "base_severity": data.base_severity,
                "raised_by": data.raised_by,
            },
            "count": data.events,
            "member_ids": data.members,
            "members_left_out": data.events.saturating_sub(members.len()),
            "members": member_documents,
            "members_error": self.members.read_error,
            "check": commands::to_documents(&self.check),
            "undo": commands::to_documents(&self.undo),
        })
    }
}

fn member_document(member: &Member, finding: &Finding) -> Value {
    let mut member = json!(member);
    member["rule"] = json!({"id": finding.rule.id, "name": finding.rule.name});
    member
}
