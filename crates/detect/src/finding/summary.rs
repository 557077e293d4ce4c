//! Many findings of one rule that are sent in one message.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::call::{Call, CallBrief};
use super::{Finding, FindingId, Window};
use crate::rule::{Rating, RuleInfo, Severity};

/// Findings of one rule that are sent in one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The same whenever the same summary is made again.
    pub id: FindingId,
    /// The rule, as the highest member has it.
    pub rule: Arc<RuleInfo>,
    /// The severity of the summary, if it is not that of the rule: the highest of a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// The window; `None` if it covers one invocation of the function.
    pub window: Option<Window>,
    /// 1 for what was grouped when the window closed; more for later findings.
    pub part: u32,
    /// The member with the highest risk: the message is routed like its alert.
    pub highest: Member,
    /// All members including the highest, by time.
    pub members: Vec<Member>,
}

/// One finding of a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The finding's id.
    pub id: FindingId,
    /// `eventTime`.
    pub time: Option<Timestamp>,
    /// The call.
    #[serde(flatten)]
    pub call: CallBrief,
    /// [`Principal::label`](super::Principal::label).
    pub principal: String,
    /// [`Principal::identity_type`](super::Principal::identity_type).
    #[serde(default)]
    pub principal_type: String,
    /// [`Finding::account`].
    pub account: Option<String>,
    /// `awsRegion`.
    pub region: Option<String>,
    /// `eventID`.
    pub event_id: Option<String>,
    /// [`Origin::place`](super::Origin::place).
    pub place: String,
    /// See [`Finding::conflict`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<FindingId>,
    /// [`Finding::rating`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// What a search for the principal or the source starts from.
    #[serde(flatten)]
    pub pivots: MemberPivots,
}

/// Names and ids by which the findings of one story are searched for. Texts are as in the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberPivots {
    /// `user.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// `user.id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `related.user`: every name and id of a user in the record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// `source.ip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// `aws.cloudtrail.user_identity.access_key_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// `cloud.account.id`, the principal's account, if it is not [`Member::account`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_account: Option<String>,
}

impl MemberPivots {
    fn from_call(call: Call<'_>) -> MemberPivots {
        let text = |name: &str| call.fields.text(name).map(str::to_owned);
        MemberPivots {
            user_name: text("user.name"),
            user_id: text("user.id"),
            users: call.fields.texts("related.user").map(str::to_owned).collect(),
            source_ip: text("source.ip"),
            access_key_id: text("aws.cloudtrail.user_identity.access_key_id"),
            principal_account: call.foreign_account().map(str::to_owned),
        }
    }
}

impl Member {
    /// What a summary stores of a finding.
    pub fn from_finding(finding: &Finding) -> Member {
        let call = Call::new(finding);
        Member {
            id: finding.id.clone(),
            time: finding.time,
            call: call.brief(),
            principal: finding.principal.label.clone(),
            principal_type: finding.principal.identity_type.clone(),
            account: finding.account.clone(),
            region: call.fields.text("cloud.region").map(str::to_owned),
            event_id: call.fields.text("event.id").map(str::to_owned),
            place: finding.origin.place(),
            conflict: finding.conflict.clone(),
            rating: finding.rating.clone(),
            pivots: MemberPivots::from_call(call),
        }
    }

    /// How severe it is, by severity and then by risk score.
    fn rank(&self, rule: &RuleInfo) -> (Severity, u8) {
        let rating = self.rating.clone().unwrap_or_else(|| Rating::of_rule(rule));
        (rating.severity, rating.risk_score)
    }
}

/// A summary that is made finding by finding, so that they need not be in memory together.
#[derive(Debug, Default)]
pub struct SummaryBuilder {
    /// The member with the highest risk, the first of several, and its rule.
    highest: Option<(Arc<RuleInfo>, Member)>,
    members: Vec<Member>,
}

impl SummaryBuilder {
    /// Adds a finding of a rule.
    pub fn add(&mut self, rule: &Arc<RuleInfo>, member: Member) {
        let is_higher = |(highest_rule, highest): &(Arc<RuleInfo>, Member)| {
            member.rank(rule) > highest.rank(highest_rule)
        };
        if self.highest.as_ref().is_none_or(is_higher) {
            self.highest = Some((Arc::clone(rule), member.clone()));
        }
        self.members.push(member);
    }

    /// How many findings were added.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// The summary; `None` if nothing was added.
    pub fn build(self, id: FindingId, window: Option<Window>, part: u32) -> Option<Summary> {
        let (rule, highest) = self.highest?;
        let mut members = self.members;
        members.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        let rating = highest.rating.clone();
        Some(Summary { id, rule, rating, window, part, highest, members })
    }
}

impl Summary {
    /// The summary of findings of one rule; `None` if there are no findings.
    pub fn from_findings(
        id: FindingId,
        window: Option<Window>,
        part: u32,
        findings: &[Finding],
    ) -> Option<Summary> {
        let mut builder = SummaryBuilder::default();
        for finding in findings {
            builder.add(&finding.rule, Member::from_finding(finding));
        }
        builder.build(id, window, part)
    }

    /// How severe it is.
    pub fn rating(&self) -> Rating {
        self.rating.clone().unwrap_or_else(|| Rating::of_rule(&self.rule))
    }

    /// The ids of the members.
    pub fn ids(&self) -> impl Iterator<Item = &FindingId> {
        self.members.iter().map(|member| &member.id)
    }
}
