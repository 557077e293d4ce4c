//! Values that are derived from several parts of a record, or from a part of a value.

use std::borrow::Cow;

use serde_json::Value;

use super::category::category_of_call;
use super::clean::{CleanRecord, is_meaningful};
use super::flattened::OnValue;

const ISSUER_NAME: &[&str] = &["userIdentity", "sessionContext", "sessionIssuer", "userName"];
pub(super) const TARGET_NAME: &[&str] = &["requestParameters", "userName"];
pub(super) const TARGET_ID: &[&str] = &["responseElements", "user", "userId"];
pub(super) const NEW_NAME: &[&str] = &["requestParameters", "newUserName"];

/// Calls.
impl<'a> CleanRecord<'a> {
    pub(super) fn action(self) -> Option<&'a str> {
        self.text(&["eventName"])
    }

    pub(super) fn account(self) -> Option<&'a str> {
        self.text(&["userIdentity", "accountId"]).or_else(|| self.text(&["recipientAccountId"]))
    }

    /// A console login states its outcome. Any other call failed if it has an error.
    pub(super) fn outcome(self) -> Cow<'a, str> {
        let login = self.console_login(&["responseElements", "ConsoleLogin"]);
        match login.and_then(Value::as_str) {
            Some("Success") => Cow::Borrowed("success"),
            Some("Failure") => Cow::Borrowed("failure"),
            Some(other) => Cow::Owned(other.to_lowercase()),
            None if self.get(&["errorCode"]).is_some() => Cow::Borrowed("failure"),
            None if self.get(&["errorMessage"]).is_some() => Cow::Borrowed("failure"),
            None => Cow::Borrowed("success"),
        }
    }

    /// A value that only console logins have.
    fn console_login(self, path: &[&str]) -> Option<&'a Value> {
        if self.action() == Some("ConsoleLogin") { self.get(path) } else { None }
    }

    pub(super) fn login_to(self) -> Option<&'a str> {
        self.console_login(&["additionalEventData", "LoginTo"])?.as_str()
    }

    /// Returns true for every value but `No`, as Elastic's pipeline does.
    pub(super) fn login_flag(self, key: &str) -> Option<bool> {
        let value = self.console_login(&["additionalEventData", key])?;
        Some(value.as_str() != Some("No"))
    }

    /// AWS writes `sharedEventID`; Elastic's pipeline reads `sharedEventId`.
    pub(super) fn shared_event_id(self) -> Option<&'a str> {
        self.text(&["sharedEventID"]).or_else(|| self.text(&["sharedEventId"]))
    }

    /// The product before the first slash: `aws-cli` of `aws-cli/2.15.0 …`. CloudTrail puts some
    /// agents in brackets. Elastic calls a text without a product `Other`.
    pub(super) fn user_agent_name(self) -> Option<&'a str> {
        let agent = self.text(&["userAgent"])?;
        let product = agent.split_once('/').map_or("", |(product, _)| product);
        let product = product.trim_start_matches('[').trim();
        Some(if product.is_empty() { "Other" } else { product })
    }

    pub(super) fn any_category(self, on_value: OnValue<'_>) -> bool {
        let category = category_of_call(self.action()).category;
        category.is_some_and(|category| on_value(kql::Value::Text(category)))
    }

    pub(super) fn any_type(self, on_value: OnValue<'_>) -> bool {
        let types = category_of_call(self.action()).types;
        types.iter().any(|kind| on_value(kql::Value::Text(kind)))
    }

    /// The elements of `resources` that are objects.
    pub(super) fn resources(self) -> impl Iterator<Item = &'a Value> {
        let list = self.0.get(&["resources"]).and_then(Value::as_array);
        let resources = list.into_iter().flatten();
        resources.filter(|resource| resource.is_object() && is_meaningful(resource))
    }
}

/// Principals and users.
impl<'a> CleanRecord<'a> {
    /// `user.name`. Of a session, the name of the role or user that it was made from.
    pub(super) fn user_name(self) -> Option<&'a str> {
        let own_name = self.text(&["userIdentity", "userName"]);
        if self.is_session() {
            return self.text(ISSUER_NAME).or(own_name);
        }
        own_name.or_else(|| {
            let is_sign_in = self.action() == Some("UserAuthentication");
            self.text(&["additionalEventData", "UserName"]).filter(|_| is_sign_in)
        })
    }

    /// `user.email`: the user's name if it looks like an address.
    pub(super) fn user_email(self) -> Option<&'a str> {
        self.user_name().filter(|name| name.find('@').is_some_and(|at| at > 0))
    }

    pub(super) fn user_id(self) -> Option<&'a str> {
        self.text(&["userIdentity", "principalId"]).or_else(|| {
            let is_identity_center = self.identity_type() == Some("IdentityCenterUser");
            self.text(&["userIdentity", "onBehalfOf", "userId"]).filter(|_| is_identity_center)
        })
    }

    /// `related.user`: every distinct name and id of a user. Of a session, also its own name; if
    /// that is an e-mail address, also the part before the `@`.
    pub(super) fn any_related_user(self, on_value: OnValue<'_>) -> bool {
        let session = self.session_name();
        let mailbox = session.and_then(|name| Some(name.split_once('@')?.0));
        let users = [
            self.user_name(),
            self.user_id(),
            self.text(TARGET_NAME),
            self.text(TARGET_ID),
            self.text(NEW_NAME),
            session,
            mailbox.filter(|name| !name.is_empty()),
        ];
        let mut distinct = (0..users.len()).filter(|at| !users[..*at].contains(&users[*at]));
        distinct.any(|at| users[at].is_some_and(|user| on_value(kql::Value::Text(user))))
    }

    /// What follows the last slash of a session's ARN, e.g.
    /// `arn:aws:sts::111122223333:assumed-role/Deploy/alice`.
    fn session_name(self) -> Option<&'a str> {
        let arn = self.text(&["userIdentity", "arn"])?;
        let (_, name) = arn.rsplit_once('/')?;
        (self.is_session() && arn.contains(":sts:") && !name.is_empty()).then_some(name)
    }

    fn is_session(self) -> bool {
        matches!(self.identity_type(), Some("AssumedRole" | "FederatedUser"))
    }

    fn identity_type(self) -> Option<&'a str> {
        self.text(&["userIdentity", "type"])
    }
}
