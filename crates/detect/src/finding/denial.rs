//! The group that a denied call was about. CloudTrail leaves out the request of such a call, but
//! AWS's error message names the resource.
//!
//! Source of the wording:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use crate::cloudtrail::Record;

/// The name of the IAM group in the error message of a denied call; `None` if it is not certain.
pub(super) fn denied_group(record: &Record) -> Option<&str> {
    if record.text(&["eventSource"]) != Some("iam.amazonaws.com") {
        return None;
    }
    group_in_message(record.text(&["errorMessage"])?, record.text(&["eventName"])?)
}

/// Principals choose names and paths. A word that cannot be a group's name is rejected: it would be
/// part of the message, or somebody's imitation of it.
fn group_in_message<'a>(message: &'a str, action: &str) -> Option<&'a str> {
    let (_principal, denied) = message.split_once(" is not authorized to perform: ")?;
    let (denied_action, resource) = denied.split_once(" on resource: ")?;
    if denied_action.strip_prefix("iam:") != Some(action) {
        return None;
    }
    let path = match resource.strip_prefix("group ") {
        Some(name) => first_word(name),
        None => path_of_arn(first_word(resource))?,
    };
    path.rsplit('/').next().filter(|name| is_group_name(name))
}

fn first_word(text: &str) -> &str {
    text.split_ascii_whitespace().next().unwrap_or_default()
}

/// The path and name in `arn:aws:iam::111122223333:group/path/name`. A path may hold colons.
fn path_of_arn(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", _, resource] = parts[..] else { return None };
    resource.strip_prefix("group/")
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Group.html>
fn is_group_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_group_is_read_from_each_wording_of_the_message() {
        let cases = [
            ("group Admins with an explicit deny in a service control policy", Some("Admins")),
            (
                "group Admins because no identity-based policy allows iam:AddUserToGroup",
                Some("Admins"),
            ),
            ("group Admins", Some("Admins")),
            ("group ops/Admins", Some("Admins")),
            (
                "arn:aws:iam::111122223333:group/Admins because no identity-based policy allows it",
                Some("Admins"),
            ),
            (
                "arn:aws-cn:iam::111122223333:group/ops/eu:1/Admins with an explicit deny",
                Some("Admins"),
            ),
            ("arn:aws:iam::111122223333:group/a.b+c=d,e@f-g_h", Some("a.b+c=d,e@f-g_h")),
            (
                "arn:aws:iam::111122223333:user/alice because no identity-based policy allows it",
                None,
            ),
            ("arn:aws:sns:us-east-1:111122223333:group/Admins", None),
            ("arn:aws:iam::111122223333:group/ because", None),
            ("arn:aws:iam::111122223333:group/* because", None),
            ("group \u{1b}[2Jx", None),
            ("group Adm\u{ed}ns", None),
            ("user group Admins", None),
            ("", None),
        ];
        for (resource, expected) in cases {
            let user = "User: arn:aws:iam::111122223333:user/alice";
            let message = format!(
                "{user} is not authorized to perform: iam:AddUserToGroup on resource: {resource}"
            );
            assert_eq!(group_in_message(&message, "AddUserToGroup"), expected, "{resource}");
            assert_eq!(
                group_in_message(&message, "DeleteGroup"),
                None,
                "denied for another action: {resource}"
            );
        }
    }

    /// Names and paths in AWS cannot hold spaces, so a principal cannot write the message's words.
    #[test]
    fn a_name_cannot_imitate_the_message() {
        let name = "is-not-authorized-to-perform:iam:DeleteGroup-on-resource:group-Trap";
        let message = format!(
            "User: arn:aws:iam::111122223333:user/{name}/alice is not authorized to perform: \
             iam:DeleteGroup on resource: group Admins because no identity-based policy allows \
             the iam:DeleteGroup action"
        );
        assert_eq!(group_in_message(&message, "DeleteGroup"), Some("Admins"));
    }

    #[test]
    fn only_messages_of_iam_are_read() {
        let message =
            "User: x is not authorized to perform: iam:CreateGroup on resource: group Admins";
        for (source, expected) in
            [("iam.amazonaws.com", Some("Admins")), ("xray.amazonaws.com", None)]
        {
            let record =
                json!({"eventSource": source, "eventName": "CreateGroup", "errorMessage": message});
            assert_eq!(denied_group(&Record::from_value(record).unwrap()), expected, "{source}");
        }
    }

    proptest! {
        #[test]
        fn only_valid_names_are_read(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(" is not authorized to perform: ".to_owned()),
                    Just(" on resource: ".to_owned()),
                    Just("iam:CreateGroup".to_owned()),
                    Just("group ".to_owned()),
                    Just("arn:aws:iam::1:group/".to_owned()),
                    "[a-z /:]{0,8}",
                    any::<String>(),
                ],
                0..9,
            )
        ) {
            let name = group_in_message(&parts.concat(), "CreateGroup").map(str::to_owned);
            prop_assert!(name.as_deref().is_none_or(is_group_name), "{name:?}");
        }
    }
}
