//! Which findings the alert of an episode shows.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Incident, Mark};
use crate::finding::FindingId;
use crate::rule::Correlation;

/// IncidentMembers that one alert shows: as many as a person reads.
const MOST: usize = 20;

/// The findings that an alert shows, and how many events there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentMembers {
    /// One finding of each event shown, in the order of the events.
    pub shown: Vec<FindingId>,
    /// All events of the episode, those not shown too.
    pub events: usize,
}

/// The members of an episode among the marks around it: where there are too many, the first of each
/// rule and what raised the severity before all others.
pub fn incident_members(
    correlation: &Correlation,
    marks: &[Mark],
    incident: &Incident,
) -> IncidentMembers {
    let rules: Vec<String> =
        correlation.rule_references().map(|it| Mark::rule_hash(&it.rule)).collect();
    let counted = |mark: &&Mark| {
        rules.contains(&mark.rule) && (incident.start..=incident.end).contains(&mark.time)
    };
    let mut events: BTreeMap<(Timestamp, &str), &Mark> = BTreeMap::new();
    for mark in marks.iter().filter(counted) {
        let shown = events.entry((mark.time, &mark.event)).or_insert(mark);
        // Of two rules that found one event, the one that tells more of it.
        if mark.raised > shown.raised {
            *shown = mark;
        }
    }
    let all: Vec<&Mark> = events.into_values().collect();
    let mut order: Vec<(bool, usize)> =
        all.iter().enumerate().map(|(at, mark)| (!is_first(&all[..at], mark), at)).collect();
    order.sort_unstable();
    let mut shown: Vec<usize> = order.into_iter().take(MOST).map(|(_, at)| at).collect();
    shown.sort_unstable();
    IncidentMembers {
        shown: shown.into_iter().map(|at| all[at].finding.clone()).collect(),
        events: all.len(),
    }
}

/// Whether nothing before it says the same: of the same rule, or of that severity.
fn is_first(before: &[&Mark], mark: &Mark) -> bool {
    let new_rule = before.iter().all(|earlier| earlier.rule != mark.rule);
    new_rule || (mark.raised.is_some() && before.iter().all(|earlier| earlier.raised < mark.raised))
}
