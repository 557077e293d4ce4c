//! What makes a finding more severe than others of its rule: what the group can do, and who acts.

use serde_json::{Value, json};

use super::Finding;
use super::call::{Call, GroupAction};
use super::context::{Context, TimelineEntry};
use crate::power::{Power, PowerLevel};

/// The fields that `severity_when` can use in addition to those of records.
pub const FACT_FIELDS: [&str; 7] = [
    POWER_FIELD,
    "trailbell.group.power",
    "trailbell.self",
    "trailbell.principal.root",
    "trailbell.principal.first_seen",
    "trailbell.privileged",
    "trailbell.own",
];

/// What the policy that a call attaches or writes can do: a [`PowerLevel`].
pub const POWER_FIELD: &str = "trailbell.power";

/// A powerful policy that a group was given.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerGrant {
    /// What the policy can do.
    pub power: PowerLevel,
    /// The event that gave it.
    pub event: TimelineEntry,
}

/// The facts of a finding that decide how severe it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The most powerful policy that the group is known to have had at the time of the call, or got
    /// since. `None` if nothing is known, which does not mean that the group can do little.
    pub grant: Option<PowerGrant>,
    /// The principal gives rights to itself, or tries to.
    pub is_self: bool,
    /// The principal is the root user.
    pub is_root: bool,
    /// No earlier finding of the principal is known. `None` without a ledger.
    pub is_first_seen: Option<bool>,
    /// The name of the group is one of `TRAILBELL_PRIVILEGED_GROUPS`.
    pub is_privileged: bool,
}

impl Facts {
    /// The facts of a finding, as far as its record and its context show them.
    pub fn new(finding: &Finding, context: Option<&Context>) -> Facts {
        let call = Call::new(finding);
        let timeline = context.map(|context| &*context.group_timeline).unwrap_or_default();
        // A context that nobody looked up, or that could not be read, says nothing.
        let ledger = context.filter(|context| context.gap.is_none());
        Facts {
            grant: power_grant(call, timeline),
            is_self: is_self(call, timeline),
            is_root: finding.principal.identity_type == "Root",
            is_first_seen: ledger.map(|context| context.first_of_principal),
            is_privileged: finding.privileged,
        }
    }

    /// What the group can do, if that is known.
    pub fn group_power(&self) -> Option<PowerLevel> {
        self.grant.as_ref().map(|grant| grant.power)
    }
}

/// The document that `severity_when` and correlations match: the finding's ECS document with
/// [`FACT_FIELDS`], and with the group's name if only the error message has it.
pub fn fact_document(finding: &Finding, facts: &Facts) -> Value {
    let mut document = finding.ecs.clone();
    document["trailbell"] = json!({
        "power": Power::from_call(Call::new(finding)).map(|power| power.level()),
        "group": {"power": facts.group_power()},
        "self": facts.is_self,
        "principal": {"root": facts.is_root, "first_seen": facts.is_first_seen},
        "privileged": facts.is_privileged,
        "own": finding.own,
    });
    if let Some(group) = finding.group.as_ref().filter(|_| finding.ecs["group"]["name"].is_null()) {
        document["group"] = json!({ "name": group });
    }
    document
}

/// Of several policies the most powerful one counts, and of equal ones the latest. A policy that
/// was taken away again after the call counts: the members had it.
fn power_grant(call: Call<'_>, timeline: &[TimelineEntry]) -> Option<PowerGrant> {
    let own = TimelineEntry::from_finding_at(call.finding, call.time().unwrap_or_default());
    let mut events: Vec<&TimelineEntry> = timeline.iter().chain([&own]).collect();
    events.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    let mut held: Vec<PowerGrant> = Vec::new();
    for event in events.into_iter().filter(|event| !event.failed) {
        let is_later = own.is_before(event);
        match GroupAction::from_name(&event.action) {
            Some(GroupAction::AttachPolicy | GroupAction::PutPolicy) => {
                let power = event.granted_power();
                held.extend(power.map(|power| PowerGrant { power, event: event.clone() }));
            }
            Some(GroupAction::DetachPolicy | GroupAction::DeletePolicy) if !is_later => {
                held.retain(|grant| grant.event.object != event.object);
            }
            Some(GroupAction::Delete) if !is_later => held.clear(),
            _ => {}
        }
    }
    held.into_iter().max_by_key(|grant| (grant.power, grant.event.time))
}

/// An IAM user adds itself to the group, or gives a policy to a group that it was added to before.
fn is_self(call: Call<'_>, timeline: &[TimelineEntry]) -> bool {
    let Some(user) = own_user_name(call) else { return false };
    let is_user = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(user));
    match call.group_action() {
        Some(GroupAction::AddUser) => is_user(call.target_user()),
        Some(GroupAction::AttachPolicy | GroupAction::PutPolicy) => {
            let is_before =
                |event: &TimelineEntry| call.time().is_none_or(|time| event.time <= time);
            let memberships = timeline.iter().filter(|event| {
                let action = GroupAction::from_name(&event.action);
                let is_membership =
                    matches!(action, Some(GroupAction::AddUser | GroupAction::RemoveUser));
                is_membership && !event.failed && is_user(event.object.as_deref())
            });
            let last = memberships.filter(|event| is_before(event)).max_by_key(|it| it.sort_key());
            last.is_some_and(|event| event.action == "AddUserToGroup")
        }
        _ => false,
    }
}

/// The name of the IAM user that calls, if it is of the account of the group.
fn own_user_name(call: Call<'_>) -> Option<&str> {
    let is_user = call.finding.principal.identity_type == "IAMUser";
    let name = call.fields.text("user.name");
    name.filter(|_| is_user && call.foreign_account().is_none())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cloudtrail::Record;
    use crate::finding::Origin;
    use crate::rule::LoadedRules;

    const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

    /// A finding of a call on the group `Ops` at ten o'clock.
    fn finding(user: &str, action: &str, parameters: Value) -> Finding {
        let mut parameters = parameters;
        parameters["groupName"] = json!("Ops");
        let record = json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": action,
            "eventID": "own",
            "eventTime": "2026-03-01T10:00:00Z",
            "recipientAccountId": "111122223333",
            "userIdentity": {
                "type": if user == "root" { "Root" } else { "IAMUser" },
                "userName": user,
                "accountId": "111122223333",
            },
            "requestParameters": parameters,
        });
        let rule = Arc::clone(&LoadedRules::embedded().rules[0].info);
        let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
        Finding::new(&rule, &Record::from_value(record).unwrap(), origin)
    }

    /// `9:59 AttachGroupPolicy arn:…`
    fn context(events: &[&str]) -> Context {
        let entry = |event: &&str| {
            let parts: Vec<&str> = event.split(' ').collect();
            let [time, action, object] = parts[..] else { panic!("{event}") };
            TimelineEntry {
                time: format!("2026-03-01T{time}:00Z").parse().unwrap(),
                event_id: Some((*event).to_owned()),
                action: action.to_owned(),
                group: Some("Ops".to_owned()),
                object: Some(object.to_owned()),
                power: (object == "inline").then_some(PowerLevel::Escalates),
                principal: Some("mallory".to_owned()),
                failed: false,
                suppressed: false,
            }
        };
        Context { group_timeline: events.iter().map(entry).collect(), ..Context::default() }
    }

    #[test]
    fn the_power_of_a_group_is_that_of_the_policies_it_had_at_the_call_or_got_since() {
        use PowerLevel::{Admin, Escalates};
        let attached = format!("09:00 AttachGroupPolicy {ADMIN}");
        let detached = format!("09:30 DetachGroupPolicy {ADMIN}");
        let detached_later = format!("10:30 DetachGroupPolicy {ADMIN}");
        let attached_later = format!("10:30 AttachGroupPolicy {ADMIN}");
        let inline = "09:10 PutGroupPolicy inline";
        let reads = "09:10 AttachGroupPolicy arn:aws:iam::aws:policy/ReadOnlyAccess";
        for (events, expected) in [
            (vec![], None),
            (vec![reads], None),
            (vec![&*attached], Some(Admin)),
            (vec![&*attached_later], Some(Admin)),
            (vec![&*attached, inline], Some(Admin)),
            (vec![inline], Some(Escalates)),
            (vec![&*attached, inline, &*detached], Some(Escalates)),
            (vec![&*attached, &*detached], None),
            (vec![&*attached, &*detached_later], Some(Admin)),
            (vec![&*attached, "09:40 DeleteGroup x"], None),
        ] {
            let finding = finding("alice", "AddUserToGroup", json!({"userName": "bob"}));
            let facts = Facts::new(&finding, Some(&context(&events)));
            assert_eq!(facts.group_power(), expected, "{events:?}");
        }
        let own = finding("alice", "AttachGroupPolicy", json!({"policyArn": ADMIN}));
        let grant = Facts::new(&own, None).grant.unwrap();
        assert_eq!((grant.power, grant.event.object.as_deref()), (PowerLevel::Admin, Some(ADMIN)));
    }

    #[test]
    fn a_principal_gives_rights_to_itself_as_a_member_or_by_a_policy_of_its_group() {
        let policy = || json!({"policyArn": ADMIN});
        for (user, action, parameters, events, expected) in [
            ("alice", "AddUserToGroup", json!({"userName": "ALICE"}), vec![], true),
            ("alice", "AddUserToGroup", json!({"userName": "bob"}), vec![], false),
            ("root", "AddUserToGroup", json!({"userName": "root"}), vec![], false),
            ("alice", "RemoveUserFromGroup", json!({"userName": "alice"}), vec![], false),
            ("alice", "AttachGroupPolicy", policy(), vec![], false),
            ("alice", "AttachGroupPolicy", policy(), vec!["09:00 AddUserToGroup alice"], true),
            ("alice", "AttachGroupPolicy", policy(), vec!["10:01 AddUserToGroup alice"], false),
            (
                "alice",
                "AttachGroupPolicy",
                policy(),
                vec!["09:00 AddUserToGroup alice", "09:01 RemoveUserFromGroup alice"],
                false,
            ),
        ] {
            let finding = finding(user, action, parameters);
            let facts = Facts::new(&finding, Some(&context(&events)));
            assert_eq!(facts.is_self, expected, "{user} {action} {events:?}");
            assert_eq!(facts.is_root, user == "root");
        }
    }

    #[test]
    fn without_a_whole_context_it_is_unknown_who_was_seen_first() {
        use crate::finding::ContextGap;
        let finding = finding("alice", "CreateGroup", json!({}));
        let known = Context { first_of_principal: true, ..Context::default() };
        assert_eq!(Facts::new(&finding, Some(&known)).is_first_seen, Some(true));
        for gap in [ContextGap::LedgerOff, ContextGap::Late] {
            let context = Context { gap: Some(gap), ..known.clone() };
            let facts = Facts::new(&finding, Some(&context));
            assert_eq!(facts.is_first_seen, None);
            let document = fact_document(&finding, &facts);
            assert!(document["trailbell"]["principal"]["first_seen"].is_null());
        }
    }
}
