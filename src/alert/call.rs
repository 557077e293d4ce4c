//! The call that a finding is about, as the writers of an alert ask for it.

use jiff::Timestamp;

use super::Accounts;
use super::fields::Fields;
use crate::finding::Finding;

/// The nine calls that change an IAM group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupAction {
    Create,
    Delete,
    Update,
    AddUser,
    RemoveUser,
    AttachPolicy,
    DetachPolicy,
    PutPolicy,
    DeletePolicy,
}

impl GroupAction {
    /// Other services have calls of the same names, so the provider counts.
    fn of(provider: &str, action: &str) -> Option<GroupAction> {
        if provider == "iam.amazonaws.com" { GroupAction::named(action) } else { None }
    }

    /// The one of this name in IAM.
    pub(super) fn named(action: &str) -> Option<GroupAction> {
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
pub(super) struct Call<'a> {
    pub(super) finding: &'a Finding,
    pub(super) fields: Fields<'a>,
    pub(super) accounts: &'a Accounts,
}

impl<'a> Call<'a> {
    pub(super) fn new(finding: &'a Finding, accounts: &'a Accounts) -> Call<'a> {
        Call { finding, fields: Fields(&finding.ecs), accounts }
    }

    /// Which of the nine; absent for every other call.
    pub(super) fn group_action(self) -> Option<GroupAction> {
        GroupAction::of(self.fields.text("event.provider")?, self.fields.text("event.action")?)
    }

    /// `eventName`.
    pub(super) fn action(self) -> Option<&'a str> {
        self.fields.text("event.action")
    }

    pub(super) fn time(self) -> Option<Timestamp> {
        self.finding.time
    }

    /// The account whose trail holds the record.
    pub(super) fn account(self) -> Option<&'a str> {
        self.finding.account.as_deref().filter(|account| !account.is_empty())
    }

    /// The caller's account, where that is another one.
    pub(super) fn foreign_account(self) -> Option<&'a str> {
        self.fields
            .text("cloud.account.id")
            .filter(|caller| self.account().is_some_and(|own| own != *caller))
    }

    pub(super) fn group(self) -> Option<&'a str> {
        self.finding.group.as_deref().filter(|group| !group.is_empty())
    }

    /// The name that the group has now: the new one after an UpdateGroup that worked.
    pub(super) fn group_now(self) -> Option<&'a str> {
        let renamed = self.group_action() == Some(GroupAction::Update) && !self.failed();
        renamed.then(|| self.parameter("newGroupName")).flatten().or_else(|| self.group())
    }

    pub(super) fn target_user(self) -> Option<&'a str> {
        self.finding.target_user.as_deref().filter(|user| !user.is_empty())
    }

    /// A string among `requestParameters`.
    pub(super) fn parameter(self, name: &str) -> Option<&'a str> {
        self.fields.text(&format!("aws.cloudtrail.flattened.request_parameters.{name}"))
    }

    /// A string of `responseElements.group`, which CreateGroup answers with.
    pub(super) fn new_group(self, name: &str) -> Option<&'a str> {
        self.fields.text(&format!("aws.cloudtrail.flattened.response_elements.group.{name}"))
    }

    pub(super) fn failed(self) -> bool {
        self.fields.text("event.outcome") == Some("failure") || self.error().is_some()
    }

    /// The error's code; its message where there is no code, which is rare.
    pub(super) fn error(self) -> Option<&'a str> {
        self.fields
            .text("aws.cloudtrail.error_code")
            .or_else(|| self.fields.text("aws.cloudtrail.error_message"))
    }

    /// The caller was not allowed to do it, rather than doing it wrong.
    pub(super) fn denied(self) -> bool {
        self.error().is_some_and(|error| {
            ["AccessDenied", "Unauthorized"].iter().any(|word| error.contains(word))
        })
    }
}
