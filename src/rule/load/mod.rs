//! Rule files: TOML as in Elastic's public `detection-rules`, read unchanged.
//!
//! Everything is read and everything that is wrong is reported, before anyone decides whether to go on.

mod duration;
mod file;
pub(super) mod folder;
mod keys;
pub(super) mod query;
pub(super) mod reader;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use folder::folder;
pub(super) use folder::{file, files, read_text};
pub use report::{Position, Problem, Refusal};

use super::embedded;
use super::{Rule, RuleOrigin};

/// What came of reading rules from one source.
#[derive(Debug, Default)]
pub struct Load {
    /// The rules that can run, in the order of the files.
    pub rules: Vec<Rule>,
    /// Files that are sound, but hold a kind of rule that cannot run here.
    pub refused: Vec<Refusal>,
    /// What makes a file, or the source, unusable.
    pub problems: Vec<Problem>,
    /// What is odd, but does no harm.
    pub warnings: Vec<Problem>,
}

impl Load {
    /// Reads one file's text.
    fn add(&mut self, origin: RuleOrigin, text: &str) {
        file::read(origin, text, self);
    }

    /// One source must not hold two rules with the same id: which of them ran would be chance.
    fn check_ids(&mut self) {
        let mut first: BTreeMap<&str, &Rule> = BTreeMap::new();
        for rule in &self.rules {
            let Some(earlier) = first.insert(&rule.info.id, rule) else { continue };
            let message = format!("rule_id `{}` is also that of {}", rule.info.id, earlier.origin);
            self.problems.push(Problem::of_file(rule.origin.to_string(), message));
        }
    }
}

/// The rules that are part of the program.
pub fn embedded() -> Load {
    let mut load = Load::default();
    for file in embedded::FILES {
        load.add(RuleOrigin::Embedded(file.name), file.text);
    }
    load.check_ids();
    load
}
