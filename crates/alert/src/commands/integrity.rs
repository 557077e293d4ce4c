//! What to check and what to do about a log file or digest that is not what CloudTrail wrote.

use detect::finding::integrity::IntegrityKind;

use super::{ResponseCommand, ResponseStep, lookup_around};
use crate::call::AlertCall;

/// Hours around the time that is not proven in which the trail may have been changed.
const HOURS_AROUND: i64 = 6;

pub(crate) fn checks(call: AlertCall<'_>, kind: IntegrityKind) -> Vec<ResponseStep> {
    let mut steps = vec![verify(call)];
    if is_about_trail(kind) {
        let purpose = "Who changed the trail?";
        let lookup = |event| ResponseStep::run(purpose, around(call, event));
        steps.extend(["StopLogging", "UpdateTrail", "DeleteTrail"].map(lookup));
        steps.push(ResponseStep::run(
            "Does the trail log and deliver now?",
            ResponseCommand::new("aws cloudtrail get-trail-status")
                .option_if_known("--region", call.region())
                .option("--name", call.parameter("trailName")),
        ));
    } else {
        steps.push(ResponseStep::run(
            "Which versions of the object are there? (Only a bucket with versions has more than one.)",
            versions(call),
        ));
        steps.push(bucket_policy(call.parameter("bucketName")));
    }
    steps
}

pub(crate) fn undo(call: AlertCall<'_>, kind: IntegrityKind) -> Vec<ResponseStep> {
    if is_about_trail(kind) {
        let start = ResponseCommand::new("aws cloudtrail start-logging")
            .option_if_known("--region", call.region())
            .option("--name", call.parameter("trailName"));
        return vec![ResponseStep::run("Start logging again, if it was stopped.", start)];
    }
    let restore = "Restore the version that CloudTrail wrote: delete what was put over it, or the \
                   delete marker, by its version id (VERSION), and verify again.";
    let delete = ResponseCommand::new("aws s3api delete-object")
        .option("--bucket", call.parameter("bucketName"))
        .option("--key", call.parameter("key"))
        .option("--version-id", Some("VERSION"));
    vec![ResponseStep::run(restore, delete)]
}

fn is_about_trail(kind: IntegrityKind) -> bool {
    matches!(kind, IntegrityKind::ChainRestarted | IntegrityKind::DigestsStopped)
}

/// All accounts and regions of the bucket: one object that is changed is rarely alone.
fn verify(call: AlertCall<'_>) -> ResponseStep {
    let [bucket, key] = ["bucketName", "key"].map(|name| call.parameter(name).unwrap_or_default());
    let command = verify_trail(bucket, key, call.parameter("from"));
    ResponseStep::run("What else is changed or missing?", command)
}

/// What to check about many objects, of which `key` is one.
pub(crate) fn checks_of_many(bucket: &str, key: &str, since: Option<&str>) -> Vec<ResponseStep> {
    let verify = verify_trail(bucket, key, since);
    vec![
        ResponseStep::run("Which objects are changed or missing?", verify),
        bucket_policy(Some(bucket)),
    ]
}

fn bucket_policy(bucket: Option<&str>) -> ResponseStep {
    let purpose = "Who may write to the bucket, or delete in it?";
    ResponseStep::run_with(purpose, "aws s3api get-bucket-policy", &[("--bucket", bucket)])
}

/// Verifies everything of the trail that wrote this object.
fn verify_trail(bucket: &str, key: &str, since: Option<&str>) -> ResponseCommand {
    let prefix = key.split_once("AWSLogs/").map_or("", |(prefix, _)| prefix);
    ResponseCommand::new("trailbell verify")
        .place(&format!("s3://{bucket}/{prefix}"))
        .option_if_known("--since", since)
}

fn around(call: AlertCall<'_>, event: &str) -> ResponseCommand {
    let from = call.parameter("from").and_then(|time| time.parse().ok());
    let lookup = ResponseCommand::new("aws cloudtrail lookup-events")
        .option_if_known("--region", call.region())
        .lookup_attribute("EventName", event);
    match from {
        Some(_) => lookup.time_range("--start-time", "--end-time", from, HOURS_AROUND),
        None => lookup_around(call, HOURS_AROUND, "EventName", event),
    }
}

fn versions(call: AlertCall<'_>) -> ResponseCommand {
    ResponseCommand::new("aws s3api list-object-versions")
        .option("--bucket", call.parameter("bucketName"))
        .option("--prefix", call.parameter("key"))
}
