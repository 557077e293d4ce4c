//! The reply to the caller of the function.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use serde_json::{Value, json};
use thiserror::Error;

use super::problem::Remedy;
use super::report::InvocationReport;
use crate::notification::Reply;

/// The most problems that a failed invocation names; the log has all of them.
const MAX_NAMED_PROBLEMS: usize = 5;

/// The invocation must be retried as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Failed(pub String);

impl InvocationReport {
    /// The reply: to a queue, which messages to deliver again; otherwise the report.
    ///
    /// # Errors
    /// Counts do not add up, or something must be retried and no queue can do it by message.
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
            // A message without an id cannot be redelivered alone.
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
        let more = retried.len().saturating_sub(MAX_NAMED_PROBLEMS);
        let mut text = retried.into_iter().take(MAX_NAMED_PROBLEMS).collect::<Vec<_>>().join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        Failed(text)
    }
}
