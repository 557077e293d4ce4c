//! Who made the call.

use serde::{Deserialize, Serialize};

use crate::cloudtrail::Record;

/// Who made the call: a key to correlate by, and a label for people.
///
/// Source: `userIdentity`,
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// `userIdentity.type`, e.g. `IAMUser`; `Unknown` if the record has none.
    pub identity_type: String,
    /// The same for every call of the principal. IAMUser and Root: the ARN. AssumedRole: the
    /// role's ARN and the session name. AWSService: `invokedBy`. Otherwise the principal id.
    pub key: String,
    /// A short name that people recognise. Principals can choose it: not safe to print.
    pub label: String,
}

impl Principal {
    /// The principal of a record. Its key and label are `unknown` if the record has no identity.
    pub fn from_record(record: &Record) -> Principal {
        let identity = Identity(record);
        let identity_type = identity.text("type").unwrap_or("Unknown");
        Principal {
            identity_type: identity_type.to_owned(),
            key: identity.key(identity_type).unwrap_or_else(|| "unknown".to_owned()),
            label: identity.label(identity_type).unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

impl Principal {
    /// The key without what the principal chose itself when its session began, so that a caller
    /// with many session names is counted as one.
    pub fn key_without_session(&self) -> &str {
        let (before, _) = match self.identity_type.as_str() {
            // `<role ARN>/<session>`, or `AROA…:<session>` of a record without a session issuer.
            "AssumedRole" => match self.key.starts_with("arn:") {
                true => self.key.rsplit_once('/'),
                false => self.key.split_once(':'),
            },
            // `<account>:<name>`
            "FederatedUser" => self.key.split_once(':').filter(|_| !self.key.starts_with("arn:")),
            _ => None,
        }
        .unwrap_or((&self.key, ""));
        before
    }
}

/// The `userIdentity` of a record.
struct Identity<'a>(&'a Record);

impl<'a> Identity<'a> {
    fn text(&self, field: &str) -> Option<&'a str> {
        self.0.text(&["userIdentity", field])
    }

    fn key(&self, identity_type: &str) -> Option<String> {
        let exact = match identity_type {
            "IAMUser" | "Root" => self.text("arn").map(str::to_owned),
            "AssumedRole" => self.role_session("arn"),
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
            "AssumedRole" => self.role_session("userName"),
            "AWSService" => self.text("invokedBy").map(str::to_owned),
            _ => None,
        };
        exact.or_else(|| {
            self.first_of(&["userName", "arn", "principalId", "invokedBy", "accountId"])
        })
    }

    /// A field of the session issuer, and the session name, which ends `principalId`
    /// (`AROA…:session`).
    fn role_session(&self, issuer_field: &str) -> Option<String> {
        let path = ["userIdentity", "sessionContext", "sessionIssuer", issuer_field];
        let role = self.0.text(&path)?;
        let (_, session) = self.text("principalId")?.split_once(':')?;
        Some(format!("{role}/{session}"))
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
        let text = identity.to_string();
        let principal =
            Principal::from_record(&Record::from_value(json!({"userIdentity": identity})).unwrap());
        assert_eq!((principal.key.as_str(), principal.label.as_str()), (key, label), "{text}");
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
        let issuer = json!({"arn": "arn:aws:iam::111122223333:role/Deploy", "userName": "Deploy"});
        let role = json!({
            "type": "AssumedRole",
            "principalId": "AROA1:deploy-7",
            "arn": "arn:aws:sts::111122223333:assumed-role/Deploy/deploy-7",
            "sessionContext": {"sessionIssuer": issuer},
        });
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
    fn sessions_of_one_role_are_counted_together() {
        for (identity_type, key, expected) in [
            (
                "AssumedRole",
                "arn:aws:iam::111122223333:role/team/Deploy/run-7",
                "arn:aws:iam::111122223333:role/team/Deploy",
            ),
            (
                "AssumedRole",
                "arn:aws:sts::111122223333:assumed-role/Deploy/run-7",
                "arn:aws:sts::111122223333:assumed-role/Deploy",
            ),
            ("AssumedRole", "AROA1:run-7", "AROA1"),
            ("AssumedRole", "unknown", "unknown"),
            ("FederatedUser", "111122223333:run-7", "111122223333"),
            (
                "IAMUser",
                "arn:aws:iam::111122223333:user/team/alice",
                "arn:aws:iam::111122223333:user/team/alice",
            ),
            ("AWSAccount", "AIDA2", "AIDA2"),
        ] {
            let principal = Principal {
                identity_type: identity_type.to_owned(),
                key: key.to_owned(),
                label: String::new(),
            };
            assert_eq!(principal.key_without_session(), expected, "{identity_type} {key}");
        }
    }

    #[test]
    fn an_incomplete_identity_still_has_a_name() {
        check(json!({"type": "AssumedRole", "principalId": "AROA1"}), "AROA1", "AROA1");
        check(json!({"type": "IAMUser", "userName": "bob"}), "bob", "bob");
        check(json!(null), "unknown", "unknown");
        check(json!({}), "unknown", "unknown");
    }
}
