//! What is known around a finding: the timeline of its group, and the principal's other findings.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::call::{Call, GroupAction};
use super::{Finding, GroupContext, PolicyDrift};
use crate::power::{Grants, Power, PowerLevel};

/// What is known of the 48 hours around a finding. The default is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// What happened to the group under all its names, in any order. It may include the finding's
    /// own event.
    pub group_timeline: Vec<TimelineEntry>,
    /// What the group could do at the time of the call, or can since. `None` if nothing is known,
    /// or the finding is about no group.
    pub group: Option<GroupContext>,
    /// What a new version of a policy gave to groups. `None` for other calls.
    pub drift: Option<PolicyDrift>,
    /// What the customer's policy that the call attaches grants. `None` if that is not known.
    pub policy: Option<Grants>,
    /// The user for whom the call creates credentials. `None` for other calls.
    pub target: Option<TargetUser>,
    /// The accounts whose logs the trail delivers. Only read for a call that lets other accounts
    /// assume a role.
    pub trail_accounts: BTreeSet<String>,
    /// The principal's other findings, in any order.
    pub principal_findings: Vec<PrincipalFinding>,
    /// The findings of the user that the call is about, as a principal, in any order.
    pub target_findings: Vec<PrincipalFinding>,
    /// No earlier finding of this principal is known.
    pub first_of_principal: bool,
    /// No earlier finding of this group is known.
    pub first_of_group: bool,
    /// Why the context is incomplete.
    pub gap: Option<ContextGap>,
    /// When the alert is written. If that is not known, the time of the call counts.
    pub alerted_at: Option<Timestamp>,
}

impl Context {
    /// An empty context, and why it is empty.
    pub fn without(gap: ContextGap) -> Context {
        Context { gap: Some(gap), ..Context::default() }
    }
}

/// What a user can do, as far as the trail has said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetUser {
    /// What its own policies and those of its groups grant together.
    pub grants: Grants,
    /// What its own policies alone let it do.
    pub own: PowerLevel,
    /// Its groups.
    pub groups: Vec<UserGroup>,
}

/// A group of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserGroup {
    /// Its name, as in the record: not safe to print.
    pub group: String,
    /// What its members can do.
    pub power: PowerLevel,
}

impl Default for TargetUser {
    fn default() -> TargetUser {
        let own = PowerLevel::Unknown;
        TargetUser { grants: Grants::default(), own, groups: Vec::new() }
    }
}

impl TargetUser {
    /// What the user can do. `Unknown` if it is neither: what was given before the trail was read
    /// is not known.
    pub fn power(&self) -> PowerLevel {
        let level = Power::from_grants(&self.grants).level();
        if level.is_powerful() { level } else { PowerLevel::Unknown }
    }
}

/// Why a context is incomplete. Ordered by how much may be missing, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextGap {
    /// There is no ledger.
    LedgerOff,
    /// The ledger could not be read.
    LedgerFailed,
    /// Reading the ledger took longer than an alert may wait.
    Late,
    /// There was more than is read for one alert.
    TooMuch,
    /// Some entries are damaged, of a later version, or from the future.
    Unreadable,
}

/// How often a rule found this principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalFinding {
    /// The rule's id.
    pub rule_id: String,
    /// The rule's name.
    pub rule_name: String,
    /// The number of findings.
    pub count: usize,
}

/// One event in the timeline of a group. Texts are as in the record: not safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// `eventTime`.
    pub time: Timestamp,
    /// `eventID`. Entries with the same id are one event that several rules found.
    pub event_id: Option<String>,
    /// `eventName`.
    pub action: String,
    /// The name of the group in the event.
    pub group: Option<String>,
    /// See [`Call::object`].
    #[serde(default)]
    pub object: Option<String>,
    /// What the policy can do, if it is powerful.
    #[serde(default)]
    pub power: Option<PowerLevel>,
    /// [`Principal::label`](super::Principal::label).
    pub principal: Option<String>,
    /// The call failed and changed nothing.
    #[serde(default)]
    pub failed: bool,
    /// The finding matched an exception.
    #[serde(default)]
    pub suppressed: bool,
}

impl TimelineEntry {
    /// The event of a finding; `None` if its time is unknown.
    pub fn from_finding(finding: &Finding) -> Option<TimelineEntry> {
        Some(TimelineEntry::from_finding_at(finding, finding.time?))
    }

    /// The event of a finding, with this time.
    pub fn from_finding_at(finding: &Finding, time: Timestamp) -> TimelineEntry {
        let call = Call::new(finding);
        TimelineEntry {
            time,
            event_id: call.fields.text("event.id").map(str::to_owned),
            action: call.action().unwrap_or_default().to_owned(),
            group: call.group().map(str::to_owned),
            object: call.object().map(str::to_owned),
            power: Power::from_call(call).map(|power| power.level()).filter(|it| it.is_powerful()),
            principal: Some(finding.principal.label.clone()),
            failed: call.failed(),
            suppressed: finding.suppression().is_some(),
        }
    }

    /// What the policy can do that the group was given. `None` if it is not powerful, and for other
    /// events.
    pub fn granted_power(&self) -> Option<PowerLevel> {
        match GroupAction::from_name(&self.action)? {
            GroupAction::AttachPolicy | GroupAction::PutPolicy if !self.failed => {
                Some(self.policy_power()).filter(|power| power.is_powerful())
            }
            _ => None,
        }
    }

    /// What the policy of the event can do.
    pub fn policy_power(&self) -> PowerLevel {
        let from_arn = || PowerLevel::from_managed(self.object.as_deref()?);
        self.power.or_else(from_arn).unwrap_or(PowerLevel::Unknown)
    }

    /// Returns true if both are the same event.
    pub fn is_same_event(&self, other: &TimelineEntry) -> bool {
        if self.event_id.is_some() || other.event_id.is_some() {
            return self.event_id == other.event_id;
        }
        self.sort_key() == other.sort_key()
            && self.object == other.object
            && self.principal == other.principal
    }

    /// Returns true if it happened before another.
    pub fn is_before(&self, other: &TimelineEntry) -> bool {
        self.sort_key() < other.sort_key()
    }

    /// Orders entries by time. Times are whole seconds; within one, a group is created before it
    /// gets members.
    pub fn sort_key(&self) -> (Timestamp, u8, &str, &Option<String>) {
        let step = match GroupAction::from_name(&self.action) {
            Some(GroupAction::Create) => 0,
            Some(GroupAction::Update) => 1,
            Some(GroupAction::AttachPolicy | GroupAction::PutPolicy) => 2,
            Some(GroupAction::AddUser) => 3,
            Some(GroupAction::RemoveUser) => 4,
            Some(GroupAction::DetachPolicy | GroupAction::DeletePolicy) => 5,
            Some(GroupAction::Delete) => 6,
            None => 7,
        };
        (self.time, step, &self.action, &self.event_id)
    }
}
