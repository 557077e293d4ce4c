//! Commands in a real shell: every name is one argument.

use std::process::Command as Process;
use std::sync::LazyLock;

use detect::finding::Origin;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::{ACTIONS, document, finding};
use crate::Accounts;
use crate::call::AlertCall;
use crate::commands::{self, ResponseCommand, ResponseStep, StepAction};

static NO_ACCOUNTS: LazyLock<Accounts> = LazyLock::new(Accounts::default);

/// The arguments of each call of `aws` and `trailbell` when a shell runs these lines. Running
/// anything else fails the test.
fn run_in_shell(lines: &[String]) -> Vec<Vec<String>> {
    let programs = r#"list_keys() { for word; do case $word in --query=AccessKey*) return 0; esac; done; return 1; }
        aws() {
            if list_keys "$@"; then echo 'AKIA1 AKIA2'; return; fi
            for word; do printf '%s\0' "$word"; done; printf '\n\0'
        }
        trailbell() { aws "$@"; }"#;
    let script = format!("set -eu\nPATH=/nowhere\n{programs}\n{}\n", lines.join("\n"));
    let output = Process::new("/bin/sh").arg("-c").arg(&script).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{script}\n{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let calls = text.split_terminator("\n\0");
    calls.map(|call| call.split_terminator('\0').map(str::to_owned).collect()).collect()
}

fn command(step: ResponseStep) -> Option<ResponseCommand> {
    match step.action {
        StepAction::Run(command) => Some(command),
        StepAction::None | StepAction::Open(_) => None,
    }
}

fn commands_of(action: &str, name: &str) -> Vec<ResponseCommand> {
    let mut ecs = document(action);
    ecs["group"]["name"] = json!(name);
    ecs["user"]["target"]["name"] = json!(name);
    let finding = finding(ecs);
    let call = AlertCall::new(&finding, &NO_ACCOUNTS);
    let steps = [commands::check::steps(call), commands::undo::steps(call)].concat();
    steps.into_iter().filter_map(command).collect()
}

#[test]
fn hostile_names_stay_one_argument() {
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
            let lines: Vec<String> =
                commands_of(action, name).iter().filter_map(|it| it.line().ok()).collect();
            let calls = run_in_shell(&lines);
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
fn every_group_action_has_a_command_that_undoes_it() {
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
        let steps = commands::undo::steps(AlertCall::new(&finding, &NO_ACCOUNTS));
        let lines =
            steps.clone().into_iter().filter_map(command).filter_map(|command| command.line().ok());
        assert!(
            lines.clone().any(|line| line.starts_with(&format!("aws iam {undo} "))),
            "{action}: {steps:?}"
        );
    }
}

/// The commands that revert a call which changes no group.
fn commands_that_revert(service: &str, action: &str, parameters: &Value) -> Vec<String> {
    let mut ecs = document(action);
    ecs["event"]["provider"] = json!(format!("{service}.amazonaws.com"));
    ecs["aws"]["cloudtrail"]["flattened"] = json!({
        "request_parameters": parameters,
        "response_elements": {"accessKey": {"accessKeyId": "AKIAEXAMPLE", "userName": "eve"}},
    });
    let finding = finding(ecs);
    let call = AlertCall::new(&finding, &NO_ACCOUNTS);
    let mut steps = commands::undo::steps(call);
    let others = 1 + commands::principal::stop(call).len();
    steps.drain(..others);
    steps.into_iter().filter_map(command).map(|it| it.line().unwrap()).collect()
}

#[test]
fn other_calls_have_the_commands_that_revert_them() {
    let user =
        json!({"userName": "e v", "policyArn": "arn:aws:iam::aws:policy/X", "policyName": "p"});
    let role = json!({
        "roleName": "r", "policyArn": "arn:aws:iam::aws:policy/X", "policyName": "p",
        "instanceProfileName": "i",
    });
    let trail = json!({"name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"});
    let selectors = json!({"trailName": "main"});
    let [key, name] = [json!({"keyId": "k"}), json!({"name": "n"})];
    let recorder = json!({"configurationRecorderName": "default"});
    let mut text = String::new();
    for (service, action, parameters) in [
        ("cloudtrail", "StopLogging", &trail),
        ("cloudtrail", "UpdateTrail", &trail),
        ("cloudtrail", "PutEventSelectors", &selectors),
        ("cloudtrail", "DeleteTrail", &trail),
        ("iam", "AttachUserPolicy", &user),
        ("iam", "DetachUserPolicy", &user),
        ("iam", "PutUserPolicy", &user),
        ("iam", "AttachRolePolicy", &role),
        ("iam", "DetachRolePolicy", &role),
        ("iam", "PutRolePolicy", &role),
        ("iam", "UpdateAssumeRolePolicy", &role),
        ("iam", "AddRoleToInstanceProfile", &role),
        ("iam", "RemoveRoleFromInstanceProfile", &role),
        ("iam", "CreateLoginProfile", &user),
        ("iam", "CreateAccessKey", &json!({})),
        ("iam", "CreatePolicyVersion", &user),
        ("iam", "SetDefaultPolicyVersion", &user),
        ("kms", "DisableKey", &key),
        ("kms", "ScheduleKeyDeletion", &key),
        ("config", "StopConfigurationRecorder", &recorder),
        ("events", "DisableRule", &name),
        // What cannot be reverted by a command, or not safely.
        ("iam", "CreateUser", &user),
        ("iam", "DeleteUser", &user),
        ("elsewhere", "AttachUserPolicy", &user),
    ] {
        let commands = commands_that_revert(service, action, parameters);
        let calls = run_in_shell(&commands);
        assert_eq!(calls.len(), commands.len(), "{action}: each is one call");
        text += &format!("{service} {action}\n");
        commands.iter().for_each(|line| text += &format!("  {line}\n"));
    }
    insta::assert_snapshot!("commands_that_revert", text);
}

#[test]
fn the_scan_covers_the_log_objects_of_the_principals_account() {
    let scan = |key: &str, arn: &str| {
        let mut ecs = document("CreateGroup");
        ecs["aws"]["cloudtrail"]["user_identity"]["arn"] = json!(arn);
        let mut finding = finding(ecs);
        finding.origin =
            Origin::Object { bucket: "logs".to_owned(), key: key.to_owned(), record: 0 };
        let commands = commands::check::steps(AlertCall::new(&finding, &NO_ACCOUNTS))
            .into_iter()
            .filter_map(command);
        let lines = commands.filter_map(|it| it.line().ok());
        let scans: Vec<String> = lines.filter(|it| it.starts_with("trailbell ")).collect();
        run_in_shell(&scans)
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
            &*"x".repeat(900),
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
    fn a_shell_returns_every_value_unchanged(value in "[ -~]{0,40}(x://[ -~]{0,20})?") {
        let command = ResponseCommand::new("aws iam get-group").option("--group-name", Some(&value));
        let Ok(line) = command.line() else { return Ok(()) };
        let wanted = ["iam", "get-group", &format!("--group-name={value}")].map(str::to_owned);
        prop_assert_eq!(run_in_shell(&[line]), [wanted.to_vec()]);
    }
}
