//! Rule files looked at before anything depends on them: which can run here, and what in the others
//! and in those is wrong or odd.

#[cfg(test)]
mod tests;
pub(super) mod unsatisfiable;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::correlation::resolve;
use super::load::{self, LoadedRules, Problem, UnsupportedRule};
use super::{Correlation, RequiredFields, Rule, RuleInfo, RuleOrigin};

/// What can be said of one file.
#[derive(Debug)]
pub struct CheckedFile {
    /// The file as it was named to us.
    pub path: PathBuf,
    /// Whether it can run here.
    pub verdict: Verdict,
    /// What is wrong, in the order of the file; where there is something, the file is broken.
    pub problems: Vec<Problem>,
    /// What is odd, in the order of the file, but does not keep it from running.
    pub warnings: Vec<Problem>,
}

/// Whether a file can run here.
#[derive(Debug)]
pub enum Verdict {
    /// It can.
    Runs(Box<Rule>),
    /// It is a correlation, and the rules that it names are here or come with the program.
    Correlates(Box<Correlation>),
    /// It is sound, but of a kind that cannot run here.
    Unsupported(UnsupportedRule),
    /// It cannot be used; the problems say why.
    Broken,
}

/// Checks files, and all rule files of folders, in the order given. A file that is named twice is
/// checked once.
pub fn check_rule_files(paths: &[PathBuf]) -> Vec<CheckedFile> {
    let mut seen = BTreeSet::new();
    let listed = paths.iter().flat_map(|path| listed(path));
    let mut files: Vec<CheckedFile> =
        listed.filter(|file| seen.insert(file.path.clone())).collect();
    check_ids(&mut files);
    check_correlations(&mut files);
    files
}

fn listed(path: &Path) -> Vec<CheckedFile> {
    if !path.is_dir() {
        return vec![checked(path.to_owned())];
    }
    let (files, mut problems) = load::files(path, "toml");
    if files.is_empty() && problems.is_empty() {
        problems.push(Problem::of_file(
            path.display().to_string(),
            "there is no .toml file in it".to_owned(),
        ));
    }
    let folder = CheckedFile {
        path: path.to_owned(),
        verdict: Verdict::Broken,
        problems,
        warnings: Vec::new(),
    };
    let unlisted = (!folder.problems.is_empty()).then_some(folder);
    unlisted.into_iter().chain(files.into_iter().map(checked)).collect()
}

fn checked(path: PathBuf) -> CheckedFile {
    let LoadedRules { mut rules, mut correlations, mut unsupported, mut problems, mut warnings } =
        load::file(path.clone());
    problems.sort_by_key(|problem| problem.position);
    warnings.sort_by_key(|warning| warning.position);
    let verdict = match (rules.pop(), correlations.pop(), unsupported.pop()) {
        (Some(rule), ..) => Verdict::Runs(Box::new(rule)),
        (None, Some(correlation), _) => Verdict::Correlates(Box::new(correlation)),
        (None, None, Some(refusal)) => Verdict::Unsupported(refusal),
        (None, None, None) => Verdict::Broken,
    };
    if let Verdict::Runs(rule) = &verdict {
        warnings.extend(
            slow(rule)
                .map(|message| Problem::of_file(path.display().to_string(), message.to_owned())),
        );
    }
    CheckedFile { path, verdict, problems, warnings }
}

/// What makes a rule costly: a log object is passed over unread unless it holds what some rule
/// looks for.
fn slow(rule: &Rule) -> Option<&'static str> {
    match RequiredFields::from_expr(rule.query.expr()) {
        RequiredFields { providers: None, actions: None } => Some(
            "slow: no literal to search by. Every record of every service is held against it; ask for an \
             `event.provider` or an `event.action`",
        ),
        RequiredFields { providers: None, .. } => Some(
            "slow: log objects of every region are read for it; ask for an `event.provider` too",
        ),
        _ => None,
    }
}

impl Verdict {
    /// What can run here: what it says about itself, and where it was read.
    fn usable(&self) -> Option<(&RuleInfo, &RuleOrigin)> {
        match self {
            Verdict::Runs(rule) => Some((&rule.info, &rule.origin)),
            Verdict::Correlates(correlation) => Some((&correlation.info, &correlation.origin)),
            Verdict::Unsupported(_) | Verdict::Broken => None,
        }
    }
}

/// Two rules with one id: only one of them would run.
fn check_ids(files: &mut [CheckedFile]) {
    let mut first: BTreeMap<String, RuleOrigin> = BTreeMap::new();
    for file in files {
        let Some((info, origin)) = file.verdict.usable() else { continue };
        let Some(earlier) = first.get(&info.id) else {
            first.insert(info.id.clone(), origin.clone());
            continue;
        };
        let message = format!("rule_id `{}` is also that of {earlier}", info.id);
        file.problems.push(Problem::of_file(file.path.display().to_string(), message));
        file.verdict = Verdict::Broken;
    }
}

/// A correlation of rules that there are not would never ring, and one of a rule that was replaced
/// rings otherwise. Rules that come with the program count, unless one of the files takes the place
/// of them.
fn check_correlations(files: &mut [CheckedFile]) {
    let LoadedRules { rules: embedded, correlations: ours, .. } = LoadedRules::embedded();
    let of_files = |files: &[CheckedFile]| -> (Vec<Rule>, Vec<Correlation>) {
        let rules = files.iter().filter_map(|file| {
            if let Verdict::Runs(rule) = &file.verdict { Some(rule) } else { None }
        });
        let correlations = files.iter().filter_map(|file| {
            if let Verdict::Correlates(it) = &file.verdict { Some(it) } else { None }
        });
        (rules.map(|it| (**it).clone()).collect(), correlations.map(|it| (**it).clone()).collect())
    };
    let (rules, correlations) = of_files(files);
    let all: Vec<Rule> = rules.iter().chain(&embedded).cloned().collect();
    let every: Vec<Correlation> = correlations.into_iter().chain(ours).collect();
    let replaced = resolve::replaced(&every, &embedded, &rules);
    for file in files {
        let path = file.path.display().to_string();
        file.warnings.extend(replaced.iter().filter(|warning| warning.path == path).cloned());
        let Verdict::Correlates(correlation) = &mut file.verdict else { continue };
        let problems = resolve::resolve(correlation, &all, &every);
        if !problems.is_empty() {
            file.problems.extend(problems);
            file.verdict = Verdict::Broken;
        }
    }
}
