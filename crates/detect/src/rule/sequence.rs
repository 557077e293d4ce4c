//! Sequences in EQL: a rule that alerts when records match its steps one after another. Records
//! that match a step are findings that are recorded, and a correlation finds those that follow one
//! another.

use std::sync::Arc;

use eql::{JoinKey, Sequence, Step};
use jiff::{SignedDuration, Timestamp};
use query_core::Document;
use serde::{Deserialize, Serialize};

use super::correlation::{Condition, Correlation, RuleReference, Stage};
use super::definition::{Rule, RuleInfo};
use super::rule_query::RuleQuery;
use super::toml_file::problem::Position;
use crate::correlation::{join_hashes, values_of};

/// A step of a sequence that a record matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedStep {
    /// The index of the step; that of the step after `until` is the number of the others.
    pub step: usize,
    /// The hash of the values that it shares with the other steps.
    pub folder: String,
}

/// The steps of a sequence that a record matches, once for each combination of the values by which
/// it is joined with others. `now` is the time that
/// date math counts from.
pub(crate) fn matched_steps(
    sequence: &Sequence,
    document: &dyn Document,
    now: Timestamp,
) -> Vec<MatchedStep> {
    let steps = sequence.all_steps().enumerate();
    let matched = steps.filter(|(_, step)| step.matches(document, now));
    matched
        .flat_map(|(index, step)| {
            let values = step.keys().iter().map(|key| values_of(document, &key.field));
            let folders = join_hashes(values).into_iter();
            folders.map(move |folder| MatchedStep { step: index, folder })
        })
        .collect()
}

/// The longest time from the first event to the last. Without `maxspan`, as long as the rule looks
/// back: Elastic searches no further.
fn timespan(rule: &Rule, sequence: &Sequence) -> SignedDuration {
    let timespan = SignedDuration::try_from(sequence.maxspan().unwrap_or(rule.from));
    let timespan = timespan.unwrap_or(SignedDuration::MAX).min(Correlation::MAX_TIMESPAN);
    // Times are whole seconds.
    SignedDuration::from_secs(timespan.as_secs() + i64::from(timespan.subsec_nanos() > 0))
}

/// The correlation that finds the sequences of a rule; `None` if its query is not a sequence.
pub(super) fn correlation(rule: &Rule) -> Option<Correlation> {
    let RuleQuery::Sequence(sequence) = &rule.query else { return None };
    let RuleInfo { id, .. } = &*rule.info;
    let stage = |step: &Step| {
        let runs = if step.runs() == 1 { String::new() } else { format!("{} × ", step.runs()) };
        Stage(vec![RuleReference {
            rule: id.clone(),
            name: format!("{runs}{}", step.query()),
            position: Position { line: 1, column: 1 },
        }])
    };
    let fields = |step: &Step| -> Vec<String> {
        step.keys().iter().map(|JoinKey { field, .. }| field.clone()).collect()
    };
    let mut keys = sequence.steps().iter().map(fields);
    let first = keys.next().unwrap_or_default();
    let is_same = keys.all(|keys| keys == first);
    let in_words = || {
        let steps = sequence.steps().iter().map(|step| fields(step).join(" and "));
        steps.collect::<Vec<_>>().join(", then ")
    };
    let joined_by = (!is_same).then(in_words);
    let group_by = if is_same { first } else { Vec::new() };
    Some(Correlation {
        info: Arc::clone(&rule.info),
        condition: Condition::Sequence {
            runs: sequence.steps().iter().map(Step::runs).collect(),
            has_until: sequence.until().is_some(),
            joined_by,
        },
        stages: sequence.steps().iter().map(stage).collect(),
        query: None,
        group_by,
        timespan: timespan(rule, sequence),
        raises: rule.severity_rules.raises.clone(),
        covered_by: Vec::new(),
        is_threshold: false,
        origin: rule.origin.clone(),
    })
}
