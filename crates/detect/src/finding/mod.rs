//! A rule matched a record: what was found, by whom it was done, and what becomes of it.

mod call;
pub mod canary;
mod context;
mod denial;
mod fields;
mod id;
mod outcome;
pub mod policy;
mod principal;
mod search;
mod summary;
mod timeline;
mod window;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use call::{Call, CallBrief, GroupAction};
pub use context::{Context, ContextGap, PrincipalFinding};
pub use fields::Fields;
pub use id::{FindingId, InvalidFindingId};
pub use outcome::Outcome;
pub use policy::Power;
pub use principal::Principal;
pub use search::{ScanEvent, match_record, scan_body};
pub use summary::{Member, Summary};
pub use timeline::TimelineEntry;
pub use window::Window;

use crate::cloudtrail::Record;
use crate::ecs;
use crate::rule::RuleInfo;

/// A rule matched a record. Owned and complete: an alert can be written from it alone, now or a day
/// later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The same for the same rule, account and call, wherever and however often the record is read.
    pub id: FindingId,
    /// The rule that matched.
    pub rule: Arc<RuleInfo>,
    /// The record's `eventTime`; absent where the record has none that can be read.
    pub time: Option<Timestamp>,
    /// The record as an ECS document (nested objects).
    pub ecs: serde_json::Value,
    /// `recipientAccountId`: the account whose trail holds the record; the caller's account where
    /// that is absent.
    pub account: Option<String>,
    /// Who made the call.
    pub principal: Principal,
    /// The name of the IAM group concerned, where there is one: as requested, or for a denied call
    /// as the error message has it.
    pub group: Option<String>,
    /// The name of the user that the call was about, where there is one.
    pub target_user: Option<String>,
    /// The name of the exception that matched, where one did: such a finding is kept and counted,
    /// not alerted.
    pub exception: Option<String>,
    /// Where the record was read.
    pub origin: Origin,
}

impl Finding {
    /// The finding that `rule` matched `record`, which was read at `origin`.
    pub fn new(rule: &Arc<RuleInfo>, record: &Record, origin: Origin) -> Finding {
        let text = |path: &[&str]| record.text(path).map(str::to_owned);
        Finding {
            id: FindingId::for_record(&rule.id, record),
            rule: Arc::clone(rule),
            time: record.time(),
            ecs: ecs::document(record),
            account: record.account().map(str::to_owned),
            principal: Principal::from_record(record),
            group: text(&["requestParameters", "groupName"])
                .or_else(|| denial::group(record).map(str::to_owned)),
            target_user: text(&["requestParameters", "userName"]),
            exception: None,
            origin,
        }
    }
}

/// Where a record was read. Shown to people as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// In a log object.
    Object {
        /// The bucket's name.
        bucket: String,
        /// The object's key, as S3 knows it (not encoded).
        key: String,
        /// Its index among the object's records, from 0.
        record: usize,
    },
    /// In a file.
    File {
        /// The file as it was named to us.
        path: String,
        /// Its index among the file's records, from 0.
        record: usize,
    },
    /// In the notification itself.
    Inline {
        /// The envelope that carried it, e.g. `EventBridge`.
        envelope: String,
        /// Its index among the notification's records, from 0.
        record: usize,
    },
}

impl Origin {
    /// The object, file or envelope, without the record's index.
    pub fn place(&self) -> String {
        match self {
            Origin::Object { bucket, key, .. } => format!("s3://{bucket}/{key}"),
            Origin::File { path, .. } => path.clone(),
            Origin::Inline { envelope, .. } => format!("inline:{envelope}"),
        }
    }

    /// The record's index there, from 0.
    pub fn record(&self) -> usize {
        match self {
            Origin::Object { record, .. }
            | Origin::File { record, .. }
            | Origin::Inline { record, .. } => *record,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys and file names are chosen by others: shown escaped, on one line.
        write!(f, "{} record {}", self.place().escape_debug(), self.record())
    }
}
