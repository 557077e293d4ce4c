//! Where a bucket sends its notifications.

use std::collections::BTreeSet;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A bucket's notification configuration, all of it. Two are equal where S3 would do the same for
/// both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notifications {
    /// What goes to queues, topics and functions.
    pub routes: BTreeSet<Route>,
    /// Whether every event goes to EventBridge.
    pub eventbridge: bool,
    /// What stands in it besides, as paths of XML elements: not known to this program, so it could
    /// not be written again.
    pub unknown: Vec<String>,
}

/// Some events of some objects, and where they go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// What the configuration calls it; S3 gives one where there was none.
    pub id: Option<String>,
    /// Where they go.
    pub target: Target,
    /// Event types, such as `s3:ObjectCreated:*`.
    pub events: BTreeSet<String>,
    /// Which objects.
    pub filter: Filter,
}

/// Where events go: an ARN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An SQS queue.
    Queue(String),
    /// An SNS topic.
    Topic(String),
    /// A Lambda function.
    Function(String),
}

/// Which objects of a bucket, by how their keys begin and end. Encoded as S3 wants it: forms'
/// encoding, `+` is a space.
///
/// Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// How keys begin; any where there is none.
    pub prefix: Option<String>,
    /// How keys end; any where there is none.
    pub suffix: Option<String>,
}

/// What stays as it is in a filter: what S3 calls safe characters, less those that mean something
/// here.
const SAFE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'!').remove(b' ');

impl Filter {
    /// Objects whose keys begin so (not encoded); all where it is empty.
    pub fn of_prefix(prefix: &str) -> Filter {
        let encoded = utf8_percent_encode(prefix, SAFE).to_string().replace(' ', "+");
        Filter { prefix: Some(encoded).filter(|prefix| !prefix.is_empty()), suffix: None }
    }

    /// How keys begin, as S3 knows them; empty for any.
    pub fn prefix(&self) -> String {
        decoded(self.prefix.as_deref())
    }

    /// How keys end, as S3 knows them; empty for any.
    pub fn suffix(&self) -> String {
        decoded(self.suffix.as_deref())
    }
}

fn decoded(text: Option<&str>) -> String {
    let spaced = text.unwrap_or_default().replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

impl Target {
    /// Its ARN.
    pub fn arn(&self) -> &str {
        match self {
            Target::Queue(arn) | Target::Topic(arn) | Target::Function(arn) => arn,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Target::Queue(_) => "queue",
            Target::Topic(_) => "topic",
            Target::Function(_) => "function",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.arn())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.prefix().as_str(), self.suffix().as_str()) {
            ("", "") => f.write_str("all objects"),
            (prefix, "") => write!(f, "prefix {prefix:?}"),
            ("", suffix) => write!(f, "suffix {suffix:?}"),
            (prefix, suffix) => write!(f, "prefix {prefix:?}, suffix {suffix:?}"),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: Vec<&str> = self.events.iter().map(String::as_str).collect();
        write!(f, "{} of {} to {}", events.join(", "), self.filter, self.target)?;
        self.id.iter().try_for_each(|id| write!(f, " (id {id:?})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_encoded_as_s3_wants_it_and_read_again() {
        for (prefix, encoded) in [
            ("AWSLogs/", "AWSLogs/"),
            ("audit logs+2026/", "audit+logs%2B2026/"),
            ("a=b&c/", "a%3Db%26c/"),
            ("100%/", "100%25/"),
            ("star*/", "star%2A/"),
            ("\u{e9}t\u{e9}/", "%C3%A9t%C3%A9/"),
        ] {
            let filter = Filter::of_prefix(prefix);
            assert_eq!(filter.prefix.as_deref(), Some(encoded), "{prefix}");
            assert_eq!(filter.prefix(), prefix);
        }
        assert_eq!(Filter::of_prefix(""), Filter::default());
    }
}
