//! What to look at before deciding: at most five questions, each with commands that answer it.

use detect::finding::GroupAction::*;
use detect::text::clean;

use super::{ResponseStep, directory, lookup_around, name_or, principal, without_repeats};
use crate::call::AlertCall;
use crate::console;

const MAX_QUESTIONS: usize = 5;

pub(crate) fn steps(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let questions = match call.group_action() {
        None => {
            let own = [principal::history(call), principal::access_keys(call)];
            directory::questions(call).into_iter().chain(own).collect()
        }
        Some(_) if call.failed() => {
            vec![contents(call), principal::history(call), principal::access_keys(call)]
        }
        Some(Delete) => vec![history(call), principal::history(call), created_users(call)],
        Some(Create | Update | DeletePolicy) => {
            vec![contents(call), principal::history(call), history(call), created_users(call)]
        }
        Some(AddUser | RemoveUser) => {
            vec![contents(call), user(call), principal::history(call), created_users(call)]
        }
        Some(AttachPolicy | DetachPolicy | PutPolicy) => {
            vec![policy(call), contents(call), principal::history(call), created_users(call)]
        }
    };
    let questions = questions.into_iter().filter(|steps| !steps.is_empty());
    let questions = questions.take(MAX_QUESTIONS - 1).flatten();
    std::iter::once(principal::approved(call)).chain(questions).collect()
}

/// The questions for several calls, the latest first: each is asked once, and at most five.
pub(crate) fn steps_for_all(calls: &[AlertCall<'_>]) -> Vec<ResponseStep> {
    // Whether one that changed something was approved is asked, not also whether others that failed
    // were meant.
    let is_asked_of_other = |call: &AlertCall<'_>| {
        let principal = &call.finding.principal.key;
        let changed = |it: &AlertCall<'_>| !it.failed() && it.finding.principal.key == *principal;
        call.failed() && calls.iter().any(changed)
    };
    let steps_of = |call: &AlertCall<'_>| {
        let skipped = usize::from(is_asked_of_other(call));
        steps(*call).into_iter().skip(skipped)
    };
    let all = without_repeats(calls.iter().flat_map(steps_of));
    let mut questions: Vec<&str> = Vec::new();
    for step in &all {
        if !questions.contains(&step.purpose.as_str()) {
            questions.push(&step.purpose);
        }
    }
    questions.truncate(MAX_QUESTIONS);
    let of_question = |question: &&str| {
        all.iter().filter(|step| step.purpose == *question).cloned().collect::<Vec<_>>()
    };
    questions.iter().flat_map(of_question).collect()
}

fn contents(call: AlertCall<'_>) -> Vec<ResponseStep> {
    if call.group().is_none() && call.failed() {
        return Vec::new();
    }
    let group = &[("--group-name", call.current_group())];
    let name = name_or(call.current_group(), "the group");
    let purpose = format!("Who is in {name} now, and what does it allow?");
    let page = console::group_page(call).map(|url| ResponseStep::open(&purpose, url));
    let commands = [
        "aws iam get-group",
        "aws iam list-attached-group-policies",
        "aws iam list-group-policies",
    ]
    .map(|command| ResponseStep::run_with(&purpose, command, group));
    commands.into_iter().chain(page).collect()
}

fn user(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let user = &[("--user-name", call.target_user())];
    let name = name_or(call.target_user(), "the user");
    let purpose = format!("Which other rights does {name} have, and how old is it?");
    [
        "aws iam list-groups-for-user",
        "aws iam list-attached-user-policies",
        "aws iam list-user-policies",
        "aws iam get-user",
    ]
    .map(|command| ResponseStep::run_with(&purpose, command, user))
    .into()
}

fn policy(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let purpose = "What does the policy allow? (VERSION is its DefaultVersionId.)";
    if call.group_action() == Some(PutPolicy) {
        let group = ("--group-name", call.group());
        let policy = ("--policy-name", call.parameter("policyName"));
        let purpose = "What does the policy allow now?";
        let command = "aws iam get-group-policy";
        return vec![ResponseStep::run_with(purpose, command, &[group, policy])];
    }
    let arn = ("--policy-arn", call.parameter("policyArn"));
    let version = ("--version-id", Some("VERSION"));
    vec![
        ResponseStep::run_with(purpose, "aws iam get-policy", &[arn]),
        ResponseStep::run_with(purpose, "aws iam get-policy-version", &[arn, version]),
    ]
}

/// What else happened to the group, under its old name and its new one.
fn history(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let new_name = call.current_group().filter(|name| Some(*name) != call.group());
    let names = call.group().into_iter().chain(new_name);
    let step = |name| {
        let purpose = format!("What else happened to {} within a day?", clean::name(name));
        ResponseStep::run(&purpose, lookup_around(call, 24, "ResourceName", name))
    };
    names.map(step).collect()
}

/// A user created for the purpose is a sign of an intruder.
fn created_users(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let created = lookup_around(call, 48, "EventName", "CreateUser");
    vec![ResponseStep::run("Which users were created within two days?", created)]
}
