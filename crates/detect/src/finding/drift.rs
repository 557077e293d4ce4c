//! What a new version of a customer's policy gives to the groups that it is attached to.

use serde::{Deserialize, Serialize};

use super::GroupContext;
use super::call::Call;
use crate::power::{PowerLevel, open_ways};

/// What a new default version of a policy gave to groups. Texts are as in the record: not safe to
/// print.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDrift {
    /// The version that was in force before. `None` if it is not known.
    pub previous: Option<String>,
    /// The groups whose power was raised.
    pub groups: Vec<GroupGain>,
}

/// What a group gained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupGain {
    /// The group's name.
    pub group: String,
    /// What its members could do before.
    pub before: PowerLevel,
    /// What they can do now.
    pub power: PowerLevel,
    /// The ids of the ways that are open now and were not.
    pub ways: Vec<String>,
    /// Its members.
    pub members: Vec<String>,
}

impl PolicyDrift {
    /// The highest power of a group that gained. `None` if none did.
    pub fn power(&self) -> Option<PowerLevel> {
        self.groups.iter().map(|group| group.power).max()
    }
}

impl GroupGain {
    /// Returns `None` if the group can do no more than before.
    pub fn between(name: &str, before: &GroupContext, after: &GroupContext) -> Option<GroupGain> {
        let ways = |context: &GroupContext| -> Vec<&str> {
            open_ways(&context.grants).iter().map(|open| open.way.id).collect()
        };
        let levels = [before, after].map(|context| context.power().level());
        let open_before = ways(before);
        let gained = ways(after).into_iter().filter(|id| !open_before.contains(id));
        let gained: Vec<String> = gained.map(str::to_owned).collect();
        let is_raised = levels[1].is_powerful() && (levels[1] > levels[0] || !gained.is_empty());
        is_raised.then(|| GroupGain {
            group: name.to_owned(),
            before: levels[0],
            power: levels[1],
            ways: gained,
            members: after.members.clone(),
        })
    }
}

impl<'a> Call<'a> {
    /// The ARN of the policy of which the call sets another version in force.
    pub fn policy_with_new_version(self) -> Option<&'a str> {
        let sets = match self.iam_action()? {
            "SetDefaultPolicyVersion" => true,
            "CreatePolicyVersion" => self.flag("setAsDefault"),
            _ => false,
        };
        self.parameter("policyArn").filter(|_| sets && !self.failed())
    }

    fn flag(self, parameter: &str) -> bool {
        let field = format!("aws.cloudtrail.flattened.request_parameters.{parameter}");
        self.fields.flag(&field) == Some(true) || self.parameter(parameter) == Some("true")
    }
}
