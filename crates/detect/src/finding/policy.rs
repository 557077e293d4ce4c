//! The policy that a call attaches or writes, and what it lets its holders do.

use super::call::Call;
use crate::power::{Grants, Power, managed_grants};

/// What is known of the policy that a call attaches or writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallPolicy {
    /// What it grants.
    Known(Grants),
    /// The text is not a valid policy.
    Unreadable,
    /// The policy is not in the record: CloudTrail leaves out a request that is too large, and IAM
    /// does not count the white space that can make it so.
    NotRecorded,
    /// A policy of the customer, whose document is not in this record.
    Elsewhere,
}

impl CallPolicy {
    /// Returns `None` if the call is about no policy.
    pub fn from_call(call: Call<'_>) -> Option<CallPolicy> {
        if call.iam_action() == Some("UpdateAssumeRolePolicy") {
            return None;
        }
        if let Some(document) = call.parameter("policyDocument") {
            let judged = Grants::from_text(document);
            return Some(
                judged.map_or(CallPolicy::Unreadable, |judged| CallPolicy::Known(judged.grants)),
            );
        }
        if let Some(arn) = call.policy_arn() {
            return Some(managed_grants(arn).map_or(CallPolicy::Elsewhere, CallPolicy::Known));
        }
        let writes = matches!(
            call.iam_action(),
            Some("PutGroupPolicy" | "PutRolePolicy" | "PutUserPolicy" | "CreatePolicy")
        );
        let is_written = writes && !call.failed();
        is_written.then_some(CallPolicy::NotRecorded)
    }

    /// What it lets its holders do.
    pub fn power(&self) -> Power {
        match self {
            CallPolicy::Known(grants) => Power::from_grants(grants),
            CallPolicy::Unreadable | CallPolicy::NotRecorded | CallPolicy::Elsewhere => {
                Power::Unknown
            }
        }
    }
}

impl Power {
    /// The power of the policy that a call attaches or writes. Returns `None` if it is about no
    /// policy.
    pub fn from_call(call: Call<'_>) -> Option<Power> {
        CallPolicy::from_call(call).map(|policy| policy.power())
    }
}
