//! A finding's call, with the names of accounts.

use std::ops::Deref;

use detect::finding::{Call, Finding};

use crate::Accounts;

/// The call that an alert is about. Gives all that [`Call`] does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlertCall<'a> {
    call: Call<'a>,
    pub(crate) accounts: &'a Accounts,
}

impl<'a> AlertCall<'a> {
    pub(crate) fn new(finding: &'a Finding, accounts: &'a Accounts) -> AlertCall<'a> {
        AlertCall { call: Call::new(finding), accounts }
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
