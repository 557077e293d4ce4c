//! What the trail has said of groups, policies and users: one small object each, moved by
//! compare-and-swap.

use std::collections::{BTreeMap, BTreeSet};

use detect::finding::{Call, Finding};
use detect::model::{
    Change, EventLog, GroupEvent, GroupLog, GroupLogs, LogError, LogEvent, ModelEvent, PolicyEvent,
    PolicyLog, UserEvent, UserLog, bounded,
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{LedgerError, LedgerProblem, Result};
use super::stored::{CONCURRENCY, StoredLedger, Swap};
use crate::store::{SmallObject, encode_key_part};

const GROUPS: &str = "groups/";
const DIRECTORY_GROUPS: &str = "directory-groups/";
const POLICIES: &str = "policies/";
const USER_POLICIES: &str = "user-policies/";

/// How often an object is written: the workers of a burst contend.
const TRIES: u32 = 12;

/// Calls of a later time than this after now were not made: they would count for ever.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// All that is to be written, by the key of its object.
#[derive(Debug, Default)]
struct NewEvents {
    groups: BTreeMap<String, Vec<GroupEvent>>,
    policies: BTreeMap<String, Vec<PolicyEvent>>,
    users: BTreeMap<String, Vec<UserEvent>>,
}

impl StoredLedger {
    /// Adds what log objects say. Repeating it changes nothing, and costs a read for each group and
    /// policy. Returns what could not be written, each for itself.
    pub async fn add_changes(&self, changes: Vec<Change>, now: Timestamp) -> Vec<LedgerError> {
        let NewEvents { groups, policies, users } = NewEvents::new(changes, now);
        let mut errors = self.add_events(groups).await;
        errors.extend(self.add_events(policies).await);
        errors.extend(self.add_events(users).await);
        errors
    }

    async fn add_events<E>(&self, by_key: BTreeMap<String, Vec<E>>) -> Vec<LedgerError>
    where
        E: LogEvent + Serialize + DeserializeOwned,
    {
        let mut errors = Vec::new();
        let by_key: Vec<_> = by_key.into_iter().collect();
        for some in by_key.chunks(CONCURRENCY) {
            let writes = some.iter().map(|(key, events)| self.add_to_log(key, events));
            errors.extend(join_all(writes).await.into_iter().filter_map(Result::err));
        }
        errors
    }

    /// A damaged log is replaced: what it knew is lost, and what comes is kept.
    async fn add_to_log<E>(&self, key: &str, events: &[E]) -> Result<()>
    where
        E: LogEvent + Serialize + DeserializeOwned,
    {
        let next = |object: Option<&SmallObject>| {
            let decoded = object.map(|object| EventLog::<E>::decode(&object.bytes)).transpose();
            let mut log = match decoded {
                Ok(log) => log.unwrap_or_default(),
                Err(LogError::Damaged(_)) => EventLog::default(),
                Err(newer) => return Err(LedgerProblem::Model(newer)),
            };
            match log.add(events.iter().cloned()) {
                false => Ok(Swap::Keep(())),
                true => Ok(Swap::Replace(serde_json::to_vec(&log)?.into(), |_| ())),
            }
        };
        self.swap(key, TRIES, next).await
    }

    /// The log of a group's name. Empty if nothing was said of it.
    pub async fn group_log(&self, account: &str, name: &str) -> Result<GroupLog> {
        self.read_log(&group_key(account, name)).await
    }

    /// The log of a group of Identity Center. Empty if nothing was said of it.
    pub async fn directory_group_log(&self, account: &str, id: &str) -> Result<GroupLog> {
        self.read_log(&directory_group_key(account, id)).await
    }

    /// The log of a customer's policy. Empty if nothing was said of it.
    pub async fn policy_log(&self, account: &str, arn: &str) -> Result<PolicyLog> {
        self.read_log(&policy_key(account, arn)).await
    }

    /// The log of a user's own policies. Empty if nothing was said of them.
    pub async fn user_policy_log(&self, account: &str, name: &str) -> Result<GroupLog> {
        self.read_log(&user_policies_key(account, name)).await
    }

    /// The names, in lower case, of the users of an account that something was said of.
    pub async fn user_names(&self, account: &str) -> Result<Vec<String>> {
        let folder = format!("{USER_POLICIES}{}/", encode_key_part(account));
        Ok(self.list_names(&folder).await?.iter().map(|name| decoded(name)).collect())
    }

    /// The renamings and deletions of an account's users.
    pub async fn user_log(&self, account: &str) -> Result<UserLog> {
        self.read_log(&users_key(account)).await
    }

    /// The accounts that something was said of.
    pub async fn model_accounts(&self) -> Result<Vec<String>> {
        let groups = self.list_folders(GROUPS).await?;
        let policies = self.list_folders(POLICIES).await?;
        let folders = groups.iter().chain(&policies);
        let mut accounts: Vec<String> =
            folders.map(|folder| decoded(folder.trim_end_matches('/'))).collect();
        accounts.sort_unstable();
        accounts.dedup();
        Ok(accounts)
    }

    /// The same, if the call of a finding opens a role to other accounts: these are of the trail.
    /// Empty for other calls, which cost nothing. Else it costs two LISTs.
    pub async fn trail_accounts(&self, finding: &Finding) -> Result<BTreeSet<String>> {
        if !Call::new(finding).opens_role() {
            return Ok(BTreeSet::new());
        }
        Ok(self.model_accounts().await?.into_iter().collect())
    }

    /// The logs of all groups of an account, and of its users.
    pub async fn account_groups(&self, account: &str) -> Result<GroupLogs> {
        let logs = self.read_folder::<GroupEvent>(GROUPS, account).await?;
        let named = logs.into_iter().filter_map(|log| {
            let name = log.events.last()?.group.to_lowercase();
            Some((name, log))
        });
        Ok(GroupLogs { groups: named.collect(), users: self.user_log(account).await? })
    }

    /// The logs of all customer policies of an account, by ARN.
    pub async fn account_policies(&self, account: &str) -> Result<BTreeMap<String, PolicyLog>> {
        let logs = self.read_folder::<PolicyEvent>(POLICIES, account).await?;
        let named = logs.into_iter().filter_map(|log| Some((log.events.last()?.arn.clone(), log)));
        Ok(named.collect())
    }

    async fn read_folder<E>(&self, kind: &str, account: &str) -> Result<Vec<EventLog<E>>>
    where
        E: LogEvent + DeserializeOwned,
    {
        let folder = format!("{kind}{}/", encode_key_part(account));
        let keys: Vec<String> = self.list_names(&folder).await?;
        let keys: Vec<String> = keys.iter().map(|name| format!("{folder}{name}")).collect();
        let mut logs = Vec::new();
        for some in keys.chunks(CONCURRENCY) {
            let reads = join_all(some.iter().map(|key| self.read_log(key))).await;
            logs.extend(reads.into_iter().collect::<Result<Vec<_>>>()?);
        }
        Ok(logs)
    }

    async fn read_log<E>(&self, key: &str) -> Result<EventLog<E>>
    where
        E: LogEvent + DeserializeOwned,
    {
        let Some(object) = self.get(key).await? else { return Ok(EventLog::default()) };
        EventLog::decode(&object.bytes)
            .map_err(|error| self.error(key, LedgerProblem::Model(error)))
    }
}

impl NewEvents {
    fn new(changes: Vec<Change>, now: Timestamp) -> NewEvents {
        let mut events = NewEvents::default();
        let latest = now.checked_add(MAX_AHEAD).unwrap_or(Timestamp::MAX);
        for Change { account, event } in changes {
            match event {
                ModelEvent::Group(event) if event.time <= latest => {
                    let key = group_key(&account, &event.group);
                    events.groups.entry(key).or_default().push(event);
                }
                ModelEvent::DirectoryGroup(event) if event.time <= latest => {
                    let key = directory_group_key(&account, &event.group);
                    events.groups.entry(key).or_default().push(event);
                }
                ModelEvent::Policy(event) if event.time <= latest => {
                    let key = policy_key(&account, &event.arn);
                    events.policies.entry(key).or_default().push(event);
                }
                ModelEvent::UserPolicies(event) if event.time <= latest => {
                    let key = user_policies_key(&account, &event.group);
                    events.groups.entry(key).or_default().push(event);
                }
                ModelEvent::User(event) if event.time <= latest => {
                    events.users.entry(users_key(&account)).or_default().push(event);
                }
                _ => {}
            }
        }
        events
    }
}

/// IAM treats names that differ only in case as the same.
fn group_key(account: &str, name: &str) -> String {
    format!(
        "{GROUPS}{}/{}",
        encode_key_part(account),
        encode_key_part(&bounded(name).to_lowercase())
    )
}

fn directory_group_key(account: &str, id: &str) -> String {
    format!("{DIRECTORY_GROUPS}{}/{}", encode_key_part(account), encode_key_part(&bounded(id)))
}

fn policy_key(account: &str, arn: &str) -> String {
    format!("{POLICIES}{}/{}", encode_key_part(account), encode_key_part(&bounded(arn)))
}

fn user_policies_key(account: &str, name: &str) -> String {
    let name = bounded(name).to_lowercase();
    format!("{USER_POLICIES}{}/{}", encode_key_part(account), encode_key_part(&name))
}

fn users_key(account: &str) -> String {
    format!("users/{}", encode_key_part(account))
}

/// Part of a key, as it was before `encode_key_part`.
fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}
