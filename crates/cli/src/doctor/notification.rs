//! Whether a trail's new objects are announced, and to whom.

use detect::cloudtrail::Trail;
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::store::{Notifications, Route};

use super::{Check, bucket};
use crate::attach::{Coverage, coverage};

const WHAT: &str = "notification";

/// How a trail's objects should be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    /// To the queue, topic or function of this ARN.
    To(String),
    /// Through EventBridge.
    EventBridge,
    /// By CloudTrail itself, to a topic: the bucket announces nothing.
    ByCloudTrail,
}

impl Announced {
    /// Reads an ARN, `eventbridge` or `cloudtrail`.
    pub fn parse(text: &str) -> Option<Announced> {
        match text {
            "eventbridge" => Some(Announced::EventBridge),
            "cloudtrail" => Some(Announced::ByCloudTrail),
            _ => text.starts_with("arn:").then(|| Announced::To(text.to_owned())),
        }
    }
}

pub(super) fn judge(
    found: &Result<Notifications, AwsError>,
    trail: &Trail,
    expected: Option<&Announced>,
) -> Check {
    if expected == Some(&Announced::ByCloudTrail) {
        return Check::ok(
            WHAT,
            format!("{trail}: not looked at, as CloudTrail's own topic announces"),
        );
    }
    match found {
        Ok(found) => announced(found, trail, expected),
        Err(refusal) => refused(refusal, trail),
    }
}

fn refused(refusal: &AwsError, trail: &Trail) -> Check {
    let told = format!("{trail}: cannot be told: {}", error_chain(refusal));
    let cure = match refusal.kind {
        AwsErrorKind::Denied => {
            bucket::allow(&["s3:GetBucketNotification"], &format!("arn:aws:s3:::{}", trail.bucket))
        }
        _ => bucket::general(refusal),
    };
    Check::warn(WHAT, told, cure)
}

fn announced(found: &Notifications, trail: &Trail, expected: Option<&Announced>) -> Check {
    let prefix = below_logs(trail);
    let covering = |wanted| {
        found.routes.iter().filter(|route| coverage(route, &prefix) == wanted).collect::<Vec<_>>()
    };
    let (all, part) = (covering(Coverage::All), covering(Coverage::Part));
    let ways = ways(&all, found.eventbridge);
    let attach = || attach(trail, expected);
    if is_met(&all, found.eventbridge, expected) {
        return Check::ok(WHAT, format!("{trail}: {}", ways.join(", ")));
    }
    if !ways.is_empty() {
        let told = format!("{trail}: leads to {}, and not to where it should", ways.join(", "));
        return Check::fail(WHAT, told, attach());
    }
    match part.first() {
        Some(route) => {
            Check::warn(WHAT, format!("{trail}: only a part of it is announced: {route}"), attach())
        }
        None => Check::fail(WHAT, format!("{trail}: nobody is told of new log objects"), attach()),
    }
}

/// A filter on `AWSLogs/` lets all of a trail through: nothing of it lies elsewhere.
fn below_logs(trail: &Trail) -> String {
    match trail.prefix.contains("AWSLogs/") {
        true => trail.prefix.clone(),
        false => format!("{}AWSLogs/", trail.prefix),
    }
}

fn ways(routes: &[&Route], eventbridge: bool) -> Vec<String> {
    let eventbridge = eventbridge
        .then(|| "EventBridge (whether a rule leads on cannot be seen from here)".to_owned());
    routes.iter().map(|route| route.target.to_string()).chain(eventbridge).collect()
}

fn is_met(routes: &[&Route], eventbridge: bool, expected: Option<&Announced>) -> bool {
    match expected {
        Some(Announced::To(arn)) => routes.iter().any(|route| route.target.arn() == arn),
        Some(Announced::EventBridge) => eventbridge,
        Some(Announced::ByCloudTrail) => true,
        None => eventbridge || !routes.is_empty(),
    }
}

fn attach(trail: &Trail, expected: Option<&Announced>) -> ShellCommand {
    let attach = ShellCommand::new("trailbell attach").option("--bucket", &trail.bucket);
    let prefix = Some(below_logs(trail));
    let attach = attach.optional("--prefix", prefix.as_deref());
    match expected {
        Some(Announced::EventBridge) => attach.words("--eventbridge"),
        Some(Announced::To(arn)) if arn.contains(":sns:") => attach.option("--topic", arn),
        Some(Announced::To(arn)) => attach.option("--queue", arn),
        _ => attach.words("--queue=QUEUE_ARN"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use trailbell::store::{Filter, Target};

    const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:q";

    #[test]
    fn any_way_will_do_unless_one_is_asked_for() {
        let trail = Trail::parse("s3://logs/audit").unwrap();
        let told = |prefix: Option<&str>, eventbridge: bool, expected: Option<&str>| {
            let target = Target::Queue(QUEUE.to_owned());
            let events = || ["s3:ObjectCreated:*".to_owned()].into();
            let route = |prefix| Route {
                id: None,
                target,
                events: events(),
                filter: Filter::from_prefix(prefix),
            };
            let routes = prefix.map(route).into_iter().collect();
            let found = Ok(Notifications { routes, eventbridge, unknown: vec![] });
            judge(&found, &trail, expected.and_then(Announced::parse).as_ref())
        };
        let other = "arn:aws:sns:us-east-1:111122223333:t";
        for (prefix, eventbridge, expected, level, part) in [
            (Some(""), false, None, Level::Ok, QUEUE),
            (Some("audit/AWSLogs/"), false, Some(QUEUE), Level::Ok, QUEUE),
            (None, true, None, Level::Ok, "EventBridge"),
            (None, false, Some("cloudtrail"), Level::Ok, "CloudTrail's own"),
            (None, true, Some(QUEUE), Level::Fail, "not to where it should"),
            (Some(""), false, Some("eventbridge"), Level::Fail, "--eventbridge"),
            (Some(""), false, Some(other), Level::Fail, "--topic=arn:aws:sns"),
            (Some("audit/AWSLogs/1111"), false, None, Level::Warn, "only a part"),
            (
                Some("elsewhere/"),
                false,
                None,
                Level::Fail,
                "--prefix=audit/AWSLogs/ --queue=QUEUE_ARN",
            ),
            (None, false, Some(QUEUE), Level::Fail, "--queue=arn:aws:sqs"),
        ] {
            let check = told(prefix, eventbridge, expected);
            assert_eq!(check.level, level, "{prefix:?} {eventbridge} {expected:?}");
            assert!(
                check.to_string().contains(part),
                "{prefix:?} {eventbridge} {expected:?}: {check}"
            );
        }
    }
}
