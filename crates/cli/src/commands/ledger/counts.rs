//! Entries counted by state, rule and day.

use std::collections::BTreeMap;

use detect::text::time::format_date;
use serde_json::{Value, json};
use trailbell::ledger::{Content, Entry, EntryState};

use super::row::state_name;

/// How many entries are in each state.
pub type StateCounts = BTreeMap<&'static str, u64>;

#[derive(Debug, Default)]
pub struct EntryCounts {
    pub findings: StateCounts,
    pub summaries: StateCounts,
    /// Correlation alerts.
    pub correlations: StateCounts,
    /// By the rule's id: its name, and its findings.
    pub rules: BTreeMap<String, (String, StateCounts)>,
    /// By the day of the call, in UTC.
    pub days: BTreeMap<String, StateCounts>,
    /// Entries that are not final.
    pub open: u64,
    pub failed: u64,
}

impl EntryCounts {
    pub fn add(&mut self, entry: &Entry) {
        let state = state_name(entry.state);
        self.open += u64::from(!entry.state.is_final());
        self.failed += u64::from(entry.state == EntryState::Failed);
        match &entry.content {
            Content::Summary(_) => count_state(&mut self.summaries, state),
            Content::Correlation(_) => count_state(&mut self.correlations, state),
            Content::Finding(finding) => {
                count_state(&mut self.findings, state);
                let (name, states) = self.rules.entry(finding.rule.id.clone()).or_default();
                name.clone_from(&finding.rule.name);
                count_state(states, state);
                let time = finding.time.unwrap_or(entry.window.start);
                count_state(self.days.entry(format_date(time)).or_default(), state);
            }
        }
    }

    pub fn document(&self) -> Value {
        let rules = self.rules.iter();
        json!({
            "findings": self.findings,
            "summaries": self.summaries,
            "correlations": self.correlations,
            "rules": rules
                .map(|(id, (name, states))| json!({"id": id, "name": name, "states": states}))
                .collect::<Value>(),
            "days": self.days,
            "open": self.open,
            "failed": self.failed,
        })
    }
}

fn count_state(states: &mut StateCounts, state: &'static str) {
    *states.entry(state).or_default() += 1;
}
