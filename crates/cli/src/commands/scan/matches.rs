//! Records that match a query, one by one or counted.

use std::cmp::Reverse;
use std::collections::HashMap;

use detect::cloudtrail::Record;
use detect::ecs::{self, View};
use detect::finding::{Origin, Principal};
use jiff::Timestamp;
use kql::Document;
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::output::{clean_text, format_time};

/// A record that matches a query, and where it was read.
#[derive(Debug)]
pub struct Match {
    pub record: Record,
    pub origin: Origin,
}

impl Match {
    /// The header of [`Match::cells`], and of where the record was read.
    pub const HEADER: [&str; 8] = [
        "Time (UTC)",
        "Principal",
        "Action",
        "Service",
        "Source",
        "Region",
        "Outcome",
        "File#record",
    ];

    pub fn cells(&self) -> [String; 7] {
        [
            format_time(self.record.time()),
            clean_text(&Principal::from_record(&self.record).label),
            clean_text(self.field("eventName")),
            clean_text(self.field("eventSource")),
            clean_text(self.field("sourceIPAddress")),
            clean_text(self.field("awsRegion")),
            clean_text(self.outcome()),
        ]
    }

    /// The record's ECS fields, and where it was read.
    pub fn document(&self) -> Value {
        let mut document = ecs::document(&self.record);
        document["trailbell"] = json!({"kind": "record", "origin": self.origin});
        document
    }

    /// Returns true if the call was denied or failed.
    fn is_failure(&self) -> bool {
        View::new(&self.record)
            .any_value("event.outcome", &mut |outcome| outcome == kql::Value::Text("failure"))
    }

    /// `success`, or the code of the error.
    fn outcome(&self) -> &str {
        if self.is_failure() {
            self.record.text(&["errorCode"]).unwrap_or("failure")
        } else {
            "success"
        }
    }

    fn field(&self, name: &str) -> &str {
        self.record.text(&[name]).unwrap_or("-")
    }
}

/// Matches counted by principal, service and action, to follow someone through a day.
#[derive(Debug, Default)]
pub struct CallCounts {
    /// By the principal's key, the service and the action.
    counts: HashMap<(String, String, String), CallCount>,
}

/// The calls of one principal to one action of a service.
#[derive(Debug, Serialize)]
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
    pub fn add(&mut self, matched: &Match) {
        let principal = Principal::from_record(&matched.record);
        let [service, action] =
            ["eventSource", "eventName"].map(|name| matched.field(name).to_owned());
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
        let time = matched.record.time();
        count.count += 1;
        count.failed += u64::from(matched.is_failure());
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
}
