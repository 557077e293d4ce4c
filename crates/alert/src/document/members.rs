//! The ECS fields of an alert about several findings: what all of them share, and every user and
//! address that any of them has.

use std::collections::BTreeSet;

use detect::ecs::category_of_call;
use detect::finding::{GroupAction, Member};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::set;
use crate::Accounts;

/// A field of ECS with one value, and where a member has it.
type SharedField = (&'static str, fn(&Member) -> Option<&str>);

const SHARED_FIELDS: [SharedField; 13] = [
    ("aws.cloudtrail.recipient_account_id", |member| member.account.as_deref()),
    ("aws.cloudtrail.user_identity.access_key_id", |member| member.pivots.access_key_id.as_deref()),
    ("cloud.account.id", principal_account),
    ("cloud.region", |member| member.region.as_deref()),
    ("event.action", |member| member.call.action.as_deref()),
    ("event.outcome", |member| Some(if member.call.failed { "failure" } else { "success" })),
    ("event.provider", |member| member.call.provider.as_deref()),
    ("group.name", |member| member.call.group.as_deref()),
    ("source.address", |member| member.pivots.source_ip.as_deref()),
    ("source.ip", |member| member.pivots.source_ip.as_deref()),
    ("user.id", |member| member.pivots.user_id.as_deref()),
    ("user.name", |member| member.pivots.user_name.as_deref()),
    ("user.target.name", target_user),
];

/// The fields of an alert about these members.
pub(crate) fn member_fields(members: &[Member], accounts: &Accounts) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in
        [("cloud.provider", "aws"), ("event.dataset", "aws.cloudtrail"), ("event.module", "aws")]
    {
        set(&mut fields, name, value.into());
    }
    for (name, value_of) in SHARED_FIELDS {
        if let Some(value) = shared(members, value_of) {
            set(&mut fields, name, value.into());
        }
    }
    if let Some(name) = shared(members, principal_account).and_then(|id| accounts.name(id)) {
        set(&mut fields, "cloud.account.name", name.into());
    }
    let categories =
        || members.iter().map(|member| category_of_call(member.call.action.as_deref()));
    for (name, values) in [
        ("event.category", categories().filter_map(|it| it.category).collect()),
        ("event.type", categories().flat_map(|it| it.types).copied().collect()),
        ("related.ip", members.iter().filter_map(|it| it.pivots.source_ip.as_deref()).collect()),
        ("related.user", members.iter().flat_map(users).collect::<BTreeSet<&str>>()),
    ] {
        if !values.is_empty() {
            set(&mut fields, name, json!(values));
        }
    }
    fields
}

/// The same, with the time between the first and the last of these members.
pub(crate) fn fields_over_time(
    members: &[Member],
    accounts: &Accounts,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
) -> Map<String, Value> {
    let mut fields = member_fields(members, accounts);
    set(&mut fields, "@timestamp", json!(end));
    set(&mut fields, "event.start", json!(start));
    set(&mut fields, "event.end", json!(end));
    fields
}

/// The value that every member has; `None` if one has no value, or another.
pub(crate) fn shared(members: &[Member], value_of: fn(&Member) -> Option<&str>) -> Option<&str> {
    let (first, others) = members.split_first()?;
    let value = value_of(first)?;
    others.iter().all(|member| value_of(member) == Some(value)).then_some(value)
}

fn principal_account(member: &Member) -> Option<&str> {
    member.pivots.principal_account.as_deref().or(member.account.as_deref())
}

/// The user that the call is about, if it is about one.
fn target_user(member: &Member) -> Option<&str> {
    let action = member.call.group_action();
    let is_about_user = matches!(action, Some(GroupAction::AddUser | GroupAction::RemoveUser));
    member.call.object.as_deref().filter(|_| is_about_user)
}

fn users(member: &Member) -> impl Iterator<Item = &str> {
    member.pivots.users.iter().map(String::as_str)
}
