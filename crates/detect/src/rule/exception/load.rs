//! Exceptions from files and folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::cover::covered_group;
use super::file::read_exceptions;
use super::{Exception, Exceptions};
use crate::finding::PrivilegedGroups;
use crate::rule::set::RuleSet;
use crate::rule::toml_file::folder::{check_regular_file, read_text, toml_files};
use crate::rule::toml_file::problem::{Position, Problem, hint, problem_list};
use crate::rule::toml_file::reader::TomlReader;
use query_core::nearest_name;

/// Exceptions as read, and every problem of their files.
#[derive(Debug, Default)]
pub struct LoadedExceptions {
    /// The valid exceptions, in the order of the files.
    pub exceptions: Vec<Exception>,
    /// What makes a file unusable. With a problem, no exception may be used: one that does not say
    /// what its author meant could suppress anything.
    pub problems: Vec<Problem>,
    /// What is suspicious or risky.
    pub warnings: Vec<Problem>,
}

/// The problems of exceptions that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", problem_list("exception files", .0))]
pub struct ExceptionsError(pub Vec<Problem>);

/// Fails if one of the files that [`LoadedExceptions::from_paths`] reads is a pipe or a device.
/// That is no mistake in an exception, but in the deployment.
pub fn check_exception_files(paths: &[PathBuf]) -> Result<(), ExceptionsError> {
    let files = paths.iter().flat_map(|path| toml_files(path).0);
    let problems: Vec<Problem> = files.filter_map(|file| check_regular_file(&file).err()).collect();
    if problems.is_empty() { Ok(()) } else { Err(ExceptionsError(problems)) }
}

impl LoadedExceptions {
    /// Reads files, or every `*.toml` of folders, as
    /// [`LoadedRules::from_path`](crate::rule::LoadedRules::from_path) does.
    pub fn from_paths(paths: &[PathBuf]) -> LoadedExceptions {
        let mut loaded = LoadedExceptions::default();
        for path in paths {
            let (files, problems) = toml_files(path);
            for file in files {
                match read_text(&file) {
                    Ok(text) => loaded.add_file(&file, &text),
                    Err(problem) => loaded.problems.push(problem),
                }
            }
            loaded.problems.extend(problems);
        }
        loaded.check_names();
        loaded
    }

    /// Reads `(name, text)` pairs; `name` is the file's name in messages.
    pub fn from_texts<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> LoadedExceptions {
        let mut loaded = LoadedExceptions::default();
        texts.for_each(|(name, text)| loaded.add_file(Path::new(name), text));
        loaded.check_names();
        loaded
    }

    fn add_file(&mut self, path: &Path, text: &str) {
        let name = path.display().to_string();
        let (mut reader, root) = TomlReader::parse(&name, text);
        // A typing error in a key must not widen an exception.
        reader.strict = true;
        if let Some(root) = root {
            self.exceptions.extend(read_exceptions(&mut reader, &root, path));
        }
        self.problems.extend(reader.problems);
        self.warnings.extend(reader.warnings);
    }

    /// Findings carry the name: it must identify the exception.
    fn check_names(&mut self) {
        let mut by_name: BTreeMap<&str, &Exception> = BTreeMap::new();
        for exception in &self.exceptions {
            if let Some(earlier) = by_name.insert(&exception.name, exception) {
                let message = format!(
                    "the name `{}` is also used by the exception at {}:{}",
                    exception.name.escape_debug(),
                    earlier.path.display(),
                    earlier.position.line
                );
                self.problems.push(problem_at(exception, exception.position, message));
            }
        }
    }

    /// Warns of rules that do not exist: such an exception suppresses nothing.
    pub fn check_rules(&mut self, rule_set: &RuleSet) {
        let rules = || rule_set.rules().iter().map(|rule| &*rule.info);
        for exception in &self.exceptions {
            for selector in &exception.rules {
                if selector.selects_every_rule() || rules().any(|rule| selector.selects(rule)) {
                    continue;
                }
                let known = rules().flat_map(|rule| [rule.id.as_str(), rule.name.as_str()]);
                let message = format!(
                    "exception `{}` names a rule that does not exist: `{}`{}",
                    exception.name.escape_debug(),
                    selector.text.escape_debug(),
                    hint(nearest_name(&selector.text, known))
                );
                self.warnings.push(problem_at(exception, selector.position, message));
            }
        }
    }

    /// Warns of exceptions that would suppress findings about privileged groups.
    pub fn check_privileged(&mut self, rule_set: &RuleSet, groups: &PrivilegedGroups) {
        for exception in &self.exceptions {
            let Some(group) = covered_group(exception, rule_set.rules(), groups) else { continue };
            let message = format!(
                "exception `{}` would suppress findings about privileged groups, such as \
                 `{group}`; name the groups that it is for with `group.name`",
                exception.name.escape_debug(),
            );
            self.warnings.push(problem_at(exception, exception.position, message));
        }
    }

    /// The exceptions, if all of them can be used.
    /// Fails with all problems.
    pub fn into_exceptions(self) -> Result<Exceptions, ExceptionsError> {
        if !self.problems.is_empty() {
            return Err(ExceptionsError(self.problems));
        }
        Ok(Exceptions::new(self.exceptions))
    }
}

fn problem_at(exception: &Exception, position: Position, message: String) -> Problem {
    Problem::in_file(exception.path.display(), message).at(position)
}
