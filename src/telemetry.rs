//! The log: one JSON line for each thing worth knowing, on the way to CloudWatch Logs. Never bodies of records.

use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::pipeline::{Outcome, Problem, Remedy};

/// Starts the log of the function: JSON lines on standard output, at the level of `RUST_LOG` (default `info`).
/// CloudWatch Logs adds the time.
///
/// # Errors
/// `RUST_LOG` says something that is no level; the log is started at `info` all the same, so that this can be told.
pub fn start() -> Result<(), ParseError> {
    let level = std::env::var("RUST_LOG").unwrap_or_default();
    let said = if level.is_empty() { Ok(EnvFilter::new("info")) } else { EnvFilter::builder().parse(level) };
    let (filter, result) = match said {
        Ok(filter) => (filter, Ok(())),
        Err(error) => (EnvFilter::new("info"), Err(error)),
    };
    let log = tracing_subscriber::fmt().json().flatten_event(true).without_time().with_target(false);
    let _started_before = log.with_env_filter(filter).try_init();
    result
}

/// Logs what became of one invocation, each problem once.
pub fn tell(outcome: &Outcome) {
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

fn tell_problem(problem: &Problem) {
    match problem.remedy {
        Remedy::Retry => error!(place = problem.place, what = problem.what, "to be tried again"),
        Remedy::Discard => warn!(place = problem.place, what = problem.what, "left out"),
    }
}
