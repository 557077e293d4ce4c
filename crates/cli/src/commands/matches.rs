//! The records that match a query of one's own, for people and machines.

use detect::cloudtrail::Record;
use detect::ecs::{self, View};
use detect::finding::{Origin, Principal};
use detect::text::clean;
use jiff::Timestamp;
use kql::Document;
use serde_json::{Value, json};

/// The most characters of one cell: S3 keys have up to 1,024 bytes.
const CELL: usize = 1200;

/// A record that matches, and where it was read.
#[derive(Debug)]
pub struct Match {
    pub record: Record,
    pub origin: Origin,
}

impl Match {
    /// The headings of [`Match::cells`] and of the place.
    pub const HEADER: [&str; 8] =
        ["Time (UTC)", "Who", "Action", "Service", "Source", "Region", "Outcome", "File#record"];

    pub fn cells(&self) -> [String; 7] {
        let cell = |text: &str| clean::text(text, CELL);
        [
            time(self.record.time()),
            cell(&Principal::from_record(&self.record).label),
            cell(&self.action()),
            cell(&self.service()),
            cell(self.field("sourceIPAddress")),
            cell(self.field("awsRegion")),
            cell(self.outcome()),
        ]
    }

    /// The record as one JSON document: its ECS fields, and where it was read.
    pub fn document(&self) -> Value {
        let mut document = ecs::document(&self.record);
        document["trailbell"] =
            json!({"source": self.origin.place(), "record": self.origin.record()});
        document
    }

    pub fn action(&self) -> String {
        self.field("eventName").to_owned()
    }

    pub fn service(&self) -> String {
        self.field("eventSource").to_owned()
    }

    /// Whether the call was refused or failed.
    pub fn failed(&self) -> bool {
        View::new(&self.record)
            .any_value("event.outcome", &mut |outcome| outcome == kql::Value::Text("failure"))
    }

    /// The error's code tells more than that there was one.
    fn outcome(&self) -> &str {
        if self.failed() {
            self.record.text(&["errorCode"]).unwrap_or("failure")
        } else {
            "success"
        }
    }

    fn field(&self, name: &str) -> &str {
        self.record.text(&[name]).unwrap_or("-")
    }
}

/// A time for people, to the second.
pub fn time(time: Option<Timestamp>) -> String {
    time.map_or("not recorded".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
