//! A rule matched a record: what was found, the principal, and what becomes of the finding.

mod call;
pub mod canary;
mod conflict;
mod context;
mod denial;
mod directory;
mod drift;
mod fact_document;
mod facts;
mod group_context;
mod id;
pub mod integrity;
mod parameters;
pub mod policy;
mod principal;
mod privileged;
mod scan;
mod summary;
mod trust;
mod window;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use call::{Call, CallBrief, Fields, GroupAction};
pub use context::{Context, ContextGap, PrincipalFinding, TargetUser, TimelineEntry, UserGroup};
pub use drift::{GroupGain, PolicyDrift};
pub use fact_document::{FACT_FIELDS, FactDocument, FactKind};
pub use facts::{Facts, POWER_FIELD, policy_power};
pub use group_context::{GroupContext, GroupPolicy};
pub use id::{FindingId, InvalidFindingId};
pub use principal::Principal;
pub use privileged::PrivilegedGroups;
pub use scan::{ScanEvent, match_record, scan_body};
pub use summary::{Member, MemberPivots, Summary, SummaryBuilder};
pub use trust::Trust;
pub use window::Window;
pub(crate) use window::{format_compact_time, parse_compact_time};

use crate::cloudtrail::Record;
use crate::ecs;
use crate::new_terms::Terms;
use crate::rule::{MatchedStep, Rating, RuleInfo, Severity, SeverityRules};

/// A rule matched a record. Owned and complete: its alert can be written at any later time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The same for the same rule, account and call, however often the record is read.
    pub id: FindingId,
    /// The rule that matched.
    pub rule: Arc<RuleInfo>,
    /// The record's `eventTime`.
    pub time: Option<Timestamp>,
    /// The record as an ECS document of nested objects.
    pub ecs: serde_json::Value,
    /// `recipientAccountId`, the account whose trail holds the record; otherwise the principal's
    /// account.
    pub account: Option<String>,
    /// Who made the call.
    pub principal: Principal,
    /// The name of the IAM group, as requested; for a denied call, as in the error message. The id
    /// of a group of Identity Center.
    pub group: Option<String>,
    /// The name of the user that the call was about. The id of a user of Identity Center.
    pub target_user: Option<String>,
    /// The name of the exception that matched: the finding is suppressed.
    pub exception: Option<String>,
    /// The facts that its rule's `alert_when` requires are not there: it is recorded, not alerted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmet: bool,
    /// The finding of another call whose record has the same `eventID`: one of both is forged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<FindingId>,
    /// The name of the group is one of `TRAILBELL_PRIVILEGED_GROUPS`.
    #[serde(default)]
    pub privileged: bool,
    /// The ARNs of own resources (`TRAILBELL_OWN`) that the call is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<String>,
    /// The new values, if its rule looks for new values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// The steps that it is, if its rule is a sequence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<MatchedStep>,
    /// The severity of its alert, if it is not that of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// Where the record was read.
    pub origin: Origin,
}

/// The name of the IAM group that a record is about, as requested; for a denied call, as in the
/// error message. The id of a group of Identity Center.
pub(crate) fn requested_group(record: &Record) -> Option<&str> {
    let requested = record.text(&["requestParameters", "groupName"]);
    let group = requested.or_else(|| directory::group_id(record));
    group.or_else(|| denial::denied_group(record))
}

/// The name of the user that a record is about. The id of a user of Identity Center.
pub(crate) fn requested_user(record: &Record) -> Option<&str> {
    let user = record.text(&["requestParameters", "userName"]);
    user.or_else(|| directory::member_id(record))
}

impl Finding {
    /// The finding that `rule` matched `record`, which was read at `origin`.
    pub fn new(rule: &Arc<RuleInfo>, record: &Record, origin: Origin) -> Finding {
        let group = requested_group(record);
        let target_user = requested_user(record);
        Finding {
            id: FindingId::for_record(&rule.id, record),
            rule: Arc::clone(rule),
            time: record.time(),
            ecs: ecs::document(record),
            account: record.account().map(str::to_owned),
            principal: Principal::from_record(record),
            group: group.map(str::to_owned),
            target_user: target_user.map(str::to_owned),
            exception: None,
            unmet: false,
            conflict: None,
            privileged: false,
            own: Vec::new(),
            terms: None,
            steps: Vec::new(),
            rating: None,
            origin,
        }
    }

    /// Why it is recorded, but not alerted. `None` if it is alerted, as a conflict always is.
    pub fn suppression(&self) -> Option<Suppression<'_>> {
        if let Some(exception) = &self.exception {
            return Some(Suppression::Exception(exception));
        }
        let is_learned = self.terms.as_ref().is_some_and(|terms| terms.learning);
        match &*self.rule {
            _ if self.conflict.is_some() => None,
            RuleInfo { building_block: true, .. } => Some(Suppression::BuildingBlock),
            RuleInfo { threshold: Some(_), .. } => Some(Suppression::Threshold),
            RuleInfo { sequence: true, .. } => Some(Suppression::Step),
            _ if is_learned => Some(Suppression::Learning),
            _ => self.unmet.then_some(Suppression::Unmet),
        }
    }

    /// How severe its alert is.
    pub fn rating(&self) -> Rating {
        self.rating.clone().unwrap_or_else(|| Rating::of_rule(&self.rule))
    }

    /// The severity of its alert.
    pub fn severity(&self) -> Severity {
        self.rating.as_ref().map_or(self.rule.severity, |rating| rating.severity)
    }

    /// Rates it by its rule and its record alone. Date math in queries counts from `now`.
    pub fn rate(&mut self, rules: &SeverityRules, now: Timestamp) {
        if !rules.is_empty() {
            self.rating = self.rate_by(rules, &Facts::new(self, None), now);
        }
    }

    /// The rating that follows from these facts. Returns `None` if it is that of the rule. Date
    /// math in queries counts from `now`.
    pub fn rate_by(&self, rules: &SeverityRules, facts: &Facts, now: Timestamp) -> Option<Rating> {
        if rules.is_empty() {
            return None;
        }
        rules.rate(&self.rule, &FactDocument::new(self, facts), now)
    }
}

/// Why a finding is recorded, but not alerted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression<'f> {
    /// It matches the exception of this name.
    Exception(&'f str),
    /// Its rule is a building block, which only correlations use.
    BuildingBlock,
    /// It counts towards the threshold of its rule.
    Threshold,
    /// It is a step of the sequence of its rule.
    Step,
    /// Its values are new, but its rule is still learning which values are usual.
    Learning,
    /// Its rule's `alert_when` does not match what is known of the call.
    Unmet,
}

/// What became of a finding in one run. Every finding has exactly one outcome, and reports count
/// all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The sink accepted its alert.
    Alerted,
    /// It matched an exception, or its rule is a building block: recorded and counted, not alerted.
    Suppressed,
    /// It was alerted before, or earlier in the same run.
    Duplicate,
    /// Another worker has the claim. The sweep finishes it if that worker does not.
    ClaimedElsewhere,
    /// It is beyond the rule's limit and waits for a summary.
    Grouped,
    /// It was sent in a summary.
    Summarised,
    /// The alert of an incident names it, in place of an alert of its own.
    Folded,
    /// Its alert could not be published; the message or object is retried.
    Failed,
}

impl Outcome {
    /// Every outcome, in the order of reports.
    pub const ALL: [Outcome; 8] = [
        Outcome::Alerted,
        Outcome::Suppressed,
        Outcome::Duplicate,
        Outcome::ClaimedElsewhere,
        Outcome::Grouped,
        Outcome::Summarised,
        Outcome::Folded,
        Outcome::Failed,
    ];
}

/// Where a record was read. Displayed on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// In a log object.
    Object {
        /// The bucket's name.
        bucket: String,
        /// The object's key, decoded.
        key: String,
        /// The index among the object's records, from 0.
        record: usize,
    },
    /// In a file.
    File {
        /// The file as the user named it.
        path: String,
        /// The index among the file's records, from 0.
        record: usize,
    },
    /// In the notification itself.
    Inline {
        /// The envelope that carried it, e.g. `EventBridge`.
        envelope: String,
        /// The index among the notification's records, from 0.
        record: usize,
    },
    /// Nowhere: the program made it for a canary.
    Canary,
    /// Nowhere: it is about an object itself. See [`integrity`].
    Integrity {
        /// The bucket's name.
        bucket: String,
        /// The key of the log file or digest.
        key: String,
    },
}

impl Origin {
    /// The object, file or envelope, without the record's index.
    pub fn place(&self) -> String {
        match self {
            Origin::Object { bucket, key, .. } | Origin::Integrity { bucket, key } => {
                format!("s3://{bucket}/{key}")
            }
            Origin::File { path, .. } => path.clone(),
            Origin::Inline { envelope, .. } => format!("inline:{envelope}"),
            Origin::Canary => "canary".to_owned(),
        }
    }

    /// The record's index there, from 0.
    pub fn record(&self) -> usize {
        match self {
            Origin::Object { record, .. }
            | Origin::File { record, .. }
            | Origin::Inline { record, .. } => *record,
            Origin::Canary | Origin::Integrity { .. } => 0,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Others choose keys and file names: they are escaped.
        write!(f, "{} record {}", self.place().escape_debug(), self.record())
    }
}
