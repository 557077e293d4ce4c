//! Commands in a real shell: a name is one argument, whatever it is made of.

use std::process::Command as Process;

use proptest::prelude::*;
use serde_json::json;

use super::fixture::{document, finding};
use crate::alert::call::Call;
use crate::alert::commands::{self, Command};

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

/// The arguments that `aws` would get from these lines, by call of `aws`. Anything else that the shell is made to run
/// fails the test.
fn run(lines: &[String]) -> Vec<Vec<String>> {
    let aws = r#"aws() { for word; do printf '%s\0' "$word"; done; printf '\n\0'; }"#;
    let script = format!("set -eu\nPATH=/nowhere\n{aws}\n{}\n", lines.join("\n"));
    let output = Process::new("/bin/sh").arg("-c").arg(&script).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{script}\n{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let calls = text.split_terminator("\n\0");
    calls.map(|call| call.split_terminator('\0').map(str::to_owned).collect()).collect()
}

fn commands_of(action: &str, name: &str) -> Vec<Command> {
    let mut ecs = document(action);
    ecs["group"]["name"] = json!(name);
    ecs["user"]["target"]["name"] = json!(name);
    let finding = finding(ecs);
    let call = Call::new(&finding);
    let steps = [commands::check(call), commands::undo(call)].concat();
    steps.into_iter().filter_map(|step| step.command).collect()
}

#[test]
fn names_made_to_break_out_stay_names() {
    for name in
        ["'", "'; reboot; '", "$(reboot)", "`reboot`", "-rf", "--profile=x", "a\\", "!!", "#", "*", "~", "\"", "a b"]
    {
        for action in ACTIONS {
            let lines: Vec<String> =
                commands_of(action, name).iter().flat_map(|it| it.lines().unwrap_or_default()).collect();
            let calls = run(&lines);
            assert!(calls.iter().all(|call| call.iter().all(|word| !word.contains("reboot") || word.contains(name))));
            let group = format!("--group-name={name}");
            let new_name = action == "UpdateGroup";
            assert!(new_name || calls.iter().any(|call| call.contains(&group)), "{action} {name}: {calls:?}");
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
        let steps = commands::undo(Call::new(&finding));
        let lines = steps.iter().filter_map(|step| step.command.as_ref()?.line().ok());
        assert!(lines.into_iter().any(|line| line.starts_with(&format!("aws iam {undo} "))), "{action}: {steps:?}");
    }
}

proptest! {
    #[test]
    fn a_shell_gives_back_every_value(value in "[ -~]{0,70}") {
        let command = Command::aws("iam get-group").with("--group-name", Some(&value)).plain("--output=json");
        let Ok(lines) = command.lines() else { return Ok(()) };
        let wanted = ["iam".to_owned(), "get-group".to_owned(), format!("--group-name={value}"), "--output=json".to_owned()];
        prop_assert_eq!(run(&lines), [wanted.to_vec()]);
    }
}
