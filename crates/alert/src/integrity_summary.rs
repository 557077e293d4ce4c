//! A summary of log files or digests that are not what CloudTrail wrote. It names objects: nobody is
//! known to have done it.

use detect::cloudtrail::key::{delivery_time, digest_end};
use detect::finding::integrity::{self, IntegrityKind};
use detect::finding::{Member, Summary};
use detect::text::clean;
use detect::text::time::format_rfc3339;
use jiff::{SignedDuration, Timestamp};

use crate::commands::{self, ResponseStep};
use crate::integrity::title;
use crate::subject::MAX_SUBJECT;

/// Log files are delivered, and digests end, up to so long after the calls.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// What kind of problem the members are about. `None` if they are about calls.
pub(crate) fn kind_of(summary: &Summary) -> Option<IntegrityKind> {
    let is_rule = integrity::rules().iter().any(|rule| rule.info.id == summary.rule.id);
    let action = summary.highest.call.action.as_deref().filter(|_| is_rule)?;
    IntegrityKind::ALL.into_iter().find(|kind| kind.action() == action)
}

/// 1 to 99 characters of printable ASCII.
pub(crate) fn subject(summary: &Summary, kind: IntegrityKind) -> String {
    let severity = summary.rating().severity.as_str();
    let count = summary.members.len();
    let mut places: Vec<&str> =
        summary.members.iter().filter_map(|member| member.account.as_deref()).collect();
    places.sort_unstable();
    places.dedup();
    let place = match places[..] {
        [account] => clean::ascii(account, 15),
        _ => format!("{} accounts", places.len()),
    };
    clean::ascii(&format!("[{severity}] {count} more: {} in {place}", title(kind)), MAX_SUBJECT)
}

/// The name of a member's object, without its folders.
pub(crate) fn object(member: &Member) -> &str {
    member.place.rsplit_once('/').map_or(&member.place, |(_, name)| name)
}

/// What to check: everything from the first of the objects on.
pub(crate) fn checks(summary: &Summary) -> Vec<ResponseStep> {
    let Some((bucket, key)) = place(&summary.highest) else { return Vec::new() };
    let since = summary.members.iter().filter_map(since).min().map(format_rfc3339);
    commands::integrity::checks_of_many(bucket, key, since.as_deref())
}

fn place(member: &Member) -> Option<(&str, &str)> {
    member.place.strip_prefix("s3://")?.split_once('/')
}

fn since(member: &Member) -> Option<Timestamp> {
    let (_, key) = place(member)?;
    delivery_time(key).or_else(|| digest_end(key))?.checked_sub(BEFORE).ok()
}
