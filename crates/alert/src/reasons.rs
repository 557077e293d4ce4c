//! Why a finding matters: its severity, what the group can do, who did it, and whether that is new.

use detect::finding::policy::CallPolicy;
use detect::finding::{Context, Facts, GroupAction, PowerGrant};
use detect::power::{OpenWay, Power, Source};
use detect::text::clean;

use crate::call::AlertCall;
use crate::description::{arn_name, level_in_words, notes_in_words, power_in_words};
use crate::mail::{self, Item, rank};

const MAX_NAME_CHARS: usize = 64;
const MAX_WAYS: usize = 6;
/// Reasons of the findings of an incident.
const MAX_MEMBER_REASONS: usize = 3;
/// As important as the facts.
const FIRST_WAYS: usize = 3;

pub(crate) fn items(call: AlertCall<'_>, context: &Context) -> Vec<Item> {
    let facts = Facts::new(call.finding, Some(context));
    let rule = &call.finding.rule;
    let severity = mail::severity_reason(&call.finding.rating(), rule.severity);
    let others = [
        power(call, &facts),
        unknown_policy(call).map(str::to_owned),
        by_itself(call, &facts),
        by_root(&facts),
        first_seen(call, context),
    ];
    let lines = |reason: String| Item::new(rank::REASON, mail::bullet(&reason));
    let others = others.into_iter().flatten().map(lines);
    severity.map(lines).into_iter().chain(own_policy(call)).chain(others).collect()
}

/// The reasons of several calls that need no context, each once.
pub(crate) fn items_of_members<'a>(calls: impl Iterator<Item = AlertCall<'a>>) -> Vec<Item> {
    let mut reasons: Vec<String> = Vec::new();
    for call in calls {
        let facts = Facts::new(call.finding, None);
        for reason in [by_itself(call, &facts), by_root(&facts)].into_iter().flatten() {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    reasons.truncate(MAX_MEMBER_REASONS);
    mail::items(rank::REASON, reasons.iter().map(|reason| mail::bullet(reason)))
}

/// What the policy can do that the call attaches or writes.
fn own_policy(call: AlertCall<'_>) -> Vec<Item> {
    let power = Power::from_call(*call).filter(|_| grants_policy(call));
    let Some((power, words)) =
        power.and_then(|power| power_in_words(&power).map(|words| (power, words)))
    else {
        return Vec::new();
    };
    let policy = clean::short_name(call.object().and_then(arn_name).unwrap_or("?"), MAX_NAME_CHARS);
    let text = match (power, call.failed()) {
        (Power::Escalates(ways), false) => return ways_of(&policy, &words, ways),
        (_, true) => format!("The policy {policy} {words}."),
        (_, false) => format!("The policy {policy} {words}, for every member of the group."),
    };
    vec![Item::new(rank::REASON, mail::bullet(&text))]
}

/// Those ways first that take the least. Of many, those that only take more than another one are
/// not shown.
fn ways_of(policy: &str, words: &str, ways: Vec<OpenWay>) -> Vec<Item> {
    let count = ways.len();
    let is_implied = |way: &OpenWay| ways.iter().any(|other| way.is_implied_by(other));
    let mut shown: Vec<&OpenWay> =
        ways.iter().filter(|way| count <= MAX_WAYS || !is_implied(way)).collect();
    shown.sort_by_key(|open| (open.opening.notes.len(), open.way.needs.is_some()));
    shown.truncate(MAX_WAYS);
    let more = match count - shown.len() {
        0 => String::new(),
        more => format!(", {more} more than these"),
    };
    let heading = format!("The policy {policy} {words}{more}. A member may use");
    let mut items = vec![Item::new(rank::REASON, mail::bullet(&heading))];
    let way = |(nth, way): (usize, &&OpenWay)| {
        let rank = if nth < FIRST_WAYS { rank::FACT } else { rank::MINOR_FACT };
        Item::new(rank, mail::sub_bullet(&way_in_words(way)))
    };
    items.extend(shown.iter().enumerate().map(way));
    items
}

/// `PutUserPolicy: writes any inline policy into its own user (statement 1, if MFA is present)`.
fn way_in_words(OpenWay { way, opening }: &OpenWay) -> String {
    let label = |source: &Source| clean::short_name(&source.statement, MAX_NAME_CHARS);
    let labels: Vec<String> = opening.sources.iter().map(label).collect();
    let noun = if labels.len() == 1 { "statement" } else { "statements" };
    let notes = notes_in_words(opening);
    format!("{}: {} ({noun} {}{notes})", way.id, way.description, labels.join(" and "))
}

/// What the group could do already, or since.
fn power(call: AlertCall<'_>, facts: &Facts) -> Option<String> {
    let PowerGrant { power, event } = facts.grant.as_ref()?;
    let own = call.fields.text("event.id");
    if own.is_some() && event.event_id.as_deref() == own {
        return None;
    }
    let name = |name: Option<&str>| clean::short_name(name.unwrap_or("?"), MAX_NAME_CHARS);
    let group = name(call.current_group());
    let policy = name(event.object.as_deref().and_then(arn_name));
    let principal = name(event.principal.as_deref());
    let time = mail::short_time(event.time);
    let words = level_in_words(*power);
    Some(format!("{group} {words}: {principal} gave it {policy} on {time}."))
}

/// A policy that is detached gives nobody anything.
fn grants_policy(call: AlertCall<'_>) -> bool {
    matches!(call.group_action(), None | Some(GroupAction::AttachPolicy | GroupAction::PutPolicy))
}

/// A policy whose text is unknown may be a powerful one.
fn unknown_policy(call: AlertCall<'_>) -> Option<&'static str> {
    match CallPolicy::from_call(*call).filter(|_| grants_policy(call))? {
        CallPolicy::NotRecorded => {
            Some("The policy is not in the record: CloudTrail omits oversized requests.")
        }
        CallPolicy::Unreadable => Some("The recorded policy cannot be parsed."),
        _ => None,
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

fn by_root(facts: &Facts) -> Option<String> {
    let text = "No policy restricts the root user, and daily work never needs it.";
    facts.is_root.then(|| text.to_owned())
}

fn first_seen(call: AlertCall<'_>, context: &Context) -> Option<String> {
    let principal = || call.principal().display_name();
    let group = || clean::short_name(call.group().unwrap_or("this group"), MAX_NAME_CHARS);
    let first = match (context.first_of_principal, context.first_of_group) {
        (true, true) => format!("{} or {}", principal(), group()),
        (true, false) => principal(),
        (false, true) => group(),
        (false, false) => return None,
    };
    Some(format!("No earlier finding is on record for {first}."))
}
