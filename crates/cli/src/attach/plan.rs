//! From the current configuration to the wanted one, or why that is impossible.

use std::collections::BTreeSet;

use detect::text::shell::ShellCommand;
use thiserror::Error;
use trailbell::store::{Filter, Notifications, Route, Target};

use super::routes::overlapping_event;
use super::{Attachment, Coverage, Destination, coverage};

/// CloudTrail's log objects arrive with `PutObject`, and copies of them with other calls.
const CREATED: &str = "s3:ObjectCreated:*";

/// The id of our route, or its beginning.
const OUR_ID: &str = "trailbell";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: this does it already.
    Attached(String),
    /// Nothing: there is no such notification to remove.
    Detached,
    /// Write this configuration.
    Write(Notifications),
}

/// Why it cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Obstacle {
    /// Writing would lose something.
    #[error(
        "the notification configuration has elements that this program does not know and would \
         lose: {}",
        .0.join(", ")
    )]
    Unknown(Vec<String>),
    /// S3 would refuse it.
    #[error(
        "S3 would refuse it: \"Configuration is ambiguously defined. Cannot have overlapping \
         suffixes in two rules if the prefixes are overlapping for the same event type.\" The \
         event type is {event}, and the existing notification is {existing}"
    )]
    Overlap {
        /// The event type that both have.
        event: String,
        /// The existing route.
        existing: Box<Route>,
    },
}

impl Obstacle {
    /// What can be done instead.
    pub fn alternative(&self) -> String {
        match self {
            Obstacle::Unknown(_) => {
                "Add the notification in the console, or with a newer trailbell.".to_owned()
            }
            Obstacle::Overlap { existing, .. } => match &existing.target {
                Target::Topic(arn) => {
                    let subscribe = ShellCommand::new("aws sns subscribe")
                        .option("--topic-arn", arn)
                        .words("--protocol=sqs --notification-endpoint=QUEUE_ARN");
                    format!("Subscribe the queue to the existing topic instead:\n  {subscribe}")
                }
                _ => "Use --eventbridge, which never overlaps.".to_owned(),
            },
        }
    }
}

/// Plans how `current` comes to announce what is wanted. Everything that is there stays.
///
/// # Errors
/// Writing would lose something, or S3 would refuse it.
pub fn plan(current: &Notifications, wanted: &Attachment) -> Result<Plan, Obstacle> {
    let mut new = current.clone();
    match &wanted.destination {
        Destination::EventBridge if current.eventbridge => {
            return Ok(Plan::Attached("every event goes to EventBridge".to_owned()));
        }
        Destination::EventBridge => new.eventbridge = true,
        Destination::Target(target) => {
            let is_wanted = |route: &&Route| {
                route.target == *target && coverage(route, &wanted.prefix) == Coverage::All
            };
            if let Some(route) = current.routes.iter().find(is_wanted) {
                return Ok(Plan::Attached(route.to_string()));
            }
            let route = new_route(target, &wanted.prefix, current);
            check_overlap(&route, current)?;
            new.routes.insert(route);
        }
    }
    match current.unknown.is_empty() {
        true => Ok(Plan::Write(new)),
        false => Err(Obstacle::Unknown(current.unknown.clone())),
    }
}

/// Plans how `current` comes to announce it no longer. A route is ours if it has our target and an
/// id that [`plan`] gives; everything else stays.
///
/// # Errors
/// Writing would lose something.
pub fn plan_removal(current: &Notifications, wanted: &Attachment) -> Result<Plan, Obstacle> {
    let mut new = current.clone();
    match &wanted.destination {
        Destination::EventBridge => new.eventbridge = false,
        Destination::Target(target) => {
            new.routes.retain(|route| route.target != *target || !has_our_id(route));
        }
    }
    match (new == *current, current.unknown.is_empty()) {
        (true, _) => Ok(Plan::Detached),
        (false, true) => Ok(Plan::Write(new)),
        (false, false) => Err(Obstacle::Unknown(current.unknown.clone())),
    }
}

fn has_our_id(route: &Route) -> bool {
    let number = route.id.as_deref().and_then(|id| id.strip_prefix(OUR_ID));
    number.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The route to add, under an id that no other has.
fn new_route(target: &Target, prefix: &str, current: &Notifications) -> Route {
    let is_free = |id: &String| current.routes.iter().all(|route| route.id.as_ref() != Some(id));
    let numbered = (2..).map(|number| format!("{OUR_ID}-{number}"));
    let id = std::iter::once(OUR_ID.to_owned()).chain(numbered).find(is_free);
    let events = BTreeSet::from([CREATED.to_owned()]);
    Route { id, target: target.clone(), events, filter: Filter::from_prefix(prefix) }
}

fn check_overlap(new: &Route, current: &Notifications) -> Result<(), Obstacle> {
    for existing in &current.routes {
        if let Some(event) = overlapping_event(new, existing) {
            let existing = Box::new(existing.clone());
            let event = event.to_owned();
            return Err(Obstacle::Overlap { event, existing });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str) -> Target {
        Target::Queue(format!("arn:aws:sqs:us-east-1:111122223333:{name}"))
    }

    fn route(id: &str, target: Target, prefix: &str) -> Route {
        let events = ["s3:ObjectCreated:*".to_owned()].into();
        Route { id: Some(id.to_owned()), target, events, filter: Filter::from_prefix(prefix) }
    }

    fn current(routes: &[Route]) -> Notifications {
        Notifications { routes: routes.iter().cloned().collect(), ..Notifications::default() }
    }

    fn wanted(destination: Destination) -> Attachment {
        Attachment {
            bucket: "logs".to_owned(),
            prefix: "AWSLogs/".to_owned(),
            destination,
            owner: None,
        }
    }

    #[test]
    fn a_route_is_added_and_everything_else_stays() {
        let thumbs = route("trailbell", Target::Function("arn:aws:lambda:x".to_owned()), "images/");
        let before = Notifications { eventbridge: true, ..current(std::slice::from_ref(&thumbs)) };
        let Ok(Plan::Write(after)) = plan(&before, &wanted(Destination::Target(queue("new"))))
        else {
            panic!("not planned")
        };
        let added = route("trailbell-2", queue("new"), "AWSLogs/");
        assert_eq!(after, Notifications { eventbridge: true, ..current(&[thumbs, added]) });
        let Ok(Plan::Write(after)) = plan(&current(&[]), &wanted(Destination::EventBridge)) else {
            panic!("not planned")
        };
        assert_eq!(after, Notifications { eventbridge: true, ..Notifications::default() });
    }

    #[test]
    fn an_existing_route_is_not_added_again() {
        for (before, destination) in [
            (current(&[route("a", queue("new"), "AWSLogs/")]), Destination::Target(queue("new"))),
            (current(&[route("a", queue("new"), "")]), Destination::Target(queue("new"))),
            (Notifications { eventbridge: true, ..current(&[]) }, Destination::EventBridge),
            (
                Notifications {
                    unknown: vec!["x".to_owned()],
                    ..current(&[route("a", queue("new"), "")])
                },
                Destination::Target(queue("new")),
            ),
        ] {
            assert!(
                matches!(plan(&before, &wanted(destination)), Ok(Plan::Attached(_))),
                "{before:?}"
            );
        }
    }

    #[test]
    fn only_ours_is_removed() {
        let ours = route("trailbell-2", queue("new"), "AWSLogs/");
        let theirs = route("backup", queue("new"), "AWSLogs/backup/");
        let other = route("trailbell", queue("other"), "images/");
        let before = current(&[ours, theirs.clone(), other.clone()]);
        let after = current(&[theirs, other]);
        let new = wanted(Destination::Target(queue("new")));
        assert_eq!(plan_removal(&before, &new), Ok(Plan::Write(after.clone())));
        assert_eq!(plan_removal(&after, &new), Ok(Plan::Detached));
        let on = Notifications { eventbridge: true, ..after.clone() };
        let eventbridge = wanted(Destination::EventBridge);
        assert_eq!(plan_removal(&on, &eventbridge), Ok(Plan::Write(after.clone())));
        assert_eq!(plan_removal(&after, &eventbridge), Ok(Plan::Detached));
        let unknown = Notifications { unknown: vec!["x".to_owned()], ..before };
        assert_eq!(plan_removal(&unknown, &new), Err(Obstacle::Unknown(vec!["x".to_owned()])));
    }

    #[test]
    fn overlaps_and_losses_are_refused() {
        let new = || wanted(Destination::Target(queue("new")));
        let overlapping =
            plan(&current(&[route("a", queue("other"), "")]), &new()).unwrap_err().to_string();
        assert!(
            overlapping.contains("ambiguously defined")
                && overlapping.contains("sqs:us-east-1:111122223333:other")
        );
        let topic = Target::Topic("arn:aws:sns:us-east-1:111122223333:t".to_owned());
        let topic = plan(&current(&[route("a", topic, "")]), &new()).unwrap_err();
        assert!(
            topic.alternative().contains("aws sns subscribe --topic-arn=arn:aws:sns"),
            "{}",
            topic.alternative()
        );
        let narrower =
            plan(&current(&[route("a", queue("new"), "AWSLogs/1")]), &new()).unwrap_err();
        assert!(matches!(narrower, Obstacle::Overlap { .. }), "{narrower}");
        let unknown = Notifications { unknown: vec!["A/B".to_owned()], ..current(&[]) };
        assert_eq!(plan(&unknown, &new()), Err(Obstacle::Unknown(vec!["A/B".to_owned()])));
        assert!(
            plan(&current(&[route("a", queue("other"), "")]), &wanted(Destination::EventBridge))
                .is_ok()
        );
    }
}
