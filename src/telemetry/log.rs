//! The log: JSON lines for CloudWatch Logs. docs/logging.md lists every message.
//!
//! Conventions:
//! - A message is constant text. What varies is in fields, with these names: `request_id`,
//!   `bucket`, `key`, `finding`, `rule`, `error` (with its causes), `place` (whatever a problem is
//!   about).
//! - `error`: somebody must act, or a retry is due. `warn`: something was discarded, or is about
//!   to go wrong. `info`: one line an invocation, and one at the start. `debug`: every step.
//!   `trace`: every request to a store.
//! - Names that callers of AWS choose are logged as fields only, which JSON escapes. Bodies of
//!   records, objects and alerts are never logged, at no level.

use std::fmt::Display;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use tracing::{error, info, warn};
use tracing_subscriber::filter::{FilterExt, LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::metrics;
use super::monitoring::Monitoring;
use crate::pipeline::{InvocationReport, Problem, Remedy};

/// Starts the log of the function: JSON lines on standard output, at the level of `RUST_LOG`
/// (default `info`), which may also name targets (`warn,trailbell=debug`). CloudWatch Logs adds
/// the time.
///
/// # Errors
/// `RUST_LOG` cannot be parsed. The log is started at `info` nevertheless, so that this can be
/// logged.
pub fn start() -> Result<(), ParseError> {
    let directives = std::env::var("RUST_LOG").unwrap_or_default();
    let (targets, result) = match directives.parse() {
        Ok(targets) if !directives.is_empty() => (targets, Ok(())),
        Ok(_) => (Targets::new().with_default(LevelFilter::INFO), Ok(())),
        Err(error) => (Targets::new().with_default(LevelFilter::INFO), Err(error)),
    };
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .without_time()
        .with_target(false)
        .with_filter(targets.and(limit_of_others()));
    let _already_started = tracing_subscriber::registry().with(layer).try_init();
    result
}

/// Other libraries log at `info` at most, whatever `RUST_LOG` says: at finer levels they write
/// payloads, records and the headers that requests are signed with.
fn limit_of_others() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(env!("CARGO_PKG_NAME"), LevelFilter::TRACE)
}

/// Logs what became of an invocation, each problem once.
pub fn log_invocation(outcome: &InvocationReport, monitoring: Monitoring) {
    outcome.problems.iter().for_each(log_problem);
    for note in &outcome.notes {
        info!(note, "note");
    }
    for warning in &outcome.warnings {
        warn!(warning, "to be fixed");
    }
    if let problems @ 1.. = outcome.report.exception_problems {
        error!(problems, "no exception is in use");
    }
    if let Some(mismatch) = &outcome.mismatch {
        error!(%mismatch, "the report does not add up");
    }
    if let Some(kinds) = metrics::problems(outcome, monitoring) {
        warn!(kinds, "problems");
    }
    let report = serde_json::to_string(&outcome.report).unwrap_or_default();
    info!(report, retry = outcome.retry.len(), "done");
}

fn log_problem(Problem { place, what: error, remedy }: &Problem) {
    match remedy {
        Remedy::Retry => error!(place, error, "to be retried"),
        Remedy::NextSweep => error!(place, error, "to be retried by the next sweep"),
        Remedy::Abandon => error!(place, error, "abandoned"),
        Remedy::Discard => warn!(place, error, "discarded"),
    }
}

/// Writes metrics to standard output, where CloudWatch Logs finds them.
pub fn print_metrics(lines: &[Value]) {
    let mut out = io::stdout().lock();
    for line in lines {
        // If the log cannot be written, nor can that it cannot.
        let _ = writeln!(out, "{line}");
    }
}

/// Awaits `future`. If it takes longer than `limit`, logs a warning that names `what` while it
/// still runs: a function that is killed then leaves a trace of what it was doing.
pub async fn warn_if_slow<T>(
    what: impl Display,
    limit: Duration,
    future: impl Future<Output = T>,
) -> T {
    let mut future = pin!(future);
    match timeout(limit, &mut future).await {
        Ok(output) => output,
        Err(_) => {
            warn!(place = %what, seconds = limit.as_secs(), "still running");
            future.await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use tokio::time::sleep;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Lines;

        fn make_writer(&self) -> Lines {
            self.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_work_is_named_before_it_ends_and_quick_work_never() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(lines.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let limit = Duration::from_secs(10);
        assert_eq!(warn_if_slow("quick", limit, async { 1 }).await, 1);
        let slow = warn_if_slow("s3://logs/slow", limit, sleep(Duration::from_secs(60)));
        let (mut slow, mut second) = (pin!(slow), pin!(sleep(Duration::from_secs(11))));
        tokio::select! {
            () = &mut slow => panic!("a minute is longer than 11 seconds"),
            () = &mut second => {}
        }
        let text = lines.text();
        assert!(text.contains("s3://logs/slow") && text.contains("still running"), "{text}");
        slow.await;
        assert_eq!(lines.text(), text, "named once");
    }

    /// The text of every Rust file in a folder.
    fn sources(folder: &Path) -> String {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let text = |path: std::path::PathBuf| match path.is_dir() {
            true => sources(&path),
            false => fs::read_to_string(path).unwrap(),
        };
        paths.map(text).collect()
    }

    /// The messages of log macros: the last string of each.
    fn messages(source: &str) -> BTreeSet<&str> {
        let mut messages = BTreeSet::new();
        for level in ["trace", "debug", "info", "warn", "error"] {
            for call in source.split(&format!("{level}!(")).skip(1) {
                let arguments = call.split(");").next().unwrap();
                let arguments = arguments.split("),\n").next().unwrap();
                messages.extend(arguments.rsplit('"').nth(1));
            }
        }
        messages
    }

    #[test]
    fn the_documentation_lists_every_message() {
        let page = fs::read_to_string("docs/logging.md").unwrap();
        let source = sources(Path::new("src"));
        let messages = messages(&source);
        assert!(messages.len() > 25, "{messages:?}");
        let missing: Vec<_> =
            messages.iter().filter(|message| !page.contains(&format!("`{message}`"))).collect();
        assert!(missing.is_empty(), "not in docs/logging.md: {missing:?}");
    }
}
