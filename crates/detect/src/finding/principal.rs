//! Who made the call.

use serde::{Deserialize, Serialize};

use crate::cloudtrail::Record;

/// Who made the call: one key to correlate by, one label for people.
///
/// Source: `userIdentity`,
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// `userIdentity.type`, e.g. `IAMUser`; `Unknown` where the record has none.
    pub identity_type: String,
    /// The same for every call of the same actor. IAMUser and Root: the ARN. AssumedRole: the ARN
    /// of the role and the session name. AWSService: `invokedBy`. Else the principal id.
    pub key: String,
    /// A short name that people recognise. Written by a caller of AWS: clean it before showing it.
    pub label: String,
}

impl Principal {
    /// The actor of a record. Never fails: an identity that says nothing is called `unknown`.
    pub fn from_record(record: &Record) -> Principal {
        let identity = Identity { record };
        let identity_type = identity.text("type").unwrap_or("Unknown");
        Principal {
            identity_type: identity_type.to_owned(),
            key: identity.key(identity_type).unwrap_or_else(|| "unknown".to_owned()),
            label: identity.label(identity_type).unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

/// The `userIdentity` of a record.
struct Identity<'a> {
    record: &'a Record,
}

impl<'a> Identity<'a> {
    fn text(&self, field: &str) -> Option<&'a str> {
        self.record.text(&["userIdentity", field])
    }

    fn issuer(&self, field: &str) -> Option<&'a str> {
        self.record.text(&["userIdentity", "sessionContext", "sessionIssuer", field])
    }

    /// A principal id is `AROA…:session name` for a role's session.
    fn session_name(&self) -> Option<&'a str> {
        self.text("principalId")?.split_once(':').map(|(_, session)| session)
    }

    fn key(&self, identity_type: &str) -> Option<String> {
        let exact = match identity_type {
            "IAMUser" | "Root" => self.text("arn").map(str::to_owned),
            "AssumedRole" => self.role_session(self.issuer("arn")),
            "AWSService" => self.text("invokedBy").map(str::to_owned),
            _ => None,
        };
        exact.or_else(|| {
            self.first_of(&["principalId", "arn", "userName", "invokedBy", "accountId"])
        })
    }

    fn label(&self, identity_type: &str) -> Option<String> {
        let exact = match identity_type {
            "Root" => Some("the root user".to_owned()),
            "AssumedRole" => self.role_session(self.issuer("userName")),
            "AWSService" => self.text("invokedBy").map(str::to_owned),
            _ => None,
        };
        exact.or_else(|| {
            self.first_of(&["userName", "arn", "principalId", "invokedBy", "accountId"])
        })
    }

    fn role_session(&self, role: Option<&str>) -> Option<String> {
        Some(format!("{}/{}", role?, self.session_name()?))
    }

    fn first_of(&self, fields: &[&str]) -> Option<String> {
        fields.iter().find_map(|field| self.text(field)).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(identity: Value, key: &str, label: &str) {
        let shown = identity.to_string();
        let principal =
            Principal::from_record(&Record::from_value(json!({"userIdentity": identity})).unwrap());
        assert_eq!((principal.key.as_str(), principal.label.as_str()), (key, label), "{shown}");
    }

    #[test]
    fn each_identity_type_has_a_key_and_a_label() {
        let user = "arn:aws:iam::111122223333:user/alice";
        check(
            json!({"type": "IAMUser", "arn": user, "principalId": "AIDA1", "userName": "alice"}),
            user,
            "alice",
        );
        let root = "arn:aws:iam::111122223333:root";
        check(
            json!({"type": "Root", "arn": root, "principalId": "111122223333"}),
            root,
            "the root user",
        );
        let role = json!({"type": "AssumedRole", "principalId": "AROA1:deploy-7",
            "arn": "arn:aws:sts::111122223333:assumed-role/Deploy/deploy-7",
            "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/Deploy", "userName": "Deploy"}}});
        check(role, "arn:aws:iam::111122223333:role/Deploy/deploy-7", "Deploy/deploy-7");
        check(
            json!({"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"}),
            "cloudformation.amazonaws.com",
            "cloudformation.amazonaws.com",
        );
        check(
            json!({"type": "AWSAccount", "principalId": "AIDA2", "accountId": "444455556666"}),
            "AIDA2",
            "AIDA2",
        );
    }

    #[test]
    fn an_identity_that_says_little_still_has_a_name() {
        check(json!({"type": "AssumedRole", "principalId": "AROA1"}), "AROA1", "AROA1");
        check(json!({"type": "IAMUser", "userName": "bob"}), "bob", "bob");
        check(json!(null), "unknown", "unknown");
        check(json!({}), "unknown", "unknown");
    }
}
