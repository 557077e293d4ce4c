//! Many findings of one rule: what is stored of them for one message.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::call::{Call, CallBrief};
use super::{Finding, FindingId, Window};
use crate::rule::RuleInfo;

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
    /// `eventSource`.
    pub provider: Option<String>,
    /// `eventName`.
    pub action: Option<String>,
    /// The name of the IAM group.
    pub group: Option<String>,
    /// The user, the ARN or name of the policy, or the group's new name.
    pub object: Option<String>,
    /// The call failed and changed nothing.
    pub failed: bool,
    /// It failed because the principal was not allowed to make it.
    pub denied: bool,
    /// Who did it, as [`detect::finding::Principal::label`].
    pub principal: String,
    /// The account.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// CloudTrail's `eventID`.
    pub event_id: Option<String>,
    /// The log object, file or envelope it was read from.
    pub place: String,
}

impl Member {
    /// What a summary stores of a finding.
    pub fn from_finding(finding: &Finding) -> Member {
        let call = Call::new(finding);
        let brief = call.brief();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Member {
            id: finding.id.clone(),
            time: finding.time,
            provider: owned(brief.provider),
            action: owned(brief.action),
            group: owned(brief.group),
            object: owned(brief.object),
            failed: brief.failed,
            denied: brief.denied,
            principal: finding.principal.label.clone(),
            account: finding.account.clone(),
            region: owned(call.fields.text("cloud.region")),
            event_id: owned(call.fields.text("event.id")),
            place: finding.origin.place(),
        }
    }

    /// What a one-line description of the call needs.
    pub fn brief(&self) -> CallBrief<'_> {
        CallBrief {
            provider: self.provider.as_deref(),
            action: self.action.as_deref(),
            group: self.group.as_deref(),
            object: self.object.as_deref(),
            failed: self.failed,
            denied: self.denied,
        }
    }
}

impl Summary {
    /// The summary of these findings, which are of one rule; none of no findings.
    pub fn from_findings(
        id: FindingId,
        window: Option<Window>,
        part: u32,
        findings: &[Finding],
    ) -> Option<Summary> {
        let highest = findings
            .iter()
            .rev()
            .max_by_key(|finding| (finding.rule.risk_score, finding.rule.severity))?;
        let mut members: Vec<Member> = findings.iter().map(Member::from_finding).collect();
        members.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        let (rule, highest) = (Arc::clone(&highest.rule), Member::from_finding(highest));
        Some(Summary { id, rule, window, part, highest, members })
    }

    /// The ids of the members.
    pub fn ids(&self) -> impl Iterator<Item = &FindingId> {
        self.members.iter().map(|member| &member.id)
    }
}
