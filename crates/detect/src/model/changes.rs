//! What one record says of groups, policies and users.

use jiff::Timestamp;

use super::group::{GroupEvent, GroupEventKind};
use super::policy::{PolicyEvent, PolicyEventKind};
use super::users::UserEvent;
use crate::cloudtrail::Record;
use crate::finding::{GroupAction, Principal, requested_group, requested_user};
use crate::power::{Grants, aws_managed};

/// The calls of IAM that change what the model says.
pub const MODEL_ACTIONS: [&str; 16] = [
    "CreateGroup",
    "DeleteGroup",
    "UpdateGroup",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "AttachGroupPolicy",
    "DetachGroupPolicy",
    "PutGroupPolicy",
    "DeleteGroupPolicy",
    "CreatePolicy",
    "DeletePolicy",
    "CreatePolicyVersion",
    "SetDefaultPolicyVersion",
    "DeletePolicyVersion",
    "UpdateUser",
    "DeleteUser",
];

/// The ARN of a policy has up to about 700. A failed call can have any text.
const MAX_TEXT_BYTES: usize = 1_024;

/// What a record says of one group, one policy, or the users of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The account.
    pub account: String,
    /// What happened.
    pub event: ModelEvent,
}

/// An event of one of the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelEvent {
    /// Of a group.
    Group(GroupEvent),
    /// Of a group of Identity Center, by its id. It has no policies of IAM.
    DirectoryGroup(GroupEvent),
    /// Of a customer's policy.
    Policy(PolicyEvent),
    /// Of a user.
    User(UserEvent),
}

impl ModelEvent {
    /// How many grants of policies it has.
    pub fn grants_len(&self) -> usize {
        let grants = match self {
            ModelEvent::Group(event) => event.kind.grants(),
            ModelEvent::Policy(event) => event.kind.grants(),
            ModelEvent::DirectoryGroup(_) | ModelEvent::User(_) => None,
        };
        grants.map_or(0, |grants| grants.allowed.len() + grants.denied.len())
    }
}

/// What a record says. `suppressed`: all of its findings match an exception; `None` if there are
/// none. Empty if the record is of another call, or has no time or account.
pub fn read_changes(record: &Record, suppressed: Option<bool>) -> Vec<Change> {
    let Some(provider) = record.text(&["eventSource"]) else { return Vec::new() };
    let parts = (record.text(&["eventName"]), record.time(), record.account());
    let (Some(action), Some(time), Some(account)) = parts else { return Vec::new() };
    let reader = ChangeReader { record, time, suppressed };
    let events = match GroupAction::from_call(provider, action) {
        Some(action) => reader.group_events(action, account),
        None if provider != "iam.amazonaws.com" => {
            reader.directory_event(provider, action).into_iter().collect()
        }
        None if reader.failed() => Vec::new(),
        None => reader.other_events(action, account).into_iter().collect(),
    };
    events.into_iter().map(|event| Change { account: account.to_owned(), event }).collect()
}

struct ChangeReader<'r> {
    record: &'r Record,
    time: Timestamp,
    suppressed: Option<bool>,
}

impl ChangeReader<'_> {
    fn group_events(&self, action: GroupAction, account: &str) -> Vec<ModelEvent> {
        let Some(group) = requested_group(self.record) else { return Vec::new() };
        let failed = self.failed();
        let object = self.object(action);
        let kind = GroupEventKind::from_call(action, object.clone(), self.grants());
        if let (GroupEventKind::UpdateGroup { to: Some(to) }, false) = (&kind, failed)
            && !to.eq_ignore_ascii_case(group)
        {
            let away = GroupEventKind::RenamedTo { to: to.clone() };
            let here = GroupEventKind::RenamedFrom { from: group.to_owned() };
            return vec![
                ModelEvent::Group(self.group_event(away, group)),
                ModelEvent::Group(self.group_event(here, to)),
            ];
        }
        let policy =
            object.filter(|_| !failed).and_then(|arn| self.policy_event(action, arn, account));
        let group = ModelEvent::Group(self.group_event(kind, group));
        [Some(group), policy].into_iter().flatten().collect()
    }

    fn group_event(&self, kind: GroupEventKind, group: &str) -> GroupEvent {
        GroupEvent {
            time: self.time,
            kind,
            group: bounded(group),
            event_id: self.event_id(),
            principal: Some(bounded(&Principal::from_record(self.record).label)),
            failed: self.failed(),
            suppressed: self.suppressed,
        }
    }

    fn directory_event(&self, provider: &str, action: &str) -> Option<ModelEvent> {
        let action = GroupAction::from_directory_call(provider, action)?;
        let user = requested_user(self.record).map(bounded);
        let kind = GroupEventKind::from_call(action, user, None);
        let group = requested_group(self.record)?;
        Some(ModelEvent::DirectoryGroup(self.group_event(kind, group)))
    }

    /// A policy is attached or detached.
    fn policy_event(&self, action: GroupAction, arn: String, account: &str) -> Option<ModelEvent> {
        let group = requested_group(self.record)?.to_owned();
        let kind = match action {
            GroupAction::AttachPolicy => PolicyEventKind::AttachGroupPolicy { group },
            GroupAction::DetachPolicy => PolicyEventKind::DetachGroupPolicy { group },
            _ => return None,
        };
        is_customers(&arn, account).then(|| self.policy(kind, arn))
    }

    fn other_events(&self, action: &str, account: &str) -> Option<ModelEvent> {
        let kind = match action {
            "CreatePolicy" => PolicyEventKind::CreatePolicy { grants: self.grants() },
            "DeletePolicy" => PolicyEventKind::DeletePolicy,
            "CreatePolicyVersion" => PolicyEventKind::CreatePolicyVersion {
                version: self.response(&["policyVersion", "versionId"])?,
                default: self.is_default(),
                grants: self.grants(),
            },
            "SetDefaultPolicyVersion" => {
                PolicyEventKind::SetDefaultPolicyVersion { version: self.parameter("versionId")? }
            }
            "DeletePolicyVersion" => {
                PolicyEventKind::DeletePolicyVersion { version: self.parameter("versionId")? }
            }
            "UpdateUser" => return self.user_event(Some(self.parameter("newUserName")?)),
            "DeleteUser" => return self.user_event(None),
            _ => return None,
        };
        let arn = self.parameter("policyArn").or_else(|| self.response(&["policy", "arn"]));
        let arn = arn.or_else(|| self.created_arn(account))?;
        is_customers(&arn, account).then(|| self.policy(kind, arn))
    }

    /// Another spelling of the same name renames nobody.
    fn user_event(&self, to: Option<String>) -> Option<ModelEvent> {
        let user = self.parameter("userName")?;
        let event = UserEvent { time: self.time, user, to };
        Some(ModelEvent::User(event))
    }

    fn policy(&self, kind: PolicyEventKind, arn: String) -> ModelEvent {
        ModelEvent::Policy(PolicyEvent { time: self.time, kind, arn, event_id: self.event_id() })
    }

    /// See [`Call::object`](crate::finding::Call::object).
    fn object(&self, action: GroupAction) -> Option<String> {
        self.parameter(match action {
            GroupAction::Create | GroupAction::Delete => return None,
            GroupAction::Update => "newGroupName",
            GroupAction::AddUser | GroupAction::RemoveUser => "userName",
            GroupAction::AttachPolicy | GroupAction::DetachPolicy => "policyArn",
            GroupAction::PutPolicy | GroupAction::DeletePolicy => "policyName",
        })
    }

    /// Of a failed call, the document may be of any size, and changes nothing.
    fn grants(&self) -> Option<Grants> {
        if self.failed() {
            return None;
        }
        let document = self.record.text(&["requestParameters", "policyDocument"])?;
        Some(Grants::from_text(document).ok()?.grants)
    }

    /// The ARN of a new policy whose record has no response.
    fn created_arn(&self, account: &str) -> Option<String> {
        let name = self.parameter("policyName")?;
        let path = self.parameter("path").unwrap_or_else(|| "/".to_owned());
        let partition = match self.record.text(&["awsRegion"]).unwrap_or_default() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Some(format!("arn:{partition}:iam::{account}:policy{path}{name}"))
    }

    fn is_default(&self) -> bool {
        let flag = self.record.get(&["requestParameters", "setAsDefault"]);
        flag.is_some_and(|flag| flag.as_bool() == Some(true) || flag.as_str() == Some("true"))
    }

    fn parameter(&self, name: &str) -> Option<String> {
        self.record.text(&["requestParameters", name]).map(bounded)
    }

    fn response(&self, path: &[&str; 2]) -> Option<String> {
        self.record.text(&["responseElements", path[0], path[1]]).map(bounded)
    }

    fn event_id(&self) -> Option<String> {
        self.record.text(&["eventID"]).map(bounded)
    }

    fn failed(&self) -> bool {
        let has = |field| self.record.get(&[field]).is_some();
        has("errorCode") || has("errorMessage")
    }
}

/// The text as the model has it: at most 1,024 bytes. What IAM accepts is whole.
pub fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()
}

/// Returns true if the policy is one of this account, not one that AWS manages.
fn is_customers(arn: &str, account: &str) -> bool {
    let owner = arn.split(':').nth(4);
    aws_managed(arn).is_none() && owner == Some(account)
}
