//! Rules from all places that the operator named.

use std::collections::BTreeSet;
use std::path::PathBuf;

use thiserror::Error;

use super::correlation::resolve;
use super::load::{LoadedRules, Problem, UnsupportedRule};
use super::{Correlation, NoRules, Rule, RuleSet};

/// What came of reading all places.
#[derive(Debug, Default)]
pub struct RuleSources {
    sources: Vec<Vec<Rule>>,
    /// Their references not resolved yet.
    correlations: Vec<Correlation>,
    /// Sound files that hold a kind of rule that cannot run here.
    pub unsupported: Vec<UnsupportedRule>,
    /// What makes a file unusable.
    pub problems: Vec<Problem>,
    /// What is odd, but does no harm.
    pub warnings: Vec<Problem>,
}

/// Rules that cannot be used: nothing must start with a part of what the operator wanted.
#[derive(Debug, Error)]
pub enum RulesError {
    /// Files that cannot be used, all of them.
    #[error("{} in rule files:\n{}", plural(.0.len()), listed(.0))]
    Problems(Vec<Problem>),
    /// Files that cannot run here, and all other problems.
    #[error("not every rule can run:\n{}", .0.join("\n"))]
    Unsupported(Vec<String>),
    /// No rule at all.
    #[error(transparent)]
    NoRules(#[from] NoRules),
}

impl RuleSources {
    /// Reads the rules that come with the program, where `default_rules` says so, and then those of
    /// `paths` (folders or files). A rule takes the place of an earlier one with the same id.
    pub fn from_paths(default_rules: bool, paths: &[PathBuf]) -> RuleSources {
        let mut gathered = RuleSources::default();
        if default_rules {
            gathered.add(LoadedRules::embedded());
        }
        for path in paths {
            gathered.add(LoadedRules::from_path(path));
        }
        gathered
    }

    /// Adds a source, behind those before. What has the id of an earlier rule or correlation takes
    /// its place.
    pub fn add(&mut self, load: LoadedRules) {
        let rules: BTreeSet<&str> = load.rules.iter().map(|it| &*it.info.id).collect();
        let correlations: BTreeSet<&str> =
            load.correlations.iter().map(|it| &*it.info.id).collect();
        let before: Vec<Rule> = self.sources.iter().flatten().cloned().collect();
        self.sources
            .iter_mut()
            .for_each(|source| source.retain(|it| !correlations.contains(&*it.info.id)));
        self.correlations
            .retain(|it| !rules.contains(&*it.info.id) && !correlations.contains(&*it.info.id));
        self.correlations.extend(load.correlations);
        self.warnings.extend(resolve::replaced(&self.correlations, &before, &load.rules));
        self.sources.push(load.rules);
        self.unsupported.extend(load.unsupported);
        self.problems.extend(load.problems);
        self.warnings.extend(load.warnings);
    }

    /// The rules, if every file can be used: what the function asks for.
    pub fn into_complete_rule_set(self) -> Result<RuleSet, RulesError> {
        if self.unsupported.is_empty() {
            return self.into_rule_set();
        }
        let told = self.problems.iter().map(ToString::to_string);
        Err(RulesError::Unsupported(
            self.unsupported.iter().map(ToString::to_string).chain(told).collect(),
        ))
    }

    /// The rules, if every file can be used or is of a kind that is known not to run here.
    pub fn into_rule_set(self) -> Result<RuleSet, RulesError> {
        if !self.problems.is_empty() {
            return Err(RulesError::Problems(self.problems));
        }
        let set = RuleSet::new(self.sources)?;
        let correlations =
            resolve::resolve_all(self.correlations, set.rules()).map_err(RulesError::Problems)?;
        Ok(set.with_correlations(correlations))
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
