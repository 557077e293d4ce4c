//! Groups of IAM Identity Center. Its console calls `sso-directory`, and its API is
//! `identitystore`; both name groups and users by ids only.
//!
//! Source: <https://docs.aws.amazon.com/singlesignon/latest/userguide/sso-info-in-cloudtrail.html>

use crate::cloudtrail::Record;

/// The services of Identity Center's directory.
const PROVIDERS: [&str; 2] = ["sso-directory.amazonaws.com", "identitystore.amazonaws.com"];

/// What is recorded instead of a name.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Returns true for a service of Identity Center's directory.
pub(super) fn is_directory(provider: &str) -> bool {
    PROVIDERS.contains(&provider)
}

/// Returns `None` for a name that is hidden.
pub(super) fn visible(name: &str) -> Option<&str> {
    (name != HIDDEN).then_some(name)
}

/// The id of the group. `None` if the call is of another service, or does not name its group: the
/// API ends a membership by the membership's id.
pub(super) fn group_id(record: &Record) -> Option<&str> {
    first_text(
        record,
        &[
            &["requestParameters", "groupId"],
            &["responseElements", "group", "groupId"],
            &["responseElements", "groupId"],
        ],
    )
}

/// The id of the user that becomes, or ceases to be, a member.
pub(super) fn member_id(record: &Record) -> Option<&str> {
    first_text(
        record,
        &[
            &["requestParameters", "member", "memberId"],
            &["requestParameters", "memberId", "userId"],
        ],
    )
}

fn first_text<'r>(record: &'r Record, paths: &[&[&str]]) -> Option<&'r str> {
    record.text(&["eventSource"]).filter(|provider| is_directory(provider))?;
    paths.iter().find_map(|path| record.text(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ids(source: &str, parameters: Value, response: Value) -> [Option<String>; 2] {
        let record = json!({
            "eventSource": format!("{source}.amazonaws.com"),
            "requestParameters": parameters,
            "responseElements": response,
        });
        let record = Record::from_value(record).unwrap();
        [group_id(&record), member_id(&record)].map(|id| id.map(str::to_owned))
    }

    #[test]
    fn ids_are_read_from_the_calls_of_console_and_api() {
        let store = "d-1234567890";
        for (source, parameters, response, expected) in [
            (
                "sso-directory",
                json!({"identityStoreId": store, "displayName": "Admins"}),
                json!({"group": {"groupId": "g", "displayName": "Admins"}}),
                [Some("g"), None],
            ),
            (
                "identitystore",
                json!({"identityStoreId": store, "displayName": HIDDEN}),
                json!({"groupId": "g", "identityStoreId": store}),
                [Some("g"), None],
            ),
            (
                "sso-directory",
                json!({"identityStoreId": store, "groupId": "g", "member": {"memberId": "u"}}),
                Value::Null,
                [Some("g"), Some("u")],
            ),
            (
                "identitystore",
                json!({"identityStoreId": store, "groupId": "g", "memberId": {"userId": "u"}}),
                json!({"membershipId": "m"}),
                [Some("g"), Some("u")],
            ),
            ("identitystore", json!({"membershipId": "m"}), Value::Null, [None, None]),
            (
                "iam",
                json!({"groupId": "g", "memberId": {"userId": "u"}}),
                Value::Null,
                [None, None],
            ),
        ] {
            let expected = expected.map(|id| id.map(str::to_owned));
            assert_eq!(
                ids(source, parameters.clone(), response),
                expected,
                "{source} {parameters}"
            );
        }
    }
}
