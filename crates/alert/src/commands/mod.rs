//! What to check and what to undo: steps in words, with commands to paste where the record gives
//! their values.

mod check;
mod command;
mod principal;
mod undo;

use serde_json::{Value, json};

pub(super) use check::steps as check;
pub(super) use command::Command;
pub(super) use undo::steps as undo;

use super::call::AlertCall;
use super::console;
use detect::text::clean;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// A sentence or a question, cleaned, not wrapped.
    pub(super) purpose: String,
    /// How to do it.
    pub(super) how: How,
}

/// How to do a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum How {
    /// As the purpose says.
    Told,
    /// With a command.
    Run(Command),
    /// On the page of a URL.
    Open(String),
}

impl Step {
    fn run(purpose: impl Into<String>, command: Command) -> Step {
        Step { purpose: purpose.into(), how: How::Run(command) }
    }

    fn told(purpose: impl Into<String>) -> Step {
        Step { purpose: purpose.into(), how: How::Told }
    }

    fn open(purpose: impl Into<String>, url: String) -> Step {
        Step { purpose: purpose.into(), how: How::Open(url) }
    }

    /// Whether the other one is for the same end: a question is asked once, whenever it is asked
    /// about.
    pub(super) fn same_deed(&self, other: &Step) -> bool {
        self.purpose.ends_with('?') || self.how == other.how
    }

    /// For machines: `purpose`, and `link`, or `command`, or `no_command`: the reason why there is
    /// none.
    pub(super) fn document(&self) -> Value {
        let (name, value) = match &self.how {
            How::Told => return json!({"purpose": self.purpose}),
            How::Open(url) => ("link", url.clone()),
            How::Run(command) => match command.line() {
                Ok(line) => ("command", line),
                Err(reason) => ("no_command", reason.to_owned()),
            },
        };
        json!({"purpose": self.purpose, name: value})
    }
}

/// CloudTrail's event history, some hours before and after the call. It reaches back 90 days, holds
/// management events only, and takes one attribute to look for.
/// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
fn lookup(call: AlertCall<'_>, hours: i64, attribute: &str, value: Option<&str>) -> Command {
    let region = call.fields.text("cloud.region");
    let command = Command::aws("cloudtrail lookup-events").known("--region", region);
    command.lookup_attribute(attribute, value).around(call.time(), hours)
}

/// What gets the raw record.
pub(super) fn raw_record(call: AlertCall<'_>) -> Vec<Step> {
    let Some(id) = call.fields.text("event.id") else { return Vec::new() };
    let command = Command::aws("cloudtrail lookup-events")
        .known("--region", call.fields.text("cloud.region"));
    let lookup = Step::run(
        "CloudTrail keeps it for 90 days:",
        command.lookup_attribute("EventId", Some(id)),
    );
    let page = console::event(call)
        .map(|url| Step::open("In the console, signed in to that account:", url));
    std::iter::once(lookup).chain(page).collect()
}

/// A name in a step's sentence; `fallback` where the record does not tell it.
fn shown(name: Option<&str>, fallback: &str) -> String {
    name.map_or(fallback.to_owned(), clean::name)
}
