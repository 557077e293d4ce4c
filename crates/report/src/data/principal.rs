//! Who made the calls.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use detect::finding::Principal;
use detect::rule::Severity;
use jiff::Timestamp;
use serde::Serialize;

use super::event::{Event, EventKind};

/// What one principal did in the period.
#[derive(Debug, Clone, Serialize)]
pub struct PrincipalSummary {
    /// Who.
    pub principal: Principal,
    /// Calls that changed a group.
    pub changes: u64,
    /// Calls that failed.
    pub attempts: u64,
    /// Other calls that rules found.
    pub others: u64,
    /// Events that were not alerted.
    pub suppressed: u64,
    /// The highest severity of an event that was not suppressed.
    pub severity: Option<Severity>,
    /// Where the calls came from.
    pub sources: BTreeSet<String>,
    /// The time of the first call.
    pub first: Option<Timestamp>,
    /// The time of the last call.
    pub last: Option<Timestamp>,
}

impl PrincipalSummary {
    fn add(&mut self, event: &Event) {
        match event.kind {
            EventKind::Change => self.changes += 1,
            EventKind::Attempt => self.attempts += 1,
            EventKind::Other => self.others += 1,
        }
        match event.is_suppressed() {
            true => self.suppressed += 1,
            false => self.severity = self.severity.max(Some(event.severity)),
        }
        self.sources.extend(event.source.clone());
        self.first = [self.first, event.time].into_iter().flatten().min();
        self.last = self.last.max(event.time);
    }
}

/// The principals, those with the most severe events first.
pub(super) fn summarise(events: &[Event]) -> Vec<PrincipalSummary> {
    let mut principals: BTreeMap<&str, PrincipalSummary> = BTreeMap::new();
    for event in events {
        let new = || PrincipalSummary {
            principal: event.principal.clone(),
            changes: 0,
            attempts: 0,
            others: 0,
            suppressed: 0,
            severity: None,
            sources: BTreeSet::new(),
            first: None,
            last: None,
        };
        principals.entry(&event.principal.key).or_insert_with(new).add(event);
    }
    let mut principals: Vec<PrincipalSummary> = principals.into_values().collect();
    principals.sort_by_key(|it| Reverse((it.severity, it.changes + it.attempts, it.last)));
    principals
}
