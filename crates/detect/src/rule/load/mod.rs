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
use std::path::Path;

pub(super) use folder::{file, files, read_text};
pub use report::{Position, Problem, UnsupportedRule};

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
    pub unsupported: Vec<UnsupportedRule>,
    /// What makes a file, or the source, unusable.
    pub problems: Vec<Problem>,
    /// What is odd, but does no harm.
    pub warnings: Vec<Problem>,
}

impl LoadedRules {
    /// Reads the rules that are part of the program.
    pub fn embedded() -> LoadedRules {
        let mut loaded = LoadedRules::default();
        for file in embedded::FILES.iter().chain(embedded::CORRELATIONS) {
            loaded.add(RuleOrigin::Embedded(file.name), file.text);
        }
        loaded.check_ids();
        loaded
    }

    /// Reads a file, or every `*.toml` of a directory and of those below it, sorted by path. A
    /// directory called `_deprecated` or with a dot in front is read only if `path` names it
    /// itself: mounted configuration keeps second copies in such directories.
    pub fn from_path(path: &Path) -> LoadedRules {
        let mut loaded = LoadedRules::default();
        let mut problems = Vec::new();
        folder::each(path, &mut problems, &mut |file, text| {
            loaded.add(RuleOrigin::File(file), text);
        });
        loaded.problems.append(&mut problems);
        loaded.check_ids();
        loaded
    }

    /// Reads `(name, text)` pairs; `name` is the file name in messages.
    pub fn from_texts<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> LoadedRules {
        let mut loaded = LoadedRules::default();
        for (name, text) in texts {
            loaded.add(RuleOrigin::File(name.into()), text);
        }
        loaded.check_ids();
        loaded
    }

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
