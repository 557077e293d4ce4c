//! What to look at before deciding.

use detect::finding::GroupAction::*;
use detect::text::clean;

use super::{ResponseStep, lookup_around, name_or, principal};
use crate::call::AlertCall;
use crate::console;

pub(crate) fn steps(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let account = call.account().map_or("the right account".to_owned(), |id| {
        format!("account {}", call.accounts.label(id))
    });
    let purpose = format!("Are you signed in to {account}?");
    let mut steps = vec![ResponseStep::run_with(&purpose, "aws sts get-caller-identity", &[])];
    if let Some(url) = console::group_page(call) {
        let purpose = "The group in the console, signed in to that account:";
        steps.push(ResponseStep::open(purpose, url));
    }
    steps.extend(group(call));
    steps.extend(principal::check(call));
    steps
}

fn group(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let Some(action) = call.group_action() else { return Vec::new() };
    let mut steps = match action {
        _ if call.failed() => call.group().map(|_| members(call)).into_iter().collect(),
        Delete => Vec::new(),
        Create | Update | DeletePolicy => contents(call),
        AddUser => [contents(call), vec![target_user(call)], target_user_keys(call)].concat(),
        RemoveUser => [contents(call), vec![target_user(call)]].concat(),
        AttachPolicy | DetachPolicy => [managed_policy(call), contents(call)].concat(),
        PutPolicy => [vec![inline_policy(call)], contents(call)].concat(),
    };
    steps.extend(history(call));
    // A user created for the purpose is a sign of an intruder.
    let created = lookup_around(call, 48, "EventName", "CreateUser");
    steps.push(ResponseStep::run("Which users were created within two days?", created));
    steps
}

fn contents(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let group = &[("--group-name", call.current_group())];
    let managed = "aws iam list-attached-group-policies";
    let inline = "aws iam list-group-policies";
    vec![
        members(call),
        ResponseStep::run_with("Which managed policies does it have?", managed, group),
        ResponseStep::run_with("Which inline policies does it have?", inline, group),
    ]
}

fn members(call: AlertCall<'_>) -> ResponseStep {
    let group = call.current_group();
    let purpose = format!("Who is in the group {} now?", name_or(group, "concerned"));
    ResponseStep::run_with(&purpose, "aws iam get-group", &[("--group-name", group)])
}

fn target_user(call: AlertCall<'_>) -> ResponseStep {
    let user = call.target_user();
    let purpose = format!("Which groups is {} in now?", name_or(user, "the user"));
    ResponseStep::run_with(&purpose, "aws iam list-groups-for-user", &[("--user-name", user)])
}

/// The keys of the user who was added: they have what the group grants.
fn target_user_keys(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let user = call.target_user().filter(|user| call.principal().iam_user() != Some(user));
    user.map(principal::access_keys).into_iter().collect()
}

fn managed_policy(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let arn = ("--policy-arn", call.parameter("policyArn"));
    let which = "Which version of the policy is in effect (DefaultVersionId)?";
    let what = "What does it allow? Replace VERSION with that version.";
    let version = ("--version-id", Some("VERSION"));
    vec![
        ResponseStep::run_with(which, "aws iam get-policy", &[arn]),
        ResponseStep::run_with(what, "aws iam get-policy-version", &[arn, version]),
    ]
}

fn inline_policy(call: AlertCall<'_>) -> ResponseStep {
    let group = ("--group-name", call.group());
    let policy = ("--policy-name", call.parameter("policyName"));
    ResponseStep::run_with(
        "What does the policy say now?",
        "aws iam get-group-policy",
        &[group, policy],
    )
}

/// What else happened to the group, under its old name and its new one.
fn history(call: AlertCall<'_>) -> impl Iterator<Item = ResponseStep> {
    let new_name = call.current_group().filter(|name| Some(*name) != call.group());
    call.group().into_iter().chain(new_name).map(move |name| {
        let group = clean::name(name);
        let purpose = format!("What else happened to the group {group} within a day?");
        ResponseStep::run(&purpose, lookup_around(call, 24, "ResourceName", name))
    })
}
