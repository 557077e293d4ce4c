//! Incidents: what correlations found.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use detect::correlation::CorrelationAlertData;
use detect::finding::FindingId;
use detect::rule::Severity;
use jiff::Timestamp;
use serde::Serialize;

use super::event::Event;
use super::group::GroupPower;
use super::input::Scope;

/// Several events that together mean something.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// The id of its alert, by which `trailbell show` finds it.
    pub id: FindingId,
    /// The correlation's name.
    pub name: String,
    /// Its condition in words.
    pub condition: String,
    /// The highest severity that it reached.
    pub severity: Severity,
    /// Why the severity was raised.
    pub reason: Option<String>,
    /// The time of its first event.
    pub start: Timestamp,
    /// The time of its last event.
    pub end: Timestamp,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// What the group could do before, if all steps are of one group. `None` if the first step
    /// created it.
    pub power_before: Option<GroupPower>,
    /// What it could do after.
    pub power_after: Option<GroupPower>,
    /// Its steps in order.
    pub steps: Vec<Event>,
    /// Events of it that are not among the steps.
    pub more_events: usize,
    /// Other correlations that found a part of the same steps, and nothing more severe.
    pub also: Vec<String>,
}

impl Incident {
    fn new(data: &CorrelationAlertData, steps: Vec<Event>) -> Incident {
        let mut groups: Vec<String> = steps.iter().filter_map(|step| step.group.clone()).collect();
        groups.sort();
        groups.dedup();
        let of_one_group = |power: Option<GroupPower>| power.filter(|_| groups.len() == 1);
        Incident {
            id: data.id.clone(),
            name: data.rule.name.clone(),
            condition: data.condition.clone(),
            severity: data.rule.severity,
            reason: data.raised_by.clone(),
            start: data.start,
            end: data.end,
            power_before: of_one_group(steps.first().and_then(|step| step.power_before)),
            power_after: of_one_group(steps.last().and_then(|step| step.power_after)),
            more_events: data.events.saturating_sub(steps.len()),
            groups,
            steps,
            also: Vec::new(),
        }
    }

    /// Returns true if all that the other says is said by this one.
    fn contains(&self, other: &Incident) -> bool {
        let is_step = |step: &Event| self.steps.iter().any(|own| own.id == step.id);
        other.severity <= self.severity
            && other.steps.len() < self.steps.len()
            && other.more_events == 0
            && !other.steps.is_empty()
            && other.steps.iter().all(is_step)
    }
}

/// Leaves out incidents that others contain, and names them there. Those with the most steps come
/// first.
fn without_contained(mut incidents: Vec<Incident>) -> Vec<Incident> {
    incidents.sort_by_key(|incident| Reverse(incident.steps.len()));
    let mut kept: Vec<Incident> = Vec::new();
    // A container shares the first step, by which it is found.
    let mut by_step: HashMap<FindingId, Vec<usize>> = HashMap::new();
    for incident in incidents {
        let first = incident.steps.first().map(|step| step.id.clone());
        let candidates = first.as_ref().and_then(|first| by_step.get(first)).into_iter().flatten();
        let container = candidates.copied().find(|index| kept[*index].contains(&incident));
        match container {
            Some(index) => kept[index].also.push(incident.name),
            None => {
                for step in &incident.steps {
                    by_step.entry(step.id.clone()).or_default().push(kept.len());
                }
                kept.push(incident);
            }
        }
    }
    kept
}

/// The incidents of the scope, by time. `events` are those of the scope, by time.
pub(super) fn collect(
    correlations: &[Arc<CorrelationAlertData>],
    events: &[Event],
    scope: &Scope,
) -> Vec<Incident> {
    let mut latest: BTreeMap<&str, &CorrelationAlertData> = BTreeMap::new();
    for data in correlations {
        let known = latest.entry(data.incident.as_str()).or_insert(data);
        let rank = |it: &CorrelationAlertData| (it.rule.severity, it.events, it.end);
        if rank(data) > rank(known) {
            *known = data;
        }
    }
    let by_finding: HashMap<&str, usize> = events
        .iter()
        .enumerate()
        .flat_map(|(index, event)| event.findings.iter().map(move |id| (id.as_str(), index)))
        .collect();
    let steps_of = |data: &CorrelationAlertData| -> Vec<Event> {
        let indexes = data.members.iter().filter_map(|id| by_finding.get(id.as_str()));
        let indexes: BTreeSet<usize> = indexes.copied().collect();
        indexes.into_iter().filter_map(|index| events.get(index).cloned()).collect()
    };
    let is_everything = scope.account.is_none() && scope.group.is_none();
    let mut incidents: Vec<Incident> = latest
        .into_values()
        .map(|data| Incident::new(data, steps_of(data)))
        .filter(|incident| is_everything || !incident.steps.is_empty())
        .collect();
    incidents = without_contained(incidents);
    incidents.sort_by(|one, other| (one.end, &one.name).cmp(&(other.end, &other.name)));
    incidents
}
