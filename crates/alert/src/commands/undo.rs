//! What stops the principal, and what reverts the change: in this order, or the change may be
//! repeated.

use detect::finding::GroupAction::{self, *};

use super::{ResponseStep, ShellCommand, name_or, principal};
use crate::call::AlertCall;

/// What stops the principal and reverts the call.
pub(crate) fn steps(call: AlertCall<'_>) -> Vec<ResponseStep> {
    if call.failed() {
        let nothing = "The call failed and changed nothing, so there is nothing to undo.";
        let mut steps = vec![ResponseStep::instruction(nothing)];
        steps.extend(principal::stop(call));
        return steps;
    }
    let mut steps = principal::stop(call);
    if let Some(action) = call.group_action() {
        steps.extend(revert(call, action));
    }
    steps.extend(principal::service(call));
    steps
}

fn revert(call: AlertCall<'_>, action: GroupAction) -> Vec<ResponseStep> {
    let user = ("--user-name", call.target_user());
    let policy_arn = ("--policy-arn", call.parameter("policyArn"));
    let run = |purpose: &str, action: &str, (option, value): (&str, Option<&str>)| {
        vec![ResponseStep::run(purpose, on_group(call, action).option(option, value))]
    };
    match action {
        Create => delete_group(call),
        Delete => vec![create_group(call)],
        Update => vec![update_group(call)],
        AddUser => run("Remove the user from the group.", "iam remove-user-from-group", user),
        RemoveUser => run("Add the user to the group again.", "iam add-user-to-group", user),
        AttachPolicy => run("Detach the policy.", "iam detach-group-policy", policy_arn),
        DetachPolicy => run("Attach the policy again.", "iam attach-group-policy", policy_arn),
        PutPolicy => vec![delete_inline_policy(call)],
        DeletePolicy => vec![put_inline_policy(call)],
    }
}

fn on_group(call: AlertCall<'_>, action: &str) -> ShellCommand {
    ShellCommand::aws(action).option("--group-name", call.group())
}

/// IAM deletes only an empty group.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html>
fn delete_group(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let group = name_or(call.group(), "concerned");
    vec![
        ResponseStep::run(
            "Remove every member (NAME) that get-group lists.",
            on_group(call, "iam remove-user-from-group").word("--user-name=NAME"),
        ),
        ResponseStep::run(
            "Detach every managed policy (ARN).",
            on_group(call, "iam detach-group-policy").word("--policy-arn=ARN"),
        ),
        ResponseStep::run(
            "Delete every inline policy (NAME).",
            on_group(call, "iam delete-group-policy").word("--policy-name=NAME"),
        ),
        ResponseStep::run(
            format!("Delete the group {group}, which must be empty."),
            on_group(call, "iam delete-group"),
        ),
    ]
}

fn create_group(call: AlertCall<'_>) -> ResponseStep {
    ResponseStep::run(
        "Create the group again. It gets a new id. Its members and policies were removed before it \
         was deleted: restore them from its history. Add --path if it had one.",
        on_group(call, "iam create-group"),
    )
}

fn update_group(call: AlertCall<'_>) -> ResponseStep {
    let Some(new_name) = call.parameter("newGroupName") else {
        return ResponseStep::instruction(
            "Move the group back with aws iam update-group --new-path. The old path is not in the \
             record, but in the group's history.",
        );
    };
    let is_moved = call.parameter("newPath").is_some();
    let note = if is_moved { " The old path is not in the record." } else { "" };
    let update = ShellCommand::aws("iam update-group").option("--group-name", Some(new_name));
    ResponseStep::run(
        format!("Rename the group back.{note}"),
        update.option("--new-group-name", call.group()),
    )
}

fn delete_inline_policy(call: AlertCall<'_>) -> ResponseStep {
    ResponseStep::run(
        "Delete the inline policy. If it replaced a policy of the same name, the old text is in \
         the previous PutGroupPolicy record.",
        on_inline_policy(call, "iam delete-group-policy"),
    )
}

fn put_inline_policy(call: AlertCall<'_>) -> ResponseStep {
    ResponseStep::run(
        "Save the policy text from the last PutGroupPolicy record of this name as policy.json, and \
         write it again.",
        on_inline_policy(call, "iam put-group-policy").word("--policy-document=file://policy.json"),
    )
}

fn on_inline_policy(call: AlertCall<'_>, action: &str) -> ShellCommand {
    on_group(call, action).option("--policy-name", call.parameter("policyName"))
}
