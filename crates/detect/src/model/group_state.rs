//! What a group was at a time: its members, its policies, and what these let the members do.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::group::{GroupEvent, GroupEventKind, GroupLog, InlinePolicy};
use super::log::EventLog;
use super::users::{UserEvent, UserLog};

/// Renamings that are followed into the past.
const MAX_RENAMINGS: usize = 16;

/// The logs of one group's names, and of the users of its account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupLogs {
    /// By name in lower case.
    pub groups: BTreeMap<String, GroupLog>,
    /// The users of the account.
    pub users: UserLog,
}

/// What a group was at a time, as far as the trail has said it. Texts are not safe to print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupState {
    /// `None` if nothing said whether it exists.
    pub exists: Option<bool>,
    /// All of it is known: its creation was seen, or it was imported.
    pub complete: bool,
    /// Its name as it was written last.
    pub name: Option<String>,
    /// The members, by name in lower case.
    pub members: BTreeMap<String, Held<String>>,
    /// The attached policies, by ARN.
    pub attached: BTreeMap<String, Held<String>>,
    /// The inline policies, by name in lower case.
    pub inline: BTreeMap<String, Held<InlinePolicy>>,
    /// The time of the last change.
    pub changed: Option<Timestamp>,
    /// The same second said that it exists, and that it does not.
    pub uncertain: bool,
    /// When each was last taken away or replaced: what is given within the same second is
    /// uncertain.
    taken: BTreeMap<String, Timestamp>,
}

/// Something that a group has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<T> {
    /// What it is.
    pub value: T,
    /// Within the same second, another call said something else.
    pub uncertain: bool,
    /// Since when.
    since: Timestamp,
}

impl GroupLogs {
    /// The state of the group that had this name at this time.
    pub fn state_at(&self, name: &str, time: Timestamp) -> GroupState {
        self.state(name, time, MAX_RENAMINGS, |_| true)
    }

    /// The state of the group that had the name `old` until it was renamed at this time.
    fn state_before_renaming(&self, old: &str, time: Timestamp, renamings: usize) -> GroupState {
        let is_before = |event: &GroupEvent| {
            event.time < time || !matches!(event.kind, GroupEventKind::RenamedTo { .. })
        };
        self.state(old, time, renamings, is_before)
    }

    fn state(
        &self,
        name: &str,
        time: Timestamp,
        renamings: usize,
        is_wanted: impl Fn(&GroupEvent) -> bool,
    ) -> GroupState {
        let log = self.groups.get(&name.to_lowercase());
        let events = log.map(|log| log.until(time)).unwrap_or_default();
        let mut users = self.users.until(time).iter().peekable();
        let mut state = GroupState::default();
        for event in events.iter().filter(|event| is_wanted(event)) {
            while let Some(user) = users.next_if(|user| user.time <= event.time) {
                state.apply_user(user);
            }
            if let GroupEventKind::RenamedFrom { from } = &event.kind
                && !event.failed
            {
                state = match renamings.checked_sub(1) {
                    Some(rest) => self.state_before_renaming(from, event.time, rest),
                    None => GroupState::default(),
                };
                state.exists = Some(true);
                state.name = Some(event.group.clone());
                state.changed = Some(event.time);
            } else {
                state.apply(event);
            }
        }
        users.for_each(|user| state.apply_user(user));
        state
    }
}

impl GroupState {
    fn apply(&mut self, event: &GroupEvent) {
        if event.failed {
            return;
        }
        self.name = Some(event.group.clone());
        match &event.kind {
            GroupEventKind::CreateGroup => self.begin(event.time, true),
            GroupEventKind::DeleteGroup
            | GroupEventKind::ImportedAbsent
            | GroupEventKind::RenamedTo { .. } => self.begin(event.time, false),
            GroupEventKind::Import { members, attached, inline } => {
                self.begin(event.time, true);
                members.iter().for_each(|user| self.add_member(user, event.time));
                attached.iter().for_each(|arn| self.attach(arn, event.time));
                inline.iter().for_each(|policy| self.write(policy.clone(), event.time));
            }
            // State before a renaming is taken by `GroupLogs::state`.
            GroupEventKind::RenamedFrom { .. } => {}
            GroupEventKind::UpdateGroup { to } => {
                self.name = to.clone().or_else(|| self.name.take());
            }
            GroupEventKind::AddUserToGroup { user: Some(user) } => {
                self.add_member(user, event.time);
            }
            GroupEventKind::RemoveUserFromGroup { user: Some(user) } => {
                let user = user.to_lowercase();
                self.take(format!("member {user}"), event.time);
                self.members.remove(&user);
            }
            GroupEventKind::AttachGroupPolicy { arn: Some(arn) } => self.attach(arn, event.time),
            GroupEventKind::DetachGroupPolicy { arn: Some(arn) } => {
                self.take(format!("attached {arn}"), event.time);
                self.attached.remove(arn);
            }
            GroupEventKind::PutGroupPolicy { policy: Some(name), grants } => {
                self.write(InlinePolicy { name: name.clone(), grants: grants.clone() }, event.time);
            }
            GroupEventKind::DeleteGroupPolicy { policy: Some(name) } => {
                let name = name.to_lowercase();
                self.take(format!("inline {name}"), event.time);
                self.inline.remove(&name);
            }
            // It does not say what was given or taken.
            GroupEventKind::AddUserToGroup { user: None }
            | GroupEventKind::RemoveUserFromGroup { user: None }
            | GroupEventKind::AttachGroupPolicy { arn: None }
            | GroupEventKind::DetachGroupPolicy { arn: None }
            | GroupEventKind::PutGroupPolicy { policy: None, .. }
            | GroupEventKind::DeleteGroupPolicy { policy: None } => self.complete = false,
        }
        self.changed = Some(event.time);
    }

    /// A group of this name began or ended: nothing of an earlier one is left.
    fn begin(&mut self, time: Timestamp, exists: bool) {
        *self = GroupState {
            exists: Some(exists),
            complete: true,
            name: self.name.take(),
            uncertain: self.changed == Some(time) && self.exists == Some(!exists),
            ..GroupState::default()
        };
    }

    fn add_member(&mut self, user: &str, time: Timestamp) {
        let key = user.to_lowercase();
        let uncertain = self.is_taken(&format!("member {key}"), time);
        self.members.insert(key, Held { value: user.to_owned(), since: time, uncertain });
        self.give();
    }

    fn attach(&mut self, arn: &str, time: Timestamp) {
        let uncertain = self.is_taken(&format!("attached {arn}"), time);
        let held = Held { value: arn.to_owned(), since: time, uncertain };
        self.attached.insert(arn.to_owned(), held);
        self.give();
    }

    fn write(&mut self, policy: InlinePolicy, time: Timestamp) {
        let key = policy.name.to_lowercase();
        let is_replaced = self.inline.get(&key).is_some_and(|before| {
            before.since == time && (before.uncertain || before.value != policy)
        });
        let uncertain = is_replaced || self.is_taken(&format!("inline {key}"), time);
        self.inline.insert(key, Held { value: policy, since: time, uncertain });
        self.give();
    }

    /// Only a group that exists can be given something.
    fn give(&mut self) {
        if self.exists == Some(false) {
            self.uncertain = true;
        }
        self.exists = Some(true);
    }

    fn take(&mut self, what: String, time: Timestamp) {
        self.taken.insert(what, time);
        self.exists = self.exists.or(Some(true));
    }

    fn is_taken(&self, what: &str, time: Timestamp) -> bool {
        self.taken.get(what) == Some(&time)
    }

    fn apply_user(&mut self, event: &UserEvent) {
        let Some(member) = self.members.remove(&event.user.to_lowercase()) else { return };
        if let Some(to) = &event.to {
            let renamed = Held { value: to.clone(), ..member };
            self.members.insert(to.to_lowercase(), renamed);
        }
    }
}

impl EventLog<GroupEvent> {
    /// The name that the group of this time had before, and when it was renamed from it.
    pub fn renamed_from(&self, time: Timestamp) -> Option<(&str, Timestamp)> {
        for event in self.until(time).iter().rev().filter(|event| !event.failed) {
            match &event.kind {
                GroupEventKind::RenamedFrom { from } => return Some((from, event.time)),
                GroupEventKind::RenamedTo { .. } if event.time == time => {}
                GroupEventKind::CreateGroup
                | GroupEventKind::DeleteGroup
                | GroupEventKind::RenamedTo { .. } => return None,
                _ => {}
            }
        }
        None
    }

    /// The name that the last group of this name got, if it was renamed up to this time.
    pub fn last_renamed_to(&self, time: Timestamp) -> Option<&str> {
        let mut events = self.until(time).iter().rev().filter(|event| !event.failed);
        events.find_map(|event| match &event.kind {
            GroupEventKind::RenamedTo { to } => Some(&**to),
            _ => None,
        })
    }

    /// The name that the group got, and when, by the first renaming from this time on.
    pub fn renamed_to(&self, time: Timestamp) -> Option<(&str, Timestamp)> {
        let mut events = self.events.iter().filter(|event| event.time >= time && !event.failed);
        events.find_map(|event| match &event.kind {
            GroupEventKind::RenamedTo { to } => Some((&**to, event.time)),
            _ => None,
        })
    }
}
