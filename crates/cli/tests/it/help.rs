//! `--help` of every command.

use crate::program::command;

fn help(path: &[&str]) -> String {
    let output = command(path).arg("--help").env("COLUMNS", "80").output().unwrap();
    assert!(output.status.success(), "{path:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands that a help lists.
fn subcommands(help: &str) -> Vec<&str> {
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !["", "help"].contains(name)).collect()
}

/// Checks the help of a command and of its subcommands. Returns how many there are.
fn check_help(path: &[&str]) -> usize {
    let help = help(path);
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{path:?}: {line}");
    }
    let subcommands = subcommands(&help);
    if subcommands.is_empty() {
        assert!(help.contains("\nExit codes: 0 "), "{path:?}: {help}");
    }
    1 + subcommands.iter().map(|name| check_help(&[path, &[*name]].concat())).sum::<usize>()
}

#[test]
fn every_help_fits_80_columns_and_documents_the_exit_codes() {
    assert_eq!(check_help(&[]), 32);
}
