//! Which objects a route covers, and which routes S3 allows together.

use trailbell::store::Route;

/// How the names of log objects end.
const LOG_SUFFIX: &str = ".json.gz";

/// Which of the new log objects below a prefix a route announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All of them.
    All,
    /// Some of them.
    Part,
    /// None of them.
    Nothing,
}

/// Returns which of the new log objects below `prefix` a route announces.
pub fn coverage(route: &Route, prefix: &str) -> Coverage {
    let route_prefix = route.filter.prefix();
    let covers_puts =
        route.events.iter().any(|event| have_common_event(event, "s3:ObjectCreated:Put"));
    if !covers_puts || !LOG_SUFFIX.ends_with(&route.filter.suffix()) {
        Coverage::Nothing
    } else if prefix.starts_with(&route_prefix) {
        Coverage::All
    } else if route_prefix.starts_with(prefix) {
        Coverage::Part
    } else {
        Coverage::Nothing
    }
}

/// Returns the event type for which S3 refuses two routes of one bucket, whatever their targets:
/// some event of some object would match both. That is so if they have an event type in common,
/// the prefix of one begins with the other's, and the suffix of one ends with the other's.
///
/// Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
pub(super) fn overlapping_event<'a>(one: &'a Route, other: &Route) -> Option<&'a str> {
    let a = &one.filter;
    let b = &other.filter;
    let is_start = |text: &str, start: &str| text.starts_with(start) || start.starts_with(text);
    let is_end = |text: &str, end: &str| text.ends_with(end) || end.ends_with(text);
    if !is_start(&a.prefix(), &b.prefix()) || !is_end(&a.suffix(), &b.suffix()) {
        return None;
    }
    let is_common =
        |event: &&String| other.events.iter().any(|other| have_common_event(event, other));
    one.events.iter().find(is_common).map(String::as_str)
}

/// `s3:ObjectCreated:*` includes every type that begins with it.
fn have_common_event(one: &str, other: &str) -> bool {
    let includes =
        |all: &str, one: &str| all.strip_suffix('*').is_some_and(|start| one.starts_with(start));
    one == other || includes(one, other) || includes(other, one)
}

#[cfg(test)]
mod tests {
    use trailbell::store::{Filter, Target};

    use super::*;

    #[test]
    fn a_route_covers_what_its_events_and_filter_match() {
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
            let coverage = coverage(&route(event, prefix, suffix), "audit/AWSLogs/");
            assert_eq!(coverage, expected, "{event} {prefix} {suffix}");
        }
    }

    fn route(event: &str, prefix: &str, suffix: &str) -> Route {
        let mut filter = Filter::from_prefix(prefix);
        filter.suffix = Some(suffix.to_owned()).filter(|suffix| !suffix.is_empty());
        let target = Target::Queue(format!("arn:aws:sqs:us-east-1:111122223333:{event}"));
        Route { id: None, target, events: [event.to_owned()].into(), filter }
    }

    #[test]
    fn routes_overlap_if_one_event_could_match_both() {
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
            // If the prefixes differ, the suffixes need not, and vice versa.
            ((ALL, "a/", ".gz"), (ALL, "b/", ".gz"), false),
            ((ALL, "a/", ".gz"), (ALL, "a/b/", ".jpg"), false),
            ((ALL, "", ""), (PUT, "", ""), true),
            ((PUT, "", ""), (PUT, "", ""), true),
            ((PUT, "", ""), ("s3:ObjectCreated:Copy", "", ""), false),
            ((ALL, "", ""), ("s3:ObjectRemoved:*", "", ""), false),
            ((ALL, "", ""), ("s3:ObjectRemoved:Delete", "", ""), false),
            ((ALL, "", ""), ("s3:ReducedRedundancyLostObject", "", ""), false),
            // Encoded or not, the key is the same.
            ((ALL, "audit logs/", ""), (ALL, "audit logs/2026/", ""), true),
        ] {
            let a = route(one.0, one.1, one.2);
            let b = route(other.0, other.1, other.2);
            assert_eq!(overlapping_event(&a, &b).is_some(), overlaps, "{one:?} {other:?}");
            assert_eq!(overlapping_event(&b, &a).is_some(), overlaps, "{other:?} {one:?}");
        }
    }
}
