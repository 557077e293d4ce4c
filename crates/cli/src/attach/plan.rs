//! From the configuration that there is to the one that is wanted, or why there is no way.

use detect::text::shell::ShellCommand;
use thiserror::Error;
use trailbell::store::{Notifications, Route, Target};

use super::{Attachment, Coverage, Way, coverage, overlap, route};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: this does it already.
    Attached(String),
    /// Write this, all of it.
    Write(Notifications),
}

/// Why it cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Obstacle {
    /// There is something in the configuration that would be lost.
    #[error(
        "the bucket's notification configuration holds what this program does not know and would lose by writing: {}", .0.join(", ")
    )]
    Unknown(Vec<String>),
    /// S3 would refuse it.
    #[error(
        "S3 would refuse it: \"Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if \
         the prefixes are overlapping for the same event type.\" The event type is {event}, and what is there already \
         is {there}"
    )]
    Overlap {
        /// What both have.
        event: String,
        /// What is there.
        there: Box<Route>,
    },
}

impl Obstacle {
    /// What can be done instead.
    pub fn way_out(&self) -> String {
        match self {
            Obstacle::Unknown(_) => "Add ours by hand, or with a newer trailbell.".to_owned(),
            Obstacle::Overlap { there, .. } => match &there.target {
                Target::Topic(arn) => {
                    let subscribe =
                        ShellCommand::new("aws sns subscribe").option("--topic-arn", arn);
                    let subscribe =
                        subscribe.words("--protocol=sqs --notification-endpoint=QUEUE_ARN");
                    format!(
                        "The topic that is there can tell our queue too. In place of QUEUE_ARN:\n  {subscribe}"
                    )
                }
                _ => "EventBridge stands beside everything: take --eventbridge.".to_owned(),
            },
        }
    }
}

/// What must be done so that `current` announces what is wanted. Everything that is there stays.
///
/// # Errors
/// It holds what would be lost, or what S3 does not let stand beside ours.
pub fn plan(current: &Notifications, wanted: &Attachment) -> Result<Plan, Obstacle> {
    let mut new = current.clone();
    match &wanted.way {
        Way::EventBridge if current.eventbridge => {
            return Ok(Plan::Attached("every event goes to EventBridge".into()));
        }
        Way::EventBridge => new.eventbridge = true,
        Way::To(target) => {
            let does = |route: &&Route| {
                route.target == *target && coverage(route, &wanted.prefix) == Coverage::All
            };
            if let Some(route) = current.routes.iter().find(does) {
                return Ok(Plan::Attached(route.to_string()));
            }
            new.routes.insert(beside(current, route(target, &wanted.prefix, current))?);
        }
    }
    match current.unknown.is_empty() {
        true => Ok(Plan::Write(new)),
        false => Err(Obstacle::Unknown(current.unknown.clone())),
    }
}

/// Ours, if it can stand beside what is there.
fn beside(current: &Notifications, ours: Route) -> Result<Route, Obstacle> {
    let clash = |there: &Route| {
        let event = overlap(&ours, there)?.event;
        Some(Obstacle::Overlap { event, there: Box::new(there.clone()) })
    };
    match current.routes.iter().find_map(clash) {
        Some(obstacle) => Err(obstacle),
        None => Ok(ours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailbell::store::{Filter, Target};

    fn queue(name: &str) -> Target {
        Target::Queue(format!("arn:aws:sqs:us-east-1:111122223333:{name}"))
    }

    fn there(id: &str, target: Target, prefix: &str) -> Route {
        let events = ["s3:ObjectCreated:*".to_owned()].into();
        Route { id: Some(id.to_owned()), target, events, filter: Filter::from_prefix(prefix) }
    }

    fn current(routes: &[Route]) -> Notifications {
        Notifications { routes: routes.iter().cloned().collect(), ..Notifications::default() }
    }

    fn wanted(way: Way) -> Attachment {
        Attachment { bucket: "logs".to_owned(), prefix: "AWSLogs/".to_owned(), way, owner: None }
    }

    #[test]
    fn ours_is_added_and_all_else_stays() {
        let thumbs = there("trailbell", Target::Function("arn:aws:lambda:x".to_owned()), "images/");
        let before = Notifications { eventbridge: true, ..current(std::slice::from_ref(&thumbs)) };
        let Ok(Plan::Write(after)) = plan(&before, &wanted(Way::To(queue("ours")))) else {
            panic!("not planned")
        };
        let ours = there("trailbell-2", queue("ours"), "AWSLogs/");
        assert_eq!(after, Notifications { eventbridge: true, ..current(&[thumbs, ours]) });
        let Ok(Plan::Write(after)) = plan(&current(&[]), &wanted(Way::EventBridge)) else {
            panic!("not planned")
        };
        assert_eq!(after, Notifications { eventbridge: true, ..Notifications::default() });
    }

    #[test]
    fn what_is_there_already_is_not_added_again() {
        for (before, way) in [
            (current(&[there("a", queue("ours"), "AWSLogs/")]), Way::To(queue("ours"))),
            (current(&[there("a", queue("ours"), "")]), Way::To(queue("ours"))),
            (Notifications { eventbridge: true, ..current(&[]) }, Way::EventBridge),
            (
                Notifications {
                    unknown: vec!["x".to_owned()],
                    ..current(&[there("a", queue("ours"), "")])
                },
                Way::To(queue("ours")),
            ),
        ] {
            assert!(matches!(plan(&before, &wanted(way)), Ok(Plan::Attached(_))), "{before:?}");
        }
    }

    #[test]
    fn what_s3_would_refuse_and_what_would_be_lost_is_refused_first() {
        let ours = || wanted(Way::To(queue("ours")));
        let overlapping =
            plan(&current(&[there("a", queue("other"), "")]), &ours()).unwrap_err().to_string();
        assert!(
            overlapping.contains("ambiguously defined")
                && overlapping.contains("sqs:us-east-1:111122223333:other")
        );
        let topic = Target::Topic("arn:aws:sns:us-east-1:111122223333:t".to_owned());
        let topic = plan(&current(&[there("a", topic, "")]), &ours()).unwrap_err();
        assert!(
            topic.way_out().contains("aws sns subscribe --topic-arn=arn:aws:sns"),
            "{}",
            topic.way_out()
        );
        let narrower =
            plan(&current(&[there("a", queue("ours"), "AWSLogs/1")]), &ours()).unwrap_err();
        assert!(matches!(narrower, Obstacle::Overlap { .. }), "{narrower}");
        let unknown = Notifications { unknown: vec!["A/B".to_owned()], ..current(&[]) };
        assert_eq!(plan(&unknown, &ours()), Err(Obstacle::Unknown(vec!["A/B".to_owned()])));
        assert!(
            plan(&current(&[there("a", queue("other"), "")]), &wanted(Way::EventBridge)).is_ok()
        );
    }
}
