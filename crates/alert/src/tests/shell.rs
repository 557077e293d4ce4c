//! Commands in a real shell: a name is one argument, whatever it is made of.

use std::process::Command as Process;
use std::sync::LazyLock;

use detect::finding::Origin;
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{document, finding};
use crate::Accounts;
use crate::call::AlertCall;
use crate::commands::{self, ResponseStep, ShellCommand, StepAction};

static NONE: LazyLock<Accounts> = LazyLock::new(Accounts::default);

const ACTIONS: [&str; 9] = [
    "CreateGroup",
    "DeleteGroup",
    "UpdateGroup",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "AttachGroupPolicy",
    "DetachGroupPolicy",
    "PutGroupPolicy",
    "DeleteGroupPolicy",
];

/// The arguments that `aws` and `trailbell` would get from these lines, by call. Anything else that
/// the shell is made to run fails the test.
fn run(lines: &[String]) -> Vec<Vec<String>> {
    let programs = r#"aws() { for word; do printf '%s\0' "$word"; done; printf '\n\0'; }; trailbell() { aws "$@"; }"#;
    let script = format!("set -eu\nPATH=/nowhere\n{programs}\n{}\n", lines.join("\n"));
    let output = Process::new("/bin/sh").arg("-c").arg(&script).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{script}\n{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let calls = text.split_terminator("\n\0");
    calls.map(|call| call.split_terminator('\0').map(str::to_owned).collect()).collect()
}

fn command(step: ResponseStep) -> Option<ShellCommand> {
    match step.action {
        StepAction::Run(command) => Some(command),
        StepAction::None | StepAction::Open(_) => None,
    }
}

fn commands_of(action: &str, name: &str) -> Vec<ShellCommand> {
    let mut ecs = document(action);
    ecs["group"]["name"] = json!(name);
    ecs["user"]["target"]["name"] = json!(name);
    let finding = finding(ecs);
    let call = AlertCall::new(&finding, &NONE);
    let steps = [commands::check(call), commands::undo(call)].concat();
    steps.into_iter().filter_map(command).collect()
}

#[test]
fn names_made_to_break_out_stay_names() {
    for name in [
        "'",
        "'; reboot; '",
        "$(reboot)",
        "`reboot`",
        "-rf",
        "--profile=x",
        "a\\",
        "!!",
        "#",
        "*",
        "~",
        "\"",
        "a b",
    ] {
        for action in ACTIONS {
            let lines: Vec<String> = commands_of(action, name)
                .iter()
                .flat_map(|it| it.lines().unwrap_or_default())
                .collect();
            let calls = run(&lines);
            assert!(calls.iter().all(|call| {
                call.iter().all(|word| !word.contains("reboot") || word.contains(name))
            }));
            let group = format!("--group-name={name}");
            let new_name = action == "UpdateGroup";
            assert!(
                new_name || calls.iter().any(|call| call.contains(&group)),
                "{action} {name}: {calls:?}"
            );
        }
    }
}

#[test]
fn every_action_has_commands_that_undo_it() {
    for (action, undo) in ACTIONS.into_iter().zip([
        "delete-group",
        "create-group",
        "update-group",
        "remove-user-from-group",
        "add-user-to-group",
        "detach-group-policy",
        "attach-group-policy",
        "delete-group-policy",
        "put-group-policy",
    ]) {
        let finding = finding(document(action));
        let steps = commands::undo(AlertCall::new(&finding, &NONE));
        let lines =
            steps.clone().into_iter().filter_map(command).filter_map(|command| command.line().ok());
        assert!(
            lines.clone().any(|line| line.starts_with(&format!("aws iam {undo} "))),
            "{action}: {steps:?}"
        );
    }
}

#[test]
fn the_callers_day_is_scanned_for_where_its_log_objects_are() {
    let scan = |key: &str, arn: &str| {
        let mut ecs = document("CreateGroup");
        ecs["aws"]["cloudtrail"]["user_identity"]["arn"] = json!(arn);
        let mut finding = finding(ecs);
        finding.origin =
            Origin::Object { bucket: "logs".to_owned(), key: key.to_owned(), record: 0 };
        let commands =
            commands::check(AlertCall::new(&finding, &NONE)).into_iter().filter_map(command);
        let lines: Vec<_> = commands
            .filter_map(|it| it.lines().ok())
            .filter(|it| it[0].contains("trailbell"))
            .collect();
        lines.iter().flat_map(|lines| run(lines)).collect::<Vec<_>>()
    };
    let arn = "arn:aws:iam::111122223333:user/it's";
    let below = "AWSLogs/o-1/111122223333/CloudTrail/us-east-1/2026/03/01/x.json.gz";
    let rest = ["--since=2026-02-28T10:00:00Z", "--until=2026-03-02T10:00:00Z"];
    for (key, arn, place, query) in [
        (
            below.to_owned(),
            arn,
            "s3://logs/AWSLogs/o-1/111122223333/",
            format!("aws.cloudtrail.user_identity.arn: \"{arn}\""),
        ),
        (
            format!("a b/{below}"),
            arn,
            "s3://logs/a b/AWSLogs/o-1/111122223333/",
            format!("aws.cloudtrail.user_identity.arn: \"{arn}\""),
        ),
        (
            below.to_owned(),
            &*"x".repeat(90),
            "s3://logs/AWSLogs/o-1/111122223333/",
            "user.id: \"AIDA1\"".to_owned(),
        ),
    ] {
        let expected =
            ["scan", place, rest[0], rest[1], &format!("--query={query}")].map(str::to_owned);
        assert_eq!(scan(&key, arn), [expected.to_vec()], "{key}");
    }
    assert!(scan("kept/x.json.gz", arn).is_empty());
}

proptest! {
    #[test]
    fn a_shell_gives_back_every_value(value in "[ -~]{0,70}") {
        let command = ShellCommand::new("aws iam get-group --output=json").option("--group-name", Some(&value));
        let Ok(lines) = command.lines() else { return Ok(()) };
        let wanted = ["iam", "get-group", "--output=json", &format!("--group-name={value}")].map(str::to_owned);
        prop_assert_eq!(run(&lines), [wanted.to_vec()]);
    }
}
