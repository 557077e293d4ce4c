//! Which routes S3 does not let stand side by side.

use trailbell::store::Route;

/// Two routes that S3 refuses together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// An event type of the one that is also the other's.
    pub event: String,
}

/// Why S3 refuses two routes of one bucket, wherever they lead: some event of some object would
/// match both. That is so where they share an event type, the prefix of one begins with the
/// other's, and the suffix of one ends with the other's.
///
/// Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
pub fn overlap(one: &Route, other: &Route) -> Option<Overlap> {
    let (a, b) = (one.filter.prefix(), other.filter.prefix());
    let (c, d) = (one.filter.suffix(), other.filter.suffix());
    let prefixes = a.starts_with(&b) || b.starts_with(&a);
    let suffixes = c.ends_with(&d) || d.ends_with(&c);
    let shared = |event: &&String| other.events.iter().any(|its| is_same_event(event, its));
    let event = one.events.iter().find(shared).filter(|_| prefixes && suffixes)?;
    Some(Overlap { event: event.clone() })
}

/// Whether two event types, of which `s3:ObjectCreated:*` holds all that begin so, have one in
/// common.
pub(super) fn is_same_event(one: &str, other: &str) -> bool {
    let holds =
        |all: &str, one: &str| all.strip_suffix('*').is_some_and(|stem| one.starts_with(stem));
    one == other || holds(one, other) || holds(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailbell::store::{Filter, Target};

    fn route(event: &str, prefix: &str, suffix: &str) -> Route {
        let mut filter = Filter::from_prefix(prefix);
        filter.suffix = Some(suffix.to_owned()).filter(|suffix| !suffix.is_empty());
        let target = Target::Queue(format!("arn:aws:sqs:us-east-1:111122223333:{event}"));
        Route { id: None, target, events: [event.to_owned()].into(), filter }
    }

    #[test]
    fn routes_overlap_where_one_event_could_match_both() {
        const ALL: &str = "s3:ObjectCreated:*";
        const PUT: &str = "s3:ObjectCreated:Put";
        for (one, other, overlaps) in [
            ((ALL, "", ""), (ALL, "", ""), true),
            ((ALL, "", ""), (ALL, "images/", ""), true),
            ((ALL, "AWSLogs/", ""), (ALL, "images/", ""), false),
            ((ALL, "AWSLogs/", ""), (ALL, "AWS", ""), true),
            ((ALL, "AWSLogs/1", ""), (ALL, "AWSLogs/2", ""), false),
            ((ALL, "", ".gz"), (ALL, "", ".jpg"), false),
            ((ALL, "", ".gz"), (ALL, "", ".json.gz"), true),
            ((ALL, "", ".gz"), (ALL, "images/", ""), true),
            // Prefixes that differ save suffixes that do not, and the other way round.
            ((ALL, "a/", ".gz"), (ALL, "b/", ".gz"), false),
            ((ALL, "a/", ".gz"), (ALL, "a/b/", ".jpg"), false),
            ((ALL, "", ""), (PUT, "", ""), true),
            ((PUT, "", ""), (PUT, "", ""), true),
            ((PUT, "", ""), ("s3:ObjectCreated:Copy", "", ""), false),
            ((ALL, "", ""), ("s3:ObjectRemoved:*", "", ""), false),
            ((ALL, "", ""), ("s3:ObjectRemoved:Delete", "", ""), false),
            ((ALL, "", ""), ("s3:ReducedRedundancyLostObject", "", ""), false),
            // Encoded or not, it is the same key.
            ((ALL, "audit logs/", ""), (ALL, "audit logs/2026/", ""), true),
        ] {
            let (a, b) = (route(one.0, one.1, one.2), route(other.0, other.1, other.2));
            assert_eq!(overlap(&a, &b).is_some(), overlaps, "{one:?} {other:?}");
            assert_eq!(overlap(&b, &a).is_some(), overlaps, "{other:?} {one:?}");
        }
    }
}
