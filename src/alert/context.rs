//! What else is known about the group and the actor of a finding. Empty until something gives it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Accounts;
use super::call::{Call, GroupAction};
use super::policy::Power;
use crate::finding::Finding;

/// What else is known of the 48 hours around a finding, to be told beside it. The default knows
/// nothing, and then nothing is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// What happened to the group, under all its names, in any order. The finding's own event may
    /// be among it.
    pub group_timeline: Vec<TimelineEntry>,
    /// What else this actor was found doing, without this finding, in any order.
    pub actor_findings: Vec<ActorFinding>,
    /// No earlier finding of this actor is on record.
    pub first_of_actor: bool,
    /// No earlier finding of this group is on record.
    pub first_of_group: bool,
    /// Why this is not all that there is; none where it is.
    pub gap: Option<Gap>,
}

/// Why a context is not whole. What leaves most unknown is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// There is no ledger.
    LedgerOff,
    /// The ledger could not be read.
    LedgerFailed,
    /// The ledger took longer than an alert may wait.
    Late,
    /// There was more than is read for one alert.
    TooMuch,
    /// Some of what the ledger has is damaged, of a later version, or from the future.
    Unreadable,
}

/// One event in the life of a group. Texts are as the record has them: not yet cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When it happened (`eventTime`).
    pub time: Timestamp,
    /// `event.id`: entries with the same one are one event, which several rules found.
    pub event_id: Option<String>,
    /// `event.action`.
    pub action: String,
    /// The name of the group, in the event.
    pub group: Option<String>,
    /// The user, the ARN or name of the policy, or the group's new name that the event was about.
    #[serde(default)]
    pub object: Option<String>,
    /// What the policy can do, where that is much.
    #[serde(default)]
    pub power: Option<Power>,
    /// Who did it, as [`crate::finding::Actor::label`].
    pub actor: Option<String>,
    /// The call failed and changed nothing.
    #[serde(default)]
    pub failed: bool,
    /// An exception kept it from being alerted.
    #[serde(default)]
    pub excepted: bool,
}

/// How often a rule found this actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorFinding {
    /// The rule's id.
    pub rule_id: String,
    /// The rule's name.
    pub rule_name: String,
    /// How many findings.
    pub count: usize,
}

impl Context {
    /// Nothing, and why.
    pub fn without(gap: Gap) -> Context {
        Context { gap: Some(gap), ..Context::default() }
    }
}

impl TimelineEntry {
    /// The event of a finding; none where its time is not known, since it then has no place in a
    /// timeline.
    pub fn of(finding: &Finding) -> Option<TimelineEntry> {
        Some(TimelineEntry::at(finding, finding.time?))
    }

    /// The event of a finding, at this time.
    pub fn at(finding: &Finding, time: Timestamp) -> TimelineEntry {
        let accounts = Accounts::default();
        let call = Call::new(finding, &accounts);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        TimelineEntry {
            time,
            event_id: owned(call.fields.text("event.id")),
            action: owned(call.action()).unwrap_or_default(),
            group: owned(call.group()),
            object: owned(object(call)),
            power: Power::of(call),
            actor: Some(finding.actor.label.clone()),
            failed: call.failed(),
            excepted: finding.exception.is_some(),
        }
    }

    /// Whether both are of one event.
    pub fn is_same_event(&self, other: &TimelineEntry) -> bool {
        match (&self.event_id, &other.event_id) {
            (None, None) => {
                self.rank() == other.rank()
                    && self.object == other.object
                    && self.actor == other.actor
            }
            (one, other) => one == other,
        }
    }

    /// Whether it happened before another. Times are whole seconds; within one, a group is made
    /// before it is filled.
    pub fn is_before(&self, other: &TimelineEntry) -> bool {
        self.rank() < other.rank()
    }

    /// In event order.
    pub(super) fn rank(&self) -> (Timestamp, u8, &str, &Option<String>) {
        let step = match GroupAction::named(&self.action) {
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

fn object(call: Call<'_>) -> Option<&str> {
    match call.group_action()? {
        GroupAction::Create | GroupAction::Delete => None,
        GroupAction::Update => call.parameter("newGroupName"),
        GroupAction::AddUser | GroupAction::RemoveUser => call.target_user(),
        GroupAction::AttachPolicy | GroupAction::DetachPolicy => call.parameter("policyArn"),
        GroupAction::PutPolicy | GroupAction::DeletePolicy => call.parameter("policyName"),
    }
}
