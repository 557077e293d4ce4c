//! What to look at before deciding.

use detect::finding::GroupAction::*;
use detect::text::clean;

use super::{ResponseStep, ShellCommand, lookup_around, name_or, principal};
use crate::call::AlertCall;
use crate::console;

/// What to check for this call.
pub(crate) fn steps(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let account = call.account().map_or("the right account".to_owned(), |id| {
        format!("account {}", call.accounts.label(id))
    });
    let whoami = ShellCommand::aws("sts get-caller-identity");
    let mut steps = vec![ResponseStep::run(format!("Are you signed in to {account}?"), whoami)];
    let page = console::group_page(call);
    steps.extend(page.map(|url| {
        ResponseStep::open("The group in the console, signed in to that account:", url)
    }));
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

/// Who is in the group, and what it may do.
fn contents(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let list = |action: &str| on_group(action, call.current_group());
    let (managed, inline) =
        (list("iam list-attached-group-policies"), list("iam list-group-policies"));
    vec![
        members(call),
        ResponseStep::run("Which managed policies does it have?", managed),
        ResponseStep::run("Which inline policies does it have?", inline),
    ]
}

fn members(call: AlertCall<'_>) -> ResponseStep {
    let group = call.current_group();
    let purpose = format!("Who is in the group {} now?", name_or(group, "concerned"));
    ResponseStep::run(purpose, on_group("iam get-group", group))
}

fn on_group(action: &str, group: Option<&str>) -> ShellCommand {
    ShellCommand::aws(action).option("--group-name", group)
}

fn target_user(call: AlertCall<'_>) -> ResponseStep {
    let user = call.target_user();
    let list = ShellCommand::aws("iam list-groups-for-user").option("--user-name", user);
    let purpose = format!("Which groups is {} in now?", name_or(user, "the user"));
    ResponseStep::run(purpose, list)
}

/// The keys of the user who was added: they have what the group grants.
fn target_user_keys(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let user = call.target_user().filter(|user| call.principal().iam_user() != Some(user));
    user.map(principal::access_keys).into_iter().collect()
}

fn managed_policy(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let arn = call.parameter("policyArn");
    let get = ShellCommand::aws("iam get-policy").option("--policy-arn", arn);
    let get_version = ShellCommand::aws("iam get-policy-version").option("--policy-arn", arn);
    vec![
        ResponseStep::run("Which version of the policy is in effect (DefaultVersionId)?", get),
        ResponseStep::run(
            "What does it allow? Replace VERSION with that version.",
            get_version.word("--version-id=VERSION"),
        ),
    ]
}

fn inline_policy(call: AlertCall<'_>) -> ResponseStep {
    let get = on_group("iam get-group-policy", call.group());
    let get = get.option("--policy-name", call.parameter("policyName"));
    ResponseStep::run("What does the policy say now?", get)
}

/// What else happened to the group, under its old name and its new one.
fn history(call: AlertCall<'_>) -> impl Iterator<Item = ResponseStep> {
    let new_name = call.current_group().filter(|name| Some(*name) != call.group());
    call.group().into_iter().chain(new_name).map(move |name| {
        let purpose =
            format!("What else happened to the group {} within a day?", clean::name(name));
        ResponseStep::run(purpose, lookup_around(call, 24, "ResourceName", name))
    })
}
