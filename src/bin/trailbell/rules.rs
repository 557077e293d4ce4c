//! The rules of a command.

use std::error::Error;
use std::path::PathBuf;

use trailbell::rule::{Gathered, RuleSet};

/// The rules that come with the program (unless left out) and those of `paths`. Warnings and rules of a kind that
/// cannot run here are named; a rule file that cannot be used is an error.
pub fn load(default_rules: bool, paths: &[PathBuf]) -> Result<RuleSet, Box<dyn Error>> {
    let gathered = Gathered::from_places(default_rules, paths);
    for warning in &gathered.warnings {
        eprintln!("trailbell: warning: {warning}");
    }
    for refusal in &gathered.refused {
        eprintln!("trailbell: not run: {refusal}");
    }
    Ok(gathered.into_rules()?)
}
