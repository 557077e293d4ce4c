//! Why a finding matters: its severity, what the group can do, who did it, and whether that is new.

use detect::finding::policy::Grant;
use detect::finding::{Context, Facts, GroupAction, PowerGrant};
use detect::text::clean;

use crate::call::AlertCall;
use crate::description::{arn_name, power_in_words};
use crate::mail::{self, Item, rank};

const MAX_NAME_CHARS: usize = 64;

pub(crate) fn items(call: AlertCall<'_>, context: &Context) -> Vec<Item> {
    let facts = Facts::new(call.finding, Some(context));
    let rule = &call.finding.rule;
    let reasons = [
        mail::severity_reason(&call.finding.rating(), rule.severity),
        power(call, &facts),
        unknown_policy(call).map(str::to_owned),
        by_itself(call, &facts),
        facts.is_root.then(|| {
            "The root user did it. No policy restricts it, and daily work never needs it."
                .to_owned()
        }),
        first_seen(call, context),
    ];
    let lines = reasons.into_iter().flatten().map(|reason| mail::bullet(&reason));
    mail::items(rank::REASON, lines)
}

/// What the group can do, and since when.
fn power(call: AlertCall<'_>, facts: &Facts) -> Option<String> {
    let PowerGrant { power, event } = facts.grant.as_ref()?;
    let name = |name: Option<&str>| clean::short_name(name.unwrap_or("?"), MAX_NAME_CHARS);
    let group = name(call.current_group());
    let policy = name(event.object.as_deref().and_then(arn_name));
    let words = power_in_words(*power);
    if call.failed() && event.failed {
        return None;
    }
    let is_own =
        call.fields.text("event.id").is_some_and(|id| event.event_id.as_deref() == Some(id));
    if is_own {
        return Some(format!("The policy {policy} {words}, for every member of {group}."));
    }
    let principal = name(event.principal.as_deref());
    let time = mail::short_time(event.time);
    Some(format!("{group} {words}: {principal} gave it {policy} on {time}."))
}

/// A policy whose text is unknown may be a powerful one.
fn unknown_policy(call: AlertCall<'_>) -> Option<&'static str> {
    let is_about_policy = matches!(
        call.group_action(),
        None | Some(GroupAction::AttachPolicy | GroupAction::PutPolicy)
    );
    match Grant::from_call(*call).filter(|_| is_about_policy)? {
        Grant::NotRecorded => {
            Some("The policy is not in the record: CloudTrail omits oversized requests.")
        }
        Grant::Unreadable => Some("The recorded policy cannot be parsed."),
        Grant::Power(_) | Grant::Bounded => None,
    }
}

fn by_itself(call: AlertCall<'_>, facts: &Facts) -> Option<String> {
    let name = clean::short_name(call.principal().name(), MAX_NAME_CHARS);
    let text = match call.group_action() {
        _ if !facts.is_self => return None,
        _ if call.failed() => format!("{name} tried to give these rights to itself."),
        Some(GroupAction::AddUser) => format!("{name} added itself."),
        _ => format!("{name} is a member of the group: it gave these rights to itself."),
    };
    Some(text)
}

fn first_seen(call: AlertCall<'_>, context: &Context) -> Option<String> {
    let principal = || clean::short_name(call.principal().name(), MAX_NAME_CHARS);
    let group = || clean::short_name(call.group().unwrap_or("this group"), MAX_NAME_CHARS);
    let first = match (context.first_of_principal, context.first_of_group) {
        (true, true) => format!("{} or {}", principal(), group()),
        (true, false) => principal(),
        (false, true) => group(),
        (false, false) => return None,
    };
    Some(format!("No earlier finding is on record for {first}."))
}
