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

/// How many characters more of the rule's name than of others are in a subject: names of rules are
/// the longest, and their end says least.
const MORE_OF_RULE: usize = 24;

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
    let name = &data.rule.name;
    subject(data, &format!("{name}: {}", story(data, &[]).events()))
}

fn subject(data: &CorrelationAlertData, text: &str) -> String {
    clean::ascii(&format!("[{}] {text}", data.rule.severity.as_str()), MAX_SUBJECT)
}

fn story<'a>(data: &'a CorrelationAlertData, members: &'a [Member]) -> Story<'a> {
    Story {
        members,
        count: data.events,
        is_least: data.can_have_more_events(),
        rule_name: &data.rule.name,
    }
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

fn is_of_principal(field: &str) -> bool {
    field == "user.name" || field == "user.id" || field.starts_with("aws.cloudtrail.user_identity.")
}

impl IncidentParts<'_> {
    /// What happened, if it is one kind of call; otherwise the rule, about what, how many calls, and
    /// by whom.
    fn subject(&self) -> String {
        let story = self.story();
        if self.briefs.is_empty() {
            return correlation_subject(self.data);
        }
        if story.is_of_one_kind() {
            return subject(self.data, &story.subject(""));
        }
        let text = fit_subject(|width| {
            let name = |name: &str| clean::ascii(name, width);
            let rule = clean::ascii(&self.data.rule.name, width + MORE_OF_RULE);
            let what: Vec<String> = self.topics().into_iter().map(name).collect();
            // Of different steps, one each needs no count.
            let count = story.count > self.data.stages.len() || what.is_empty();
            let what: Vec<String> = what.into_iter().chain(count.then(|| story.events())).collect();
            format!("{rule}: {} {}", what.join(", "), story.by_and_account(&name))
        });
        subject(self.data, &text)
    }

    fn story(&self) -> Story<'_> {
        story(self.data, &self.briefs)
    }

    /// The values that the events share, without the account and the principal, which are named
    /// anyway.
    fn topics(&self) -> Vec<&str> {
        let principal = self.story().principal();
        let is_named = |field: &str, value: &str| {
            let is_principal = principal.is_some_and(|it| is_of_principal(field) || it == value);
            is_account(field) || is_principal
        };
        let topics = self.group_by_values().filter(|(field, value)| !is_named(field, value));
        topics.map(|(_, value)| value).collect()
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
