//! A record that matches a query.

use detect::cloudtrail::Record;
use detect::ecs::{self, View};
use detect::finding::{Origin, Principal};
use jiff::Timestamp;
use kql::Document;
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

    pub fn time(&self) -> Option<Timestamp> {
        self.record.time()
    }

    pub fn cells(&self) -> [String; 7] {
        [
            format_time(self.time()),
            clean_text(&self.principal().label),
            clean_text(self.action()),
            clean_text(self.service()),
            clean_text(self.field("sourceIPAddress")),
            clean_text(self.field("awsRegion")),
            clean_text(self.outcome()),
        ]
    }

    /// The record's ECS fields, and where it was read.
    pub fn document(&self) -> Value {
        let mut document = ecs::document(&self.record);
        document["trailbell"] =
            json!({"source": self.origin.place(), "record": self.origin.record()});
        document
    }

    pub fn principal(&self) -> Principal {
        Principal::from_record(&self.record)
    }

    pub fn action(&self) -> &str {
        self.field("eventName")
    }

    pub fn service(&self) -> &str {
        self.field("eventSource")
    }

    /// Returns true if the call was denied or failed.
    pub fn is_failure(&self) -> bool {
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
