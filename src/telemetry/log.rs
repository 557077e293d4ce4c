//! The log: one JSON line for each thing worth knowing, on the way to CloudWatch Logs. Never bodies
//! of records.

use std::io::{self, Write};

use serde_json::Value;
use tracing::{error, info, warn};
use tracing_subscriber::filter::{FilterExt, LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::pipeline::{InvocationReport, Problem, Remedy};

/// Starts the log of the function: JSON lines on standard output, at the level of `RUST_LOG`
/// (default `info`), which may also name targets (`warn,trailbell=debug`); at no more than `info`
/// from other libraries. CloudWatch Logs adds the time.
///
/// # Errors
/// `RUST_LOG` says something that is no level; the log is started at `info` all the same, so that
/// this can be told.
pub fn start() -> Result<(), ParseError> {
    let said = std::env::var("RUST_LOG").unwrap_or_default();
    let (targets, result) = match said.as_str() {
        "" => (usual(), Ok(())),
        said => {
            said.parse().map_or_else(|error| (usual(), Err(error)), |targets| (targets, Ok(())))
        }
    };
    let log = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .without_time()
        .with_target(false);
    let log = log.with_filter(targets.and(of_others()));
    let _started_before = tracing_subscriber::registry().with(log).try_init();
    result
}

fn usual() -> Targets {
    Targets::new().with_default(LevelFilter::INFO)
}

/// What other libraries may log, whatever `RUST_LOG` says: at finer levels they write payloads,
/// records and the headers that requests are signed with.
fn of_others() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(env!("CARGO_PKG_NAME"), LevelFilter::TRACE)
}

/// Logs what became of one invocation, each problem once.
pub fn tell(outcome: &InvocationReport) {
    outcome.problems.iter().for_each(tell_problem);
    for note in &outcome.notes {
        info!(note, "noted");
    }
    for warning in &outcome.warnings {
        warn!(warning, "to be mended");
    }
    if let problems @ 1.. = outcome.report.exception_problems {
        error!(problems, "no exception is in use");
    }
    if let Some(mismatch) = &outcome.mismatch {
        error!(%mismatch, "the report does not add up");
    }
    let report = serde_json::to_string(&outcome.report).unwrap_or_default();
    info!(report, retry = outcome.retry.len(), "done");
}

/// Writes metrics to standard output, where CloudWatch Logs finds them. See [`crate::telemetry::metrics`].
pub fn measure(lines: &[Value]) {
    let mut out = io::stdout().lock();
    for line in lines {
        // A log that cannot be written cannot be told so.
        let _ = writeln!(out, "{line}");
    }
}

fn tell_problem(problem: &Problem) {
    match problem.remedy {
        Remedy::Retry => error!(place = problem.place, what = problem.what, "to be tried again"),
        Remedy::NextSweep => error!(
            place = problem.place,
            what = problem.what,
            "to be tried again by the next sweep"
        ),
        Remedy::Abandon => error!(place = problem.place, what = problem.what, "given up"),
        Remedy::Discard => warn!(place = problem.place, what = problem.what, "left out"),
    }
}
