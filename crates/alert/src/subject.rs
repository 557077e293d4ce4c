//! Subjects of mails: severity, what, who and in which account, on one line of printable ASCII.

use detect::finding::GroupAction::*;
use detect::finding::{CallBrief, canary};
use detect::rule::Severity;
use detect::text::clean;

use crate::call::AlertCall;
use crate::description::arn_name;
use crate::power::{drift_in_short, group_in_words};
use crate::principals;

/// Characters. Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
pub(crate) const MAX_SUBJECT: usize = 99;
pub(crate) const MAX_NAME_CHARS: usize = 64;

/// 1 to 99 characters. Names are cut so that the account at the end always fits.
pub(crate) fn call_subject(call: AlertCall<'_>) -> String {
    // The account's name is left out if other names would have to be cut for it.
    let account_name = call.account().and_then(|id| call.accounts.name(id));
    let with_account_name = account_name.map(|name| {
        let name = clean::ascii(&name, MAX_NAME_CHARS);
        format!("{} ({name})", subject_of_width(call, MAX_NAME_CHARS))
    });
    let others = (4..=MAX_NAME_CHARS).rev().map(|width| subject_of_width(call, width));
    let mut subjects = with_account_name.into_iter().chain(others);
    let subject = subjects
        .find(|subject| subject.len() <= MAX_SUBJECT)
        .unwrap_or_else(|| subject_of_width(call, 4));
    let mark = match &call.finding.conflict {
        Some(_) => "[CONFLICT] ",
        None if canary::is_canary(call.finding) => "[TEST] ",
        None => "",
    };
    clean::ascii(&format!("{mark}{subject}"), MAX_SUBJECT)
}

/// The marks in brackets at the start of a subject, in upper case and without their brackets, and
/// the rest. The severity is the last mark: what follows can be a name.
pub(crate) fn split_marks(subject: &str) -> (Vec<String>, &str) {
    let mut marks = Vec::new();
    let mut rest = subject;
    while let Some((mark, after)) = rest.strip_prefix('[').and_then(|it| it.split_once("] ")) {
        marks.push(mark.to_uppercase());
        rest = after;
        if Severity::from_word(mark).is_some() {
            break;
        }
    }
    (marks, rest)
}

/// The subject with every name cut to `width` characters, and without the account's name.
fn subject_of_width(call: AlertCall<'_>, width: usize) -> String {
    let severity = call.finding.severity().as_str();
    let principal = clean::ascii(call.principal().subject_name(), width);
    let account = clean::ascii(call.account().unwrap_or("unknown account"), width.max(15));
    let power = group_in_words(call).map_or(String::new(), |power| format!(", which {power},"));
    let known = drift_in_short(call, width).or_else(|| principals::in_short(call, width));
    let what = known.unwrap_or_else(|| summary_line(&call.brief(), width));
    format!("[{severity}] {what}{power} by {principal} in {account}")
}

/// What was done to a group of Identity Center. Only its creation may name it.
fn directory_line(call: &CallBrief, width: usize) -> String {
    let short = |name: Option<&str>| clean::ascii(name.unwrap_or("?"), width);
    let group = format!("Identity Center group {}", short(call.group.as_deref()));
    let object = short(call.object.as_deref());
    match call.directory_action() {
        Some(Create) if call.object.is_some() => format!("Identity Center group {object} created"),
        Some(Create) => format!("{group} created"),
        Some(Delete) => format!("{group} deleted"),
        Some(AddUser) => format!("{object} added to {group}"),
        _ => format!("{object} removed from {group}"),
    }
}

/// What was done, every name cut to `width` characters.
pub(crate) fn summary_line(call: &CallBrief, width: usize) -> String {
    let short = |name: Option<&str>| clean::ascii(name.unwrap_or("?"), width);
    let group = short(call.group.as_deref());
    let object = || short(call.object.as_deref());
    let last_part = || short(call.object.as_deref().and_then(arn_name));
    if call.failed {
        let verdict = if call.denied { "denied" } else { "failed" };
        let target = call.group.as_deref().or(call.object.as_deref());
        let on = target.map_or(String::new(), |target| format!(" on {}", short(Some(target))));
        return format!("{verdict}: {}{on}", short(call.action.as_deref()));
    }
    match call.group_action() {
        Some(Create) => format!("IAM group {group} created"),
        Some(Delete) => format!("IAM group {group} deleted"),
        Some(Update) if call.object.is_some() => {
            format!("IAM group {group} renamed to {}", object())
        }
        Some(Update) => format!("IAM group {group} moved"),
        Some(AddUser) => format!("{} added to IAM group {group}", object()),
        Some(RemoveUser) => format!("{} removed from IAM group {group}", object()),
        Some(AttachPolicy) => format!("{} attached to IAM group {group}", last_part()),
        Some(DetachPolicy) => format!("{} detached from IAM group {group}", last_part()),
        Some(PutPolicy) => format!("inline policy {} put in IAM group {group}", object()),
        Some(DeletePolicy) => format!("inline policy {} deleted from IAM group {group}", object()),
        None if call.directory_action().is_some() => directory_line(call, width),
        None => match call.object.as_deref() {
            Some(_) => format!("{} on {}", short(call.action.as_deref()), last_part()),
            None => short(call.action.as_deref()),
        },
    }
}
