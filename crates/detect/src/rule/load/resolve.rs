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
    if !problems.is_empty() {
        return Err(problems);
    }
    // What covers others is evaluated before them.
    correlations.sort_by_key(|correlation| !correlation.covered_by.is_empty());
    Ok(correlations)
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
            Some(rule) if rule.info.threshold.is_some() || rule.info.sequence => {
                let name = reference.rule.escape_debug();
                let kind = if rule.info.sequence { "is a sequence" } else { "has a threshold" };
                let message = format!("`{name}` {kind}, and cannot be correlated");
                problems.push(Problem::in_file(&path, message).at(reference.position));
            }
            Some(rule) => {
                reference.rule.clone_from(&rule.info.id);
                reference.name.clone_from(&rule.info.name);
            }
            None => problems.push(unresolved(&path, reference, correlations)),
        }
    }
    let group_by = correlation.group_by.clone();
    for reference in &mut correlation.covered_by {
        match find_cover(reference, &group_by, correlations) {
            Ok(cover) => {
                reference.rule.clone_from(&cover.info.id);
                reference.name.clone_from(&cover.info.name);
            }
            Err(message) => {
                problems.push(Problem::in_file(&path, message).at(reference.position));
            }
        }
    }
    problems
}

/// The correlation that a `covered_by` names.
/// Fails if there is none, or if it cannot cover one with this `group_by`.
fn find_cover<'c>(
    reference: &RuleReference,
    group_by: &[String],
    correlations: &'c [Correlation],
) -> Result<&'c Correlation, String> {
    let name = reference.rule.escape_debug();
    let is_named =
        |it: &&Correlation| it.info.id == reference.rule || it.info.name == reference.rule;
    let cover = correlations.iter().find(is_named);
    let cover =
        cover.ok_or_else(|| format!("there is no correlation `{name}` to be covered by"))?;
    if cover.group_by != group_by {
        return Err(format!("`{name}` cannot cover it: it has another `group_by`"));
    }
    // Two that cover each other would never be alerted.
    if !cover.covered_by.is_empty() {
        return Err(format!("`{name}` cannot cover it: it is covered itself"));
    }
    Ok(cover)
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
