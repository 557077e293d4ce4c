//! What stops the principal, and what reverts the change: in this order, or the change may be
//! repeated.

use detect::finding::GroupAction::{self, *};

use super::bulk::{BulkCall, BulkReversals};
use super::{ResponseStep, directory, name_or, other, principal, without_repeats};
use crate::call::AlertCall;

pub(crate) fn steps(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let mut steps = vec![place(call, false)];
    steps.extend(principal::stop(call));
    steps.extend(revert_call(call));
    steps.extend(principal::service(call));
    steps
}

/// The steps for several calls, of which the latest is the first and is reverted first. Those of
/// one kind are reverted together.
pub(crate) fn steps_for_all(calls: &[AlertCall<'_>]) -> Vec<ResponseStep> {
    let bulk_calls: Vec<BulkCall<'_>> = calls.iter().map(|it| BulkCall::from_call(*it)).collect();
    let bulks = BulkReversals::new(&bulk_calls);
    let revert = |(call, bulk_call): (&AlertCall<'_>, &BulkCall<'_>)| {
        let mut steps = bulks.steps(bulk_call).unwrap_or_else(|| revert_call(*call));
        steps.extend(principal::service(*call));
        steps
    };
    let changed_something = |account: Option<&str>| {
        calls.iter().any(|other| !other.failed() && other.account() == account)
    };
    let places = calls.iter().filter(|it| !it.failed() || !changed_something(it.account()));
    let steps = places
        .map(|call| place(*call, calls.len() > 1))
        .chain(principal::stop_each(calls))
        .chain(calls.iter().zip(&bulk_calls).flat_map(revert));
    without_repeats(steps)
}

fn revert_call(call: AlertCall<'_>) -> Vec<ResponseStep> {
    if call.failed() {
        return Vec::new();
    }
    match call.group_action() {
        Some(action) => revert(call, action),
        None if call.directory_action().is_some() => directory::revert(call),
        None => other::revert(call),
    }
}

/// Names repeat from account to account, so a command in the wrong one does harm.
fn place(call: AlertCall<'_>, is_of_several: bool) -> ResponseStep {
    let account = call.account().map(|id| call.accounts.label(id));
    match call.failed() {
        true => {
            let account =
                account.map_or("the right account".to_owned(), |it| format!("account {it}"));
            let calls = if is_of_several { "calls" } else { "call" };
            let text = format!("The {calls} changed nothing. To stop the principal, in {account}:");
            ResponseStep::instruction(&text)
        }
        false => sign_in(account.as_deref()),
    }
}

/// `account` is a cleaned label.
pub(crate) fn sign_in(account: Option<&str>) -> ResponseStep {
    let account = account.map_or("the right account".to_owned(), |it| format!("account {it}"));
    let text = format!("Sign in to {account} first (aws sts get-caller-identity).");
    ResponseStep::instruction(&text)
}

fn revert(call: AlertCall<'_>, action: GroupAction) -> Vec<ResponseStep> {
    let user = ("--user-name", call.target_user());
    let policy_arn = ("--policy-arn", call.parameter("policyArn"));
    let policy_name = ("--policy-name", call.parameter("policyName"));
    let group = name_or(call.group(), "the group");
    let member = name_or(call.target_user(), "the user");
    let remove = format!("Take {member} out of {group}.");
    let add = format!("Add {member} to {group} again.");
    let (purpose, command, option) = match action {
        Create => return delete_group(call),
        Delete => return vec![create_group(call)],
        Update => return vec![update_group(call)],
        AddUser => (&*remove, "aws iam remove-user-from-group", user),
        RemoveUser => (&*add, "aws iam add-user-to-group", user),
        AttachPolicy => ("Detach the policy.", "aws iam detach-group-policy", policy_arn),
        DetachPolicy => ("Attach the policy again.", "aws iam attach-group-policy", policy_arn),
        PutPolicy => (
            "Delete the inline policy. If it replaced one of the same name, the old text is in the \
             previous PutGroupPolicy record.",
            "aws iam delete-group-policy",
            policy_name,
        ),
        DeletePolicy => (
            "Write the policy again: policy.json is the text in the last PutGroupPolicy record of \
             this name.",
            "aws iam put-group-policy --policy-document=file://policy.json",
            policy_name,
        ),
    };
    let mut steps =
        vec![ResponseStep::run_with(purpose, command, &[("--group-name", call.group()), option])];
    let is_principal = call.target_user() == call.principal().iam_user();
    if action == AddUser && call.target_user().is_some() && !is_principal {
        steps.extend(principal::stop_target(call));
    }
    steps
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
    let name = name_or(group.1, "the group");
    let purpose =
        format!("Empty {name} of members (NAME) and policies (ARN, NAME), and delete it.");
    [
        "aws iam remove-user-from-group --user-name=NAME",
        "aws iam detach-group-policy --policy-arn=ARN",
        "aws iam delete-group-policy --policy-name=NAME",
        "aws iam delete-group",
    ]
    .map(|command| ResponseStep::run_with(&purpose, command, &[group]))
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
