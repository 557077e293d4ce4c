//! Rule files: TOML in the format of Elastic's public `detection-rules`, read unchanged.

mod correlation;
mod date_math;
mod elastic;
mod fact_query;
mod fields;
mod file;
mod keys;
mod new_terms;
mod over_time;
pub(super) mod resolve;
mod sequence;
mod severity;
#[cfg(test)]
mod tests;
mod threshold;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub(super) use file::check_ids;
pub use file::{RuleFile, UnsupportedRule, Verdict};

use super::correlation::Correlation;
use super::definition::{Rule, RuleOrigin};
use super::embedded::{self, EmbeddedSet, EmbeddedSets};
use super::set::{NoRules, RuleSet};
use super::toml_file::folder::toml_files;
use super::toml_file::problem::{Problem, problem_list};

/// Rules read from one source or more, and every problem of their files.
#[derive(Debug, Default)]
pub struct LoadedRules {
    /// The rules that can run, in the order of the files.
    pub rules: Vec<Rule>,
    /// The correlations. The rules that they name are not resolved yet.
    pub correlations: Vec<Correlation>,
    /// Why valid rules of other kinds cannot run here.
    pub unsupported: Vec<Problem>,
    /// What makes a file, or the source, unusable.
    pub problems: Vec<Problem>,
    /// What is suspicious but harmless.
    pub warnings: Vec<Problem>,
}

/// Rules that cannot be used. The program must not start with only some of the rules that the
/// operator configured.
#[derive(Debug, Error)]
pub enum RulesError {
    /// All problems of rule files.
    #[error("{}", problem_list("rule files", .0))]
    Problems(Vec<Problem>),
    /// There is no rule.
    #[error(transparent)]
    NoRules(#[from] NoRules),
}

impl LoadedRules {
    /// Reads the rules that are part of the program, and in use unless the operator says otherwise.
    pub fn embedded() -> LoadedRules {
        LoadedRules::from_sets(&EmbeddedSets::default())
    }

    /// Reads the rules that are part of the program, of these sets.
    pub fn from_sets(sets: &EmbeddedSets) -> LoadedRules {
        LoadedRules::from_embedded(|set| sets.include(set))
    }

    /// Reads the rules of findings about log files and digests themselves: see
    /// [`integrity`](crate::finding::integrity).
    pub fn embedded_integrity() -> LoadedRules {
        LoadedRules::from_embedded(|set| set == EmbeddedSet::Integrity)
    }

    /// Reads all rules that are part of the program.
    pub fn all_embedded() -> LoadedRules {
        LoadedRules::from_embedded(|_| true)
    }

    fn from_embedded(is_wanted: impl Fn(EmbeddedSet) -> bool) -> LoadedRules {
        let files = embedded::FILES.iter().filter(|file| is_wanted(file.set));
        LoadedRules::from_files(
            files.map(|file| RuleFile::parse(RuleOrigin::Embedded(file.name), file.text)),
        )
    }

    /// Reads a file, or every `*.toml` of a directory and of those below it, sorted by path.
    /// Directories called `_deprecated` or with a dot in front are read only if `path` names them
    /// itself.
    pub fn from_path(path: &Path) -> LoadedRules {
        let (files, problems) = toml_files(path);
        let mut loaded = LoadedRules::from_files(files.into_iter().map(RuleFile::read));
        loaded.problems.extend(problems);
        loaded
    }

    /// Reads `(name, text)` pairs; `name` is the file's name in messages.
    pub fn from_texts<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> LoadedRules {
        LoadedRules::from_files(
            texts.map(|(name, text)| RuleFile::parse(RuleOrigin::File(name.into()), text)),
        )
    }

    /// Reads the embedded rules of these sets, then each of `paths` as [`LoadedRules::from_path`]
    /// does. A rule replaces an earlier one with the same id.
    pub fn from_paths(sets: &EmbeddedSets, paths: &[PathBuf]) -> LoadedRules {
        let mut loaded = LoadedRules::from_sets(sets);
        for path in paths {
            loaded.add_source(LoadedRules::from_path(path));
        }
        loaded
    }

    fn from_files(files: impl Iterator<Item = RuleFile>) -> LoadedRules {
        let mut files: Vec<RuleFile> = files.collect();
        check_ids(&mut files);
        let mut loaded = LoadedRules::default();
        for file in files {
            match file.verdict {
                Verdict::Rule(rule) => loaded.rules.push(*rule),
                Verdict::Correlation(correlation) => loaded.correlations.push(*correlation),
                Verdict::Unsupported(rule) => loaded.unsupported.push(rule.problem),
                Verdict::Broken => {}
            }
            loaded.problems.extend(file.problems);
            loaded.warnings.extend(file.warnings);
        }
        loaded
    }

    /// Adds a source. Its rules and correlations replace earlier ones with the same ids.
    pub fn add_source(&mut self, source: LoadedRules) {
        let infos = source.rules.iter().map(|rule| &rule.info);
        let infos = infos.chain(source.correlations.iter().map(|correlation| &correlation.info));
        let ids: BTreeSet<&str> = infos.map(|info| info.id.as_str()).collect();
        let (replaced, mut rules): (Vec<Rule>, Vec<Rule>) =
            self.rules.drain(..).partition(|rule| ids.contains(rule.info.id.as_str()));
        self.correlations.retain(|correlation| !ids.contains(correlation.info.id.as_str()));
        self.correlations.extend(source.correlations);
        let warnings = resolve::warn_of_replaced(&self.correlations, &replaced, &source.rules);
        rules.extend(source.rules);
        self.rules = rules;
        self.unsupported.extend(source.unsupported);
        self.problems.extend(source.problems);
        self.warnings.extend(warnings.into_iter().chain(source.warnings));
    }

    /// The rules, if every file can be used and is of a supported kind.
    /// Fails with everything that keeps a rule from running.
    pub fn into_complete_rule_set(mut self) -> Result<RuleSet, RulesError> {
        self.problems.append(&mut self.unsupported);
        self.into_rule_set()
    }

    /// The rules, if every file can be used. Unsupported rules are left out.
    /// Fails with all problems, including rules that correlations name and that do not exist.
    pub fn into_rule_set(self) -> Result<RuleSet, RulesError> {
        if !self.problems.is_empty() {
            return Err(RulesError::Problems(self.problems));
        }
        let rule_set = RuleSet::new(self.rules)?;
        let correlations = resolve::resolve_all(self.correlations, rule_set.rules())
            .map_err(RulesError::Problems)?;
        Ok(rule_set.with_correlations(correlations))
    }
}
