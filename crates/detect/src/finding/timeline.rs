//! The life of a group, event by event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Finding;
use super::call::{Call, GroupAction};
use super::policy::Power;

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
    /// Who did it, as [`detect::finding::Principal::label`].
    pub principal: Option<String>,
    /// The call failed and changed nothing.
    #[serde(default)]
    pub failed: bool,
    /// An exception kept it from being alerted.
    #[serde(default)]
    pub suppressed: bool,
}

impl TimelineEntry {
    /// The event of a finding; none where its time is not known, since it then has no place in a
    /// timeline.
    pub fn from_finding(finding: &Finding) -> Option<TimelineEntry> {
        Some(TimelineEntry::from_finding_at(finding, finding.time?))
    }

    /// The event of a finding, at this time.
    pub fn from_finding_at(finding: &Finding, time: Timestamp) -> TimelineEntry {
        let call = Call::new(finding);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        TimelineEntry {
            time,
            event_id: owned(call.fields.text("event.id")),
            action: owned(call.action()).unwrap_or_default(),
            group: owned(call.group()),
            object: owned(call.object()),
            power: Power::from_call(call),
            principal: Some(finding.principal.label.clone()),
            failed: call.failed(),
            suppressed: finding.exception.is_some(),
        }
    }

    /// Whether both are of one event.
    pub fn is_same_event(&self, other: &TimelineEntry) -> bool {
        match (&self.event_id, &other.event_id) {
            (None, None) => {
                self.sort_key() == other.sort_key()
                    && self.object == other.object
                    && self.principal == other.principal
            }
            (one, other) => one == other,
        }
    }

    /// Whether it happened before another. Times are whole seconds; within one, a group is made
    /// before it is filled.
    pub fn is_before(&self, other: &TimelineEntry) -> bool {
        self.sort_key() < other.sort_key()
    }

    /// In event order.
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
