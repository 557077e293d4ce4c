//! What stops the caller, and what takes the change back: in this order, or the change may be made
//! again.

use detect::finding::GroupAction;

use super::{Command, Step, principal, shown};
use crate::call::AlertCall;

/// What stops the caller, should it be needed, and what takes the call back, where it changed
/// something.
pub(crate) fn steps(call: AlertCall<'_>) -> Vec<Step> {
    if call.failed() {
        let nothing =
            Step::told("The call failed and changed nothing, so there is nothing to undo.");
        return std::iter::once(nothing).chain(principal::stop(call)).collect();
    }
    let change = call.group_action().map(|action| change(call, action));
    principal::stop(call)
        .into_iter()
        .chain(change.into_iter().flatten())
        .chain(principal::service(call))
        .collect()
}

fn change(call: AlertCall<'_>, action: GroupAction) -> Vec<Step> {
    match action {
        GroupAction::Create => delete_group(call),
        GroupAction::Delete => vec![create_group(call)],
        GroupAction::Update => vec![update_group(call)],
        GroupAction::AddUser => {
            vec![membership(call, "Remove the user from the group.", "iam remove-user-from-group")]
        }
        GroupAction::RemoveUser => {
            vec![membership(call, "Add the user to the group again.", "iam add-user-to-group")]
        }
        GroupAction::AttachPolicy => {
            vec![managed(call, "Detach the policy.", "iam detach-group-policy")]
        }
        GroupAction::DetachPolicy => {
            vec![managed(call, "Attach the policy again.", "iam attach-group-policy")]
        }
        GroupAction::PutPolicy => vec![delete_inline(call)],
        GroupAction::DeletePolicy => vec![put_inline(call)],
    }
}

/// IAM deletes only an empty group.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html>
fn delete_group(call: AlertCall<'_>) -> Vec<Step> {
    let on_group = |action: &str| Command::aws(action).with("--group-name", call.group());
    let group = shown(call.group(), "concerned");
    vec![
        Step::run(
            "Remove every member (NAME) that get-group lists.",
            on_group("iam remove-user-from-group").plain("--user-name=NAME"),
        ),
        Step::run(
            "Detach every managed policy (ARN).",
            on_group("iam detach-group-policy").plain("--policy-arn=ARN"),
        ),
        Step::run(
            "Delete every inline policy (NAME).",
            on_group("iam delete-group-policy").plain("--policy-name=NAME"),
        ),
        Step::run(
            format!("Delete the group {group}, which must be empty."),
            on_group("iam delete-group"),
        ),
    ]
}

fn create_group(call: AlertCall<'_>) -> Step {
    Step::run(
        "Create the group again. It gets a new id. Its members and policies were removed before it was deleted: restore \
         them from its history. Add --path if it had one.",
        Command::aws("iam create-group").with("--group-name", call.group()),
    )
}

fn update_group(call: AlertCall<'_>) -> Step {
    let moved = call.parameter("newPath").is_some();
    let Some(new_name) = call.parameter("newGroupName") else {
        return Step::told(
            "Move the group back with aws iam update-group --new-path. The old path is not in the record, but in the \
             group's history.",
        );
    };
    let note = if moved { " The old path is not in the record." } else { "" };
    let update = Command::aws("iam update-group").with("--group-name", Some(new_name));
    Step::run(
        format!("Rename the group back.{note}"),
        update.with("--new-group-name", call.group()),
    )
}

fn membership(call: AlertCall<'_>, purpose: &str, action: &str) -> Step {
    let command = Command::aws(action).with("--group-name", call.group());
    Step::run(purpose, command.with("--user-name", call.target_user()))
}

fn managed(call: AlertCall<'_>, purpose: &str, action: &str) -> Step {
    let command = Command::aws(action).with("--group-name", call.group());
    Step::run(purpose, command.with("--policy-arn", call.parameter("policyArn")))
}

fn delete_inline(call: AlertCall<'_>) -> Step {
    Step::run(
        "Delete the inline policy. If it replaced a policy of the same name, the old text is in the \
         previous PutGroupPolicy record.",
        inline(call, "iam delete-group-policy"),
    )
}

fn put_inline(call: AlertCall<'_>) -> Step {
    Step::run(
        "Save the policy text from the last PutGroupPolicy record of this name as policy.json, and write it \
         again.",
        inline(call, "iam put-group-policy").plain("--policy-document=file://policy.json"),
    )
}

fn inline(call: AlertCall<'_>, action: &str) -> Command {
    let command = Command::aws(action).with("--group-name", call.group());
    command.with("--policy-name", call.parameter("policyName"))
}
