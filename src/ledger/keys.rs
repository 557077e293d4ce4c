//! The keys of the ledger's objects.
//!
//! | key | what |
//! |---|---|
//! | `entries/<id>` | the finding, summary or alert of a correlation, and its state |
//! | `open/<id>-<token>` | empty: a claim that is not final; see [`OpenEntry`](super::OpenEntry) |
//! | `groups/<account>/<group>` | what the trail has said of a group: see [`model`](super::model) |
//! | `directory-groups/<account>/<id>` | the same of a group of Identity Center |
//! | `user-policies/<account>/<user>` | the same of a user's own policies |
//! | `policies/<account>/<arn>`, `users/<account>` | the same of a policy, and of users |
//! | `by-group/<account>/<group>/<time>-<rule>-<id>` | empty |
//! | `by-principal/<principal>/<time>-<rule>-<id>` | empty |
//! | `by-window/<rule>/<window>/<severity>/<account>.<principal>-<id>` | empty: counts bursts |
//! | `grouped/<rule>/<window>/<id>` | empty: waits for a summary |
//! | `by-correlation/<correlation>/<values>/<rule>/…` | see [`Mark`](detect::correlation::Mark) |
//! | `incidents/<correlation>/<group_by values>` | the incidents of these values |
//! | `new-terms/<rule>/<hash of values>` | when the rule matched these values: see [`History`](detect::new_terms::History) |
//! | `new-terms-since` | since when rules with new terms have watched |
//! | `suppression/<rule>/<group_by values>` | the alerts that stand for others of these values |
//! | `reading/<hash of bucket and key>` | an object being read, or that its readers died of |
//! | `chains/<hash of the chain>` | see [`ChainHead`](super::ChainHead) |
//! | `public-keys/<region>.json` | CloudTrail's, as `aws cloudtrail list-public-keys` prints them |
//! | `statements/<day>.json` | a [`Statement`](crate::integrity::statement::Statement) |
//! | `hashes/<ten minutes>` | see [`ContentHashes`](super::ContentHashes) |
//! | `sweep/<name>` | what sweeps remember: see [`sweep`](crate::sweep) |
//! | `clock` | empty: written to learn the store's time |
//! | `doctor/<token>` | exists only while `doctor` tries conditional writes |
//!
//! Principals, accounts of windows and `group_by` values are hashes.

use detect::finding::{Finding, FindingId, Window};
use detect::rule::Severity;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::notification::ObjectRef;
use crate::store::encode_key_part;

pub(super) const OPEN: &str = "open/";
pub(super) const GROUPED: &str = "grouped/";
pub(super) const ENTRIES: &str = "entries/";
pub(super) const BY_GROUP: &str = "by-group/";
pub(super) const READING: &str = "reading/";
pub(super) const CHAINS: &str = "chains/";
pub(super) const HASHES: &str = "hashes/";
pub(super) const PUBLIC_KEYS: &str = "public-keys/";
pub(super) const STATEMENTS: &str = "statements/";
pub(super) const SWEEP: &str = "sweep/";
pub(super) const CLOCK: &str = "clock";

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Hexadecimal digits of a principal's hash: 64 bits, enough for the principals of one window.
const PRINCIPAL_DIGITS: usize = 16;

/// Hexadecimal digits of an account's hash: enough for the accounts of one organization.
const ACCOUNT_DIGITS: usize = 8;

/// Hexadecimal digits of an object's hash.
const OBJECT_DIGITS: usize = 32;

/// Hexadecimal digits of a finding's id.
const ID_DIGITS: usize = 64;

pub(super) fn entry(id: &FindingId) -> String {
    format!("{ENTRIES}{id}")
}

/// The note of an object that is being read.
pub(super) fn reading(object: &ObjectRef) -> String {
    let id = FindingId::hash_parts([object.bucket.as_str(), &object.key]);
    format!("{READING}{}", &id.as_str()[..OBJECT_DIGITS])
}

/// Since when rules with new terms have watched.
pub(super) const WATCHED: &str = "new-terms-since";

/// When one rule matched one combination of values.
pub(super) fn history(rule: &str, id: &str) -> String {
    format!("new-terms/{}/{id}", encode_key_part(rule))
}

/// The alerts of one rule and group of values.
pub(super) fn suppression(rule: &str, group: &str) -> String {
    format!("suppression/{}/{group}", encode_key_part(rule))
}

/// The folder of what one rule grouped in one window.
pub(super) fn grouped_folder(rule: &str, window: Window) -> String {
    format!("{GROUPED}{}/{window}/", encode_key_part(rule))
}

/// The folder of what one rule found in one window at one severity.
pub(super) fn window_folder(rule: &str, window: Window, severity: Severity) -> String {
    format!("by-window/{}/{window}/{}/", encode_key_part(rule), severity.as_str())
}

/// The folder of the findings about a group, with a `/` at its end. IAM treats names that differ
/// only in case as the same.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html>
pub(super) fn group_folder(account: Option<&str>, group: &str) -> String {
    let account = encode_key_part(account.unwrap_or_default());
    format!("{BY_GROUP}{account}/{}", group_folder_in_account(group))
}

/// The same, without the account's folder.
pub(super) fn group_folder_in_account(group: &str) -> String {
    format!("{}/", encode_key_part(&group.to_lowercase()))
}

/// The folder of a principal's findings in all accounts.
pub(super) fn principal_folder(key: &str) -> String {
    format!("by-principal/{}/", short_hash([key]))
}

/// Identifies the account and the principal of a finding as they are counted, without the name of
/// the principal's session: 8 hexadecimal digits, a dot and 16 more. Those of an account begin the
/// same.
pub fn principal_hash(finding: &Finding) -> String {
    let account = finding.account.as_deref().unwrap_or_default();
    let principal = short_hash([account, finding.principal.key_without_session()]);
    format!("{}.{principal}", &short_hash([account])[..ACCOUNT_DIGITS])
}

fn short_hash<const N: usize>(parts: [&str; N]) -> String {
    FindingId::hash_parts(parts).as_str()[..PRINCIPAL_DIGITS].to_owned()
}

/// Formats a time so that keys sort by it.
pub(super) fn format_time(time: Timestamp) -> String {
    time.strftime(TIME_FORMAT).to_string()
}

/// Splits `<time>-<rest>`.
pub(super) fn split_time(name: &str) -> Option<(Timestamp, &str)> {
    let (time, rest) = name.split_once('-')?;
    let time = DateTime::strptime(TIME_FORMAT, time).ok()?;
    Some((Offset::UTC.to_timestamp(time).ok()?, rest))
}

/// Splits `<name>-<id>`. Later versions may write more after the id.
pub(super) fn split_id(rest: &str) -> Option<(&str, FindingId)> {
    rest.match_indices('-').find_map(|(at, _)| {
        let digits = rest.get(at + 1..at + 1 + ID_DIGITS)?;
        Some((&rest[..at], FindingId::parse(digits)?))
    })
}
