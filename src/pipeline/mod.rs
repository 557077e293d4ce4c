//! The one place where the order of things is written down: what came in is decoded, each object is
//! processed in a task of its own, inline records are processed, and everything is counted.

mod canary;
mod delivery;
pub(crate) mod digest;
mod findings;
pub(crate) mod invocation;
mod model;
pub(crate) mod object;
mod outcomes;
mod problem;
mod recover;
mod replay;
mod reply;
mod report;
pub(crate) mod run;
mod setup;
mod summary_at_exit;
mod suspects;
mod weekly;

use std::sync::Arc;

use detect::text::error::error_chain;
use serde_json::Value;
use tracing::{Instrument, info_span};

pub use canary::{CanaryRun, run_canary};
pub use outcomes::FindingOutcome;
pub use problem::{Problem, Remedy};
pub use recover::{Recovered, recover_open, send_due_summaries};
pub use replay::{Replay, ReplayProgress};
pub use reply::Failed;
pub use report::{InvocationReport, Mismatch, ObjectOutcome, Report};
pub use setup::{Clock, MailLength, Pipeline};

use crate::notification::{self, Notification};
use crate::sweep::run::sweep;
use run::Run;

/// Runs one payload that nobody will send again as the same request.
pub async fn run(pipeline: &Arc<Pipeline>, payload: &Value, clock: Clock) -> InvocationReport {
    run_request(pipeline, payload, &clock.now.as_nanosecond().to_string(), clock).await
}

/// Runs the payload of one invocation. `request` names the invocation: Lambda's retries of it have
/// the same.
///
/// Never fails as a whole: what fails is named and counted, and its message is in
/// [`InvocationReport::retry`], after everything else is done.
pub async fn run_request(
    pipeline: &Arc<Pipeline>,
    payload: &Value,
    request: &str,
    clock: Clock,
) -> InvocationReport {
    let span = info_span!("invocation", request_id = request);
    async {
        let Notification { reply, messages } = notification::decode(payload);
        let mut run = Run::new(pipeline, clock, reply);
        // Rules watch from now on, whether they match anything or not.
        if let Err(error) = findings::new_terms::watched_since(&run.invocation).await {
            let what = format!("not known since when they watch: {}", error_chain(&error));
            run.outcome.problems.push(Problem::discard("rules with new terms", what));
        }
        let mut objects = Vec::new();
        for message in messages {
            objects.extend(run.process_message(message).await);
        }
        let not_started = run.process_announced(objects).await;
        run.out_of_time(&not_started);
        sweep(&mut run).await;
        run.summarise_grouped().await;
        // A test waits for everything that is real.
        run.send_canaries(request).await;
        // Boxed, as few invocations come here, and all would carry its state.
        Box::pin(run.write_week()).await;
        run.outcome.check();
        run.outcome
    }
    .instrument(span)
    .await
}
