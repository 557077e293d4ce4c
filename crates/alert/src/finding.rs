//! The alert for a finding.

mod mail;

use detect::finding::{
    Context, ContextGap, Facts, Finding, Member, PolicyDrift, TargetUser, Trust, canary,
};
use detect::power::open_ways;
use detect::rule::RuleInfo;
use detect::text::clean;
use serde_json::{Map, Value, json};

use crate::Accounts;
use crate::builder::{AlertBuilder, AlertKind, Routing};
use crate::call::AlertCall;
use crate::commands::{self, ResponseStep};
use crate::description::describe_call;
use crate::document::{member_fields, record_fields, set};
use crate::mail::{self as lines, Mail, items, rank};
use crate::message::Alert;
use crate::subject::call_subject;
use crate::timeline::GroupTimeline;
use crate::{exception_suggestion, integrity, limits};

const MAX_VALUE_CHARS: usize = 1_024;

/// Policies, members and ways of a group that the document has.
const MAX_LISTED: usize = 100;

/// What the mail and the document both say.
struct FindingParts<'a> {
    call: AlertCall<'a>,
    context: &'a Context,
    timeline: GroupTimeline<'a>,
    check: Vec<ResponseStep>,
    undo: Vec<ResponseStep>,
    raw_record: Vec<ResponseStep>,
    /// The lines of the suggested exception, or why there is none.
    exception: Result<Vec<String>, &'static str>,
}

/// The finding on one line of printable ASCII, 1 to 99 characters: severity, what, who and in which
/// account.
pub fn finding_subject(finding: &Finding) -> String {
    subject(AlertCall::new(finding, &Accounts::default()))
}

fn subject(call: AlertCall<'_>) -> String {
    integrity::kind_of(call)
        .map_or_else(|| call_subject(call), |kind| integrity::subject(call, kind))
}

/// Renders the alert for a finding; `accounts` gives names to account ids. Never fails: what the
/// record lacks is said to be not recorded, and a record too large for a message is cut.
pub fn render_finding(finding: &Finding, context: &Context, accounts: &Accounts) -> Alert {
    let call = AlertCall::new(finding, accounts);
    if let Some(kind) = integrity::kind_of(call) {
        return integrity::builder(call, kind).build();
    }
    let parts = FindingParts::new(call, context);
    let mut mail = parts.mail(&describe_call(parts.call));
    if let Some(notice) = conflict_notice(finding) {
        mail.prepend(&[&notice, "The alert follows:"]);
    }
    AlertBuilder { mail, ..parts.builder() }.build()
}

/// The document of a finding's alert where no ledger is read, however large it is.
pub fn finding_document(finding: &Finding, accounts: &Accounts) -> Value {
    let call = AlertCall::new(finding, accounts);
    if let Some(kind) = integrity::kind_of(call) {
        return integrity::builder(call, kind).build_document();
    }
    let context = Context::without(ContextGap::LedgerOff);
    FindingParts::new(call, &context).builder().build_document()
}

/// Renders the alert of last resort, for a finding whose own alert failed again and again: the
/// rule, the account, the event id and the place of the record. A few kilobytes.
pub fn render_minimal_finding(finding: &Finding) -> Alert {
    let accounts = Accounts::default();
    let call = AlertCall::new(finding, &accounts);
    let rule = minimal_rule(&finding.rule);
    let cut = |value: &str| clean::value(value, MAX_VALUE_CHARS);
    let record = cut(&finding.origin.to_string());
    let rows = [
        ("Rule", cut(&rule.name)),
        ("Rule id", cut(&rule.id)),
        ("Account", cut(call.account().unwrap_or("not recorded"))),
        ("Event", cut(call.event_id().unwrap_or("not recorded"))),
        ("Record", record),
        ("Finding", finding.id.to_string()),
    ];
    let rows = rows.map(|(label, value)| lines::reference_row(label, &value));
    let mut mail = Mail::new("The full alert for this finding could not be sent. It was about:")
        .section("REFERENCE", items(rank::IDENTIFIER, rows));
    let notice = conflict_notice(finding);
    if let Some(notice) = &notice {
        mail.prepend(&[notice]);
    }
    AlertBuilder {
        id: &finding.id,
        kind: alert_kind(finding),
        rule: &rule,
        rule_severity: rule.severity,
        rating: finding.rating(),
        subject: subject(call),
        sentence: notice,
        mail,
        routing: Routing::from_call(call),
        ecs: minimal_fields(call),
        fields: json!({
            "account": call.account().map(cut),
            "origin": limits::shortened(json!(finding.origin)),
            "conflict": conflict_field(finding),
            "cut": [limits::EVERYTHING_ELSE],
        }),
    }
    .build()
}

/// The fields of an alert of last resort.
fn minimal_fields(call: AlertCall<'_>) -> Map<String, Value> {
    let mut fields = member_fields(&[Member::from_finding(call.finding)], call.accounts);
    set(&mut fields, "@timestamp", json!(call.time()));
    set(&mut fields, "event.id", json!(call.event_id()));
    fields.into_iter().map(|(name, value)| (name, limits::shortened(value))).collect()
}

pub(crate) fn minimal_rule(rule: &RuleInfo) -> RuleInfo {
    RuleInfo {
        name: rule.name.chars().take(128).collect(),
        description: String::new(),
        note: None,
        references: Vec::new(),
        false_positives: Vec::new(),
        threat: Vec::new(),
        investigation_fields: Vec::new(),
        ..rule.clone()
    }
}

/// Says that one of two records is forged, if that is so.
fn conflict_notice(finding: &Finding) -> Option<String> {
    let other = finding.conflict.as_ref()?;
    Some(format!(
        "CONFLICT: another record with the same eventID was alerted or suppressed before, and it \
         is of another call: its principal, action, group or target differs. CloudTrail never \
         gives two calls one eventID, so one of the two records is forged. The other one is \
         finding {other}: trailbell ledger show shows it."
    ))
}

fn conflict_field(finding: &Finding) -> Option<Value> {
    finding.conflict.as_ref().map(|other| json!({"finding": other}))
}

fn alert_kind(finding: &Finding) -> AlertKind {
    if canary::is_canary(finding) { AlertKind::Canary } else { AlertKind::Finding }
}

fn drift_field(drift: &PolicyDrift) -> Value {
    json!({
        "power": drift.power(),
        "previous": drift.previous,
        "groups": drift.groups.iter().take(MAX_LISTED).collect::<Vec<_>>(),
    })
}

fn target_field(target: &TargetUser) -> Value {
    json!({
        "power": target.power(),
        "own_power": target.own,
        "groups": target.groups.iter().take(MAX_LISTED).collect::<Vec<_>>(),
    })
}

impl<'a> FindingParts<'a> {
    fn new(call: AlertCall<'a>, context: &'a Context) -> FindingParts<'a> {
        let call = call.with_context(context);
        FindingParts {
            call,
            context,
            timeline: GroupTimeline::new(call, context),
            check: commands::check::steps(call),
            undo: commands::undo::steps(call),
            raw_record: commands::raw_record(call),
            exception: exception_suggestion::exception_lines(call, context.alerted_at),
        }
    }

    /// The alert without a mail.
    fn builder(&self) -> AlertBuilder<'a> {
        let finding = self.call.finding;
        let sentence = describe_call(self.call);
        let notice = conflict_notice(finding);
        AlertBuilder {
            id: &finding.id,
            kind: alert_kind(finding),
            rule: &finding.rule,
            rule_severity: finding.rule.severity,
            rating: finding.rating(),
            subject: call_subject(self.call),
            sentence: Some(
                notice.map_or(sentence.clone(), |notice| format!("{notice} {sentence}")),
            ),
            mail: Mail::default(),
            routing: Routing::from_call(self.call),
            ecs: record_fields(self.call),
            fields: self.fields(),
        }
    }

    fn group_field(&self, facts: &Facts) -> Option<Value> {
        let power = facts.group_power?;
        let Some(group) = &self.context.group else { return Some(json!({ "power": power })) };
        let ways = open_ways(&group.grants);
        Some(json!({
            "power": power,
            "ways": ways.iter().map(|open| open.way.id).take(MAX_LISTED).collect::<Vec<_>>(),
            "policies": group.policies.iter().take(MAX_LISTED).collect::<Vec<_>>(),
            "members": group.members.iter().take(MAX_LISTED).collect::<Vec<_>>(),
            "uncertain": group.uncertain.then_some(true),
        }))
    }

    fn fields(&self) -> Value {
        let finding = self.call.finding;
        let facts = Facts::new(finding, Some(self.context));
        let mut principal = json!(finding.principal);
        principal["root"] = json!(facts.is_root);
        principal["first_seen"] = json!(facts.is_first_seen);
        json!({
            "account": finding.account,
            "account_name": self.call.account().and_then(|id| self.call.accounts.name(id)),
            "exception": finding.exception,
            "conflict": conflict_field(finding),
            "principal": principal,
            "power": facts.power,
            "group": self.group_field(&facts),
            "drift": self.call.drift().map(drift_field),
            "target": self.call.target().map(target_field),
            "trust": facts.trust.map(Trust::as_str),
            "self": facts.is_self,
            "privileged": facts.is_privileged,
            "own": (!finding.own.is_empty()).then_some(&finding.own),
            "origin": finding.origin,
            "check": commands::to_documents(&self.check),
            "undo": commands::to_documents(&self.undo),
            "raw_record": commands::to_documents(&self.raw_record),
            "exception_suggestion": match &self.exception {
                Ok(lines) => json!({"toml": lines.join("\n") + "\n"}),
                Err(reason) => json!({"unavailable": reason}),
            },
            "context": self.timeline.document(),
        })
    }
}
