//! What happened to a group.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::log::{EventKey, EventLog, LogEvent};
use crate::finding::{GroupAction, TimelineEntry};
use crate::power::{Grants, Power, PowerLevel};

/// The events of one group name.
pub type GroupLog = EventLog<GroupEvent>;

/// One event in the life of a group. Texts are as in the record: not safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEvent {
    /// `eventTime`.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: GroupEventKind,
    /// The name of the group; in the log of the new name of a renaming, that.
    pub group: String,
    /// `eventID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// [`Principal::label`](crate::finding::Principal::label).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The call failed and changed nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// All findings of the record match an exception. `None` if there is no finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<bool>,
}

/// What happened to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action")]
#[expect(missing_docs, reason = "the calls of IAM")]
pub enum GroupEventKind {
    CreateGroup,
    DeleteGroup,
    /// Its path changed, or its spelling.
    UpdateGroup {
        to: Option<String>,
    },
    /// UpdateGroup, in the log of the old name.
    RenamedTo {
        to: String,
    },
    /// UpdateGroup, in the log of the new name.
    RenamedFrom {
        from: String,
    },
    AddUserToGroup {
        user: Option<String>,
    },
    RemoveUserFromGroup {
        user: Option<String>,
    },
    AttachGroupPolicy {
        arn: Option<String>,
    },
    DetachGroupPolicy {
        arn: Option<String>,
    },
    PutGroupPolicy {
        policy: Option<String>,
        /// `None` if the document is not known.
        grants: Option<Grants>,
    },
    DeleteGroupPolicy {
        policy: Option<String>,
    },
    /// Not a call: `trailbell model import` did not find the group.
    ImportedAbsent,
    /// Not a call: what `trailbell model import` read. The group had this and nothing else.
    Import {
        members: Vec<String>,
        attached: Vec<String>,
        inline: Vec<InlinePolicy>,
    },
}

/// An inline policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicy {
    /// Its name.
    pub name: String,
    /// `None` if its document is not known.
    pub grants: Option<Grants>,
}

impl GroupEventKind {
    /// `eventName`. `None` if it is not a call.
    pub fn action(&self) -> Option<&'static str> {
        Some(match self {
            GroupEventKind::CreateGroup => "CreateGroup",
            GroupEventKind::DeleteGroup => "DeleteGroup",
            GroupEventKind::UpdateGroup { .. }
            | GroupEventKind::RenamedTo { .. }
            | GroupEventKind::RenamedFrom { .. } => "UpdateGroup",
            GroupEventKind::AddUserToGroup { .. } => "AddUserToGroup",
            GroupEventKind::RemoveUserFromGroup { .. } => "RemoveUserFromGroup",
            GroupEventKind::AttachGroupPolicy { .. } => "AttachGroupPolicy",
            GroupEventKind::DetachGroupPolicy { .. } => "DetachGroupPolicy",
            GroupEventKind::PutGroupPolicy { .. } => "PutGroupPolicy",
            GroupEventKind::DeleteGroupPolicy { .. } => "DeleteGroupPolicy",
            GroupEventKind::Import { .. } | GroupEventKind::ImportedAbsent => return None,
        })
    }

    /// Which call of an object it is.
    pub(super) fn from_call(
        action: GroupAction,
        object: Option<String>,
        grants: Option<Grants>,
    ) -> GroupEventKind {
        match action {
            GroupAction::Create => GroupEventKind::CreateGroup,
            GroupAction::Delete => GroupEventKind::DeleteGroup,
            GroupAction::Update => GroupEventKind::UpdateGroup { to: object },
            GroupAction::AddUser => GroupEventKind::AddUserToGroup { user: object },
            GroupAction::RemoveUser => GroupEventKind::RemoveUserFromGroup { user: object },
            GroupAction::AttachPolicy => GroupEventKind::AttachGroupPolicy { arn: object },
            GroupAction::DetachPolicy => GroupEventKind::DetachGroupPolicy { arn: object },
            GroupAction::PutPolicy => GroupEventKind::PutGroupPolicy { policy: object, grants },
            GroupAction::DeletePolicy => GroupEventKind::DeleteGroupPolicy { policy: object },
        }
    }

    fn object(&self) -> Option<&str> {
        match self {
            GroupEventKind::UpdateGroup { to } => to.as_deref(),
            GroupEventKind::RenamedTo { to } => Some(to),
            GroupEventKind::AddUserToGroup { user }
            | GroupEventKind::RemoveUserFromGroup { user } => user.as_deref(),
            GroupEventKind::AttachGroupPolicy { arn }
            | GroupEventKind::DetachGroupPolicy { arn } => arn.as_deref(),
            GroupEventKind::PutGroupPolicy { policy, .. }
            | GroupEventKind::DeleteGroupPolicy { policy } => policy.as_deref(),
            _ => None,
        }
    }

    /// What takes away comes first, so that what gives counts. What happened to a group in the
    /// second in which it was renamed happened before, as its old name is gone then.
    fn step(&self) -> u8 {
        match self {
            GroupEventKind::Import { .. } | GroupEventKind::ImportedAbsent => 0,
            GroupEventKind::DeleteGroup => 1,
            GroupEventKind::CreateGroup => 2,
            GroupEventKind::UpdateGroup { .. } | GroupEventKind::RenamedFrom { .. } => 3,
            GroupEventKind::RemoveUserFromGroup { .. }
            | GroupEventKind::DetachGroupPolicy { .. }
            | GroupEventKind::DeleteGroupPolicy { .. } => 4,
            GroupEventKind::AddUserToGroup { .. }
            | GroupEventKind::AttachGroupPolicy { .. }
            | GroupEventKind::PutGroupPolicy { .. } => 5,
            GroupEventKind::RenamedTo { .. } => 6,
        }
    }

    pub(super) fn grants(&self) -> Option<&Grants> {
        match self {
            GroupEventKind::PutGroupPolicy { grants, .. } => grants.as_ref(),
            _ => None,
        }
    }

    /// How much the written policy can do.
    fn weight(&self) -> (PowerLevel, usize) {
        let power = self.grants().map(Power::from_grants);
        let ways = match &power {
            Some(Power::Escalates(ways)) => ways.len(),
            _ => 0,
        };
        (power.map_or(PowerLevel::Unknown, |power| power.level()), ways)
    }
}

impl GroupEvent {
    /// The event as a timeline shows it, the same in the logs of both names of a renaming. `None`
    /// for an import.
    pub fn timeline_entry(&self) -> Option<TimelineEntry> {
        let power = match &self.kind {
            GroupEventKind::PutGroupPolicy { grants, .. } => {
                grants.as_ref().map(|grants| Power::from_grants(grants).level())
            }
            GroupEventKind::AttachGroupPolicy { arn } => {
                arn.as_deref().and_then(PowerLevel::from_managed)
            }
            _ => None,
        };
        let (group, object) = match &self.kind {
            GroupEventKind::RenamedFrom { from } => (from, Some(self.group.clone())),
            kind => (&self.group, kind.object().map(str::to_owned)),
        };
        Some(TimelineEntry {
            time: self.time,
            event_id: self.event_id.clone(),
            action: self.kind.action()?.to_owned(),
            group: Some(group.clone()),
            object,
            power: power.filter(|power| power.is_powerful()),
            principal: self.principal.clone(),
            failed: self.failed,
            suppressed: self.suppressed.unwrap_or_default(),
        })
    }
}

impl LogEvent for GroupEvent {
    const NEWEST: usize = 200;

    fn time(&self) -> Timestamp {
        self.time
    }

    fn key(&self) -> EventKey {
        let GroupEvent { time, kind, group, event_id, principal, failed, suppressed: _ } = self;
        EventKey {
            time: *time,
            step: kind.step(),
            power: kind.weight(),
            content: json!([kind, group, event_id, principal, failed]).to_string(),
        }
    }

    fn decides(&self) -> Vec<String> {
        if self.failed {
            return Vec::new();
        }
        let kind =
            match &self.kind {
                GroupEventKind::AddUserToGroup { .. }
                | GroupEventKind::RemoveUserFromGroup { .. } => "member",
                GroupEventKind::AttachGroupPolicy { .. }
                | GroupEventKind::DetachGroupPolicy { .. } => "attached",
                GroupEventKind::PutGroupPolicy { .. }
                | GroupEventKind::DeleteGroupPolicy { .. } => "inline",
                GroupEventKind::UpdateGroup { .. } => return Vec::new(),
                _ => return vec!["group".to_owned()],
            };
        let object = self.kind.object().unwrap_or_default();
        let object = if kind == "attached" { object.to_owned() } else { object.to_lowercase() };
        vec![format!("{kind} {object}")]
    }

    /// It is suppressed only if all findings are, and each reading may have others.
    fn merge(&mut self, other: &GroupEvent) {
        if let Some(theirs) = other.suppressed {
            self.suppressed = Some(self.suppressed.unwrap_or(true) && theirs);
        }
    }

    fn outline(self) -> GroupEvent {
        GroupEvent { event_id: None, principal: None, suppressed: None, ..self }
    }
}
