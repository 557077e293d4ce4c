//! The rules of a command, and `trailbell rules`: looking at rules, checking and testing them.

pub mod args;
mod check;
mod list;
mod show;
mod test;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use trailbell::rule::{Gathered, RuleSet};

use args::{Command, RulesArgs};

use crate::output::say;

/// Runs `trailbell rules`.
pub fn run(args: &RulesArgs) -> Result<ExitCode, Box<dyn Error>> {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Check(args) => check::run(args),
        Command::Test(args) => test::run(args),
    }
}

/// The rules that come with the program (unless left out) and those of `paths`. Warnings and rules of a kind that
/// cannot run here are named; a rule file that cannot be used is an error.
pub fn load(default_rules: bool, paths: &[PathBuf]) -> Result<RuleSet, Box<dyn Error>> {
    let gathered = Gathered::from_places(default_rules, paths);
    for warning in &gathered.warnings {
        say(format_args!("trailbell: warning: {warning}"));
    }
    for refusal in &gathered.refused {
        say(format_args!("trailbell: not run: {refusal}"));
    }
    Ok(gathered.into_rules()?)
}

/// `1 rule`, `2 rules`.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
