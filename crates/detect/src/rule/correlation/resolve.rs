//! The rules that correlations name, among those that there are.

use super::{Correlation, RuleReference};
use crate::rule::Rule;
use crate::rule::load::Problem;

/// Correlations with ids and names in place of what is written in their references.
///
/// # Errors
/// Every reference that is of no rule, or of a correlation.
pub(in crate::rule) fn resolve_all(
    mut correlations: Vec<Correlation>,
    rules: &[Rule],
) -> Result<Vec<Correlation>, Vec<Problem>> {
    let others = correlations.clone();
    let problems: Vec<Problem> = correlations
        .iter_mut()
        .flat_map(|correlation| resolve(correlation, rules, &others))
        .collect();
    if problems.is_empty() { Ok(correlations) } else { Err(problems) }
}

/// Resolves the references of one correlation, and tells of those that cannot be. `others` are all
/// correlations.
pub(in crate::rule) fn resolve(
    correlation: &mut Correlation,
    rules: &[Rule],
    others: &[Correlation],
) -> Vec<Problem> {
    let path = correlation.origin.to_string();
    let mut problems = Vec::new();
    for reference in correlation.stages.iter_mut().flat_map(|stage| &mut stage.0) {
        let by_id = rules.iter().find(|rule| rule.info.id == reference.rule);
        match by_id.or_else(|| rules.iter().find(|rule| rule.info.name == reference.rule)) {
            Some(rule) => {
                (reference.rule, reference.name) = (rule.info.id.clone(), rule.info.name.clone())
            }
            None => problems.push(unknown(&path, reference, others)),
        }
    }
    problems
}

fn unknown(path: &str, reference: &RuleReference, others: &[Correlation]) -> Problem {
    let written = reference.rule.escape_debug();
    let message = match others
        .iter()
        .any(|it| it.info.id == reference.rule || it.info.name == reference.rule)
    {
        true => format!(
            "`{written}` is a correlation itself: only findings of other rules can be correlated"
        ),
        false => format!("there is no rule with the id or the name `{written}` to correlate"),
    };
    Problem { path: path.to_owned(), position: Some(reference.position), message, excerpt: None }
}

/// A word on each rule that takes the place of one with another query, by which a correlation goes.
pub(in crate::rule) fn replaced(
    correlations: &[Correlation],
    before: &[Rule],
    now: &[Rule],
) -> Vec<Problem> {
    let changed = |rule: &&Rule| {
        before.iter().any(|old| old.info.id == rule.info.id && old.query != rule.query)
    };
    let mut told = Vec::new();
    for rule in now.iter().filter(changed) {
        for correlation in
            correlations.iter().filter(|correlation| correlation.includes_rule(&rule.info.id))
        {
            let name = correlation.info.name.escape_debug();
            let message = format!(
                "takes the place of a rule that the correlation `{name}` ({}) goes by: it now correlates what this one \
                 finds",
                correlation.origin
            );
            told.push(Problem::of_file(rule.origin.to_string(), message));
        }
    }
    told
}
