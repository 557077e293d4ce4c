//! Exceptions from all places that the operator named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

use super::{Exception, Exceptions, file};
use crate::ecs::nearest_name;
use crate::rule::RuleSet;
use crate::rule::load::{Problem, folder};

/// What came of reading exceptions. Everything is read, and all that is wrong is told at once.
#[derive(Debug, Default)]
pub struct LoadedExceptions {
    /// Those that are sound, in the order of the files.
    pub exceptions: Vec<Exception>,
    /// What makes a file unusable. While there is one, no exception may be used: an exception that
    /// does not say what its author meant could hide anything.
    pub problems: Vec<Problem>,
    /// What is odd or risky.
    pub warnings: Vec<Problem>,
}

/// Exceptions that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} in exception files:\n{}", plural(.0.len()), listed(.0))]
pub struct ExceptionsError(pub Vec<Problem>);

impl LoadedExceptions {
    /// Reads files, or every `*.toml` of folders, as rules are read.
    pub fn from_paths(paths: &[PathBuf]) -> LoadedExceptions {
        let mut load = LoadedExceptions::default();
        for path in paths {
            let mut problems = Vec::new();
            folder::each(path, &mut problems, &mut |file, text| load.add(file, text));
            load.problems.append(&mut problems);
        }
        load.check_names();
        load
    }

    /// Reads texts that are in memory, each with the name by which people know it.
    pub fn from_texts<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> LoadedExceptions {
        let mut load = LoadedExceptions::default();
        texts.for_each(|(name, text)| load.add(name.into(), text));
        load.check_names();
        load
    }

    /// Reads one file's text.
    pub(super) fn add(&mut self, path: PathBuf, text: &str) {
        file::read(&path, text, self);
    }

    /// Findings are marked with the name: it must tell which exception it was.
    pub(super) fn check_names(&mut self) {
        let mut first: BTreeMap<&str, &Exception> = BTreeMap::new();
        for exception in &self.exceptions {
            let Some(earlier) = first.insert(&exception.name, exception) else { continue };
            let (name, path, line) =
                (&exception.name, earlier.path.display(), earlier.position.line);
            let message = format!(
                "the name `{}` is also that of the exception at {path}:{line}",
                name.escape_debug()
            );
            self.problems.push(exception.problem(exception.position, message));
        }
    }

    /// Warns of rules that there are not: such an exception hides nothing, and its author believes
    /// it does.
    pub fn check_rules(&mut self, rules: &RuleSet) {
        let infos = || rules.rules().iter().map(|rule| &*rule.info);
        for exception in &self.exceptions {
            for of in exception
                .rules
                .iter()
                .filter(|of| !of.selects_every_rule() && !infos().any(|rule| of.selects(rule)))
            {
                let known = infos().flat_map(|rule| [rule.id.as_str(), rule.name.as_str()]);
                let hint =
                    nearest_name(&of.text, known).map(|meant| format!("; did you mean `{meant}`?"));
                let (name, rule) = (exception.name.escape_debug(), of.text.escape_debug());
                let message = format!(
                    "exception `{name}` names no rule that there is: `{rule}`{}",
                    hint.unwrap_or_default()
                );
                self.warnings.push(exception.problem(of.position, message));
            }
        }
    }

    /// The exceptions, if all of them can be used.
    pub fn into_exceptions(self) -> Result<Exceptions, ExceptionsError> {
        if self.problems.is_empty() {
            Ok(Exceptions::new(self.exceptions))
        } else {
            Err(ExceptionsError(self.problems))
        }
    }
}

impl Exception {
    fn problem(&self, position: super::Position, message: String) -> Problem {
        Problem {
            path: self.path.display().to_string(),
            position: Some(position),
            message,
            excerpt: None,
        }
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
