//! The output of `aws iam get-account-authorization-details`, as what the model says at one time.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::changes::{Change, ModelEvent};
use super::group::{GroupEvent, GroupEventKind, InlinePolicy};
use super::policy::{PolicyEvent, PolicyEventKind};
use crate::power::{Grants, aws_managed};

/// The pages that were read, of any number of accounts.
#[derive(Debug, Default)]
pub struct AuthorizationDetails {
    accounts: BTreeMap<String, AccountDetails>,
    /// The lists that some page had.
    lists: BTreeSet<&'static str>,
}

/// What the pages say of one account.
#[derive(Debug, Default)]
pub struct AccountDetails {
    /// By name in lower case.
    groups: BTreeMap<String, GroupDetails>,
    /// By ARN.
    policies: BTreeMap<String, PolicyEventKind>,
    /// By name in lower case.
    users: BTreeMap<String, GroupDetails>,
}

/// What is known of an account already, by name in lower case or by ARN.
#[derive(Debug, Default)]
pub struct KnownNames<'k> {
    /// Of groups.
    pub groups: Vec<&'k str>,
    /// Of users.
    pub users: Vec<&'k str>,
    /// ARNs of customer policies.
    pub policies: Vec<&'k str>,
}

/// A group, or a user with its own policies.
#[derive(Debug, Default)]
struct GroupDetails {
    /// `None` if only a user names the group so far.
    name: Option<String>,
    members: Vec<String>,
    attached: Vec<String>,
    inline: Vec<InlinePolicy>,
}

/// Why a page cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ImportError {
    #[error(
        "it is not the output of aws iam get-account-authorization-details: it has none of \
         GroupDetailList, UserDetailList and Policies"
    )]
    OtherFile,
    #[error("{list}[{index}] has no {field}")]
    MissingField { list: &'static str, index: usize, field: &'static str },
    #[error("{list}[{index}] has an ARN of no account: {arn:?}")]
    BadArn { list: &'static str, index: usize, arn: String },
    #[error("the files have no {0}: they are incomplete, and would remove what they do not name")]
    MissingList(&'static str),
    #[error(
        "users are members of the group {group:?} of account {account}, which no page describes"
    )]
    MissingGroup { account: String, group: String },
}

const LISTS: [&str; 3] = ["GroupDetailList", "UserDetailList", "Policies"];

impl AuthorizationDetails {
    /// Adds one page. Pages can be in any order.
    ///
    /// # Errors
    ///
    /// Fails if the page is another document, or lacks what is needed.
    pub fn add_page(&mut self, page: &Value) -> Result<(), ImportError> {
        let lists = LISTS.map(|name| (name, page.get(name).and_then(Value::as_array)));
        if lists.iter().all(|(_, list)| list.is_none()) {
            return Err(ImportError::OtherFile);
        }
        for (list, items) in lists {
            let Some(items) = items else { continue };
            self.lists.insert(list);
            for (index, item) in items.iter().enumerate() {
                let item = Item { list, index, item };
                match list {
                    "GroupDetailList" => self.add_group(&item)?,
                    "UserDetailList" => self.add_user(&item)?,
                    _ => self.add_policy(&item)?,
                }
            }
        }
        Ok(())
    }

    /// Checks that nothing is missing.
    ///
    /// # Errors
    ///
    /// Fails if a list, or a group that has members, is in no page.
    pub fn check(&self) -> Result<(), ImportError> {
        if let Some(missing) = LISTS.iter().find(|list| !self.lists.contains(*list)) {
            return Err(ImportError::MissingList(missing));
        }
        for (account, details) in &self.accounts {
            if let Some((group, _)) = details.groups.iter().find(|(_, group)| group.name.is_none())
            {
                let (account, group) = (account.clone(), group.clone());
                return Err(ImportError::MissingGroup { account, group });
            }
        }
        Ok(())
    }

    /// The accounts, in the order of their ids.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &AccountDetails)> {
        self.accounts.iter().map(|(account, details)| (&**account, details))
    }

    fn account(&mut self, item: &Item<'_>) -> Result<&mut AccountDetails, ImportError> {
        Ok(self.accounts.entry(item.account()?).or_default())
    }

    fn add_group(&mut self, item: &Item<'_>) -> Result<(), ImportError> {
        let name = item.text("GroupName")?;
        let account = self.account(item)?;
        let group = account.groups.entry(name.to_lowercase()).or_default();
        let members = std::mem::take(&mut group.members);
        *group = GroupDetails { members, ..item.policies(name, "GroupPolicyList") };
        Ok(())
    }

    fn add_user(&mut self, item: &Item<'_>) -> Result<(), ImportError> {
        let user = item.text("UserName")?;
        let account = self.account(item)?;
        let policies = item.policies(user.clone(), "UserPolicyList");
        account.users.insert(user.to_lowercase(), policies);
        for group in item.list("GroupList").iter().filter_map(Value::as_str) {
            let group = account.groups.entry(group.to_lowercase()).or_default();
            group.members.push(user.clone());
        }
        Ok(())
    }

    /// Policies that AWS manages are known by name.
    fn add_policy(&mut self, item: &Item<'_>) -> Result<(), ImportError> {
        let arn = item.text("Arn")?;
        if aws_managed(&arn).is_some() {
            return Ok(());
        }
        let versions = item.list("PolicyVersionList").iter().filter_map(|version| {
            Some((text(version, "VersionId")?, grants(version.get("Document"))))
        });
        let kind = PolicyEventKind::Import {
            versions: versions.collect(),
            default: item.item.get("DefaultVersionId").and_then(Value::as_str).map(str::to_owned),
            groups: Vec::new(),
        };
        self.account(item)?.policies.insert(arn, kind);
        Ok(())
    }
}

impl AccountDetails {
    /// The number of users.
    pub fn users_len(&self) -> usize {
        self.users.len()
    }

    /// The number of groups.
    pub fn groups_len(&self) -> usize {
        self.groups.len()
    }

    /// The number of customer policies.
    pub fn policies_len(&self) -> usize {
        self.policies.len()
    }

    /// The number of memberships.
    pub fn members_len(&self) -> usize {
        self.groups.values().map(|group| group.members.len()).sum()
    }

    /// What the details say of an account at a time. Groups, users and policies that are known and
    /// not in the details did not exist then.
    pub fn changes(&self, account: &str, time: Timestamp, known: &KnownNames<'_>) -> Vec<Change> {
        let mut events = Vec::new();
        let groups = imported(&self.groups, &known.groups, time);
        events.extend(groups.map(ModelEvent::Group));
        let users = imported(&self.users, &known.users, time);
        events.extend(users.map(ModelEvent::UserPolicies));
        events.extend(self.policy_events(&known.policies, time).map(ModelEvent::Policy));
        let change = |event| Change { account: account.to_owned(), event };
        events.into_iter().map(change).collect()
    }

    fn policy_events(&self, known: &[&str], time: Timestamp) -> impl Iterator<Item = PolicyEvent> {
        let mut attached_to: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, details) in &self.groups {
            let name = details.name.as_ref().unwrap_or(key);
            for arn in &details.attached {
                attached_to.entry(arn).or_default().push(name.clone());
            }
        }
        let found = self.policies.iter().map(move |(arn, kind)| {
            let mut kind = kind.clone();
            if let PolicyEventKind::Import { groups, .. } = &mut kind {
                *groups = attached_to.remove(&**arn).unwrap_or_default();
            }
            (arn.clone(), kind)
        });
        let gone = known.iter().filter(|arn| !self.policies.contains_key(**arn));
        let gone = gone.map(|arn| ((*arn).to_owned(), PolicyEventKind::DeletePolicy));
        found.chain(gone).map(move |(arn, kind)| PolicyEvent { time, kind, arn, event_id: None })
    }
}

/// What was found of groups or users, and that those which are known and were not found are gone.
fn imported(
    found: &BTreeMap<String, GroupDetails>,
    known: &[&str],
    time: Timestamp,
) -> impl Iterator<Item = GroupEvent> {
    let gone = known.iter().filter(|name| !found.contains_key(&name.to_lowercase()));
    let gone = gone.map(|name| ((*name).to_owned(), GroupEventKind::ImportedAbsent));
    let found = found.iter().map(|(key, details)| {
        (details.name.clone().unwrap_or_else(|| key.clone()), details.kind())
    });
    found.chain(gone).map(move |(group, kind)| GroupEvent {
        time,
        kind,
        group,
        event_id: None,
        principal: None,
        failed: false,
        suppressed: None,
    })
}

impl GroupDetails {
    fn kind(&self) -> GroupEventKind {
        GroupEventKind::Import {
            members: self.members.clone(),
            attached: self.attached.clone(),
            inline: self.inline.clone(),
        }
    }
}

/// One element of a list of a page.
struct Item<'v> {
    list: &'static str,
    index: usize,
    item: &'v Value,
}

impl<'v> Item<'v> {
    fn text(&self, field: &'static str) -> Result<String, ImportError> {
        let Item { list, index, item } = self;
        text(item, field).ok_or(ImportError::MissingField { list, index: *index, field })
    }

    /// The policies of the item itself, without members.
    fn policies(&self, name: String, inline_list: &str) -> GroupDetails {
        let attached = self.list("AttachedManagedPolicies");
        let attached = attached.iter().filter_map(|policy| text(policy, "PolicyArn"));
        let inline = self.list(inline_list).iter().filter_map(|policy| {
            Some(InlinePolicy {
                name: text(policy, "PolicyName")?,
                grants: grants(policy.get("PolicyDocument")),
            })
        });
        GroupDetails {
            name: Some(name),
            members: Vec::new(),
            attached: attached.collect(),
            inline: inline.collect(),
        }
    }

    fn list(&self, field: &str) -> &'v [Value] {
        self.item.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn account(&self) -> Result<String, ImportError> {
        let arn = self.text("Arn")?;
        let account = arn.split(':').nth(4).filter(|account| is_account(account));
        let error = ImportError::BadArn { list: self.list, index: self.index, arn: arn.clone() };
        account.map(str::to_owned).ok_or(error)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn text(item: &Value, field: &str) -> Option<String> {
    item.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The AWS CLI prints documents as objects, the API gives them as percent-encoded text.
fn grants(document: Option<&Value>) -> Option<Grants> {
    let judged = match document? {
        Value::String(text) if text.starts_with('%') => Grants::from_text(&percent_decode(text)),
        Value::String(text) => Grants::from_text(text),
        document => Grants::from_document(document),
    };
    Some(judged.ok()?.grants)
}

fn percent_decode(text: &str) -> Cow<'_, str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}
