//! What one record says of groups, policies and users.

use jiff::Timestamp;

use super::group::{GroupEvent, GroupEventKind};
use super::policy::{PolicyEvent, PolicyEventKind};
use super::users::UserEvent;
use crate::cloudtrail::Record;
use crate::finding::{GroupAction, Principal, requested_group, requested_user};
use crate::power::{Grants, aws_managed};

/// The calls of IAM that change what the model says.
pub const MODEL_ACTIONS: [&str; 21] = [
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
    "CreateUser",
    "UpdateUser",
    "DeleteUser",
    "AttachUserPolicy",
    "DetachUserPolicy",
    "PutUserPolicy",
    "DeleteUserPolicy",
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
    /// A user was renamed or deleted.
    User(UserEvent),
    /// Of a user's own policies: as of a group that has the user's name and no members.
    UserPolicies(GroupEvent),
}

impl ModelEvent {
    /// How many grants of policies it has.
    pub fn grants_len(&self) -> usize {
        let grants = match self {
            ModelEvent::Group(event) | ModelEvent::UserPolicies(event) => event.kind.grants(),
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
        None => reader
            .policy_change(action, account)
            .into_iter()
            .chain(reader.user_events(action))
            .collect(),
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
            return self.renamed(group, to).map(ModelEvent::Group).into();
        }
        let policy =
            object.filter(|_| !failed).and_then(|arn| self.policy_event(action, arn, account));
        let group = ModelEvent::Group(self.group_event(kind, group));
        [Some(group), policy].into_iter().flatten().collect()
    }

    /// In the logs of both names.
    fn renamed(&self, from: &str, to: &str) -> [GroupEvent; 2] {
        let away = GroupEventKind::RenamedTo { to: to.to_owned() };
        let here = GroupEventKind::RenamedFrom { from: from.to_owned() };
        [self.group_event(away, from), self.group_event(here, to)]
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

    fn policy_change(&self, action: &str, account: &str) -> Option<ModelEvent> {
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
            _ => return None,
        };
        let arn = self.parameter("policyArn").or_else(|| self.response(&["policy", "arn"]));
        let arn = arn.or_else(|| self.created_arn(account))?;
        is_customers(&arn, account).then(|| self.policy(kind, arn))
    }

    /// What happened to a user itself, and to its own policies.
    fn user_events(&self, action: &str) -> Vec<ModelEvent> {
        let Some(user) = self.parameter("userName") else { return Vec::new() };
        let policies = |kind| ModelEvent::UserPolicies(self.group_event(kind, &user));
        let account = |to| ModelEvent::User(UserEvent { time: self.time, user: user.clone(), to });
        let arn = || self.parameter("policyArn");
        let policy = || self.parameter("policyName");
        match action {
            "CreateUser" => vec![policies(GroupEventKind::CreateGroup)],
            "DeleteUser" => vec![account(None), policies(GroupEventKind::DeleteGroup)],
            "UpdateUser" => {
                let Some(to) = self.parameter("newUserName") else { return Vec::new() };
                let mut events = vec![account(Some(to.clone()))];
                if !to.eq_ignore_ascii_case(&user) {
                    events.extend(self.renamed(&user, &to).map(ModelEvent::UserPolicies));
                }
                events
            }
            "AttachUserPolicy" => vec![policies(GroupEventKind::AttachGroupPolicy { arn: arn() })],
            "DetachUserPolicy" => vec![policies(GroupEventKind::DetachGroupPolicy { arn: arn() })],
            "PutUserPolicy" => {
                let grants = self.grants();
                vec![policies(GroupEventKind::PutGroupPolicy { policy: policy(), grants })]
            }
            "DeleteUserPolicy" => {
                vec![policies(GroupEventKind::DeleteGroupPolicy { policy: policy() })]
            }
            _ => Vec::new(),
        }
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
