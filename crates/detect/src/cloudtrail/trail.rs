//! Where a trail puts its log objects.

use std::fmt;

/// A prefix of a bucket: the trail's own, or any place below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// The bucket's name.
    pub bucket: String,
    /// Empty, or ends in `/`.
    pub prefix: String,
}

impl Trail {
    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub fn parse(text: &str) -> Option<Trail> {
        let place = text.strip_prefix("s3://")?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        (!bucket.is_empty()).then(|| Trail { bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}
