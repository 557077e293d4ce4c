//! Places in S3, and where a trail puts its log objects.

use std::fmt;

/// `s3://BUCKET/PREFIX`, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Prefix {
    /// The bucket's name; not empty.
    pub bucket: String,
    /// What keys begin with, not encoded. May be empty, or a whole key.
    pub prefix: String,
}

/// A prefix of a bucket: the trail's own, or any folder below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// The bucket's name.
    pub bucket: String,
    /// Empty, or ends in `/`.
    pub prefix: String,
}

impl S3Prefix {
    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<S3Prefix> {
        let path = text.strip_prefix("s3://")?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let place = S3Prefix { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        (!bucket.is_empty()).then_some(place)
    }

    /// The prefix as a folder: empty, or with one `/` at its end and none at its start.
    pub fn folder(&self) -> String {
        match self.prefix.trim_matches('/') {
            "" => String::new(),
            folder => format!("{folder}/"),
        }
    }
}

impl Trail {
    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<Trail> {
        let place = S3Prefix::parse(text)?;
        Some(Trail { prefix: place.folder(), bucket: place.bucket })
    }
}

impl fmt::Display for S3Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}
