//! What a query matched, counted by caller, service and call: how to follow someone through a day
//! of logs.

use std::cmp::Reverse;
use std::collections::HashMap;

use detect::finding::Principal;
use detect::text::clean;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::commands::matches::{Match, time};

/// The most characters of one cell.
const CELL: usize = 300;

/// Matches, counted.
#[derive(Debug, Default)]
pub struct Summary {
    groups: HashMap<(String, String, String), Group>,
}

/// The calls of one caller to one operation of a service.
#[derive(Debug)]
pub struct Group {
    principal: Principal,
    service: String,
    action: String,
    count: u64,
    failed: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Summary {
    pub fn add(&mut self, found: &Match) {
        let (principal, service, action) =
            (Principal::from_record(&found.record), found.service(), found.action());
        let key = (principal.key.clone(), service.clone(), action.clone());
        let empty =
            || Group { principal, service, action, count: 0, failed: 0, first: None, last: None };
        let group = self.groups.entry(key).or_insert_with(empty);
        let time = found.record.time();
        group.count += 1;
        group.failed += u64::from(found.failed());
        // None sorts before any time.
        group.first = [group.first, time].into_iter().flatten().min();
        group.last = group.last.max(time);
    }

    /// The most frequent first; the rest of the order depends on nothing but the groups.
    pub fn groups(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by(|a, b| a.rank().cmp(&b.rank()));
        groups
    }
}

impl Group {
    /// The headings of [`Group::cells`].
    pub const HEADER: [&str; 7] =
        ["Count", "Failed", "Who", "Service", "Action", "First (UTC)", "Last (UTC)"];

    fn rank(&self) -> (Reverse<u64>, Option<Timestamp>, &str, &str, &str) {
        (Reverse(self.count), self.first, &self.principal.key, &self.service, &self.action)
    }

    pub fn cells(&self) -> [String; 7] {
        let cell = |text: &str| clean::text(text, CELL);
        [
            self.count.to_string(),
            if self.failed == 0 { String::new() } else { self.failed.to_string() },
            cell(&self.principal.label),
            cell(&self.service),
            cell(&self.action),
            time(self.first),
            time(self.last),
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
