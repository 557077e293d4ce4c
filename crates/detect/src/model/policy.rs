//! What happened to a customer's policy: its versions, which of them is in force, and the groups
//! that it is attached to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::log::{EventKey, EventLog, LogEvent};
use crate::power::{Grants, Power, PowerLevel};

/// The events of one customer policy.
pub type PolicyLog = EventLog<PolicyEvent>;

/// One event in the life of a policy. Texts are as in the record: not safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyEvent {
    /// `eventTime`.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: PolicyEventKind,
    /// The policy's ARN.
    pub arn: String,
    /// `eventID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
}

/// What happened to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action")]
#[expect(missing_docs, reason = "the calls of IAM")]
pub enum PolicyEventKind {
    CreatePolicy {
        /// `None` if the document is not known.
        grants: Option<Grants>,
    },
    DeletePolicy,
    CreatePolicyVersion {
        version: String,
        default: bool,
        grants: Option<Grants>,
    },
    SetDefaultPolicyVersion {
        version: String,
    },
    DeletePolicyVersion {
        version: String,
    },
    AttachGroupPolicy {
        group: String,
    },
    DetachGroupPolicy {
        group: String,
    },
    /// Not a call: what `trailbell model import` read.
    Import {
        versions: Vec<(String, Option<Grants>)>,
        default: Option<String>,
        groups: Vec<String>,
    },
}

/// What a policy was at a time, as far as the trail has said it. Texts are not safe to print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyState {
    /// `None` if nothing said whether it exists.
    pub exists: Option<bool>,
    /// Its versions.
    pub versions: BTreeMap<String, PolicyVersion>,
    /// The version in force.
    pub default: Option<String>,
    /// Within the same second, another call set another version in force.
    pub uncertain: bool,
    /// The groups that it is attached to, by name in lower case.
    pub groups: BTreeMap<String, String>,
    default_since: Option<Timestamp>,
}

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// `None` if its document is not known.
    pub grants: Option<Grants>,
}

impl PolicyEventKind {
    pub(super) fn grants(&self) -> Option<&Grants> {
        match self {
            PolicyEventKind::CreatePolicy { grants }
            | PolicyEventKind::CreatePolicyVersion { grants, .. } => grants.as_ref(),
            _ => None,
        }
    }

    fn step(&self) -> u8 {
        match self {
            PolicyEventKind::Import { .. } => 0,
            PolicyEventKind::DeletePolicy => 1,
            PolicyEventKind::CreatePolicy { .. } => 2,
            PolicyEventKind::CreatePolicyVersion { .. } => 3,
            PolicyEventKind::SetDefaultPolicyVersion { .. } => 4,
            PolicyEventKind::DeletePolicyVersion { .. } => 5,
            PolicyEventKind::DetachGroupPolicy { .. } => 6,
            PolicyEventKind::AttachGroupPolicy { .. } => 7,
        }
    }
}

impl LogEvent for PolicyEvent {
    const NEWEST: usize = 100;

    fn time(&self) -> Timestamp {
        self.time
    }

    fn key(&self) -> EventKey {
        let PolicyEvent { time, kind, arn, event_id } = self;
        EventKey {
            time: *time,
            step: kind.step(),
            power: (PowerLevel::Unknown, 0),
            content: json!([kind, arn, event_id]).to_string(),
        }
    }

    fn decides(&self) -> Vec<String> {
        let version = |version: &str| format!("version {version}");
        match &self.kind {
            PolicyEventKind::CreatePolicy { .. }
            | PolicyEventKind::DeletePolicy
            | PolicyEventKind::Import { .. } => vec!["policy".to_owned()],
            PolicyEventKind::CreatePolicyVersion { version: name, default: true, .. } => {
                vec![version(name), "default".to_owned()]
            }
            PolicyEventKind::CreatePolicyVersion { version: name, .. }
            | PolicyEventKind::DeletePolicyVersion { version: name } => vec![version(name)],
            PolicyEventKind::SetDefaultPolicyVersion { .. } => vec!["default".to_owned()],
            PolicyEventKind::AttachGroupPolicy { group }
            | PolicyEventKind::DetachGroupPolicy { group } => {
                vec![format!("group {}", group.to_lowercase())]
            }
        }
    }

    fn merge(&mut self, _: &PolicyEvent) {}

    fn outline(self) -> PolicyEvent {
        PolicyEvent { event_id: None, ..self }
    }
}

impl PolicyLog {
    /// The state at a time.
    pub fn state_at(&self, time: Timestamp) -> PolicyState {
        let mut state = PolicyState::default();
        self.until(time).iter().for_each(|event| state.apply(event));
        state
    }
}

impl PolicyState {
    /// What the version in force grants. `None` if that is not known.
    pub fn grants(&self) -> Option<&Grants> {
        self.versions.get(self.default.as_ref()?)?.grants.as_ref()
    }

    /// What the version in force lets its holders do.
    pub fn power(&self) -> Power {
        self.grants().map_or(Power::Unknown, Power::from_grants)
    }

    fn apply(&mut self, event: &PolicyEvent) {
        match &event.kind {
            PolicyEventKind::CreatePolicy { grants } => {
                self.begin(true);
                self.add_version("v1", grants.clone());
                self.set_default("v1", event.time);
            }
            PolicyEventKind::DeletePolicy => self.begin(false),
            PolicyEventKind::Import { versions, default, groups } => {
                self.begin(true);
                let groups = groups.iter().map(|group| (group.to_lowercase(), group.clone()));
                self.groups = groups.collect();
                for (version, grants) in versions {
                    self.add_version(version, grants.clone());
                }
                if let Some(default) = default {
                    self.set_default(default, event.time);
                }
            }
            PolicyEventKind::CreatePolicyVersion { version, default, grants } => {
                self.add_version(version, grants.clone());
                if *default {
                    self.set_default(version, event.time);
                }
            }
            PolicyEventKind::SetDefaultPolicyVersion { version } => {
                self.set_default(version, event.time);
            }
            PolicyEventKind::DeletePolicyVersion { version } => {
                // The version in force cannot be deleted.
                if self.default.as_ref() != Some(version) {
                    self.versions.remove(version);
                }
            }
            PolicyEventKind::AttachGroupPolicy { group } => {
                self.exists = Some(true);
                self.groups.insert(group.to_lowercase(), group.clone());
            }
            PolicyEventKind::DetachGroupPolicy { group } => {
                self.groups.remove(&group.to_lowercase());
            }
        }
    }

    fn begin(&mut self, exists: bool) {
        *self = PolicyState { exists: Some(exists), ..PolicyState::default() };
    }

    fn add_version(&mut self, version: &str, grants: Option<Grants>) {
        self.exists = Some(true);
        self.versions.insert(version.to_owned(), PolicyVersion { grants });
    }

    /// Of two versions set in force within one second, the more powerful one counts.
    fn set_default(&mut self, version: &str, time: Timestamp) {
        self.exists = Some(true);
        let is_other = self.default.as_deref().is_some_and(|before| before != version);
        let same_second = self.default_since == Some(time) && is_other;
        if same_second && self.weight(self.default.as_deref()) > self.weight(Some(version)) {
            self.uncertain = true;
            return;
        }
        self.uncertain = same_second || (self.uncertain && self.default_since == Some(time));
        self.default = Some(version.to_owned());
        self.default_since = Some(time);
    }

    fn weight(&self, version: Option<&str>) -> (PowerLevel, usize, Option<String>) {
        let grants = version.and_then(|it| self.versions.get(it)).and_then(|it| it.grants.as_ref());
        let power = grants.map_or(Power::Unknown, Power::from_grants);
        let ways = match &power {
            Power::Escalates(ways) => ways.len(),
            _ => 0,
        };
        (power.level(), ways, version.map(str::to_owned))
    }
}
