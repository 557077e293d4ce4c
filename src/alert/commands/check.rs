//! What to look at before deciding.

use super::super::call::{Call, GroupAction};
use super::{Command, Step, actor, lookup, shown};

/// What to look at, for this call.
pub(in super::super) fn steps(call: Call<'_>) -> Vec<Step> {
    let account = shown(call.account(), "the account of the record");
    let whoami = Command::aws("sts get-caller-identity");
    let mut steps = vec![Step::run(format!("Work in account {account}; this tells where you are."), whoami)];
    steps.extend(group(call));
    steps.extend(actor::check(call));
    steps
}

fn group(call: Call<'_>) -> Vec<Step> {
    let Some(action) = call.group_action() else { return Vec::new() };
    let mut steps = match action {
        _ if call.failed() => call.group().map(|_| members(call)).into_iter().collect(),
        GroupAction::Create | GroupAction::Update => contents(call),
        GroupAction::Delete => Vec::new(),
        GroupAction::AddUser | GroupAction::RemoveUser => [contents(call), vec![other_groups(call)]].concat(),
        GroupAction::AttachPolicy | GroupAction::DetachPolicy => [vec![managed_policy(call)], contents(call)].concat(),
        GroupAction::PutPolicy => [vec![inline_policy(call)], contents(call)].concat(),
        GroupAction::DeletePolicy => contents(call),
    };
    steps.extend(call.group().map(|_| history(call)));
    steps
}

/// Who is in the group, and what the group may do.
fn contents(call: Call<'_>) -> Vec<Step> {
    let group = call.group_now();
    let list = |what: &str| Command::aws(what).with("--group-name", group);
    vec![
        members(call),
        Step::run("Which managed policies does it have?", list("iam list-attached-group-policies")),
        Step::run("Which inline policies does it have?", list("iam list-group-policies")),
    ]
}

fn members(call: Call<'_>) -> Step {
    let group = call.group_now();
    let purpose = format!("Who is in the group {} now?", shown(group, "concerned"));
    Step::run(purpose, Command::aws("iam get-group").with("--group-name", group))
}

fn other_groups(call: Call<'_>) -> Step {
    let user = call.target_user();
    let purpose = format!("Which groups is {} in now?", shown(user, "the user"));
    Step::run(purpose, Command::aws("iam list-groups-for-user").with("--user-name", user))
}

fn managed_policy(call: Call<'_>) -> Step {
    let get = Command::aws("iam get-policy").with("--policy-arn", call.parameter("policyArn"));
    Step::run("What is the policy for, and which version of it counts?", get)
}

fn inline_policy(call: Call<'_>) -> Step {
    let get = Command::aws("iam get-group-policy").with("--group-name", call.group());
    Step::run("What does the policy say now?", get.with("--policy-name", call.parameter("policyName")))
}

fn history(call: Call<'_>) -> Step {
    let purpose = format!("What else happened to the group {} within a day?", shown(call.group(), "concerned"));
    Step::run(purpose, lookup(call, 24, "ResourceName", call.group()))
}
