//! The subject of the mail: severity, what, who and in which account, on one line of printable
//! ASCII.

use detect::finding::{CallBrief, GroupAction};
use detect::text::clean;

use super::call::AlertCall;
use super::identity::Identity;
use super::sentence;

/// SNS takes fewer than 100 characters.
/// Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
pub(super) const LONGEST: usize = 99;

/// The subject: 1 to 99 characters. Names give way, so that the account at the end is always there.
pub(super) fn write(call: AlertCall<'_>) -> String {
    let named = call
        .account()
        .and_then(|id| call.accounts.name(id))
        .map(|name| format!(" ({})", clean::ascii(&name, 64)));
    let fits = |subject: &String| subject.len() <= LONGEST;
    // An account's name is told only where the other names need not be cut for it.
    let with_name = named.map(|name| fill(call, 64) + &name).filter(fits);
    let fitting = with_name.or_else(|| (4..=64).rev().map(|room| fill(call, room)).find(fits));
    fitting.unwrap_or_else(|| clean::ascii(&fill(call, 4), LONGEST))
}

/// The subject with every name cut to `room` characters, and without the account's name.
fn fill(call: AlertCall<'_>, room: usize) -> String {
    let severity = call.finding.rule.severity.as_str();
    let who = clean::ascii(Identity::of(call).short(), room);
    let account = clean::ascii(call.account().unwrap_or("unknown account"), room.max(15));
    format!("[{severity}] {} by {who} in {account}", deed(call.brief(), room))
}

/// What was done, every name cut to `room` characters.
pub(super) fn deed(call: CallBrief<'_>, room: usize) -> String {
    let short = |name: Option<&str>| clean::ascii(name.unwrap_or("?"), room);
    let group = short(call.group);
    let object = || short(call.object);
    let managed = || short(call.object.and_then(sentence::arn_name));
    if call.failed {
        let verdict = if call.denied { "denied" } else { "failed" };
        let on = call.group.map(|_| format!(" on {group}")).unwrap_or_default();
        return format!("{verdict}: {}{on}", short(call.action));
    }
    match call.group_action() {
        Some(GroupAction::Create) => format!("IAM group {group} created"),
        Some(GroupAction::Delete) => format!("IAM group {group} deleted"),
        Some(GroupAction::Update) => match call.object {
            Some(_) => format!("IAM group {group} renamed to {}", object()),
            None => format!("IAM group {group} moved"),
        },
        Some(GroupAction::AddUser) => format!("{} added to IAM group {group}", object()),
        Some(GroupAction::RemoveUser) => format!("{} removed from IAM group {group}", object()),
        Some(GroupAction::AttachPolicy) => format!("{} attached to IAM group {group}", managed()),
        Some(GroupAction::DetachPolicy) => format!("{} detached from IAM group {group}", managed()),
        Some(GroupAction::PutPolicy) => {
            format!("inline policy {} put in IAM group {group}", object())
        }
        Some(GroupAction::DeletePolicy) => {
            format!("inline policy {} deleted from IAM group {group}", object())
        }
        None => short(call.action),
    }
}
