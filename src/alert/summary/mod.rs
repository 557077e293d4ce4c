//! Many findings in one message: what was held back, so that people are not flooded.

mod document;
mod mail;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::{Accounts, Alert, attributes, clean, limit, subject};
use crate::finding::{Finding, FindingId, Window};
use crate::rule::RuleInfo;

/// Characters of a subject.
const LONGEST_SUBJECT: usize = 99;

/// Characters of a name in a member's line.
const ROOM: usize = 64;

/// Findings of one rule that are told in one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The same whenever the same summary is made again.
    pub id: FindingId,
    /// The rule, as the highest member has it.
    pub rule: Arc<RuleInfo>,
    /// The execution; none where that is one invocation of the function.
    pub window: Option<Window>,
    /// 1 for what was held when the window closed; more for what came later.
    pub part: u32,
    /// The member of the highest risk: the message is routed as its alert would have been.
    pub highest: Member,
    /// All members, the highest too, by time.
    pub members: Vec<Member>,
}

/// One finding of a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: FindingId,
    /// When the call was made.
    pub time: Option<Timestamp>,
    /// What was done, in a few words of printable ASCII.
    pub what: String,
    /// Who did it, as [`crate::finding::Actor::label`].
    pub actor: String,
    /// The account.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The call's name.
    pub action: Option<String>,
    /// CloudTrail's `eventID`.
    pub event_id: Option<String>,
    /// The log object, file or envelope it was read from.
    pub place: String,
}

impl Member {
    pub(in crate::alert) fn of(finding: &Finding) -> Member {
        let accounts = Accounts::default();
        let call = Call::new(finding, &accounts);
        let text = |name| call.fields.text(name).map(str::to_owned);
        Member {
            id: finding.id.clone(),
            time: finding.time,
            what: subject::deed(call, ROOM),
            actor: finding.actor.label.clone(),
            account: finding.account.clone(),
            region: text("cloud.region"),
            action: text("event.action"),
            event_id: text("event.id"),
            place: finding.origin.place(),
        }
    }
}

impl Summary {
    /// The summary of these findings, which are of one rule; none of no findings.
    pub fn of(
        id: FindingId,
        window: Option<Window>,
        part: u32,
        findings: &[Finding],
    ) -> Option<Summary> {
        let highest = findings
            .iter()
            .rev()
            .max_by_key(|finding| (finding.rule.risk_score, finding.rule.severity))?;
        let mut members: Vec<Member> = findings.iter().map(Member::of).collect();
        members.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        let (rule, highest) = (Arc::clone(&highest.rule), Member::of(highest));
        Some(Summary { id, rule, window, part, highest, members })
    }

    /// The ids of the members.
    pub fn ids(&self) -> impl Iterator<Item = &FindingId> {
        self.members.iter().map(|member| &member.id)
    }

    /// The subject of its mail: 1 to 99 characters of printable ASCII.
    pub fn subject(&self) -> String {
        let (severity, count) = (self.rule.severity.as_str(), self.members.len());
        let plural = if count == 1 { "finding" } else { "findings" };
        clean::ascii(
            &format!("[{severity}] {count} more {plural}: {}", self.rule.name),
            LONGEST_SUBJECT,
        )
    }
}

/// Writes the message; `accounts` gives names to account ids. What does not fit in 256 KiB is cut,
/// with a count and where the rest is.
pub fn render_summary(summary: &Summary, accounts: &Accounts) -> Alert {
    let (subject, text) = (summary.subject(), mail::write(summary, accounts));
    let highest = &summary.highest;
    let attributes = attributes::of(attributes::Routing {
        rule: &summary.rule,
        account: highest.account.as_deref(),
        region: highest.region.as_deref(),
        action: highest.action.as_deref(),
        kind: "summary",
    });
    let taken =
        limit::encoded(&text) + attributes.iter().map(super::Attribute::bytes).sum::<usize>();
    let document = document::write(summary, &subject, limit::room(taken));
    Alert { finding: summary.id.clone(), subject, text, document, attributes }
}
