//! Why a finding matters: its severity, what the group can do, who did it, and whether that is new.

use detect::finding::policy::CallPolicy;
use detect::finding::{Context, Facts, GroupAction};
use detect::rule::RuleInfo;
use detect::text::clean;

use crate::call::AlertCall;
use crate::description::is_described;
use crate::identifiers::{about_rule, is_built_in};
use crate::mail::{self, Item, rank};
use crate::power::{drift_items, group_items, policy_items};
use crate::principals;

const MAX_NAME_CHARS: usize = 64;
const MAX_RULE_NAME_CHARS: usize = 128;
/// Reasons of the findings of an incident.
const MAX_MEMBER_REASONS: usize = 3;

pub(crate) fn items(call: AlertCall<'_>, context: &Context) -> Vec<Item> {
    let facts = Facts::new(call.finding, Some(context));
    let rule = &call.finding.rule;
    let severity = mail::severity_reason(&call.finding.rating(), rule.severity);
    let others = [
        unknown_policy(call).map(str::to_owned),
        by_itself(call, &facts),
        by_root(&facts),
        first_seen(call, context),
    ];
    let lines = |reason: String| Item::new(rank::REASON, mail::bullet(&reason));
    let others = principals::reasons(call, &facts).into_iter().chain(others.into_iter().flatten());
    let others = others.map(lines);
    let power = policy_items(call).into_iter().chain(group_items(call)).chain(drift_items(call));
    let rule = rule_item(call);
    rule.into_iter().chain(severity.map(lines)).chain(power).chain(others).collect()
}

/// What the rule is called and about, where the first sentence does not make that clear.
fn rule_item(call: AlertCall<'_>) -> Option<Item> {
    let rule = &call.finding.rule;
    if is_built_in(rule) && is_described(call) {
        return None;
    }
    let name = clean::text(&rule.name, MAX_RULE_NAME_CHARS);
    let about = about_rule(rule).map(|about| format!(" {about}")).unwrap_or_default();
    Some(Item::new(rank::REASON, mail::long_bullet(&format!("Rule: {name}.{about}"))))
}

/// What a rule over several calls is about: its name is in the first sentence.
pub(crate) fn about_rule_item(rule: &RuleInfo, rank: u8) -> Option<Item> {
    about_rule(rule).map(|about| Item::new(rank, mail::long_bullet(&about)).silent())
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
        None => format!("{name} is the user: it did this to itself."),
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
