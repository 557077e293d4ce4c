//! The call that a finding is about, read off the finding's ECS document.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::trust::Trust;
use super::{Finding, directory};

/// The nine calls that change an IAM group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`GroupAction::from_name` lists the calls")]
pub enum GroupAction {
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
    /// The names of the calls.
    pub const NAMES: [&str; 9] = [
        "CreateGroup",
        "DeleteGroup",
        "UpdateGroup",
        "AddUserToGroup",
        "RemoveUserFromGroup",
        "AttachGroupPolicy",
        "DetachGroupPolicy",
        "PutGroupPolicy",
        "DeleteGroupPolicy",
    ];

    /// Other services have calls of the same names, so the provider counts.
    pub(crate) fn from_call(provider: &str, action: &str) -> Option<GroupAction> {
        if provider == "iam.amazonaws.com" { GroupAction::from_name(action) } else { None }
    }

    /// The same for a group of Identity Center, which is no IAM group.
    pub(crate) fn from_directory_call(provider: &str, action: &str) -> Option<GroupAction> {
        let action = GroupAction::from_name(action).filter(|_| directory::is_directory(provider));
        action.filter(|action| !matches!(action, GroupAction::Update))
    }

    /// The group action with this name in IAM, or in Identity Center.
    pub fn from_name(action: &str) -> Option<GroupAction> {
        Some(match action {
            "CreateGroup" => GroupAction::Create,
            "DeleteGroup" => GroupAction::Delete,
            "UpdateGroup" => GroupAction::Update,
            "AddUserToGroup" | "AddMemberToGroup" | "CreateGroupMembership" => GroupAction::AddUser,
            "RemoveUserFromGroup" | "RemoveMemberFromGroup" | "DeleteGroupMembership" => {
                GroupAction::RemoveUser
            }
            "AttachGroupPolicy" => GroupAction::AttachPolicy,
            "DetachGroupPolicy" => GroupAction::DetachPolicy,
            "PutGroupPolicy" => GroupAction::PutPolicy,
            "DeleteGroupPolicy" => GroupAction::DeletePolicy,
            _ => return None,
        })
    }
}

/// The call that a finding is about. All texts are as in the record: not safe to print.
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

    /// Which of the nine group actions it is.
    pub fn group_action(self) -> Option<GroupAction> {
        GroupAction::from_call(self.fields.text("event.provider")?, self.action()?)
    }

    /// Which group action it is, on a group of Identity Center.
    pub fn directory_action(self) -> Option<GroupAction> {
        GroupAction::from_directory_call(self.fields.text("event.provider")?, self.action()?)
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
        non_empty(&self.finding.account)
    }

    /// The principal's account, if it is not that of the record.
    pub fn foreign_account(self) -> Option<&'a str> {
        let own = self.account()?;
        self.fields.text("cloud.account.id").filter(|account| *account != own)
    }

    /// The name of the IAM group.
    pub fn group(self) -> Option<&'a str> {
        non_empty(&self.finding.group)
    }

    /// The name of the group after the call: the new one if it was renamed.
    pub fn current_group(self) -> Option<&'a str> {
        let is_renamed = self.group_action() == Some(GroupAction::Update) && !self.failed();
        is_renamed.then(|| self.parameter("newGroupName")).flatten().or_else(|| self.group())
    }

    /// The name of the user that the call is about.
    pub fn target_user(self) -> Option<&'a str> {
        non_empty(&self.finding.target_user)
    }

    /// The user for whom the call created an access key or a password. `None` for other calls.
    pub fn credentials_for(self) -> Option<&'a str> {
        let creates = matches!(self.iam_action()?, "CreateAccessKey" | "CreateLoginProfile");
        self.target_user().filter(|_| creates && !self.failed())
    }

    /// Returns true if the call lets principals assume a role that are of other accounts than the
    /// role.
    pub fn opens_role(self) -> bool {
        Trust::from_call(self, &BTreeSet::new()) == Some(Trust::Outside)
    }

    /// `eventName`, if it is a call of IAM.
    pub fn iam_action(self) -> Option<&'a str> {
        let is_iam = self.fields.text("event.provider") == Some("iam.amazonaws.com");
        self.action().filter(|_| is_iam)
    }

    /// The ARN of the policy that the call attaches, detaches, changes, or makes the boundary of a
    /// user or a role.
    pub fn policy_arn(self) -> Option<&'a str> {
        let sets_boundary = matches!(
            self.iam_action(),
            Some("PutRolePermissionsBoundary" | "PutUserPermissionsBoundary")
        );
        let boundary = self.parameter("permissionsBoundary").filter(|_| sets_boundary);
        self.parameter("policyArn").or(boundary)
    }

    /// A string in `requestParameters`.
    pub fn parameter(self, name: &str) -> Option<&'a str> {
        self.fields.text(&format!("aws.cloudtrail.flattened.request_parameters.{name}"))
    }

    /// A string in `responseElements`.
    pub fn response(self, name: &str) -> Option<&'a str> {
        self.fields.text(&format!("aws.cloudtrail.flattened.response_elements.{name}"))
    }

    /// A string in `responseElements.group`, CreateGroup's response.
    pub fn created_group(self, name: &str) -> Option<&'a str> {
        self.fields.text(&format!("aws.cloudtrail.flattened.response_elements.group.{name}"))
    }

    /// Returns true if the call failed, so that nothing changed.
    pub fn failed(self) -> bool {
        self.fields.text("event.outcome") == Some("failure") || self.error().is_some()
    }

    /// The error's code, or its message if it has no code, which is rare.
    pub fn error(self) -> Option<&'a str> {
        let code = self.fields.text("aws.cloudtrail.error_code");
        code.or_else(|| self.fields.text("aws.cloudtrail.error_message"))
    }

    /// Returns true if the principal was not allowed to make the call.
    pub fn denied(self) -> bool {
        let error = self.error().unwrap_or_default();
        error.contains("AccessDenied") || error.contains("Unauthorized")
    }

    /// What a group action is about in addition to the group: the user, the policy's ARN or name,
    /// or the group's new name. What any other call is about, if a parameter names it.
    pub fn object(self) -> Option<&'a str> {
        if let Some(action) = self.directory_action() {
            return match action {
                GroupAction::AddUser | GroupAction::RemoveUser => self.target_user(),
                _ => self.parameter("displayName").and_then(directory::visible),
            };
        }
        let Some(action) = self.group_action() else { return self.naming_parameter() };
        match action {
            GroupAction::Create | GroupAction::Delete => None,
            GroupAction::Update => self.parameter("newGroupName"),
            GroupAction::AddUser | GroupAction::RemoveUser => self.target_user(),
            GroupAction::AttachPolicy | GroupAction::DetachPolicy => self.parameter("policyArn"),
            GroupAction::PutPolicy | GroupAction::DeletePolicy => self.parameter("policyName"),
        }
    }

    /// What a one-line description of the call needs.
    pub fn brief(self) -> CallBrief {
        CallBrief {
            provider: self.fields.text("event.provider").map(str::to_owned),
            action: self.action().map(str::to_owned),
            group: self.group().map(str::to_owned),
            object: self.object().map(str::to_owned),
            failed: self.failed(),
            denied: self.denied(),
        }
    }
}

fn non_empty(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// What a one-line description of a call needs. All texts are as in the record: not safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBrief {
    /// `eventSource`.
    pub provider: Option<String>,
    /// `eventName`.
    pub action: Option<String>,
    /// The name of the IAM group.
    pub group: Option<String>,
    /// See [`Call::object`].
    pub object: Option<String>,
    /// The call failed and changed nothing.
    pub failed: bool,
    /// It failed because the principal was not allowed to make it.
    pub denied: bool,
}

impl CallBrief {
    /// See [`Call::directory_action`].
    pub fn directory_action(&self) -> Option<GroupAction> {
        GroupAction::from_directory_call(self.provider.as_deref()?, self.action.as_deref()?)
    }

    /// Which of the nine group actions it is.
    pub fn group_action(&self) -> Option<GroupAction> {
        GroupAction::from_call(self.provider.as_deref()?, self.action.as_deref()?)
    }
}

/// An ECS document, read by dotted names. A value of another type counts as absent.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a Value);

impl<'a> Fields<'a> {
    /// The non-empty string at a dotted name such as `source.ip`.
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// The non-empty strings of the list at a dotted name such as `related.user`.
    pub fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        let list = self.value(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.filter(|text| !text.is_empty())
    }

    /// The boolean at a dotted name. CloudTrail writes some as JSON booleans, some as `"true"` and
    /// `"false"`.
    pub fn flag(self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn value(self, name: &str) -> Option<&'a Value> {
        name.split('.').try_fold(self.0, |value, key| value.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_other_types_are_absent() {
        let document =
            json!({"a": {"b": "x", "n": 1, "e": "", "t": "true", "f": false}, "l": ["x"]});
        let fields = Fields(&document);
        assert_eq!(fields.text("a.b"), Some("x"));
        for name in ["a", "a.n", "a.e", "a.b.c", "l", "l.0", "none", ""] {
            assert_eq!(fields.text(name), None, "{name}");
        }
        assert_eq!(fields.texts("l").collect::<Vec<_>>(), ["x"]);
        assert_eq!(fields.texts("a.b").count(), 0);
        assert_eq!(
            (fields.flag("a.t"), fields.flag("a.f"), fields.flag("a.b")),
            (Some(true), Some(false), None)
        );
    }
}
