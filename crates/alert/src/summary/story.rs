//! What the members of a summary have in common, in words.

use detect::finding::GroupAction::*;
use detect::finding::{Member, Summary};
use detect::text::clean;

use crate::subject::MAX_SUBJECT;

/// The subject without its severity, in printable ASCII: the more names are shared, the more it
/// names.
pub(super) fn subject(summary: &Summary) -> String {
    let at_width = |width: usize| {
        let name = |name: &str| clean::ascii(name, width);
        words(summary, &name, "more ")
    };
    let widths = (4..=64).rev().map(at_width);
    let room = MAX_SUBJECT - "[critical] ".len();
    widths.clone().find(|text| text.len() <= room).unwrap_or_else(|| at_width(4))
}

/// The same for a sentence, with whole names.
pub(super) fn describe(summary: &Summary) -> String {
    words(summary, &|name| clean::short_name(name, 64), "")
}

/// `24 more users added to Admins by mallory in 111122223333`.
fn words(summary: &Summary, name: &dyn Fn(&str) -> String, more: &str) -> String {
    let members = &summary.members;
    let what = what(summary, name, more);
    let by = match shared(members, |member| Some(member.principal.as_str())) {
        Some(principal) => name(principal),
        None => format!("{} principals", distinct(members, |it| Some(it.principal.as_str()))),
    };
    let account = match shared(members, |member| member.account.as_deref()) {
        Some(account) => clean::ascii(account, 15),
        None => format!("{} accounts", distinct(members, |it| it.account.as_deref())),
    };
    format!("{what} by {by} in {account}")
}

fn what(summary: &Summary, name: &dyn Fn(&str) -> String, more: &str) -> String {
    let members = &summary.members;
    let count = members.len();
    let group = shared(members, |member| member.call.group.as_deref());
    let groups = distinct(members, |member| member.call.group.as_deref());
    let group = match group {
        Some(group) => name(group),
        None => format!("{groups} groups"),
    };
    let plural = |one: &str, many: &str| if count == 1 { one.to_owned() } else { many.to_owned() };
    let action = shared(members, |member| member.call.action.as_deref());
    let failed = members.iter().all(|member| member.call.failed);
    let succeeded = members.iter().all(|member| !member.call.failed);
    let group_action = members.first().and_then(|member| member.call.group_action());
    let noun = match group_action.filter(|_| action.is_some() && succeeded) {
        Some(AddUser) => format!("{} added to {group}", plural("user", "users")),
        Some(RemoveUser) => format!("{} removed from {group}", plural("user", "users")),
        Some(Create) => format!("IAM {} created", plural("group", "groups")),
        Some(Delete) => format!("IAM {} deleted", plural("group", "groups")),
        Some(AttachPolicy) => format!("{} attached to {group}", plural("policy", "policies")),
        Some(DetachPolicy) => format!("{} detached from {group}", plural("policy", "policies")),
        Some(PutPolicy) => {
            format!("inline {} put in {group}", plural("policy", "policies"))
        }
        Some(DeletePolicy) => {
            format!("inline {} deleted from {group}", plural("policy", "policies"))
        }
        _ if failed => {
            let action = action.map_or("IAM calls".to_owned(), name);
            format!("denied or failed: {action} on {group}")
        }
        _ => {
            let findings = plural("finding", "findings");
            format!("{findings} ({})", name(&summary.rule.name))
        }
    };
    format!("{count} {more}{noun}")
}

/// The value that all members have.
fn shared<'a>(
    members: &'a [Member],
    value: impl Fn(&'a Member) -> Option<&'a str>,
) -> Option<&'a str> {
    let first = members.first().and_then(&value)?;
    members.iter().all(|member| value(member) == Some(first)).then_some(first)
}

fn distinct<'a>(members: &'a [Member], value: impl Fn(&'a Member) -> Option<&'a str>) -> usize {
    members.iter().map(value).collect::<std::collections::BTreeSet<_>>().len()
}
