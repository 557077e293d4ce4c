//! The rules of a command, and `trailbell rules`: looking at rules, checking and testing them.

pub mod args;
mod check;
mod list;
mod show;
mod test;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use args::{Command, RulesArgs};
use detect::rule::{Correlation, LoadedRules, Rule, RuleInfo, RuleSet};

use crate::commands::output::say;

/// Runs `trailbell rules`.
pub fn run(args: &RulesArgs) -> Result<ExitCode, Box<dyn Error>> {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Check(args) => check::run(args),
        Command::Test(args) => test::run(args),
    }
}

/// The rules that come with the program (unless left out) and those of `paths`. Warnings and rules
/// of a kind that cannot run here are named; a rule file that cannot be used is an error.
pub fn load(default_rules: bool, paths: &[PathBuf]) -> Result<RuleSet, Box<dyn Error>> {
    let gathered = LoadedRules::from_paths(default_rules, paths);
    for warning in &gathered.warnings {
        say(format_args!("trailbell: warning: {warning}"));
    }
    for refusal in &gathered.unsupported {
        say(format_args!("trailbell: not run: {refusal}"));
    }
    Ok(gathered.into_rule_set()?)
}

/// A rule of either kind.
#[derive(Clone, Copy)]
pub enum Any<'r> {
    Rule(&'r Rule),
    Correlation(&'r Correlation),
}

impl<'r> Any<'r> {
    /// What it says about itself.
    pub fn info(self) -> &'r RuleInfo {
        match self {
            Any::Rule(rule) => &rule.info,
            Any::Correlation(correlation) => &correlation.info,
        }
    }
}

/// All rules, then all correlations.
pub fn all(set: &RuleSet) -> impl Iterator<Item = Any<'_>> {
    set.rules().iter().map(Any::Rule).chain(set.correlations().iter().map(Any::Correlation))
}

/// The rule of that id or name, else the only one whose name holds it.
pub fn find<'r>(set: &'r RuleSet, wanted: &str) -> Result<Any<'r>, String> {
    let lower = wanted.to_lowercase();
    let exact =
        |rule: &Any<'_>| rule.info().id == wanted || rule.info().name.to_lowercase() == lower;
    if let Some(rule) = all(set).find(exact) {
        return Ok(rule);
    }
    let like: Vec<Any<'r>> =
        all(set).filter(|rule| rule.info().name.to_lowercase().contains(&lower)).collect();
    let names: Vec<&str> = like.iter().map(|rule| rule.info().name.as_str()).collect();
    match like[..] {
        [rule] => Ok(rule),
        [] => Err(format!(
            "no rule has the id or the name \"{wanted}\"; `trailbell rules list` lists them"
        )),
        _ => Err(format!(
            "\"{wanted}\" is in the names of {}: {}",
            counted(like.len(), "rule"),
            names.join("; ")
        )),
    }
}

/// `1 rule`, `2 rules`.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
