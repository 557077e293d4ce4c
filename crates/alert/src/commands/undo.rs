//! What stops the caller, and what takes the change back: in this order, or the change may be made
//! again.

use detect::finding::GroupAction;

use super::{Command, Step, principal, shown};
use crate::call::AlertCall;

/// What stops the caller, should it be needed, and what takes the call back, where it changed
/// something.
pub(crate) fn steps(call: AlertCall<'_>) -> Vec<Step> {
    if call.failed() {
        let nothing = Step::told("The call failed and changed nothing: there is nothing to undo.");
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
            vec![membership(call, "Take the user out again.", "iam remove-user-from-group")]
        }
        GroupAction::RemoveUser => {
            vec![membership(call, "Put the user back.", "iam add-user-to-group")]
        }
        GroupAction::AttachPolicy => {
            vec![managed(call, "Detach the policy again.", "iam detach-group-policy")]
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
            "For each member that get-group lists, in place of NAME: take it out.",
            on_group("iam remove-user-from-group").plain("--user-name=NAME"),
        ),
        Step::run(
            "For each managed policy, in place of ARN: detach it.",
            on_group("iam detach-group-policy").plain("--policy-arn=ARN"),
        ),
        Step::run(
            "For each inline policy, in place of NAME: delete it.",
            on_group("iam delete-group-policy").plain("--policy-name=NAME"),
        ),
        Step::run(
            format!("Then delete the group {group}, which must be empty."),
            on_group("iam delete-group"),
        ),
    ]
}

fn create_group(call: AlertCall<'_>) -> Step {
    Step::run(
        "Create the group again. It gets a new id; members and policies, which were removed before it was deleted, must \
         be put back as its history tells. Give --path too if it had one.",
        Command::aws("iam create-group").with("--group-name", call.group()),
    )
}

fn update_group(call: AlertCall<'_>) -> Step {
    let moved = call.parameter("newPath").is_some();
    let Some(new_name) = call.parameter("newGroupName") else {
        return Step::told(
            "Move the group back with aws iam update-group --new-path. The record does not tell the old path: its \
             history does.",
        );
    };
    let note = if moved { " The record does not tell the old path." } else { "" };
    let update = Command::aws("iam update-group").with("--group-name", Some(new_name));
    Step::run(
        format!("Give the group its old name back.{note}"),
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
        "Delete the inline policy. If it replaced an older one of the same name, the older text is in the \
         PutGroupPolicy record before this one.",
        inline(call, "iam delete-group-policy"),
    )
}

fn put_inline(call: AlertCall<'_>) -> Step {
    Step::run(
        "Save the text of the policy, which the last PutGroupPolicy record of this name has, as policy.json, and put it \
         back.",
        inline(call, "iam put-group-policy").plain("--policy-document=file://policy.json"),
    )
}

fn inline(call: AlertCall<'_>, action: &str) -> Command {
    let command = Command::aws(action).with("--group-name", call.group());
    command.with("--policy-name", call.parameter("policyName"))
}
