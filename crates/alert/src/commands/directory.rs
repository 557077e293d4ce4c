//! What to check and what to undo of a change to a group of IAM Identity Center.
//!
//! Source: <https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/welcome.html>

use detect::finding::GroupAction::*;

use super::{ResponseStep, name_or};
use crate::call::AlertCall;

const MEMBERSHIP: &str = "membershipId";

/// Who is in the group, and who the user is.
pub(super) fn questions(call: AlertCall<'_>) -> Vec<Vec<ResponseStep>> {
    if call.directory_action().is_none() {
        return Vec::new();
    }
    let group = name_or(call.group(), "the group");
    let purpose = format!("Who is in {group} now, and what is it called?");
    let contents = ["aws identitystore list-group-memberships", "aws identitystore describe-group"]
        .map(|command| run(call, &purpose, command, &[("--group-id", call.group())]));
    let user = call.target_user().map(|user| {
        let purpose = "Who is the user?";
        vec![run(call, purpose, "aws identitystore describe-user", &[("--user-id", Some(user))])]
    });
    let access = ResponseStep::instruction(
        "Which accounts and permission sets does the group open? The console of Identity Center \
         shows them on the page of the group.",
    );
    [contents.into(), vec![access]].into_iter().chain(user).collect()
}

/// Reverts a call that succeeded.
pub(super) fn revert(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let group = ("--group-id", call.group());
    match call.directory_action() {
        Some(Create) => {
            let purpose = "Delete the group, and with it its memberships.";
            vec![run(call, purpose, "aws identitystore delete-group", &[group])]
        }
        Some(Delete) => vec![ResponseStep::instruction(
            "Create the group again, with its members and its assignments to accounts. It gets a \
             new id. Its members are in its history.",
        )],
        Some(AddUser) => remove_member(call),
        Some(RemoveUser) if call.target_user().is_some() => {
            let member = call.target_user().map(|user| format!("UserId={user}"));
            let member = ("--member-id", member.as_deref());
            let command = "aws identitystore create-group-membership";
            vec![run(call, "Add the user to the group again.", command, &[group, member])]
        }
        _ => Vec::new(),
    }
}

/// A membership ends by its id, which the API's response has and the console's has not.
fn remove_member(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let purpose = "Take the user out of the group.";
    let end = "aws identitystore delete-group-membership";
    if let Some(id) = call.response(MEMBERSHIP) {
        return vec![run(call, purpose, end, &[("--membership-id", Some(id))])];
    }
    let member = call.target_user().map(|user| format!("UserId={user}"));
    let options = [("--group-id", call.group()), ("--member-id", member.as_deref())];
    let find = "aws identitystore get-group-membership-id";
    let purpose = "Take the user out of the group. (MEMBERSHIP is the id that the first prints.)";
    vec![
        run(call, purpose, find, &options),
        run(call, purpose, end, &[("--membership-id", Some("MEMBERSHIP"))]),
    ]
}

fn run(
    call: AlertCall<'_>,
    purpose: &str,
    command: &str,
    options: &[(&str, Option<&str>)],
) -> ResponseStep {
    let place =
        [("--region", call.region()), ("--identity-store-id", call.parameter("identityStoreId"))];
    ResponseStep::run_with(purpose, command, &[&place, options].concat())
}
