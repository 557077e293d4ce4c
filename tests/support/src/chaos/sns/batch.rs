//! `PublishBatch`: at most ten messages, which are accepted one by one.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>

use std::collections::BTreeSet;

use super::message::{MAX_BYTES, SnsMessage};
use super::{Form, Sns, SnsError, SnsResult, check_fields, field, result};
use crate::chaos::serve::ServiceCall;
use crate::chaos::xml::{element, parent};

/// The most messages of a batch.
const MAX_ENTRIES: usize = 10;

const ENTRIES: &str = "PublishBatchRequestEntries.member.";

struct BatchEntry {
    id: String,
    message: Result<SnsMessage, String>,
}

impl Sns {
    pub(super) fn publish_batch(&self, call: &ServiceCall<'_>, form: &Form) -> SnsResult {
        let known = ["Action", "Version", "TopicArn", "PublishBatchRequestEntries"];
        check_fields(form, &known, &[ENTRIES])?;
        let entries = entries(form);
        check_batch(&entries)?;
        let mut successful = String::new();
        let mut failed = String::new();
        for BatchEntry { id, message } in entries {
            let message = match message {
                Ok(_) if self.draws_failure() => Err(("InternalError", false, String::new())),
                Ok(message) => Ok(message),
                Err(problem) => {
                    self.shared.journal.breach(format!("SNS PublishBatch, entry {id}: {problem}"));
                    Err(("InvalidParameter", true, problem))
                }
            };
            match message {
                Ok(message) => {
                    let message_id = element("MessageId", self.accept(call, message));
                    successful += &parent("member", element("Id", id) + &message_id);
                }
                Err((code, is_sender_fault, problem)) => {
                    failed += &failed_entry(&id, code, is_sender_fault, &problem);
                }
            }
        }
        let inner = parent("Successful", successful) + &parent("Failed", failed);
        Ok(result("PublishBatch", &inner))
    }

    fn draws_failure(&self) -> bool {
        let mut state = self.state();
        let draw = state.random.below(10_000);
        draw < state.entry_failures
    }
}

fn entries(form: &Form) -> Vec<BatchEntry> {
    (1..)
        .map(|at| format!("{ENTRIES}{at}."))
        .map(|prefix| (field(form, &format!("{prefix}Id")).to_owned(), prefix))
        .take_while(|(id, _)| !id.is_empty())
        .map(|(id, prefix)| BatchEntry { id, message: SnsMessage::read(form, &prefix) })
        .collect()
}

fn check_batch(entries: &[BatchEntry]) -> Result<(), SnsError> {
    let refuse = |code, message: &str| Err(SnsError(400, code, message.to_owned()));
    let is_id = |id: &str| {
        id.len() <= 80
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let ids: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let bytes: usize =
        entries.iter().filter_map(|entry| entry.message.as_ref().ok()).map(|it| it.bytes).sum();
    match entries.len() {
        0 => refuse("EmptyBatchRequest", "the batch has no entries"),
        count if count > MAX_ENTRIES => {
            refuse("TooManyEntriesInBatchRequest", &format!("{count} entries"))
        }
        count if ids.len() < count => refuse("BatchEntryIdsNotDistinct", "two have the same id"),
        _ if !ids.iter().all(|id| is_id(id)) => refuse("InvalidBatchEntryId", "not an id"),
        _ if bytes > MAX_BYTES => refuse("BatchRequestTooLong", &format!("{bytes} bytes")),
        _ => Ok(()),
    }
}

fn failed_entry(id: &str, code: &str, is_sender_fault: bool, problem: &str) -> String {
    let fields = [
        element("Id", id),
        element("Code", code),
        element("Message", problem),
        element("SenderFault", is_sender_fault),
    ];
    parent("member", fields.concat())
}
