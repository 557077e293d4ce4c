//! What policies and groups can do, in words.

use detect::finding::policy::CallPolicy;
use detect::finding::{GroupAction, GroupContext};
use detect::power::{OpenWay, Opening, Power, PowerLevel, Source};
use detect::text::clean;

use crate::call::AlertCall;
use crate::description::arn_name;

/// Characters of one limit of a power.
const MAX_NOTE_CHARS: usize = 200;
const MAX_NAME_CHARS: usize = 64;
const MAX_WAYS: usize = 6;
const MAX_NAMES: usize = 8;

/// A label and a text.
type Row = (&'static str, Option<String>);

/// What a powerful policy can do, after the word "policy" or "which". `None` for others.
pub(crate) fn policy_in_words(power: &Power) -> Option<String> {
    match power {
        Power::Unknown | Power::Limited => None,
        Power::Escalates(ways) => match &ways[..] {
            [_] => Some("opens a way to more rights".to_owned()),
            ways => Some(format!("opens {} ways to more rights", ways.len())),
        },
        Power::Admin(opening) => Some(format!("allows everything{}", notes_in_words(opening))),
    }
}

/// The same, if only the level is known.
pub(crate) fn level_in_words(power: PowerLevel) -> &'static str {
    match power {
        PowerLevel::Unknown => "is not known",
        PowerLevel::Limited => "opens no known way to more rights",
        PowerLevel::Escalates => "opens ways to more rights",
        PowerLevel::Admin => "allows everything",
    }
}

/// What the group can do that a user is added to, after the word "which". `None` if it is not
/// powerful, and for other calls.
pub(crate) fn group_in_words(call: AlertCall<'_>) -> Option<&'static str> {
    let is_added = call.group_action() == Some(GroupAction::AddUser) && !call.failed();
    match call.group_power().filter(|_| is_added)? {
        PowerLevel::Admin => Some("can do everything"),
        PowerLevel::Escalates => Some("can escalate its rights"),
        PowerLevel::Limited | PowerLevel::Unknown => None,
    }
}

/// What the policy that the call attaches or writes can do, and what the group can.
pub(crate) fn power_rows(call: AlertCall<'_>) -> Vec<Row> {
    let policy = policy_rows(call);
    let mut rows = match call.group_context() {
        Some(group) if !call.failed() => group_rows(call, group, policy.is_empty()),
        _ => Vec::new(),
    };
    rows.extend(policy);
    rows
}

fn policy_rows(call: AlertCall<'_>) -> Vec<Row> {
    let row = |label, text: &str| vec![(label, Some(text.to_owned()))];
    let Some(policy) = CallPolicy::from_call(*call) else { return Vec::new() };
    match (call.policy_power().unwrap_or(Power::Unknown), policy) {
        (Power::Limited, _) => row("Allows", "no known way to more rights"),
        (power @ Power::Admin(_), _) => {
            let power = policy_in_words(&power).unwrap_or_default();
            row("Warning", &format!("the policy {power}"))
        }
        (Power::Escalates(ways), _) => {
            let (noun, pronoun) = if ways.len() == 1 { ("a way", "it") } else { ("ways", "them") };
            let heading =
                format!("the policy opens {noun} to more rights; whoever has {pronoun} …");
            [row("Warning", &heading), way_rows(&ways)].concat()
        }
        (Power::Unknown, CallPolicy::NotRecorded) => {
            row("Warning", "the policy is not in the record; CloudTrail omits oversized requests")
        }
        (Power::Unknown, CallPolicy::Unreadable) => {
            row("Warning", "the recorded policy cannot be parsed")
        }
        (Power::Unknown, _) => {
            row("Allows", "not known: the policy was created before the trail was read")
        }
    }
}

/// The ways are shown if no policy of the call has its own.
fn group_rows(call: AlertCall<'_>, group: &GroupContext, with_ways: bool) -> Vec<Row> {
    let power = group.power();
    let doubt =
        if group.uncertain { " (calls within one second contradict each other)" } else { "" };
    let text = match &power {
        Power::Admin(opening) => format!("do everything{}{doubt}", notes_in_words(opening)),
        Power::Escalates(ways) if ways.len() == 1 => {
            format!("raise its own rights in a known way{doubt}")
        }
        Power::Escalates(ways) => {
            format!("raise its own rights in {} known ways{doubt}", ways.len())
        }
        Power::Limited => format!("nothing known that leads to more rights{doubt}"),
        Power::Unknown if group.has_unknown_policy() => {
            "not known: a policy was created before the trail was read".to_owned()
        }
        Power::Unknown => "not known: the group was created before the trail was read".to_owned(),
    };
    let label = match call.group_action() {
        Some(GroupAction::Delete) => return Vec::new(),
        _ => "A member can",
    };
    let mut rows = vec![(label, Some(text))];
    if let (Power::Escalates(ways), true) = (&power, with_ways) {
        rows.extend(way_rows(ways));
    }
    let policies = group.policies.iter().map(|policy| {
        let name = arn_name(&policy.name).unwrap_or(&policy.name);
        format!("{} ({})", clean::short_name(name, MAX_NAME_CHARS), policy.power.as_str())
    });
    let members = group.members.iter().map(|name| clean::short_name(name, MAX_NAME_CHARS));
    rows.push(("Policies", list(policies.collect())));
    rows.push(("Members", list(members.collect())));
    rows
}

/// `a, b and 3 more`. `None` for no names.
fn list(mut names: Vec<String>) -> Option<String> {
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, more) => Some(format!("{} and {more} more", names.join(", "))),
    }
}

/// Those first that take the least. Of many ways, those that only take more than another one are
/// not shown.
fn way_rows(ways: &[OpenWay]) -> Vec<Row> {
    let count = ways.len();
    let is_implied = |way: &OpenWay| ways.iter().any(|other| way.is_implied_by(other));
    let mut shown: Vec<&OpenWay> =
        ways.iter().filter(|way| count <= MAX_WAYS || !is_implied(way)).collect();
    shown.sort_by_key(|open| (open.opening.notes.len(), open.way.needs.is_some()));
    shown.truncate(MAX_WAYS);
    let more = count - shown.len();
    let mut rows: Vec<Row> =
        shown.into_iter().map(|way| ("Way", Some(way_in_words(way)))).collect();
    rows.push(("", (more > 0).then(|| format!("and {more} more"))));
    rows
}

/// `PutUserPolicy: writes any inline policy into its own user (statement 1, if MFA is present)`.
fn way_in_words(OpenWay { way, opening }: &OpenWay) -> String {
    let sources: Vec<String> = opening.sources.iter().map(source_in_words).collect();
    let notes = notes_in_words(opening);
    format!("{}: {} ({}{notes})", way.id, way.description, sources.join(" and "))
}

fn source_in_words(source: &Source) -> String {
    let statement = clean::short_name(&source.statement, MAX_NAME_CHARS);
    match &source.policy {
        None => format!("statement {statement}"),
        Some(policy) => {
            let policy = clean::short_name(arn_name(policy).unwrap_or(policy), MAX_NAME_CHARS);
            format!("statement {statement} of {policy}")
        }
    }
}

/// `, if MFA is present`. Empty if nothing limits the opening.
fn notes_in_words(opening: &Opening) -> String {
    opening.notes.iter().map(|note| format!(", {}", clean::text(note, MAX_NOTE_CHARS))).collect()
}
