//! Where a bucket sends its notifications.

use std::collections::BTreeSet;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A bucket's notification configuration. Two are equal if S3 would do the same for both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notifications {
    /// What is sent to queues, topics and functions.
    pub routes: BTreeSet<Route>,
    /// Every event is sent to EventBridge.
    pub eventbridge: bool,
    /// Paths of XML elements that this program does not know and could not write again.
    pub unknown: Vec<String>,
}

/// Some events of some objects, and where they are sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The id in the configuration. S3 invents one if it is written without.
    pub id: Option<String>,
    /// Where events are sent.
    pub target: Target,
    /// Event types, such as `s3:ObjectCreated:*`.
    pub events: BTreeSet<String>,
    /// Which objects.
    pub filter: Filter,
}

/// Where events are sent: an ARN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An SQS queue.
    Queue(String),
    /// An SNS topic.
    Topic(String),
    /// A Lambda function.
    Function(String),
}

/// Which objects of a bucket, by prefix and suffix of their keys, encoded as S3 wants it: as in
/// HTML forms, `+` is a space.
///
/// Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// `None` for any.
    pub prefix: Option<String>,
    /// `None` for any.
    pub suffix: Option<String>,
}

/// What is not encoded in a filter: what S3 calls safe characters, except those that mean something
/// there.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'!').remove(b' ');

impl Filter {
    /// Objects with this prefix (not encoded). Empty for all.
    pub fn from_prefix(prefix: &str) -> Filter {
        let encoded = utf8_percent_encode(prefix, ENCODED).to_string().replace(' ', "+");
        Filter { prefix: Some(encoded).filter(|prefix| !prefix.is_empty()), suffix: None }
    }

    /// The prefix, not encoded. Empty for any.
    pub fn prefix(&self) -> String {
        decode(self.prefix.as_deref())
    }

    /// The suffix, not encoded. Empty for any.
    pub fn suffix(&self) -> String {
        decode(self.suffix.as_deref())
    }
}

fn decode(text: Option<&str>) -> String {
    let spaced = text.unwrap_or_default().replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

impl Target {
    /// The ARN.
    pub fn arn(&self) -> &str {
        match self {
            Target::Queue(arn) | Target::Topic(arn) | Target::Function(arn) => arn,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Queue(arn) => write!(f, "queue {arn}"),
            Target::Topic(arn) => write!(f, "topic {arn}"),
            Target::Function(arn) => write!(f, "function {arn}"),
        }
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
    fn a_prefix_survives_encoding() {
        for (prefix, encoded) in [
            ("AWSLogs/", "AWSLogs/"),
            ("audit logs+2026/", "audit+logs%2B2026/"),
            ("a=b&c/", "a%3Db%26c/"),
            ("100%/", "100%25/"),
            ("star*/", "star%2A/"),
            ("\u{e9}t\u{e9}/", "%C3%A9t%C3%A9/"),
        ] {
            let filter = Filter::from_prefix(prefix);
            assert_eq!(filter.prefix.as_deref(), Some(encoded), "{prefix}");
            assert_eq!(filter.prefix(), prefix);
        }
        assert_eq!(Filter::from_prefix(""), Filter::default());
    }
}
