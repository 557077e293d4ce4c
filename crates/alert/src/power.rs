//! What policies and groups can do, in words.

use detect::finding::policy::CallPolicy;
use detect::finding::{GroupAction, GroupContext, GroupGain};
use detect::power::{OpenWay, Opening, Power, PowerLevel, Source};
use detect::text::clean;

use crate::call::AlertCall;
use crate::description::arn_name;
use crate::mail::{self, Item, rank};

/// Characters of one limit of a power.
const MAX_NOTE_CHARS: usize = 200;
const MAX_NAME_CHARS: usize = 64;
const MAX_WAYS: usize = 6;
/// As important as the facts.
const FIRST_WAYS: usize = 3;
const MAX_NAMES: usize = 8;
const MAX_GROUPS: usize = 4;
const NO_WAY: &str = "no known way to more rights";
const IMPORT_FILLS_IT: &str = "trailbell model import fills it";

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

/// What the policy can do that the call attaches or writes.
pub(crate) fn policy_items(call: AlertCall<'_>) -> Vec<Item> {
    let power = call.policy_power().filter(|_| gives_policy(call));
    let words = power.as_ref().and_then(policy_in_words);
    let (Some(power), Some(words)) = (power, words) else { return Vec::new() };
    let name = call.policy_arn().or_else(|| call.parameter("policyName"));
    let policy = clean_name(name.and_then(arn_name).unwrap_or("?"));
    let text = match (power, call.group_action().is_some() && !call.failed()) {
        (Power::Escalates(ways), _) if !call.failed() => {
            return way_items(&format!("The policy {policy} {words}"), holder(call), &ways);
        }
        (_, true) => format!("The policy {policy} {words}, for every member of the group."),
        (_, false) => format!("The policy {policy} {words}."),
    };
    vec![Item::new(rank::REASON, mail::bullet(&text))]
}

/// What the group can do, unless that follows from the policy of the call alone.
pub(crate) fn group_items(call: AlertCall<'_>) -> Vec<Item> {
    let Some(group) = call.group_context().filter(|_| !call.failed()) else { return Vec::new() };
    let power = group.power();
    let own = call.policy_power().filter(|_| gives_policy(call)).map(|power| power.level());
    if own.is_some_and(|own| own >= power.level()) {
        return Vec::new();
    }
    let name = clean_name(call.current_group().unwrap_or("?"));
    let doubt = if group.uncertain { ", if calls of one second came in that order" } else { "" };
    let text = match &power {
        Power::Admin(opening) => {
            let by: Vec<String> = opening.sources.iter().filter_map(policy_of).collect();
            let limits = notes_in_words(opening);
            format!("{name} can do everything, by {}{limits}{doubt}.", by.join(" and "))
        }
        Power::Escalates(ways) => {
            let number = match ways.len() {
                1 => "a known way".to_owned(),
                count => format!("{count} known ways"),
            };
            let sentence = format!("{name} can raise its rights in {number}{doubt}");
            return way_items(&sentence, "A member", ways);
        }
        Power::Unknown if gives(call) => {
            format!("What {name} can do is {}. {IMPORT_FILLS_IT}.", unknown(group))
        }
        Power::Limited | Power::Unknown => return Vec::new(),
    };
    vec![Item::new(rank::REASON, mail::bullet(&text))]
}

/// What groups gained by a new version of their policy.
pub(crate) fn drift_items(call: AlertCall<'_>) -> Vec<Item> {
    let groups = call.drift().map(|drift| &*drift.groups).unwrap_or_default();
    let mut items: Vec<Item> = groups
        .iter()
        .take(MAX_GROUPS)
        .map(|gain| Item::new(rank::REASON, mail::bullet(&gain_in_words(gain))))
        .collect();
    if let more @ 1.. = groups.len().saturating_sub(MAX_GROUPS) {
        items.push(Item::new(rank::REASON, mail::bullet(&format!("{more} more groups gained."))));
    }
    items
}

/// `Ops can do everything now: bob and eve gained that.`
fn gain_in_words(gain: &GroupGain) -> String {
    let name = clean_name(&gain.group);
    let members = match list(gain.members.iter().map(|member| clean_name(member)).collect()) {
        Some(members) => format!("Known members: {members}."),
        None => "No member is known.".to_owned(),
    };
    match gain.power {
        PowerLevel::Admin => format!("{name} can do everything now. {members}"),
        _ => {
            let ways = list(gain.ways.clone()).unwrap_or_default();
            format!("{name} can raise its rights now, in ways that were closed: {ways}. {members}")
        }
    }
}

/// `policy deploy lets IAM group Ops do everything`, every name cut to `width` characters.
pub(crate) fn drift_in_short(call: AlertCall<'_>, width: usize) -> Option<String> {
    let drift = call.drift()?;
    let gain = drift.groups.iter().max_by_key(|gain| gain.power)?;
    let policy = call.parameter("policyArn").and_then(arn_name).unwrap_or("?");
    let [policy, group] = [policy, &gain.group].map(|name| clean::ascii(name, width));
    let others = match drift.groups.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let what = match gain.power {
        PowerLevel::Admin => "do everything",
        _ => "escalate its rights",
    };
    Some(format!("policy {policy} lets IAM group {group}{others} {what}"))
}

/// What the policy that the call gives to the group allows, or the group that it adds a user to, if
/// it is not powerful. A powerful one is in the reasons.
pub(crate) fn unpowerful_in_words(call: AlertCall<'_>) -> Option<String> {
    let policy = || match (call.policy_power()?, CallPolicy::from_call(*call)?) {
        (Power::Limited, _) => Some(NO_WAY.to_owned()),
        (Power::Unknown, CallPolicy::Elsewhere) if call.group_context().is_some() => Some(format!(
            "not known: the policy was created before the trail was read. {IMPORT_FILLS_IT}"
        )),
        (Power::Unknown, CallPolicy::Elsewhere) => Some("not known from the record".to_owned()),
        // In the reasons.
        _ => None,
    };
    let group = || match call.group_context()?.power() {
        Power::Limited if call.group_action() == Some(GroupAction::AddUser) => {
            Some(NO_WAY.to_owned())
        }
        _ => None,
    };
    let text = match call.policy_power() {
        Some(_) if gives_policy(call) => policy(),
        Some(_) => None,
        None => group(),
    };
    text.filter(|_| !call.failed())
}

/// `AdministratorAccess (admin), Read (limited)`.
pub(crate) fn policies_in_words(call: AlertCall<'_>) -> Option<String> {
    let policies = call.group_context()?.policies.iter().map(|policy| {
        let name = clean_name(arn_name(&policy.name).unwrap_or(&policy.name));
        format!("{name} ({})", policy.power.as_str())
    });
    list(policies.collect())
}

/// `bob, eve and 3 more`.
pub(crate) fn members_in_words(call: AlertCall<'_>) -> Option<String> {
    list(call.group_context()?.members.iter().map(|name| clean_name(name)).collect())
}

/// Who has the policy that the call attaches or writes.
fn holder(call: AlertCall<'_>) -> &'static str {
    match call.target_user() {
        _ if call.group_action().is_some() => "A member",
        Some(_) => "The user",
        None => "Its holder",
    }
}

/// Why a group's power is not known.
fn unknown(group: &GroupContext) -> &'static str {
    match group.has_unknown_policy() {
        true => "not known: a policy of it was created before the trail was read",
        false => "not known: it was created before the trail was read",
    }
}

/// A policy that is detached gives nobody anything.
fn gives_policy(call: AlertCall<'_>) -> bool {
    matches!(call.group_action(), None | Some(GroupAction::AttachPolicy | GroupAction::PutPolicy))
}

fn gives(call: AlertCall<'_>) -> bool {
    matches!(call.group_action(), Some(GroupAction::AddUser | GroupAction::Update))
}

/// `a, b and 3 more`. `None` for no names.
pub(crate) fn list(mut names: Vec<String>) -> Option<String> {
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, more) => Some(format!("{} and {more} more", names.join(", "))),
    }
}

/// A sentence, and the ways, those first that take the least. Of many, those that only take more
/// than another one are not shown.
fn way_items(sentence: &str, holder: &str, ways: &[OpenWay]) -> Vec<Item> {
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
    let heading = format!("{sentence}{more}. {holder} may use");
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
    let sources: Vec<String> = opening.sources.iter().map(source_in_words).collect();
    let notes = notes_in_words(opening);
    format!("{}: {} ({}{notes})", way.id, way.description, sources.join(" and "))
}

fn source_in_words(source: &Source) -> String {
    let statement = clean_name(&source.statement);
    let policy = policy_of(source).map_or(String::new(), |policy| format!(" of {policy}"));
    format!("statement {statement}{policy}")
}

fn policy_of(source: &Source) -> Option<String> {
    source.policy.as_deref().map(|policy| clean_name(arn_name(policy).unwrap_or(policy)))
}

fn clean_name(name: &str) -> String {
    clean::short_name(name, MAX_NAME_CHARS)
}

/// `, if MFA is present`. Empty if nothing limits the opening.
fn notes_in_words(opening: &Opening) -> String {
    opening.notes.iter().map(|note| format!(", {}", clean::text(note, MAX_NOTE_CHARS))).collect()
}
