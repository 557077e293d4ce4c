//! What the caller of the function is told.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use serde_json::{Value, json};
use thiserror::Error;

use super::{InvocationReport, Remedy};
use crate::notification::Reply;

/// The most problems that a failed invocation names; the log has all of them.
const NAMED: usize = 5;

/// The invocation must be tried again as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Failed(pub String);

impl InvocationReport {
    /// A queue is told which messages to deliver again; everyone else gets the report, or an error
    /// if anything must be tried again. Counts that do not add up are an error for everyone.
    pub fn reply(&self) -> Result<Value, Failed> {
        if let Some(mismatch) = &self.mismatch {
            return Err(Failed(mismatch.to_string()));
        }
        match self.reply {
            Reply::BatchItemFailures => self.batch_item_failures(),
            Reply::Invocation if self.retry.is_empty() => {
                Ok(json!({ "report": self.report, "notes": self.notes, "warnings": self.warnings }))
            }
            Reply::Invocation => Err(self.failed()),
        }
    }

    fn batch_item_failures(&self) -> Result<Value, Failed> {
        let mut response = SqsBatchResponse::default();
        for id in &self.retry {
            // A message without an id cannot be given back alone.
            let id = id.clone().ok_or_else(|| self.failed())?;
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
        serde_json::to_value(response).map_err(|error| Failed(error.to_string()))
    }

    fn failed(&self) -> Failed {
        let retried: Vec<String> = self
            .problems
            .iter()
            .filter(|problem| problem.remedy == Remedy::Retry)
            .map(ToString::to_string)
            .collect();
        let more = retried.len().saturating_sub(NAMED);
        let mut text = retried.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        Failed(text)
    }
}
