//! Checking rule files before they are deployed.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::correlation::Correlation;
use super::definition::{Rule, RuleInfo};
use super::load::resolve::{resolve_references, warn_of_replaced};
use super::load::{LoadedRules, RuleFile, Verdict, check_ids};
use super::required_fields::RequiredFields;
use super::toml_file::folder::toml_files;
use super::toml_file::problem::Problem;

/// Checks files, and all rule files of folders, in the order given. A file that is named twice is
/// checked once. A folder that cannot be read is reported like a broken file.
pub fn check_rule_files(paths: &[PathBuf]) -> Vec<RuleFile> {
    let mut checked = BTreeSet::new();
    let mut files = Vec::new();
    for path in paths {
        let (found, problems) = toml_files(path);
        if !problems.is_empty() {
            files.push(RuleFile::broken(path.display().to_string(), problems));
        }
        let new = found.into_iter().filter(|file| checked.insert(file.clone()));
        files.extend(new.map(check_file));
    }
    check_ids(&mut files);
    check_correlations(&mut files);
    files
}

fn check_file(path: PathBuf) -> RuleFile {
    let mut file = RuleFile::read(path);
    file.problems.sort_by_key(|problem| problem.position);
    file.warnings.sort_by_key(|warning| warning.position);
    if let Verdict::Rule(rule) = &file.verdict {
        let slow = slow_query(rule).map(str::to_owned);
        let costs = slow.into_iter().chain(high_volume(rule));
        file.warnings.extend(costs.map(|message| Problem::in_file(&file.path, message)));
    }
    file
}

/// Why a rule is expensive: log objects are skipped unless they hold a literal that some rule
/// requires.
fn slow_query(rule: &Rule) -> Option<&'static str> {
    match rule.query.required_fields() {
        RequiredFields { providers: None, actions: None, agents: None } => Some(
            "slow: every record of every service is parsed for this rule; require an \
             `event.provider` or an `event.action`",
        ),
        RequiredFields { providers: None, .. } => Some(
            "slow: log objects of every region are read for this rule; require an \
             `event.provider` too",
        ),
        _ => None,
    }
}

/// Calls that a busy account makes ten times a second or more.
const FREQUENT_CALLS: [&str; 22] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "BatchGetItem",
    "Decrypt",
    "DescribeInstances",
    "Encrypt",
    "GenerateDataKey",
    "GetCallerIdentity",
    "GetItem",
    "GetObject",
    "GetParameter",
    "GetParameters",
    "GetSecretValue",
    "HeadObject",
    "Invoke",
    "ListObjects",
    "Publish",
    "PutItem",
    "PutObject",
    "Query",
    "Scan",
];

/// What a rule costs that keeps something of each match, if it can match very often.
fn high_volume(rule: &Rule) -> Option<String> {
    let cost = match &*rule.info {
        RuleInfo { new_terms: Some(_), .. } => {
            "each combination of values that an instance has not met lately costs one or two \
             requests to the ledger"
        }
        RuleInfo { threshold: Some(_), .. } => "written to the ledger",
        RuleInfo { sequence: true, .. } => {
            "each match of a step is written to the ledger: an entry and a mark"
        }
        _ => return None,
    };
    if rule.query.required_fields().agents.is_some() {
        return None;
    }
    let matches = match rule.query.required_fields().actions {
        None => "every call of its services is a match".to_owned(),
        Some(actions) => {
            let frequent = actions.iter().find(|it| FREQUENT_CALLS.contains(&it.as_str()))?;
            format!("`{frequent}` can occur ten times a second and more")
        }
    };
    Some(format!("high volume: {matches}; each match is parsed, and {cost}"))
}

/// Reports correlations of rules that do not exist, and rules that change a correlation. Embedded
/// rules count, unless one of the files replaces them.
fn check_correlations(files: &mut [RuleFile]) {
    let embedded = LoadedRules::embedded();
    let mut rules: Vec<Rule> = Vec::new();
    let mut correlations: Vec<Correlation> = Vec::new();
    for file in files.iter() {
        match &file.verdict {
            Verdict::Rule(rule) => rules.push(Rule::clone(rule)),
            Verdict::Correlation(correlation) => correlations.push(Correlation::clone(correlation)),
            Verdict::Unsupported(_) | Verdict::Broken => {}
        }
    }
    correlations.extend(embedded.correlations);
    let warnings = warn_of_replaced(&correlations, &embedded.rules, &rules);
    rules.extend(embedded.rules);
    for file in files {
        file.warnings.extend(warnings.iter().filter(|it| it.path == file.path).cloned());
        let Verdict::Correlation(correlation) = &mut file.verdict else { continue };
        let problems = resolve_references(correlation, &rules, &correlations);
        if !problems.is_empty() {
            file.problems.extend(problems);
            file.verdict = Verdict::Broken;
        }
    }
}
