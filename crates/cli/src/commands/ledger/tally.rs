//! Entries, counted.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trailbell::ledger::{Content, Entry, EntryState};

use super::brief;

/// How many entries are in each state.
pub type ByState = BTreeMap<&'static str, u64>;

/// Findings by state, rule and day, and summaries and alerts of correlations by state.
#[derive(Debug, Default)]
pub struct Tally {
    pub findings: ByState,
    pub summaries: ByState,
    /// Alerts of correlations.
    pub correlations: ByState,
    /// By the rule's id: its name, and its findings.
    pub rules: BTreeMap<String, (String, ByState)>,
    /// By the day of the call in UTC.
    pub days: BTreeMap<String, ByState>,
    /// Findings and summaries that are not seen through.
    pub open: u64,
    pub failed: u64,
}

impl Tally {
    pub fn count(&mut self, entry: &Entry) {
        let state = brief::name(entry.state);
        self.open += u64::from(!entry.state.is_final());
        self.failed += u64::from(entry.state == EntryState::Failed);
        match &entry.content {
            Content::Summary(_) => add(&mut self.summaries, state),
            Content::Correlation(_) => add(&mut self.correlations, state),
            Content::Finding(finding) => {
                add(&mut self.findings, state);
                let rule = self.rules.entry(finding.rule.id.clone()).or_default();
                rule.0.clone_from(&finding.rule.name);
                add(&mut rule.1, state);
                let day =
                    finding.time.unwrap_or(entry.window.start).strftime("%Y-%m-%d").to_string();
                add(self.days.entry(day).or_default(), state);
            }
        }
    }

    pub fn document(&self) -> Value {
        let rule = |(id, (name, states)): (&String, &(String, ByState))| json!({"id": id, "name": name, "states": states});
        json!({
            "findings": self.findings,
            "summaries": self.summaries,
            "correlations": self.correlations,
            "rules": self.rules.iter().map(rule).collect::<Value>(),
            "days": self.days,
            "open": self.open,
            "failed": self.failed,
        })
    }
}

pub fn sum(states: &ByState) -> u64 {
    states.values().sum()
}

fn add(states: &mut ByState, state: &'static str) {
    *states.entry(state).or_default() += 1;
}
