//! Rule files: TOML as in Elastic's public `detection-rules`, read unchanged.
//!
//! Everything is read and everything that is wrong is reported, before anyone decides whether to go
//! on.

pub(super) mod duration;
pub(super) mod file;
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
use super::{Correlation, Rule, RuleOrigin};

/// What came of reading rules from one source.
#[derive(Debug, Default)]
pub struct LoadedRules {
    /// The rules that can run, in the order of the files.
    pub rules: Vec<Rule>,
    /// The correlations, their references not resolved yet.
    pub correlations: Vec<Correlation>,
    /// Files that are sound, but hold a kind of rule that cannot run here.
    pub refused: Vec<Refusal>,
    /// What makes a file, or the source, unusable.
    pub problems: Vec<Problem>,
    /// What is odd, but does no harm.
    pub warnings: Vec<Problem>,
}

impl LoadedRules {
    /// Reads one file's text.
    fn add(&mut self, origin: RuleOrigin, text: &str) {
        file::read(origin, text, self);
    }

    /// One source must not hold two rules with the same id: which of them ran would be chance.
    fn check_ids(&mut self) {
        let mut first: BTreeMap<&str, &RuleOrigin> = BTreeMap::new();
        let rules = self.rules.iter().map(|rule| (&rule.info, &rule.origin));
        for (info, origin) in rules.chain(self.correlations.iter().map(|it| (&it.info, &it.origin)))
        {
            let Some(earlier) = first.insert(&info.id, origin) else { continue };
            let message = format!("rule_id `{}` is also that of {earlier}", info.id);
            self.problems.push(Problem::of_file(origin.to_string(), message));
        }
    }
}

/// Reads texts that are in memory, each with the name by which people know it.
pub fn texts<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> LoadedRules {
    let mut load = LoadedRules::default();
    for (name, text) in texts {
        load.add(RuleOrigin::File(name.into()), text);
    }
    load.check_ids();
    load
}

/// The rules that are part of the program.
pub fn embedded() -> LoadedRules {
    let mut load = LoadedRules::default();
    for file in embedded::FILES.iter().chain(embedded::CORRELATIONS) {
        load.add(RuleOrigin::Embedded(file.name), file.text);
    }
    load.check_ids();
    load
}
