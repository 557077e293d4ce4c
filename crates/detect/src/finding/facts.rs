//! What makes a finding more severe than others of its rule: what the group can do, and who acts.

use std::collections::BTreeSet;

use super::Finding;
use super::call::{Call, GroupAction};
use super::context::{Context, TimelineEntry};
use super::policy::CallPolicy;
use super::trust::Trust;
use crate::power::{Power, PowerLevel};

/// What the policy that a call attaches or writes can do: a [`PowerLevel`].
pub const POWER_FIELD: &str = "trailbell.power";

/// Without a context, no other account is known.
static NO_ACCOUNTS: BTreeSet<String> = BTreeSet::new();

/// The facts of a finding that decide how severe it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// What the policy that the call attaches or writes can do. `None` if it is about no policy.
    pub power: Option<PowerLevel>,
    /// What the group could do at the time of the call, or can since. `None` if the finding is
    /// about no group.
    pub group_power: Option<PowerLevel>,
    /// The highest power of the groups that gained some by a new version of their policy. `None` if
    /// there are none.
    pub drift_power: Option<PowerLevel>,
    /// What the user can do for whom the call creates credentials. `None` for other calls, and if
    /// nothing is known of it.
    pub target_power: Option<PowerLevel>,
    /// Who may assume the role of which the call changes the trust policy. `None` for other calls.
    pub trust: Option<Trust>,
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
            power: policy_power(call, context).map(|power| power.level()),
            group_power: group_power(call, context),
            drift_power: context.and_then(|context| context.drift.as_ref()?.power()),
            target_power: context.and_then(|context| Some(context.target.as_ref()?.power())),
            trust: Trust::from_call(call, context.map_or(&NO_ACCOUNTS, |it| &it.trail_accounts)),
            is_self: is_self(call, context, timeline),
            is_root: finding.principal.identity_type == "Root",
            is_first_seen: ledger.map(|context| context.first_of_principal),
            is_privileged: finding.privileged,
        }
    }
}

/// What the policy that a call attaches or writes can do, also if only the context has its
/// document.
/// `None` if the call is about no policy.
pub fn policy_power(call: Call<'_>, context: Option<&Context>) -> Option<Power> {
    let known = context.and_then(|context| context.policy.as_ref());
    match CallPolicy::from_call(call)? {
        CallPolicy::Elsewhere => Some(known.map_or(Power::Unknown, Power::from_grants)),
        policy => Some(policy.power()),
    }
}

/// The policy of the call itself counts, whether the ledger has it or not.
fn group_power(call: Call<'_>, context: Option<&Context>) -> Option<PowerLevel> {
    call.group()?;
    let gives = matches!(
        call.group_action(),
        Some(GroupAction::AttachPolicy | GroupAction::PutPolicy) if !call.failed()
    );
    let own = policy_power(call, context).filter(|_| gives).map(|power| power.level());
    let own = own.filter(|power| power.is_powerful());
    let group = context.and_then(|context| context.group.as_ref());
    let group = group.map_or(PowerLevel::Unknown, |group| group.power().level());
    Some(own.map_or(group, |own| own.max(group)))
}

/// An IAM user adds itself to the group, or gives a policy to a group that it was added to before.
fn is_self(call: Call<'_>, context: Option<&Context>, timeline: &[TimelineEntry]) -> bool {
    let Some(user) = own_user_name(call) else { return false };
    let is_user = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(user));
    match call.group_action() {
        Some(GroupAction::AddUser) => is_user(call.target_user()),
        None if is_for_user(call) => is_user(call.target_user()),
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
            let group = context.and_then(|context| context.group.as_ref());
            let is_member =
                || group.is_some_and(|it| it.members.iter().any(|name| is_user(Some(name))));
            last.map_or_else(is_member, |event| event.action == "AddUserToGroup")
        }
        _ => false,
    }
}

/// The call gives something to a user, or takes its boundary away.
fn is_for_user(call: Call<'_>) -> bool {
    matches!(
        call.iam_action(),
        Some(
            "AttachUserPolicy"
                | "CreateAccessKey"
                | "CreateLoginProfile"
                | "DeleteUserPermissionsBoundary"
                | "PutUserPermissionsBoundary"
                | "PutUserPolicy"
        )
    )
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
    use crate::finding::{FactDocument, GroupContext, Origin};
    use crate::power::Grants;
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
                power: None,
                principal: Some("mallory".to_owned()),
                failed: false,
                suppressed: false,
            }
        };
        Context { group_timeline: events.iter().map(entry).collect(), ..Context::default() }
    }

    #[test]
    fn the_power_of_a_group_is_that_of_its_policies_and_of_the_calls_own() {
        use PowerLevel::{Admin, Escalates, Limited, Unknown};
        let document = |action: &str| {
            json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}).to_string()
        };
        let grants = |action: &str| Grants::from_text(&document(action)).unwrap().grants;
        let group = |actions: &[&str], complete| {
            let grants = Grants::union(actions.iter().map(|action| grants(action)));
            Some(GroupContext { grants, complete, ..GroupContext::default() })
        };
        let add = || finding("alice", "AddUserToGroup", json!({"userName": "bob"}));
        let attach = |arn: &str| finding("alice", "AttachGroupPolicy", json!({"policyArn": arn}));
        let customers = "arn:aws:iam::111122223333:policy/p";
        let put = finding("alice", "PutGroupPolicy", json!({"policyDocument": document("*")}));
        let mut failed = attach(ADMIN);
        failed.ecs["event"]["outcome"] = json!("failure");
        for (finding, group, policy, expected) in [
            (add(), None, None, Unknown),
            (add(), group(&["s3:*"], false), None, Unknown),
            (add(), group(&["s3:*"], true), None, Limited),
            (add(), group(&["iam:PutUserPolicy"], false), None, Escalates),
            (add(), group(&["iam:PassRole", "lambda:*"], true), None, Escalates),
            (add(), group(&["s3:*", "*"], false), None, Admin),
            (attach(ADMIN), None, None, Admin),
            (attach(ADMIN), group(&["s3:*"], true), None, Admin),
            (failed, group(&["s3:*"], true), None, Limited),
            (put, None, None, Admin),
            (attach(customers), None, None, Unknown),
            (attach(customers), None, Some(grants("*")), Admin),
        ] {
            let context = Context { group, policy, ..Context::default() };
            let facts = Facts::new(&finding, Some(&context));
            assert_eq!(facts.group_power, Some(expected), "{:?} {context:?}", finding.ecs);
            let document = FactDocument::new(&finding, &facts);
            let mut is_expected =
                |value: kql::Value<'_>| value == kql::Value::Text(expected.as_str());
            assert!(document.any_value("trailbell.group.power", &mut is_expected));
        }
    }

    #[test]
    fn members_of_the_group_count_beyond_its_timeline() {
        let finding = finding("alice", "AttachGroupPolicy", json!({"policyArn": ADMIN}));
        let members = vec!["bob".to_owned(), "Alice".to_owned()];
        let group = Some(GroupContext { members, ..GroupContext::default() });
        let context = Context { group, ..Context::default() };
        assert!(Facts::new(&finding, Some(&context)).is_self);
        let removed = super::tests::context(&["09:01 RemoveUserFromGroup alice"]);
        let context = Context { group_timeline: removed.group_timeline, ..context };
        assert!(!Facts::new(&finding, Some(&context)).is_self);
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
            let document = FactDocument::new(&finding, &facts);
            assert!(!document.any_value("trailbell.principal.first_seen", &mut |_| true));
        }
    }
}
