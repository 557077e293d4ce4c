//! Matching records counted by principal, service and action, to follow someone through a day.

use std::cmp::Reverse;
use std::collections::HashMap;

use detect::finding::Principal;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::matches::Match;
use crate::commands::output::{clean_text, format_time};

#[derive(Debug, Default)]
pub struct CallCounts {
    /// By the principal's key, the service and the action.
    counts: HashMap<(String, String, String), CallCount>,
}

/// The calls of one principal to one action of a service.
#[derive(Debug)]
pub struct CallCount {
    principal: Principal,
    service: String,
    action: String,
    count: u64,
    failed: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl CallCounts {
    pub fn add(&mut self, record: &Match) {
        let principal = record.principal();
        let [service, action] = [record.service(), record.action()].map(str::to_owned);
        let key = (principal.key.clone(), service.clone(), action.clone());
        let count = self.counts.entry(key).or_insert_with(|| CallCount {
            principal,
            service,
            action,
            count: 0,
            failed: 0,
            first: None,
            last: None,
        });
        let time = record.time();
        count.count += 1;
        count.failed += u64::from(record.is_failure());
        // `None` sorts before any time.
        count.first = [count.first, time].into_iter().flatten().min();
        count.last = count.last.max(time);
    }

    /// The most frequent calls first.
    pub fn sorted(self) -> Vec<CallCount> {
        let mut counts: Vec<CallCount> = self.counts.into_values().collect();
        counts.sort_by(|one, other| one.rank().cmp(&other.rank()));
        counts
    }
}

impl CallCount {
    /// The header of [`CallCount::cells`].
    pub const HEADER: [&str; 7] =
        ["Count", "Failed", "Principal", "Service", "Action", "First (UTC)", "Last (UTC)"];

    fn rank(&self) -> (Reverse<u64>, Option<Timestamp>, &str, &str, &str) {
        (Reverse(self.count), self.first, &self.principal.key, &self.service, &self.action)
    }

    pub fn cells(&self) -> [String; 7] {
        let failed = if self.failed == 0 { String::new() } else { self.failed.to_string() };
        [
            self.count.to_string(),
            failed,
            clean_text(&self.principal.label),
            clean_text(&self.service),
            clean_text(&self.action),
            format_time(self.first),
            format_time(self.last),
        ]
    }

    pub fn document(&self) -> Value {
        json!({
            "principal": self.principal,
            "event": {"provider": self.service, "action": self.action},
            "count": self.count,
            "failed": self.failed,
            "first": self.first,
            "last": self.last,
        })
    }
}
