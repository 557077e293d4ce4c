//! What stops the function's start.

use std::fs;
use std::process::{Command, Output};

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_function_does_not_start_without_its_settings() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailbell-lambda"));
    let output = command.env_clear().output().unwrap();
    assert!(!output.status.success());
    let told = out(&output);
    for name in
        ["TRAILBELL_ALERTS is missing", "TRAILBELL_STORE is missing", "TRAILBELL_LEDGER is missing"]
    {
        assert!(told.contains(name), "{name}: {told}");
    }
}

#[test]
fn a_rule_with_a_typo_stops_the_start_by_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let broken = "[rule]\nname = \"x\"\nrule_id = \"x\"\ndescription = \"x\"\ntype = \"query\"\nseverity = \"low\"\n\
                  risk_score = 21\nquery = \"event.action: (CreateGroup\"\n";
    fs::write(folder.path().join("broken.toml"), broken).unwrap();
    let mut function = Command::new(env!("CARGO_BIN_EXE_trailbell-lambda"));
    function
        .env_clear()
        .env("TRAILBELL_ALERTS", "stdout")
        .env("TRAILBELL_STORE", "dir:x")
        .env("TRAILBELL_LEDGER", "none");
    let output = function.env("TRAILBELL_RULES", folder.path()).output().unwrap();
    assert!(
        !output.status.success() && out(&output).contains("broken.toml:8:"),
        "{}",
        out(&output)
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_among_rules_exceptions_or_accounts_stops_the_start_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (setting, place) in [
        ("TRAILBELL_RULES", folder.path()),
        ("TRAILBELL_RULES", &pipe),
        ("TRAILBELL_EXCEPTIONS", folder.path()),
        ("TRAILBELL_EXCEPTIONS", &pipe),
        ("TRAILBELL_ACCOUNTS", &pipe),
    ] {
        let mut function = Command::new(env!("CARGO_BIN_EXE_trailbell-lambda"));
        function
            .env_clear()
            .env("TRAILBELL_ALERTS", "stdout")
            .env("TRAILBELL_STORE", "dir:x")
            .env("TRAILBELL_LEDGER", "none");
        let output = function.env(setting, place).output().unwrap();
        let named = out(&output).contains("pipe.toml: is not a regular file");
        assert!(!output.status.success() && named, "{setting}: {}", out(&output));
    }
}
