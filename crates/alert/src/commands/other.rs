//! What reverts calls that change no group, where one command does.

use super::ResponseStep;
use crate::call::AlertCall;

/// Calls of CloudTrail that stop or delete what records, and of IAM that put a policy's version in
/// force.
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
        (Some("iam.amazonaws.com"), _) if call.policy_with_new_version().is_some() => {
            let previous = call.drift().and_then(|drift| drift.previous.as_deref());
            vec![ResponseStep::run_with(
                "Put the version that was in force before (VERSION if none is named) in force again.",
                "aws iam set-default-policy-version",
                &[("--policy-arn", call.parameter("policyArn")), ("--version-id", previous)],
            )]
        }
        _ => Vec::new(),
    }
}
