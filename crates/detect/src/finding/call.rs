//! The call that a finding is about, as the writers of an alert ask for it.

use jiff::Timestamp;

use super::Finding;
use super::fields::Fields;

/// The nine calls that change an IAM group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupAction {
    /// `CreateGroup`.
    Create,
    /// `DeleteGroup`.
    Delete,
    /// `UpdateGroup`: a new name, a new path, or both.
    Update,
    /// `AddUserToGroup`.
    AddUser,
    /// `RemoveUserFromGroup`.
    RemoveUser,
    /// `AttachGroupPolicy`.
    AttachPolicy,
    /// `DetachGroupPolicy`.
    DetachPolicy,
    /// `PutGroupPolicy`.
    PutPolicy,
    /// `DeleteGroupPolicy`.
    DeletePolicy,
}

impl GroupAction {
    /// Other services have calls of the same names, so the provider counts.
    fn from_call(provider: &str, action: &str) -> Option<GroupAction> {
        if provider == "iam.amazonaws.com" { GroupAction::from_name(action) } else { None }
    }

    /// The one of this name in IAM.
    pub fn from_name(action: &str) -> Option<GroupAction> {
        Some(match action {
            "CreateGroup" => GroupAction::Create,
            "DeleteGroup" => GroupAction::Delete,
            "UpdateGroup" => GroupAction::Update,
            "AddUserToGroup" => GroupAction::AddUser,
            "RemoveUserFromGroup" => GroupAction::RemoveUser,
            "AttachGroupPolicy" => GroupAction::AttachPolicy,
            "DetachGroupPolicy" => GroupAction::DetachPolicy,
            "PutGroupPolicy" => GroupAction::PutPolicy,
            "DeleteGroupPolicy" => GroupAction::DeletePolicy,
            _ => return None,
        })
    }
}

/// The call that a finding is about. Everything it gives is as the record has it: not yet cleaned.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Its ECS document.
    pub fields: Fields<'a>,
}

impl<'a> Call<'a> {
    /// The call of a finding.
    pub fn new(finding: &'a Finding) -> Call<'a> {
        Call { finding, fields: Fields(&finding.ecs) }
    }

    /// Which of the nine; absent for every other call.
    pub fn group_action(self) -> Option<GroupAction> {
        GroupAction::from_call(
            self.fields.text("event.provider")?,
            self.fields.text("event.action")?,
        )
    }

    /// `eventName`.
    pub fn action(self) -> Option<&'a str> {
        self.fields.text("event.action")
    }

    /// `eventTime`.
    pub fn time(self) -> Option<Timestamp> {
        self.finding.time
    }

    /// The account whose trail holds the record.
    pub fn account(self) -> Option<&'a str> {
        self.finding.account.as_deref().filter(|account| !account.is_empty())
    }

    /// The caller's account, where that is another one.
    pub fn foreign_account(self) -> Option<&'a str> {
        self.fields
            .text("cloud.account.id")
            .filter(|caller| self.account().is_some_and(|own| own != *caller))
    }

    /// The name of the IAM group, as the finding has it; `None` if it is empty.
    pub fn group(self) -> Option<&'a str> {
        self.finding.group.as_deref().filter(|group| !group.is_empty())
    }

    /// The name that the group has now: the new one after an UpdateGroup that worked.
    pub fn current_group(self) -> Option<&'a str> {
        let renamed = self.group_action() == Some(GroupAction::Update) && !self.failed();
        renamed.then(|| self.parameter("newGroupName")).flatten().or_else(|| self.group())
    }

    /// The name of the user that the call is about; `None` if it is empty.
    pub fn target_user(self) -> Option<&'a str> {
        self.finding.target_user.as_deref().filter(|user| !user.is_empty())
    }

    /// A string among `requestParameters`.
    pub fn parameter(self, name: &str) -> Option<&'a str> {
        self.fields.text(&format!("aws.cloudtrail.flattened.request_parameters.{name}"))
    }

    /// A string of `responseElements.group`, which CreateGroup answers with.
    pub fn created_group(self, name: &str) -> Option<&'a str> {
        self.fields.text(&format!("aws.cloudtrail.flattened.response_elements.group.{name}"))
    }

    /// Whether the call failed and so changed nothing.
    pub fn failed(self) -> bool {
        self.fields.text("event.outcome") == Some("failure") || self.error().is_some()
    }

    /// The error's code; its message where there is no code, which is rare.
    pub fn error(self) -> Option<&'a str> {
        self.fields
            .text("aws.cloudtrail.error_code")
            .or_else(|| self.fields.text("aws.cloudtrail.error_message"))
    }

    /// The caller was not allowed to do it, rather than doing it wrong.
    pub fn denied(self) -> bool {
        self.error().is_some_and(|error| {
            ["AccessDenied", "Unauthorized"].iter().any(|word| error.contains(word))
        })
    }

    /// The parameter that the call is about: the user, the policy's ARN or name, or the group's
    /// new name. `None` for a call that concerns the group alone, or none.
    pub fn object(self) -> Option<&'a str> {
        match self.group_action()? {
            GroupAction::Create | GroupAction::Delete => None,
            GroupAction::Update => self.parameter("newGroupName"),
            GroupAction::AddUser | GroupAction::RemoveUser => self.target_user(),
            GroupAction::AttachPolicy | GroupAction::DetachPolicy => self.parameter("policyArn"),
            GroupAction::PutPolicy | GroupAction::DeletePolicy => self.parameter("policyName"),
        }
    }

    /// What a one-line description of the call needs.
    pub fn brief(self) -> CallBrief<'a> {
        CallBrief {
            provider: self.fields.text("event.provider"),
            action: self.action(),
            group: self.group(),
            object: self.object(),
            failed: self.failed(),
            denied: self.denied(),
        }
    }
}

/// What a one-line description of a call needs, as the record has it: not cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallBrief<'a> {
    /// `eventSource`.
    pub provider: Option<&'a str>,
    /// `eventName`.
    pub action: Option<&'a str>,
    /// The name of the IAM group.
    pub group: Option<&'a str>,
    /// See [`Call::object`].
    pub object: Option<&'a str>,
    /// The call failed and changed nothing.
    pub failed: bool,
    /// It failed because the principal was not allowed to make it.
    pub denied: bool,
}

impl CallBrief<'_> {
    /// Which of the nine group calls it is.
    pub fn group_action(self) -> Option<GroupAction> {
        GroupAction::from_call(self.provider?, self.action?)
    }
}
