//! What a finding's group can do, as the trail has said it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{GroupState, PolicyState};
use crate::power::{Grants, Power, PowerLevel, managed_grants};

/// What a group has, and what that lets its members do. Texts are as in the record: not safe to
/// print.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupContext {
    /// What its policies grant together, as far as they are known.
    pub grants: Grants,
    /// Its policies.
    pub policies: Vec<GroupPolicy>,
    /// Its members.
    pub members: Vec<String>,
    /// It is known what else it had when the trail was first read: nothing.
    pub complete: bool,
    /// Calls within the same second said different things of it.
    pub uncertain: bool,
}

/// A policy of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPolicy {
    /// The ARN of an attached policy, or the name of an inline one.
    pub name: String,
    /// What it lets its holders do.
    pub power: PowerLevel,
}

impl GroupContext {
    /// The context of a state. `policies` has the customer's policies by ARN.
    pub fn new(state: &GroupState, policies: &BTreeMap<String, PolicyState>) -> GroupContext {
        let mut context = GroupContext {
            members: state.members.values().map(|member| member.value.clone()).collect(),
            complete: state.complete,
            uncertain: state.uncertain,
            ..GroupContext::default()
        };
        for (arn, held) in &state.attached {
            let policy = policies.get(arn);
            let grants = managed_grants(arn).or_else(|| policy?.grants().cloned());
            context.uncertain |= held.uncertain || policy.is_some_and(|policy| policy.uncertain);
            context.add(arn, grants);
        }
        for held in state.inline.values() {
            context.uncertain |= held.uncertain;
            context.add(&held.value.name, held.value.grants.clone());
        }
        context
    }

    /// What its members can do. Unknown if a policy is not known, or there may be others, and the
    /// known ones give no power.
    pub fn power(&self) -> Power {
        let power = Power::from_grants(&self.grants);
        let is_known = self.complete && !self.has_unknown_policy();
        if is_known || power.level().is_powerful() { power } else { Power::Unknown }
    }

    /// Returns true if the document of one of its policies is not known.
    pub fn has_unknown_policy(&self) -> bool {
        self.policies.iter().any(|policy| policy.power == PowerLevel::Unknown)
    }

    fn add(&mut self, name: &str, grants: Option<Grants>) {
        let level = |grants: &Grants| Power::from_grants(grants).level();
        let power = grants.as_ref().map_or(PowerLevel::Unknown, level);
        self.policies.push(GroupPolicy { name: name.to_owned(), power });
        let known = std::mem::take(&mut self.grants);
        self.grants = Grants::union([known, grants.unwrap_or_default().of_policy(name)]);
    }
}
