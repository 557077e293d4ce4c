//! What stops the principal, and what reverts the change: in this order, or the change may be
//! repeated.

use detect::finding::GroupAction::{self, *};

use super::{ResponseStep, name_or, principal};
use crate::call::AlertCall;

pub(crate) fn steps(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let mut steps = principal::stop(call);
    if call.failed() {
        let nothing = "The call failed and changed nothing, so there is nothing to undo.";
        steps.insert(0, ResponseStep::instruction(nothing));
        return steps;
    }
    steps.extend(call.group_action().map(|action| revert(call, action)).unwrap_or_default());
    steps.extend(principal::service(call));
    steps
}

fn revert(call: AlertCall<'_>, action: GroupAction) -> Vec<ResponseStep> {
    let user = ("--user-name", call.target_user());
    let policy_arn = ("--policy-arn", call.parameter("policyArn"));
    let policy_name = ("--policy-name", call.parameter("policyName"));
    let (purpose, command, option) = match action {
        Create => return delete_group(call),
        Delete => return vec![create_group(call)],
        Update => return vec![update_group(call)],
        AddUser => ("Remove the user from the group.", "aws iam remove-user-from-group", user),
        RemoveUser => ("Add the user to the group again.", "aws iam add-user-to-group", user),
        AttachPolicy => ("Detach the policy.", "aws iam detach-group-policy", policy_arn),
        DetachPolicy => ("Attach the policy again.", "aws iam attach-group-policy", policy_arn),
        PutPolicy => (
            "Delete the inline policy. If it replaced a policy of the same name, the old text is \
             in the previous PutGroupPolicy record.",
            "aws iam delete-group-policy",
            policy_name,
        ),
        DeletePolicy => (
            "Save the policy text from the last PutGroupPolicy record of this name as policy.json, \
             and write it again.",
            "aws iam put-group-policy --policy-document=file://policy.json",
            policy_name,
        ),
    };
    vec![ResponseStep::run_with(purpose, command, &[("--group-name", call.group()), option])]
}

fn create_group(call: AlertCall<'_>) -> ResponseStep {
    let purpose = "Create the group again. It gets a new id. Its members and policies were removed \
                   before it was deleted: restore them from its history. Add --path if it had one.";
    ResponseStep::run_with(purpose, "aws iam create-group", &[("--group-name", call.group())])
}

/// IAM deletes only an empty group.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html>
fn delete_group(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let group = ("--group-name", call.group());
    let delete =
        format!("Delete the group {}, which must be empty.", name_or(group.1, "concerned"));
    [
        (
            "Remove every member (NAME) that get-group lists.",
            "aws iam remove-user-from-group --user-name=NAME",
        ),
        ("Detach every managed policy (ARN).", "aws iam detach-group-policy --policy-arn=ARN"),
        ("Delete every inline policy (NAME).", "aws iam delete-group-policy --policy-name=NAME"),
        (&delete, "aws iam delete-group"),
    ]
    .map(|(purpose, command)| ResponseStep::run_with(purpose, command, &[group]))
    .into()
}

fn update_group(call: AlertCall<'_>) -> ResponseStep {
    let Some(new_name) = call.parameter("newGroupName") else {
        return ResponseStep::instruction(
            "Move the group back with aws iam update-group --new-path. The old path is not in the \
             record, but in the group's history.",
        );
    };
    let purpose = match call.parameter("newPath") {
        Some(_) => "Rename the group back. The old path is not in the record.",
        None => "Rename the group back.",
    };
    let options = &[("--group-name", Some(new_name)), ("--new-group-name", call.group())];
    ResponseStep::run_with(purpose, "aws iam update-group", options)
}
