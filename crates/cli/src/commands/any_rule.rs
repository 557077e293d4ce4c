//! Rules and correlations: both have an id, a name and a severity.

use anyhow::{Result, bail};
use detect::finding::integrity;
use detect::rule::{Correlation, Rule, RuleInfo, RuleOrigin, RuleSet};

#[derive(Clone, Copy)]
pub enum AnyRule<'r> {
    Rule(&'r Rule),
    Correlation(&'r Correlation),
}

impl<'r> AnyRule<'r> {
    pub fn info(self) -> &'r RuleInfo {
        match self {
            AnyRule::Rule(rule) => &rule.info,
            AnyRule::Correlation(correlation) => &correlation.info,
        }
    }

    /// The type as rule files name it.
    pub fn rule_type(self) -> &'static str {
        match self {
            AnyRule::Correlation(_) => "correlation",
            AnyRule::Rule(Rule { info, .. }) if info.new_terms.is_some() => "new_terms",
            AnyRule::Rule(Rule { info, .. }) if info.threshold.is_some() => "threshold",
            AnyRule::Rule(rule) if rule.query.language() == "eql" => "eql",
            AnyRule::Rule(_) => "query",
        }
    }

    pub fn origin(self) -> &'r RuleOrigin {
        match self {
            AnyRule::Rule(rule) => &rule.origin,
            AnyRule::Correlation(correlation) => &correlation.origin,
        }
    }
}

/// All rules, then all correlations, then the rules about log files and digests themselves. A
/// rule's threshold or sequence is part of the rule.
pub fn all_rules(set: &RuleSet) -> impl Iterator<Item = AnyRule<'_>> {
    let correlations =
        set.correlations().iter().filter(|correlation| !correlation.is_part_of_rule());
    let correlations = correlations.map(AnyRule::Correlation);
    let integrity = integrity::rules().iter().map(AnyRule::Rule);
    set.rules().iter().map(AnyRule::Rule).chain(correlations).chain(integrity)
}

/// The rule with this id or name, or the only one whose id begins with `wanted` or whose name
/// contains it, ignoring case.
pub fn find_rule<'r>(set: &'r RuleSet, wanted: &str) -> Result<AnyRule<'r>> {
    let lower = wanted.to_lowercase();
    let name = |rule: &AnyRule<'_>| rule.info().name.to_lowercase();
    let is_exact = |rule: &AnyRule<'_>| rule.info().id == wanted || name(rule) == lower;
    if let Some(rule) = all_rules(set).find(is_exact) {
        return Ok(rule);
    }
    let is_candidate = |rule: &AnyRule<'_>| {
        name(rule).contains(&lower) || rule.info().id.to_lowercase().starts_with(&lower)
    };
    let candidates: Vec<AnyRule<'r>> = all_rules(set).filter(is_candidate).collect();
    match candidates[..] {
        [rule] => Ok(rule),
        [] => bail!(
            "no rule has {wanted:?} in its name or at the start of its id; `trailbell rules list` \
             lists them"
        ),
        _ => {
            let names: Vec<&str> =
                candidates.iter().map(|rule| rule.info().name.as_str()).collect();
            bail!("{wanted:?} means {} rules: {}", names.len(), names.join("; "))
        }
    }
}
