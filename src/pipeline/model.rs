//! What records say of groups and policies, written to the ledger before the alerts of the same
//! records are rendered.

use std::fmt::Display;
use std::time::Duration;

use detect::model::Change;
use detect::text::error::error_chain;
use tokio::time::timeout_at;

use super::invocation::Invocation;
use super::problem::Problem;
use crate::ledger::Ledger;

/// How long alerts wait for the model.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes changes. What carried them is delivered again if that fails, so that nothing is missing
/// later.
pub(crate) async fn add_changes(
    invocation: &Invocation,
    place: impl Display,
    changes: Vec<Change>,
) -> Vec<Problem> {
    let Ledger::Stored(ledger) = &invocation.pipeline.ledger else { return Vec::new() };
    if changes.is_empty() {
        return Vec::new();
    }
    let problem = |why: &dyn Display| {
        Problem::retry(&place, format!("what it says of groups is not recorded: {why}"))
    };
    let until = invocation.wait_until(PATIENCE);
    match timeout_at(until, ledger.add_changes(changes, invocation.now())).await {
        Ok(errors) => errors.iter().map(|error| problem(&error_chain(error))).collect(),
        Err(_) => vec![problem(&"the ledger did not answer in time")],
    }
}
