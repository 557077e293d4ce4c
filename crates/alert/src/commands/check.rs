//! What to look at before deciding.

use detect::finding::GroupAction;
use detect::text::clean;

use super::{Command, Step, lookup, principal, shown};
use crate::call::AlertCall;
use crate::console;
use crate::identity::Identity;

/// What to look at, for this call.
pub(crate) fn steps(call: AlertCall<'_>) -> Vec<Step> {
    let account = call.account().map_or("the right account".to_owned(), |id| {
        format!("account {}", call.accounts.shown(id))
    });
    let whoami = Command::aws("sts get-caller-identity");
    let mut steps = vec![Step::run(format!("Are you signed in to {account}?"), whoami)];
    steps.extend(
        console::group(call)
            .map(|url| Step::open("The group in the console, signed in to that account:", url)),
    );
    steps.extend(group(call));
    steps.extend(new_users(call));
    steps.extend(principal::check(call));
    steps
}

/// A user made for the purpose is a sign of an intruder.
fn new_users(call: AlertCall<'_>) -> Option<Step> {
    call.group_action()?;
    let created = lookup(call, 48, "EventName", Some("CreateUser"));
    Some(Step::run("Which users were created within two days?", created))
}

fn group(call: AlertCall<'_>) -> Vec<Step> {
    let Some(action) = call.group_action() else { return Vec::new() };
    let mut steps = match action {
        _ if call.failed() => call.group().map(|_| members(call)).into_iter().collect(),
        GroupAction::Create | GroupAction::Update => contents(call),
        GroupAction::Delete => Vec::new(),
        GroupAction::AddUser => [contents(call), target_user(call), keys(call)].concat(),
        GroupAction::RemoveUser => [contents(call), target_user(call)].concat(),
        GroupAction::AttachPolicy | GroupAction::DetachPolicy => {
            [managed_policy(call), contents(call)].concat()
        }
        GroupAction::PutPolicy => [vec![inline_policy(call)], contents(call)].concat(),
        GroupAction::DeletePolicy => contents(call),
    };
    steps.extend(history(call));
    steps
}

/// Who is in the group, and what the group may do.
fn contents(call: AlertCall<'_>) -> Vec<Step> {
    let group = call.current_group();
    let list = |what: &str| Command::aws(what).with("--group-name", group);
    vec![
        members(call),
        Step::run("Which managed policies does it have?", list("iam list-attached-group-policies")),
        Step::run("Which inline policies does it have?", list("iam list-group-policies")),
    ]
}

fn members(call: AlertCall<'_>) -> Step {
    let group = call.current_group();
    let purpose = format!("Who is in the group {} now?", shown(group, "concerned"));
    Step::run(purpose, Command::aws("iam get-group").with("--group-name", group))
}

fn target_user(call: AlertCall<'_>) -> Vec<Step> {
    let user = call.target_user();
    let purpose = format!("Which groups is {} in now?", shown(user, "the user"));
    vec![Step::run(purpose, Command::aws("iam list-groups-for-user").with("--user-name", user))]
}

/// The keys of the user who was added: whoever holds them has what the group grants.
fn keys(call: AlertCall<'_>) -> Vec<Step> {
    let user = call.target_user().filter(|user| Identity::of(call).iam_user() != Some(user));
    let keys =
        user.map(|user| Command::aws("iam list-access-keys").with("--user-name", Some(user)));
    let purpose =
        format!("Which access keys does {} have, and since when?", shown(user, "the user"));
    keys.map(|keys| Step::run(purpose, keys)).into_iter().collect()
}

fn managed_policy(call: AlertCall<'_>) -> Vec<Step> {
    let about =
        |action: &str| Command::aws(action).with("--policy-arn", call.parameter("policyArn"));
    vec![
        Step::run(
            "Which version of the policy is in effect (DefaultVersionId)?",
            about("iam get-policy"),
        ),
        Step::run(
            "What does it allow? Replace VERSION with that version.",
            about("iam get-policy-version").plain("--version-id=VERSION"),
        ),
    ]
}

fn inline_policy(call: AlertCall<'_>) -> Step {
    let get = Command::aws("iam get-group-policy").with("--group-name", call.group());
    Step::run(
        "What does the policy say now?",
        get.with("--policy-name", call.parameter("policyName")),
    )
}

/// What else happened to the group, under its old name and its new one.
fn history(call: AlertCall<'_>) -> Vec<Step> {
    let new_name = call.current_group().filter(|name| Some(*name) != call.group());
    let names = call.group().into_iter().chain(new_name);
    let look = |name: &str| {
        let purpose =
            format!("What else happened to the group {} within a day?", clean::name(name));
        Step::run(purpose, lookup(call, 24, "ResourceName", Some(name)))
    };
    names.map(look).collect()
}
