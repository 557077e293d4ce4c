//! Whether a bucket can be listed, and whether it announces new log objects.

use detect::cloudtrail::{S3Prefix, Trail};
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::store::{Notifications, Route};

use super::{Check, Level, fixes};
use crate::attach::{Coverage, coverage};

/// What a bucket must notify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedTarget {
    /// The queue, topic or function of this ARN.
    Arn(String),
    /// EventBridge.
    EventBridge,
    /// Nothing: CloudTrail's own topic announces log objects.
    CloudTrail,
}

impl ExpectedTarget {
    /// Reads an ARN, `eventbridge` or `cloudtrail`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<ExpectedTarget> {
        match text {
            "eventbridge" => Some(ExpectedTarget::EventBridge),
            "cloudtrail" => Some(ExpectedTarget::CloudTrail),
            _ => text.starts_with("arn:").then(|| ExpectedTarget::Arn(text.to_owned())),
        }
    }
}

type Region = Result<Option<String>, AwsError>;

pub(super) fn evaluate_ledger_bucket(bucket: &str, region: &Region) -> Check {
    evaluate_bucket(bucket, "TRAILBELL_LEDGER", None, region, |_| make_bucket(bucket))
}

fn make_bucket(bucket: &str) -> ShellCommand {
    ShellCommand::new("aws s3 mb").argument(&format!("s3://{bucket}"))
}

/// Alerts are sent with or without their pages, so this is never worse than a warning.
pub(super) fn evaluate_reports(place: &S3Prefix, region: &Region) -> Check {
    let bucket = &place.bucket;
    let check = evaluate_bucket(bucket, "TRAILBELL_REPORTS", None, region, |_| make_bucket(bucket));
    match (check.level, check.fix) {
        (Level::Fail, Some(fix)) => Check::warn("reports", check.message, fix),
        _ => Check::ok("reports", format!("{place}: pages open for those who may read the bucket")),
    }
}

pub(super) fn evaluate_trail_bucket(bucket: &str, owner: Option<&str>, region: &Region) -> Check {
    evaluate_bucket(bucket, "TRAILBELL_TRAILS", owner, region, |_| fixes::describe_trails())
}

fn evaluate_bucket(
    bucket: &str,
    setting: &str,
    owner: Option<&str>,
    region: &Region,
    no_such_bucket: impl Fn(&AwsError) -> ShellCommand,
) -> Check {
    let error = match region {
        Ok(Some(region)) => {
            return Check::ok("bucket", format!("s3://{bucket} can be listed, in {region}"));
        }
        Ok(None) => return Check::ok("bucket", format!("s3://{bucket} can be listed")),
        Err(error) => error,
    };
    let is_denied = error.kind == AwsErrorKind::Denied;
    let owner = owner.filter(|_| is_denied).map(|it| format!("; or it is not account {it}'s"));
    let owner = owner.unwrap_or_default();
    let why = error_chain(error);
    let fix = match error.kind {
        AwsErrorKind::NoSuchBucket => no_such_bucket(error),
        AwsErrorKind::Denied => fixes::allow_on_bucket("s3:ListBucket", bucket),
        _ => fixes::for_aws_error(error),
    };
    Check::fail("bucket", format!("cannot list s3://{bucket} ({setting}): {why}{owner}"), fix)
}

pub(super) fn evaluate_notification(
    notifications: &Result<Notifications, AwsError>,
    trail: &Trail,
    expected: Option<&ExpectedTarget>,
) -> Check {
    if expected == Some(&ExpectedTarget::CloudTrail) {
        let message = format!("{trail}: not checked, since CloudTrail's own topic announces it");
        return Check::ok("notification", message);
    }
    match notifications {
        Ok(notifications) => evaluate_routes(notifications, trail, expected),
        Err(error) => {
            let why = error_chain(error);
            let fix = match error.kind {
                AwsErrorKind::Denied => {
                    fixes::allow_on_bucket("s3:GetBucketNotification", &trail.bucket)
                }
                _ => fixes::for_aws_error(error),
            };
            let message = format!("{trail}: cannot read the notification configuration: {why}");
            Check::warn("notification", message, fix)
        }
    }
}

fn evaluate_routes(
    notifications: &Notifications,
    trail: &Trail,
    expected: Option<&ExpectedTarget>,
) -> Check {
    let prefix = log_prefix(trail);
    let covering = |wanted: Coverage| {
        notifications.routes.iter().filter(move |route| coverage(route, &prefix) == wanted)
    };
    let complete: Vec<&Route> = covering.clone()(Coverage::All).collect();
    let mut targets: Vec<String> = complete.iter().map(|route| route.target.to_string()).collect();
    if notifications.eventbridge {
        targets.push("EventBridge (its rules are not checked)".to_owned());
    }
    let targets = targets.join(", ");
    let is_met = match expected {
        Some(ExpectedTarget::Arn(arn)) => complete.iter().any(|it| it.target.arn() == arn),
        Some(ExpectedTarget::EventBridge) => notifications.eventbridge,
        Some(ExpectedTarget::CloudTrail) => true,
        None => !targets.is_empty(),
    };
    let fix = attach(trail, expected);
    if is_met {
        Check::ok("notification", format!("{trail}: notifies {targets}"))
    } else if !targets.is_empty() {
        let message = format!("{trail}: notifies {targets}, and not the expected target");
        Check::fail("notification", message, fix)
    } else if let Some(route) = covering(Coverage::Part).next() {
        let message = format!("{trail}: notifies of a part of the log objects only: {route}");
        Check::warn("notification", message, fix)
    } else {
        Check::fail("notification", format!("{trail}: notifies nothing of new log objects"), fix)
    }
}

/// The prefix of the log objects of a trail: all are below `AWSLogs/`.
fn log_prefix(trail: &Trail) -> String {
    match trail.prefix.contains("AWSLogs/") {
        true => trail.prefix.clone(),
        false => format!("{}AWSLogs/", trail.prefix),
    }
}

fn attach(trail: &Trail, expected: Option<&ExpectedTarget>) -> ShellCommand {
    let attach = ShellCommand::new("trailbell attach")
        .option("--bucket", &trail.bucket)
        .option("--prefix", &log_prefix(trail));
    match expected {
        Some(ExpectedTarget::EventBridge) => attach.words("--eventbridge"),
        Some(ExpectedTarget::Arn(arn)) if arn.contains(":sns:") => attach.option("--topic", arn),
        Some(ExpectedTarget::Arn(arn)) => attach.option("--queue", arn),
        _ => attach.words("--queue=QUEUE_ARN"),
    }
}

#[cfg(test)]
mod tests {
    use trailbell::store::{Filter, Target};

    use super::*;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:q";

    fn check(prefix: Option<&str>, eventbridge: bool, expected: Option<&str>) -> Check {
        let trail = Trail::parse("s3://logs/audit").unwrap();
        let route = |prefix| Route {
            id: None,
            target: Target::Queue(QUEUE.to_owned()),
            events: ["s3:ObjectCreated:*".to_owned()].into(),
            filter: Filter::from_prefix(prefix),
        };
        let routes = prefix.map(route).into_iter().collect();
        let notifications = Ok(Notifications { routes, eventbridge, unknown: vec![] });
        let expected = expected.and_then(ExpectedTarget::parse);
        evaluate_notification(&notifications, &trail, expected.as_ref())
    }

    #[test]
    fn pages_that_cannot_be_written_are_a_warning() {
        let place = S3Prefix::parse("s3://pages/reports").unwrap();
        let gone = AwsError::new(AwsErrorKind::NoSuchBucket, "no such bucket");
        for (region, level, part) in [
            (Ok(None), Level::Ok, "s3://pages/reports: pages open for those who may read"),
            (Err(gone), Level::Warn, "aws s3 mb s3://pages"),
        ] {
            let check = evaluate_reports(&place, &region);
            assert_eq!((check.level, check.name), (level, "reports"));
            assert!(check.to_string().contains(part), "{check}");
        }
    }

    #[test]
    fn any_target_is_accepted_unless_one_is_expected() {
        let topic = "arn:aws:sns:us-east-1:111122223333:t";
        for (prefix, eventbridge, expected, level, part) in [
            (Some(""), false, None, Level::Ok, QUEUE),
            (Some("audit/AWSLogs/"), false, Some(QUEUE), Level::Ok, QUEUE),
            (None, true, None, Level::Ok, "EventBridge"),
            (None, false, Some("cloudtrail"), Level::Ok, "CloudTrail's own"),
            (None, true, Some(QUEUE), Level::Fail, "not the expected target"),
            (Some(""), false, Some("eventbridge"), Level::Fail, "--eventbridge"),
            (Some(""), false, Some(topic), Level::Fail, "--topic=arn:aws:sns"),
            (Some("audit/AWSLogs/1111"), false, None, Level::Warn, "a part of"),
            (Some("elsewhere/"), false, None, Level::Fail, "--prefix=audit/AWSLogs/ --queue=QUEUE"),
            (None, false, Some(QUEUE), Level::Fail, "--queue=arn:aws:sqs"),
        ] {
            let check = check(prefix, eventbridge, expected);
            let case = format!("{prefix:?} {eventbridge} {expected:?}");
            assert_eq!(check.level, level, "{case}");
            assert!(check.to_string().contains(part), "{case}: {check}");
        }
    }
}
