//! The places that the settings name, and how they are written.

use std::fmt;
use std::path::PathBuf;

use detect::cloudtrail::S3Prefix;

/// Bytes of the ledger's prefix. A key has at most 1,024 bytes, and the ledger's need most of them.
const MAX_LEDGER_PREFIX: usize = 300;

/// Where alerts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertsPlace {
    /// The ARN of an SNS topic.
    Topic(String),
    /// The terminal.
    Stdout,
    /// A folder.
    Dir(PathBuf),
}

/// Where log objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// S3.
    S3,
    /// `PATH/<bucket>/<key>`.
    Dir(PathBuf),
}

/// Where rules or exceptions are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetectionsPlace {
    /// A directory or a file: read once, at the start.
    Local(PathBuf),
    /// Every `*.toml` in a folder of a bucket and below it, or one `*.toml`: reloaded when it
    /// changes.
    S3(S3Prefix),
}

/// Where findings are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerPlace {
    /// Nowhere: redeliveries produce duplicate alerts.
    None,
    /// Below a prefix of a bucket.
    S3(S3Prefix),
    /// In a folder.
    Dir(PathBuf),
}

/// Where pages for people are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportsPlace {
    /// Below a prefix of a bucket.
    S3(S3Prefix),
    /// In a folder.
    Dir(PathBuf),
}

impl DetectionsPlace {
    pub(super) fn parse(value: &str) -> Option<DetectionsPlace> {
        let s3 = S3Prefix::parse(value).map(|mut place| {
            // A folder, so that `exceptions` is not `exceptions-drafts` too.
            if !place.prefix.ends_with(".toml") {
                place.prefix = place.folder();
            }
            DetectionsPlace::S3(place)
        });
        s3.or_else(|| local_path(value).map(DetectionsPlace::Local))
    }

    pub(super) fn local(&self) -> Option<&PathBuf> {
        match self {
            DetectionsPlace::Local(path) => Some(path),
            DetectionsPlace::S3(_) => None,
        }
    }
}

impl LedgerPlace {
    /// Reads `none`, `s3://BUCKET/PREFIX` or `dir:PATH`. Returns `None` for anything else.
    pub fn parse(value: &str) -> Option<LedgerPlace> {
        if value == "none" {
            return Some(LedgerPlace::None);
        }
        match S3Prefix::parse(value) {
            Some(place) => {
                (place.prefix.len() <= MAX_LEDGER_PREFIX).then_some(LedgerPlace::S3(place))
            }
            None => parse_dir(value).map(LedgerPlace::Dir),
        }
    }
}

impl fmt::Display for LedgerPlace {
    /// As it is written in the setting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerPlace::None => f.write_str("none"),
            LedgerPlace::S3(place) => place.fmt(f),
            LedgerPlace::Dir(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

impl ReportsPlace {
    pub(super) fn parse(value: &str) -> Option<ReportsPlace> {
        match LedgerPlace::parse(value)? {
            LedgerPlace::S3(place) => Some(ReportsPlace::S3(place)),
            LedgerPlace::Dir(path) => Some(ReportsPlace::Dir(path)),
            LedgerPlace::None => None,
        }
    }

    /// Returns true if the names of the ledger's objects and of pages would be in one folder.
    pub(super) fn is_in(&self, ledger: &LedgerPlace) -> bool {
        match (self, ledger) {
            (ReportsPlace::S3(pages), LedgerPlace::S3(ledger)) => {
                pages.bucket == ledger.bucket && pages.folder() == ledger.folder()
            }
            // Both have a folder of their own there.
            _ => false,
        }
    }
}

impl AlertsPlace {
    pub(super) fn parse(value: &str) -> Option<AlertsPlace> {
        match value {
            "stdout" => Some(AlertsPlace::Stdout),
            _ if is_topic(value) => Some(AlertsPlace::Topic(value.to_owned())),
            _ => parse_dir(value).map(AlertsPlace::Dir),
        }
    }
}

impl StorePlace {
    pub(super) fn parse(value: &str) -> Option<StorePlace> {
        match value {
            "s3" => Some(StorePlace::S3),
            _ => parse_dir(value).map(StorePlace::Dir),
        }
    }
}

/// Returns true for `arn:PARTITION:sns:REGION:ACCOUNT:NAME` of a topic that can have e-mail.
pub(super) fn is_topic(value: &str) -> bool {
    let parts: Vec<&str> = value.split(':').collect();
    let is_complete = parts.len() == 6 && parts.iter().all(|part| !part.is_empty());
    is_complete && parts[0] == "arn" && parts[2] == "sns" && !parts[5].ends_with(".fifo")
}

pub(super) fn local_path(value: &str) -> Option<PathBuf> {
    (!value.contains("://")).then(|| PathBuf::from(value))
}

fn parse_dir(value: &str) -> Option<PathBuf> {
    value.strip_prefix("dir:").filter(|path| !path.is_empty()).map(PathBuf::from)
}
