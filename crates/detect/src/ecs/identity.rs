//! Names and ids of people and groups in a record.

use super::View;

const NAME_OF_ISSUER: &[&str] = &["userIdentity", "sessionContext", "sessionIssuer", "userName"];
pub(super) const TARGET_NAME: &[&str] = &["requestParameters", "userName"];
pub(super) const TARGET_ID: &[&str] = &["responseElements", "user", "userId"];
pub(super) const NEW_NAME: &[&str] = &["requestParameters", "newUserName"];

impl<'a> View<'a> {
    /// `user.name`. The name of a session is that of the role or user it was made from.
    pub(super) fn user_name(&self) -> Option<&'a str> {
        let own = || self.text(&["userIdentity", "userName"]);
        if self.is_session() {
            return self.text(NAME_OF_ISSUER).or_else(own);
        }
        own().or_else(|| {
            let signs_in = self.action() == Some("UserAuthentication");
            self.text(&["additionalEventData", "UserName"]).filter(|_| signs_in)
        })
    }

    /// `user.email`: the user's name where it looks like an address.
    pub(super) fn user_email(&self) -> Option<&'a str> {
        self.user_name().filter(|name| name.find('@').is_some_and(|at| at > 0))
    }

    /// `user.id`.
    pub(super) fn user_id(&self) -> Option<&'a str> {
        self.text(&["userIdentity", "principalId"]).or_else(|| {
            let identity_center = self.identity_type() == Some("IdentityCenterUser");
            self.text(&["userIdentity", "onBehalfOf", "userId"]).filter(|_| identity_center)
        })
    }

    /// `related.user`: every distinct name and id of a user. Of a session also its own name, and
    /// where that is an e-mail address what stands before the `@`.
    pub(super) fn related_users(&self) -> impl Iterator<Item = &'a str> {
        let session = self.session_name();
        let all = [
            self.user_name(),
            self.user_id(),
            self.text(TARGET_NAME),
            self.text(TARGET_ID),
            self.text(NEW_NAME),
            session,
            session
                .and_then(|name| name.split_once('@'))
                .map(|(local, _)| local)
                .filter(|local| !local.is_empty()),
        ];
        (0..all.len())
            .filter(move |&at| !all[..at].contains(&all[at]))
            .filter_map(move |at| all[at])
    }

    /// What follows the last slash of a session's ARN, e.g.
    /// `arn:aws:sts::111122223333:assumed-role/Deploy/alice`.
    fn session_name(&self) -> Option<&'a str> {
        let arn = self
            .text(&["userIdentity", "arn"])
            .filter(|arn| self.is_session() && arn.contains(":sts:"))?;
        arn.rsplit_once('/').map(|(_, name)| name).filter(|name| !name.is_empty())
    }

    fn is_session(&self) -> bool {
        matches!(self.identity_type(), Some("AssumedRole" | "FederatedUser"))
    }

    fn identity_type(&self) -> Option<&'a str> {
        self.text(&["userIdentity", "type"])
    }
}
