//! What to check and what to undo: steps in words, with commands to paste where the record gives their values.

mod actor;
mod check;
mod command;
mod undo;

use serde_json::{Value, json};

pub(super) use check::steps as check;
pub(super) use command::Command;
pub(super) use undo::steps as undo;

use super::call::Call;
use super::clean;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// A sentence or a question, cleaned, not wrapped.
    pub(super) purpose: String,
    /// How; absent where no command does it.
    pub(super) command: Option<Command>,
}

impl Step {
    fn run(purpose: impl Into<String>, command: Command) -> Step {
        Step { purpose: purpose.into(), command: Some(command) }
    }

    fn told(purpose: impl Into<String>) -> Step {
        Step { purpose: purpose.into(), command: None }
    }

    /// For machines: `purpose`, and `command` or the reason why there is none.
    pub(super) fn document(&self) -> Value {
        match self.command.as_ref().map(Command::line) {
            None => json!({"purpose": self.purpose}),
            Some(Ok(line)) => json!({"purpose": self.purpose, "command": line}),
            Some(Err(reason)) => json!({"purpose": self.purpose, "no_command": reason}),
        }
    }
}

/// CloudTrail's event history, some hours before and after the call. It reaches back 90 days, holds management events
/// only, and takes one attribute to look for.
/// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
fn lookup(call: Call<'_>, hours: i64, attribute: &str, value: Option<&str>) -> Command {
    let region = call.fields.text("cloud.region");
    let command = Command::aws("cloudtrail lookup-events").known("--region", region);
    command.lookup_attribute(attribute, value).around(call.time(), hours)
}

/// What gets the raw record.
pub(super) fn raw_record(call: Call<'_>) -> Option<Step> {
    let id = call.fields.text("event.id")?;
    let command = Command::aws("cloudtrail lookup-events").known("--region", call.fields.text("cloud.region"));
    Some(Step::run("CloudTrail keeps it for 90 days:", command.lookup_attribute("EventId", Some(id))))
}

/// A name in a step's sentence; `fallback` where the record does not tell it.
fn shown(name: Option<&str>, fallback: &str) -> String {
    name.map_or(fallback.to_owned(), clean::name)
}
