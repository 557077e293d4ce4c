//! What a denied call was about. CloudTrail leaves its request out, but AWS's error message names
//! the resource.
//!
//! Source of the wording:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use crate::cloudtrail::Record;

/// IAM allows at most 128 characters in a group's name.
const LONGEST_NAME: usize = 128;

/// The name of the IAM group that a denied call was about; absent where the message does not tell
/// it beyond doubt.
pub(super) fn group(record: &Record) -> Option<&str> {
    let action = record
        .text(&["eventName"])
        .filter(|_| record.text(&["eventSource"]) == Some("iam.amazonaws.com"))?;
    group_in(record.text(&["errorMessage"])?, action)
}

/// Callers choose names and paths, so nothing is taken for a name that could not be one: it would
/// be the message's own words, or somebody's imitation of them.
fn group_in<'a>(message: &'a str, action: &str) -> Option<&'a str> {
    let (_caller, denied) = message.split_once(" is not authorized to perform: ")?;
    let (denied_action, resource) = denied.split_once(" on resource: ")?;
    if denied_action.strip_prefix("iam:") != Some(action) {
        return None;
    }
    let path = match resource.strip_prefix("group ") {
        Some(name) => first_word(name),
        None => path_of_arn(first_word(resource))?,
    };
    let name = path.rsplit('/').next()?;
    is_name(name).then_some(name)
}

fn first_word(text: &str) -> &str {
    text.split_ascii_whitespace().next().unwrap_or_default()
}

/// The path and name of `arn:aws:iam::111122223333:group/path/name`. A path may hold colons.
fn path_of_arn(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let head = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let _account = parts.next()?;
    parts.next()?.strip_prefix("group/").filter(|_| matches!(head, ["arn", _, "iam", ""]))
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Group.html>
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_group_is_read_from_each_wording() {
        let cases = [
            ("group Admins with an explicit deny in a service control policy", Some("Admins")),
            (
                "group Admins because no identity-based policy allows the iam:AddUserToGroup action",
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
            assert_eq!(group_in(&message, "AddUserToGroup"), expected, "{resource}");
            assert_eq!(
                group_in(&message, "DeleteGroup"),
                None,
                "denied for another action: {resource}"
            );
        }
    }

    /// Names and paths in AWS cannot hold spaces, so a caller cannot write the message's own words.
    #[test]
    fn a_callers_name_does_not_pass_for_the_message() {
        let name = "is-not-authorized-to-perform:iam:DeleteGroup-on-resource:group-Trap";
        let message = format!(
            "User: arn:aws:iam::111122223333:user/{name}/alice is not authorized to perform: iam:DeleteGroup on \
             resource: group Admins because no identity-based policy allows the iam:DeleteGroup action"
        );
        assert_eq!(group_in(&message, "DeleteGroup"), Some("Admins"));
    }

    #[test]
    fn only_iams_own_messages_are_read() {
        let message =
            "User: x is not authorized to perform: iam:CreateGroup on resource: group Admins";
        for (source, expected) in
            [("iam.amazonaws.com", Some("Admins")), ("xray.amazonaws.com", None)]
        {
            let record =
                json!({"eventSource": source, "eventName": "CreateGroup", "errorMessage": message});
            assert_eq!(group(&Record::from_value(record).unwrap()), expected, "{source}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_a_name(
            parts in prop::collection::vec(prop_oneof![
                Just(" is not authorized to perform: ".to_owned()), Just(" on resource: ".to_owned()),
                Just("iam:CreateGroup".to_owned()), Just("group ".to_owned()), Just("arn:aws:iam::1:group/".to_owned()),
                "[a-z /:]{0,8}", any::<String>(),
            ], 0..9)
        ) {
            let name = group_in(&parts.concat(), "CreateGroup").map(str::to_owned);
            prop_assert!(name.as_deref().is_none_or(is_name), "{name:?}");
        }
    }
}
