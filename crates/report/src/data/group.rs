//! Groups: what they are known to hold, and what that lets their members do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use detect::finding::GroupAction;
use detect::power::PowerLevel;
use jiff::Timestamp;
use serde::Serialize;

use super::event::{Event, EventKind};
use super::input::Scope;

/// A group after the last event. Texts are as in the records: not safe to print.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Group {
    /// The account.
    pub account: Option<String>,
    /// Its present name.
    pub name: String,
    /// Its earlier names, the oldest first.
    pub former_names: Vec<String>,
    /// What its members can do.
    pub power: GroupPower,
    /// Its members, as far as they are known.
    pub members: BTreeMap<String, KnownMember>,
    /// Its policies, as far as they are known, by ARN or inline name.
    pub policies: BTreeMap<String, HeldPolicy>,
    /// All members and policies are known: those that it had before the period, too.
    pub complete: bool,
    /// When it was deleted.
    pub deleted: Option<Timestamp>,
    /// The number of events of the report that are about it.
    pub events: u64,
    /// The number of changes among them.
    pub changes: u64,
    /// The number of attempts among them that failed.
    pub attempts: u64,
    /// The last event of it.
    pub last_event: Option<Timestamp>,
}

/// A member of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KnownMember {
    /// When it was added, if that is known.
    pub since: Option<Timestamp>,
}

/// A policy of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldPolicy {
    /// It is written into the group, not attached.
    pub inline: bool,
    /// What it can do.
    pub power: PowerLevel,
    /// When the group got it, if that is known.
    pub since: Option<Timestamp>,
}

/// What the members of a group can do through it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GroupPower {
    /// The most that a known policy gives. `None` if no policy is known.
    pub level: Option<PowerLevel>,
    /// All policies are known.
    pub complete: bool,
}

impl GroupPower {
    /// In words, after the name of the group.
    pub fn as_str(self) -> &'static str {
        match (self.level, self.complete) {
            (Some(PowerLevel::Admin), _) => "allows everything",
            (Some(PowerLevel::Escalates), _) => "opens ways to more rights",
            (Some(PowerLevel::Limited), true) => "limited",
            (None, true) => "no policies",
            (Some(PowerLevel::Limited | PowerLevel::Unknown), _) | (None, false) => "not known",
        }
    }

    /// For a colour: `admin`, `escalates`, `limited` or `unknown`.
    pub fn class(self) -> &'static str {
        match (self.level, self.complete) {
            (Some(PowerLevel::Admin), _) => "admin",
            (Some(PowerLevel::Escalates), _) => "escalates",
            (Some(PowerLevel::Limited) | None, true) => "limited",
            _ => "unknown",
        }
    }
}

impl Group {
    fn update_power(&mut self) {
        let level = self.policies.values().map(|policy| policy.power).max();
        self.power = GroupPower { level, complete: self.complete };
    }

    /// Applies a successful call.
    fn apply(&mut self, step: GroupAction, event: &Event) {
        let object = event.object.clone().unwrap_or_default();
        match step {
            GroupAction::Create => {
                self.members.clear();
                self.policies.clear();
                self.former_names.clear();
                self.deleted = None;
                self.complete = true;
            }
            GroupAction::Delete => {
                self.deleted = event.time;
                self.members.clear();
                self.policies.clear();
                self.complete = true;
            }
            GroupAction::Update => {
                if let Some(new) = &event.new_group {
                    let old = std::mem::replace(&mut self.name, new.clone());
                    self.former_names.push(old);
                }
            }
            GroupAction::AddUser => {
                self.members.insert(object, KnownMember { since: event.time });
            }
            GroupAction::RemoveUser => drop(self.members.remove(&object)),
            GroupAction::AttachPolicy | GroupAction::PutPolicy => {
                let policy = HeldPolicy {
                    inline: step == GroupAction::PutPolicy,
                    power: event.policy_power.unwrap_or(PowerLevel::Unknown),
                    since: event.time,
                };
                self.policies.insert(object, policy);
            }
            GroupAction::DetachPolicy | GroupAction::DeletePolicy => {
                self.policies.remove(&object);
            }
        }
        self.update_power();
    }

    /// Takes over what the caller knows. When it came about is known from the events.
    fn take_model(&mut self, model: Group) {
        let Group { account, name, power, mut members, mut policies, complete, .. } = model;
        for (name, member) in &mut members {
            member.since = self.members.get(name).and_then(|known| known.since);
        }
        for (name, policy) in &mut policies {
            policy.since = self.policies.get(name).and_then(|known| known.since);
        }
        let Group { former_names, events, changes, attempts, last_event, .. } =
            std::mem::take(self);
        *self = Group {
            account,
            name,
            former_names,
            power,
            members,
            policies,
            complete,
            deleted: None,
            events,
            changes,
            attempts,
            last_event,
        };
    }

    fn count(&mut self, event: &Event) {
        self.events += 1;
        self.changes += u64::from(event.kind == EventKind::Change);
        self.attempts += u64::from(event.kind == EventKind::Attempt);
        self.last_event = event.time.or(self.last_event);
    }

    fn named(event: &Event, name: &str) -> Group {
        Group { account: event.account.clone(), name: name.to_owned(), ..Group::default() }
    }
}

/// The account, and the name in lower case: IAM does not distinguish groups by case.
type GroupKey = (Option<String>, String);

fn key(account: &Option<String>, name: &str) -> GroupKey {
    (account.clone(), name.to_ascii_lowercase())
}

/// Follows the groups through the events, which are in order, and notes in each event what its
/// group could do before and after. A group that the caller knows replaces what the events show.
/// Returns those that events of the scope are about, by what they can do and their last event.
pub(super) fn follow(events: &mut [Event], known: Vec<Group>, scope: &Scope) -> Vec<Group> {
    let mut groups: HashMap<GroupKey, Group> = HashMap::new();
    for event in events {
        let Some(name) = &event.group else { continue };
        let group_key = key(&event.account, name);
        let mut group = groups.remove(&group_key).unwrap_or_else(|| Group::named(event, name));
        let is_created = event.kind == EventKind::Change && event.step == Some(GroupAction::Create);
        event.power_before = Some(group.power).filter(|_| !is_created);
        if let (EventKind::Change, Some(step)) = (event.kind, event.step) {
            group.apply(step, event);
        }
        event.power_after = Some(group.power);
        if scope.selects(event) {
            group.count(event);
        }
        groups.insert(key(&event.account, &group.name), group);
    }
    for model in known {
        if let Some(group) = groups.get_mut(&key(&model.account, &model.name)) {
            group.take_model(model);
        }
    }
    let mut groups: Vec<Group> = groups.into_values().filter(|group| group.events > 0).collect();
    let level = |group: &Group| group.power.level.filter(|level| level.is_powerful());
    groups.sort_by_cached_key(|group| {
        let is_deleted = group.deleted.is_some();
        (is_deleted, Reverse((level(group), group.last_event)), group.name.clone())
    });
    groups
}
