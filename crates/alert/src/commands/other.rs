//! What reverts calls that change no group, where one command does.

use super::ResponseStep;
use crate::call::AlertCall;

/// Calls of CloudTrail that stop or delete what records.
pub(super) fn revert(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let provider = call.fields.text("event.provider");
    match (provider, call.action()) {
        (Some("cloudtrail.amazonaws.com"), Some("StopLogging")) => {
            vec![ResponseStep::run(
                "Start the trail again. What happened since the call is not in it.",
                super::ResponseCommand::new("aws cloudtrail start-logging")
                    .option_if_known("--region", call.region())
                    .option("--name", call.parameter("name")),
            )]
        }
        _ => Vec::new(),
    }
}
