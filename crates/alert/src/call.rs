//! A finding's call, with the names that people gave to accounts.

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
}

impl<'a> Deref for AlertCall<'a> {
    type Target = Call<'a>;

    fn deref(&self) -> &Call<'a> {
        &self.call
    }
}
