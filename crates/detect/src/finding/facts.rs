//! What makes a finding more severe than others of its rule: what the group can do, and who acts.

use super::Finding;
use super::call::{Call, GroupAction};
use super::context::{Context, TimelineEntry};
use crate::power::PowerLevel;

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
    /// What the group can do. `None` if the call is about no group.
    pub group_power: Option<PowerLevel>,
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
        // A context that nobody looked up, or that could not be read, says nothing.
        let is_whole = |context: &&Context| context.gap.is_none();
        let timeline = context.map(|context| &*context.group_timeline).unwrap_or_default();
        let is_first_seen = context.filter(is_whole).map(|context| context.first_of_principal);
        let facts =
            Facts::from_timeline(finding, timeline.iter(), context.filter(is_whole).is_some());
        Facts { is_first_seen, ..facts }
    }

    /// The facts of a finding, with those events of its group that are known. `is_whole` if they
    /// are all of the last 48 hours. The principal's other findings are not known.
    pub fn from_timeline<'t>(
        finding: &Finding,
        timeline: impl Iterator<Item = &'t TimelineEntry> + Clone,
        is_whole: bool,
    ) -> Facts {
        let call = Call::new(finding);
        let policies = GroupPolicies::new(call, timeline.clone());
        let group_power = call.group().map(|_| policies.level(is_whole));
        Facts {
            group_power,
            grant: policies.strongest(),
            is_self: is_self(call, timeline),
            is_root: finding.principal.identity_type == "Root",
            is_first_seen: None,
            is_privileged: finding.privileged,
        }
    }
}

/// What is known of the policies of a group at the time of a call, and since.
#[derive(Debug, Default)]
struct GroupPolicies {
    /// The group was made in this time: these are all of its policies.
    is_new: bool,
    /// Those that are powerful.
    powerful: Vec<PowerGrant>,
    /// The names of those whose power is not known.
    unknown: Vec<Option<String>>,
}

impl GroupPolicies {
    /// A policy that was taken away again after the call counts: the members had it.
    fn new<'t>(call: Call<'_>, timeline: impl Iterator<Item = &'t TimelineEntry>) -> GroupPolicies {
        let own = TimelineEntry::from_finding_at(call.finding, call.time().unwrap_or_default());
        let mut events: Vec<&TimelineEntry> = timeline.collect();
        events.push(&own);
        events.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        let mut policies = GroupPolicies::default();
        for event in events.into_iter().filter(|event| !event.failed) {
            policies.add(event, own.is_before(event));
        }
        policies
    }

    fn add(&mut self, event: &TimelineEntry, is_later: bool) {
        match GroupAction::from_name(&event.action) {
            Some(GroupAction::AttachPolicy | GroupAction::PutPolicy) => {
                match event.policy_power() {
                    PowerLevel::Unknown => self.unknown.push(event.object.clone()),
                    power if power.is_powerful() => {
                        self.powerful.push(PowerGrant { power, event: event.clone() });
                    }
                    _ => {}
                }
            }
            Some(GroupAction::DetachPolicy | GroupAction::DeletePolicy) if !is_later => {
                self.powerful.retain(|grant| grant.event.object != event.object);
                self.unknown.retain(|object| *object != event.object);
            }
            Some(GroupAction::Delete) if !is_later => *self = GroupPolicies::default(),
            Some(GroupAction::Create) if !is_later => {
                *self = GroupPolicies { is_new: true, ..GroupPolicies::default() };
            }
            _ => {}
        }
    }

    /// Of several policies the most powerful one counts, and of equal ones the latest.
    fn strongest(self) -> Option<PowerGrant> {
        self.powerful.into_iter().max_by_key(|grant| (grant.power, grant.event.time))
    }

    fn level(&self, is_whole: bool) -> PowerLevel {
        let levels = self.powerful.iter().map(|grant| grant.power);
        let is_known = is_whole && self.is_new && self.unknown.is_empty();
        let least = if is_known { PowerLevel::Limited } else { PowerLevel::Unknown };
        levels.max().unwrap_or(least)
    }
}

/// An IAM user adds itself to the group, or gives a policy to a group that it was added to before.
fn is_self<'t>(call: Call<'_>, timeline: impl Iterator<Item = &'t TimelineEntry>) -> bool {
    let Some(user) = own_user_name(call) else { return false };
    let is_user = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(user));
    match call.group_action() {
        Some(GroupAction::AddUser) => is_user(call.target_user()),
        Some(GroupAction::AttachPolicy | GroupAction::PutPolicy) => {
            let is_before =
                |event: &TimelineEntry| call.time().is_none_or(|time| event.time <= time);
            let memberships = timeline.filter(|event| {
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
    use crate::finding::{ContextGap, FactDocument, Origin};
    use crate::rule::LoadedRules;
    use kql::Document;
    use serde_json::{Value, json};

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
        use PowerLevel::{Admin, Escalates, Limited, Unknown};
        let attached = format!("09:00 AttachGroupPolicy {ADMIN}");
        let detached = format!("09:30 DetachGroupPolicy {ADMIN}");
        let detached_later = format!("10:30 DetachGroupPolicy {ADMIN}");
        let attached_later = format!("10:30 AttachGroupPolicy {ADMIN}");
        let inline = "09:10 PutGroupPolicy inline";
        let made = "08:00 CreateGroup -";
        let mine = "09:10 AttachGroupPolicy arn:aws:iam::111122223333:policy/mine";
        let without = "09:20 DetachGroupPolicy arn:aws:iam::111122223333:policy/mine";
        let reads = "09:10 AttachGroupPolicy arn:aws:iam::aws:policy/ReadOnlyAccess";
        for (events, expected) in [
            (vec![], Unknown),
            (vec![reads], Unknown),
            (vec![&*attached], Admin),
            (vec![&*attached_later], Admin),
            (vec![&*attached, inline], Admin),
            (vec![inline], Escalates),
            (vec![&*attached, inline, &*detached], Escalates),
            (vec![&*attached, &*detached], Unknown),
            (vec![&*attached, &*detached_later], Admin),
            (vec![&*attached, "09:40 DeleteGroup x"], Unknown),
            (vec![made], Limited),
            (vec![made, reads], Limited),
            (vec![made, mine], Unknown),
            (vec![made, mine, without], Limited),
            (vec![made, &*attached], Admin),
            (vec!["10:30 CreateGroup -"], Unknown),
        ] {
            let finding = finding("alice", "AddUserToGroup", json!({"userName": "bob"}));
            let mut context = context(&events);
            let facts = Facts::new(&finding, Some(&context));
            assert_eq!(facts.group_power, Some(expected), "{events:?}");
            context.gap = Some(ContextGap::TooMuch);
            let facts = Facts::new(&finding, Some(&context));
            let known = if expected == Limited { Unknown } else { expected };
            assert_eq!(facts.group_power, Some(known), "{events:?} are not all");
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
        let finding = finding("alice", "CreateGroup", json!({}));
        let known = Context { first_of_principal: true, ..Context::default() };
        assert_eq!(Facts::new(&finding, Some(&known)).is_first_seen, Some(true));
        for gap in [ContextGap::LedgerOff, ContextGap::Late] {
            let context = Context { gap: Some(gap), ..known.clone() };
            let facts = Facts::new(&finding, Some(&context));
            assert_eq!(facts.is_first_seen, None);
            let document = FactDocument::new(&finding, &facts);
            assert!(!document.any_value("trailbell.principal.first_seen", &mut |_| true));
        }
    }
}
