//! A bucket's notifications with ours among them: what must change, whether it may, and what is
//! needed besides. All of it is pure but [`write()`].

mod difference;
mod needs;
mod overlap;
mod plan;
mod write;

pub use difference::difference;
pub use needs::{Need, needs};
pub use overlap::{Overlap, overlap};
pub use plan::{Obstacle, Plan, plan};
pub use write::{WriteError, write};

use std::collections::BTreeSet;

use trailbell::store::{Filter, Notifications, Route, Target};

/// What CloudTrail's log objects come with: `PutObject`, and whatever a copy of them does.
const CREATED: &str = "s3:ObjectCreated:*";

/// How log objects end.
const LOG_SUFFIX: &str = ".json.gz";

/// What is to be announced, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The bucket's name.
    pub bucket: String,
    /// How the keys begin (not encoded); empty for all.
    pub prefix: String,
    /// Which way.
    pub way: Way,
    /// The account that the bucket belongs to, where it is known.
    pub owner: Option<String>,
}

/// Which way new objects are announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Through EventBridge, to whatever rules there are.
    EventBridge,
    /// To a queue or a topic.
    To(Target),
}

/// The part of a bucket that a route announces new log objects of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All below the prefix asked for.
    All,
    /// Some of them.
    Part,
    /// None of them.
    Nothing,
}

/// Whether a route announces new log objects below `prefix`.
pub fn coverage(route: &Route, prefix: &str) -> Coverage {
    let (begins, ends) = (route.filter.prefix(), route.filter.suffix());
    let put = |event: &String| overlap::is_same_event(event, "s3:ObjectCreated:Put");
    if !route.events.iter().any(put) || !LOG_SUFFIX.ends_with(&ends) {
        Coverage::Nothing
    } else if prefix.starts_with(&begins) {
        Coverage::All
    } else if begins.starts_with(prefix) {
        Coverage::Part
    } else {
        Coverage::Nothing
    }
}

/// The route to be added, under a name that no other has.
fn route(target: &Target, prefix: &str, beside: &Notifications) -> Route {
    let taken = |id: &String| beside.routes.iter().any(|route| route.id.as_ref() == Some(id));
    let names = (2..).map(|number| format!("trailbell-{number}"));
    let id = std::iter::once("trailbell".to_owned()).chain(names).find(|id| !taken(id));
    let events = BTreeSet::from([CREATED.to_owned()]);
    Route { id, target: target.clone(), events, filter: Filter::from_prefix(prefix) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_covers_what_its_events_and_filter_let_through() {
        let route = |event: &str, prefix: &str, suffix: &str| {
            let mut filter = Filter::from_prefix(prefix);
            filter.suffix = Some(suffix.to_owned());
            let target = Target::Queue("q".to_owned());
            Route { id: None, target, events: BTreeSet::from([event.to_owned()]), filter }
        };
        for (event, prefix, suffix, expected) in [
            ("s3:ObjectCreated:*", "", "", Coverage::All),
            ("s3:ObjectCreated:Put", "audit/", ".gz", Coverage::All),
            ("s3:ObjectCreated:*", "audit/AWSLogs/", ".json.gz", Coverage::All),
            ("s3:ObjectCreated:*", "audit/AWSLogs/111122223333/", "", Coverage::Part),
            ("s3:ObjectCreated:*", "other/", "", Coverage::Nothing),
            ("s3:ObjectCreated:*", "", ".csv", Coverage::Nothing),
            ("s3:ObjectCreated:Copy", "", "", Coverage::Nothing),
            ("s3:ObjectRemoved:*", "", "", Coverage::Nothing),
        ] {
            let told = coverage(&route(event, prefix, suffix), "audit/AWSLogs/");
            assert_eq!(told, expected, "{event} {prefix} {suffix}");
        }
    }
}
