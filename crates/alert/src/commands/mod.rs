//! What to check and what to undo: steps in words, with commands to paste if the record has their
//! values.

pub(crate) mod bulk;
pub(crate) mod check;
mod directory;
mod other;
pub(crate) mod principal;
mod shell_command;
pub(crate) mod undo;

use detect::text::clean;
use serde_json::{Value, json};

pub(crate) use shell_command::ResponseCommand;

use crate::call::AlertCall;
use crate::console;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResponseStep {
    /// A sentence or a question, cleaned, not wrapped.
    pub(crate) purpose: String,
    pub(crate) action: StepAction,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StepAction {
    /// The purpose says it all.
    None,
    Run(ResponseCommand),
    /// A URL.
    Open(String),
}

impl ResponseStep {
    fn instruction(purpose: &str) -> ResponseStep {
        ResponseStep { purpose: purpose.to_owned(), action: StepAction::None }
    }

    fn run(purpose: &str, command: ResponseCommand) -> ResponseStep {
        ResponseStep { purpose: purpose.to_owned(), action: StepAction::Run(command) }
    }

    /// See [`ResponseCommand::new`] and [`ResponseCommand::option`].
    fn run_with(purpose: &str, command: &str, options: &[(&str, Option<&str>)]) -> ResponseStep {
        let mut command = ResponseCommand::new(command);
        for (option, value) in options {
            command = command.option(option, *value);
        }
        ResponseStep::run(purpose, command)
    }

    fn open(purpose: &str, url: String) -> ResponseStep {
        ResponseStep { purpose: purpose.to_owned(), action: StepAction::Open(url) }
    }

    /// Returns true if the other step need not follow this one. Commands that differ only in their
    /// times answer the same question.
    fn makes_redundant(&self, other: &ResponseStep) -> bool {
        let is_same_action = match (&self.action, &other.action) {
            (StepAction::Run(own), StepAction::Run(other)) => own.is_same_but_for_times(other),
            (own, other) => own == other,
        };
        self.purpose == other.purpose && is_same_action
    }

    /// `purpose`, and `link`, `command`, or `unavailable`: the reason why there is no command.
    fn to_document(&self) -> Value {
        match &self.action {
            StepAction::None => json!({"purpose": self.purpose}),
            StepAction::Open(url) => json!({"purpose": self.purpose, "link": url}),
            StepAction::Run(command) => match command.line() {
                Ok(line) => json!({"purpose": self.purpose, "command": line}),
                Err(reason) => json!({"purpose": self.purpose, "unavailable": reason}),
            },
        }
    }
}

/// The steps for several calls, each of them once.
pub(crate) fn without_repeats(steps: impl Iterator<Item = ResponseStep>) -> Vec<ResponseStep> {
    let mut distinct: Vec<ResponseStep> = Vec::new();
    for step in steps {
        if !distinct.iter().any(|earlier| earlier.makes_redundant(&step)) {
            distinct.push(step);
        }
    }
    distinct
}

pub(crate) fn to_documents(steps: &[ResponseStep]) -> Value {
    steps.iter().map(ResponseStep::to_document).collect()
}

pub(crate) fn raw_record(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let lookup = |id| {
        let command = lookup_events(call, "EventId", id);
        ResponseStep::run("CloudTrail keeps it for 90 days:", command)
    };
    let open = |url| ResponseStep::open("In the console, signed in to that account:", url);
    let steps = [call.event_id().map(lookup), console::event_page(call).map(open)];
    steps.into_iter().flatten().collect()
}

/// A search of CloudTrail's event history, which has the management events of 90 days and takes one
/// attribute.
/// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
fn lookup_events(call: AlertCall<'_>, attribute: &str, value: &str) -> ResponseCommand {
    ResponseCommand::new("aws cloudtrail lookup-events")
        .option_if_known("--region", call.region())
        .lookup_attribute(attribute, value)
}

/// The same, from some hours before the call until as many after it.
fn lookup_around(call: AlertCall<'_>, hours: i64, attribute: &str, value: &str) -> ResponseCommand {
    let lookup = lookup_events(call, attribute, value);
    lookup.time_range("--start-time", "--end-time", call.time(), hours)
}

/// A name in the sentence of a step; `fallback` if it is not recorded.
fn name_or(name: Option<&str>, fallback: &str) -> String {
    name.map_or(fallback.to_owned(), clean::name)
}
