//! A finding's call, with the names of accounts.

use std::ops::Deref;

use detect::finding::{
    Call, Context, Facts, Finding, GroupContext, PolicyDrift, TargetUser, Trust, policy_power,
};
use detect::power::{Power, PowerLevel};

use crate::Accounts;

/// The call that an alert is about. Gives all that [`Call`] does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlertCall<'a> {
    call: Call<'a>,
    context: Option<&'a Context>,
    pub(crate) accounts: &'a Accounts,
}

impl<'a> AlertCall<'a> {
    pub(crate) fn new(finding: &'a Finding, accounts: &'a Accounts) -> AlertCall<'a> {
        AlertCall { call: Call::new(finding), context: None, accounts }
    }

    /// The same call, with what is known around it.
    pub(crate) fn with_context(self, context: &'a Context) -> AlertCall<'a> {
        AlertCall { context: Some(context), ..self }
    }

    /// What is known of the group.
    pub(crate) fn group_context(self) -> Option<&'a GroupContext> {
        self.context?.group.as_ref()
    }

    /// What a new version of a policy gave to groups, if it gave something.
    pub(crate) fn drift(self) -> Option<&'a PolicyDrift> {
        self.context?.drift.as_ref().filter(|drift| !drift.groups.is_empty() && !self.failed())
    }

    /// What the user can do for whom the call created credentials.
    pub(crate) fn target(self) -> Option<&'a TargetUser> {
        self.context?.target.as_ref()
    }

    /// Who may assume the role of which the call changes the trust policy. `None` for other calls.
    pub(crate) fn trust(self) -> Option<Trust> {
        Facts::new(self.finding, self.context).trust
    }

    /// The version that the call put in force.
    pub(crate) fn policy_version(self) -> Option<&'a str> {
        let created = "aws.cloudtrail.flattened.response_elements.policyVersion.versionId";
        self.parameter("versionId").or_else(|| self.fields.text(created))
    }

    /// What the group can do.
    pub(crate) fn group_power(self) -> Option<PowerLevel> {
        Facts::new(self.finding, self.context).group_power
    }

    /// What the policy that the call attaches or writes can do. `None` if it is about no policy.
    pub(crate) fn policy_power(self) -> Option<Power> {
        policy_power(self.call, self.context)
    }

    pub(crate) fn region(self) -> Option<&'a str> {
        self.fields.text("cloud.region")
    }

    /// CloudTrail's `eventID`.
    pub(crate) fn event_id(self) -> Option<&'a str> {
        self.fields.text("event.id")
    }

    /// `sourceIPAddress`: an address, or the name of an AWS service.
    pub(crate) fn source_address(self) -> Option<&'a str> {
        self.fields.text("source.ip").or_else(|| self.fields.text("source.address"))
    }

    pub(crate) fn is_from_console(self) -> bool {
        self.fields.flag("aws.cloudtrail.session_credential_from_console") == Some(true)
    }
}

impl<'a> Deref for AlertCall<'a> {
    type Target = Call<'a>;

    fn deref(&self) -> &Call<'a> {
        &self.call
    }
}
