//! The rules that correlations name, among the rules that exist.

use crate::rule::correlation::{Correlation, RuleReference};
use crate::rule::definition::Rule;
use crate::rule::toml_file::problem::Problem;

/// Puts ids and names in place of what is written in the references.
/// Fails with every reference to a rule that does not exist, or to a correlation.
pub(crate) fn resolve_all(
    mut correlations: Vec<Correlation>,
    rules: &[Rule],
) -> Result<Vec<Correlation>, Vec<Problem>> {
    let all = correlations.clone();
    let problems: Vec<Problem> = correlations
        .iter_mut()
        .flat_map(|correlation| resolve_references(correlation, rules, &all))
        .collect();
    if problems.is_empty() { Ok(correlations) } else { Err(problems) }
}

/// Resolves the references of one correlation and returns a problem for each that fails.
/// `correlations` are all of them.
pub(crate) fn resolve_references(
    correlation: &mut Correlation,
    rules: &[Rule],
    correlations: &[Correlation],
) -> Vec<Problem> {
    let path = correlation.origin.to_string();
    let mut problems = Vec::new();
    for reference in correlation.stages.iter_mut().flat_map(|stage| &mut stage.0) {
        let by_id = rules.iter().find(|rule| rule.info.id == reference.rule);
        let rule = by_id.or_else(|| rules.iter().find(|rule| rule.info.name == reference.rule));
        match rule {
            // What it would count is not what the rule alerts.
            Some(rule) if rule.info.threshold.is_some() => {
                let name = reference.rule.escape_debug();
                let message = format!("`{name}` has a threshold, and cannot be correlated");
                problems.push(Problem::in_file(&path, message).at(reference.position));
            }
            Some(rule) => {
                reference.rule.clone_from(&rule.info.id);
                reference.name.clone_from(&rule.info.name);
            }
            None => problems.push(unresolved(&path, reference, correlations)),
        }
    }
    problems
}

fn unresolved(path: &str, reference: &RuleReference, correlations: &[Correlation]) -> Problem {
    let is_named = |correlation: &Correlation| {
        correlation.info.id == reference.rule || correlation.info.name == reference.rule
    };
    let rule = reference.rule.escape_debug();
    let message = if correlations.iter().any(is_named) {
        format!("`{rule}` is a correlation, and correlations cannot be correlated")
    } else {
        format!("there is no rule with the id or name `{rule}`")
    };
    Problem::in_file(path, message).at(reference.position)
}

/// A warning for each correlation of a rule that was replaced by one with another query.
pub(crate) fn warn_of_replaced(
    correlations: &[Correlation],
    old_rules: &[Rule],
    new_rules: &[Rule],
) -> Vec<Problem> {
    let has_new_query = |rule: &&Rule| {
        old_rules.iter().any(|old| old.info.id == rule.info.id && old.query != rule.query)
    };
    let mut warnings = Vec::new();
    for rule in new_rules.iter().filter(has_new_query) {
        let affected = correlations.iter().filter(|it| it.includes_rule(&rule.info.id));
        warnings.extend(affected.map(|correlation| {
            let name = correlation.info.name.escape_debug();
            let message = format!(
                "replaces a rule of the correlation `{name}` ({}): the correlation now counts the \
                 findings of this rule",
                correlation.origin
            );
            Problem::in_file(&rule.origin, message)
        }));
    }
    warnings
}
