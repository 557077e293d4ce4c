//! The model against a simulation of IAM, in any order of arrival.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cloudtrail::Record;
use crate::power::{Power, PowerLevel};

const ACCOUNT: &str = "111122223333";
const EVERYTHING: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn arn(policy: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{policy}")
}

/// What a record of a call at a second of one hour says.
fn changes(second: i64, action: &str, parameters: Value) -> Vec<Change> {
    let time = Timestamp::from_second(1_772_359_200 + second).unwrap();
    let version = &parameters["version"];
    let record = json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventTime": time.to_string(),
        "eventID": format!("{second}-{action}-{parameters}"),
        "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "IAMUser", "userName": "alice"},
        "requestParameters": parameters,
        "responseElements": {"policyVersion": {"versionId": version}},
    });
    read_changes(&Record::from_value(record).unwrap(), None)
}

/// All logs of an account, as a ledger keeps them.
#[derive(Debug, Default, Clone, PartialEq)]
struct Logs {
    groups: GroupLogs,
    policies: BTreeMap<String, PolicyLog>,
    /// Their own policies.
    users: BTreeMap<String, GroupLog>,
}

impl Logs {
    fn add(&mut self, change: &Change) {
        match &change.event {
            ModelEvent::Group(event) => {
                let log = self.groups.groups.entry(event.group.to_lowercase()).or_default();
                log.add([event.clone()]);
                *log = stored(log);
            }
            ModelEvent::Policy(event) => {
                let log = self.policies.entry(event.arn.clone()).or_default();
                log.add([event.clone()]);
                *log = stored(log);
            }
            ModelEvent::UserPolicies(event) => {
                let log = self.users.entry(event.group.to_lowercase()).or_default();
                log.add([event.clone()]);
                *log = stored(log);
            }
            ModelEvent::DirectoryGroup(event) => panic!("{event:?}"),
            ModelEvent::User(event) => drop(self.groups.users.add([event.clone()])),
        }
    }

    fn of<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Logs {
        let mut logs = Logs::default();
        changes.into_iter().for_each(|change| logs.add(change));
        // How many are not kept is not known exactly after repetitions.
        let groups = logs.groups.groups.values_mut().chain(logs.users.values_mut());
        groups.for_each(|log| log.older = 0);
        logs.policies.values_mut().for_each(|log| log.older = 0);
        logs
    }
}

/// The log after writing and reading it.
fn stored<E: LogEvent + serde::Serialize + serde::de::DeserializeOwned>(
    log: &EventLog<E>,
) -> EventLog<E> {
    EventLog::decode(&serde_json::to_vec(log).unwrap()).unwrap()
}

/// A group of the simulation.
#[derive(Debug, Default, Clone, PartialEq)]
struct Group {
    members: BTreeSet<String>,
    attached: BTreeSet<String>,
    inline: BTreeMap<String, PowerLevel>,
}

/// IAM, as far as the model knows it.
#[derive(Debug, Default)]
struct Iam {
    groups: BTreeMap<String, Group>,
    users: BTreeSet<String>,
}

/// One random call: an action and which of the names it takes.
type Choice = (usize, usize, usize, usize);

impl Iam {
    /// Makes the call if IAM would accept it. Returns its action and parameters.
    fn call(&mut self, (action, group, other, object): Choice) -> Option<(&'static str, Value)> {
        let name = ["Ops", "Dev", "Temp"][group % 3].to_owned();
        let other = ["Ops", "Dev", "Temp", "New"][other % 4].to_owned();
        let user = ["bob", "eve", "kim"][object % 3].to_owned();
        self.users.insert(user.clone());
        let policy = [ADMIN.to_owned(), arn("p"), arn("q")][object % 3].clone();
        let inline = ["i", "j", "k"][object % 3].to_owned();
        let is_free = !self.groups.contains_key(&other);
        let mut group = self.groups.get_mut(&name);
        let with = |more: Value| {
            let mut parameters = json!({"groupName": name});
            parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            parameters
        };
        Some(match action % 12 {
            0 | 1 if group.is_none() => {
                self.groups.insert(name.clone(), Group::default());
                ("CreateGroup", with(json!({})))
            }
            2 if group.as_deref() == Some(&Group::default()) => {
                self.groups.remove(&name);
                ("DeleteGroup", with(json!({})))
            }
            3 if group.is_some() && is_free => {
                let moved = self.groups.remove(&name)?;
                self.groups.insert(other.clone(), moved);
                ("UpdateGroup", with(json!({"newGroupName": other})))
            }
            4 | 5 => {
                group.as_mut()?.members.insert(user.clone());
                ("AddUserToGroup", with(json!({"userName": user})))
            }
            6 if group.as_mut()?.members.remove(&user) => {
                ("RemoveUserFromGroup", with(json!({"userName": user})))
            }
            7 => {
                group.as_mut()?.attached.insert(policy.clone());
                ("AttachGroupPolicy", with(json!({"policyArn": policy})))
            }
            8 if group.as_mut()?.attached.remove(&policy) => {
                ("DetachGroupPolicy", with(json!({"policyArn": policy})))
            }
            9 => {
                let level = [PowerLevel::Limited, PowerLevel::Escalates][object % 2];
                let action = ["s3:*", "iam:PutUserPolicy"][object % 2];
                let document =
                    json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}});
                group.as_mut()?.inline.insert(inline.clone(), level);
                let document = document.to_string();
                ("PutGroupPolicy", with(json!({"policyName": inline, "policyDocument": document})))
            }
            10 if group.as_mut()?.inline.remove(&inline).is_some() => {
                ("DeleteGroupPolicy", with(json!({"policyName": inline})))
            }
            11 => {
                let to = format!("{user}-{object}");
                for group in self.groups.values_mut() {
                    if group.members.remove(&user) {
                        group.members.insert(to.clone());
                    }
                }
                ("UpdateUser", json!({"userName": user, "newUserName": to}))
            }
            _ => return None,
        })
    }
}

/// What the model says of a group, as the simulation has it.
fn known(logs: &Logs, name: &str) -> Option<Group> {
    let state = logs.groups.state_at(name, Timestamp::MAX);
    let level = |policy: &InlinePolicy| {
        policy.grants.as_ref().map_or(PowerLevel::Unknown, |it| Power::from_grants(it).level())
    };
    (state.exists == Some(true)).then(|| Group {
        members: state.members.values().map(|it| it.value.clone()).collect(),
        attached: state.attached.keys().cloned().collect(),
        inline: state.inline.values().map(|it| (it.value.name.clone(), level(&it.value))).collect(),
    })
}

fn choices(max: usize) -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec((any::<usize>(), any::<usize>(), any::<usize>(), any::<usize>()), 1..max)
}

proptest! {
    #[test]
    fn the_model_is_what_iam_has_in_any_order_of_arrival(
        choices in choices(120),
        order in any::<prop::sample::Index>(),
    ) {
        let mut iam = Iam::default();
        let mut all: Vec<Change> = Vec::new();
        for (second, choice) in choices.into_iter().enumerate() {
            if let Some((action, parameters)) = iam.call(choice) {
                all.extend(changes(second as i64, action, parameters));
            }
        }
        let in_order = Logs::of(&all);
        for name in ["Ops", "Dev", "Temp", "New"] {
            prop_assert_eq!(known(&in_order, name), iam.groups.get(name).cloned(), "{}", name);
        }
        let at = order.index(all.len() + 1);
        let (first, last) = all.split_at(at);
        let mixed: Vec<&Change> = last.iter().rev().chain(first).chain(last).collect();
        prop_assert_eq!(Logs::of(mixed), in_order);
    }

    /// Calls that IAM would not accept in this order, many of them within the same second.
    #[test]
    fn all_orders_end_in_the_same_logs(
        calls in prop::collection::vec((0..4_i64, any::<usize>(), 0..2_usize, 0..3_usize), 1..12),
        seed in any::<u64>(),
    ) {
        let mut all: Vec<Change> = Vec::new();
        for (second, action, group, object) in calls {
            let parameters = json!({
                "groupName": (["Ops", "Dev"][group]),
                "newGroupName": (["Dev", "Ops"][object % 2]),
                "newUserName": (["eve", "bob"][group]),
                "userName": (["bob", "Bob", "eve"][object]),
                "policyArn": ([ADMIN.to_owned(), arn("p"), arn("q")][object]),
                "policyName": (["i", "I", "j"][object]),
                "version": (["v2", "v3", "v4"][object]),
                "versionId": (["v2", "v3", "v1"][object]),
                "setAsDefault": group == 0,
                "policyDocument": (["{}", EVERYTHING][group]),
            });
            all.extend(changes(second, MODEL_ACTIONS[action % MODEL_ACTIONS.len()], parameters));
        }
        let expected = Logs::of(&all);
        let mut order = all.clone();
        let mut random = seed;
        for at in (1..order.len()).rev() {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            order.swap(at, (random >> 33) as usize % (at + 1));
        }
        order.extend(all.iter().take(3).cloned());
        prop_assert_eq!(Logs::of(&order), expected);
    }
}

#[test]
fn a_log_keeps_the_newest_events_and_what_older_ones_decided() {
    let mut all = changes(0, "CreateGroup", json!({"groupName": "Ops"}));
    all.extend(changes(1, "AttachGroupPolicy", json!({"groupName": "Ops", "policyArn": ADMIN})));
    for second in 2..500 {
        let action = if second % 2 == 0 { "AddUserToGroup" } else { "RemoveUserFromGroup" };
        let user = format!("user-{}", second / 10);
        all.extend(changes(second, action, json!({"groupName": "Ops", "userName": user})));
    }
    all.extend(changes(500, "AddUserToGroup", json!({"groupName": "Ops", "userName": "eve"})));
    let logs = Logs::of(&all);
    let log = &logs.groups.groups["ops"];
    assert!((200..260).contains(&log.events.len()), "{}", log.events.len());
    let state = logs.groups.state_at("ops", Timestamp::MAX);
    assert!(state.complete && state.attached.contains_key(ADMIN));
    assert_eq!(state.members.keys().collect::<Vec<_>>(), ["eve"]);
    assert_eq!(Logs::of(all.iter().rev()), logs);
    assert_eq!(Logs::of(all.iter().chain(all.iter().rev())), logs);
}

#[test]
fn of_two_states_within_a_second_the_more_powerful_one_counts_and_is_uncertain() {
    let ops = |more: Value| {
        let mut parameters = json!({"groupName": "Ops"});
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    let attach = changes(5, "AttachGroupPolicy", ops(json!({"policyArn": ADMIN})));
    let detach = changes(5, "DetachGroupPolicy", ops(json!({"policyArn": ADMIN})));
    let document = |action: &str| {
        let document = json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}});
        json!({"policyName": "p", "policyDocument": document.to_string()})
    };
    let weak = changes(5, "PutGroupPolicy", ops(document("s3:*")));
    let strong = changes(5, "PutGroupPolicy", ops(document("*")));
    for order in [[&attach, &detach, &weak, &strong], [&strong, &weak, &detach, &attach]] {
        let logs = Logs::of(order.into_iter().flatten());
        let state = logs.groups.state_at("Ops", Timestamp::MAX);
        assert!(state.attached[ADMIN].uncertain);
        let inline = &state.inline["p"];
        assert!(inline.uncertain);
        let power = Power::from_grants(inline.value.grants.as_ref().unwrap());
        assert_eq!(power.level(), PowerLevel::Admin);
    }
    let later = changes(6, "AttachGroupPolicy", ops(json!({"policyArn": ADMIN})));
    let logs = Logs::of(attach.iter().chain(&detach).chain(&later));
    assert!(!logs.groups.state_at("Ops", Timestamp::MAX).attached[ADMIN].uncertain);
}

#[test]
fn a_group_that_is_deleted_and_created_again_is_certain_unless_within_a_second() {
    let ops = || json!({"groupName": "Ops"});
    for (created, uncertain) in [(6, false), (5, true)] {
        let all = [changes(5, "DeleteGroup", ops()), changes(created, "CreateGroup", ops())];
        let state = Logs::of(all.iter().flatten()).groups.state_at("Ops", Timestamp::MAX);
        assert_eq!((state.exists, state.uncertain), (Some(true), uncertain), "{created}");
    }
}

#[test]
fn a_policy_is_what_its_default_version_grants() {
    let document = |action: &str| {
        json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}).to_string()
    };
    let version = |second, version: &str, action: &str, default: bool| {
        let parameters = json!({"policyArn": arn("p"), "version": version,
            "policyDocument": document(action), "setAsDefault": default});
        changes(second, "CreatePolicyVersion", parameters)
    };
    let created =
        changes(1, "CreatePolicy", json!({"policyName": "p", "policyDocument": document("s3:*")}));
    let set = |second, version: &str| {
        let parameters = json!({"policyArn": arn("p"), "versionId": version});
        changes(second, "SetDefaultPolicyVersion", parameters)
    };
    let attached =
        changes(4, "AttachGroupPolicy", json!({"groupName": "Ops", "policyArn": arn("p")}));
    let all =
        [created, version(2, "v2", "*", false), set(3, "v2"), attached, set(5, "v1"), set(6, "v7")];
    let logs = Logs::of(all.iter().flatten().rev());
    let log = &logs.policies[&arn("p")];
    use PowerLevel::{Admin, Limited, Unknown};
    for (second, level) in
        [(0, Unknown), (1, Limited), (2, Limited), (3, Admin), (5, Limited), (6, Unknown)]
    {
        let time = Timestamp::from_second(1_772_359_200 + second).unwrap();
        assert_eq!(log.state_at(time).power().level(), level, "second {second}");
    }
    let state = log.state_at(Timestamp::MAX);
    assert_eq!(state.groups.keys().collect::<Vec<_>>(), ["ops"]);
    let both = [set(7, "v1"), set(7, "v2")];
    for both in [[&both[0], &both[1]], [&both[1], &both[0]]] {
        let mut logs = logs.clone();
        both.into_iter().flatten().for_each(|change| logs.add(change));
        let state = logs.policies[&arn("p")].state_at(Timestamp::MAX);
        assert_eq!((state.power().level(), state.uncertain), (Admin, true));
    }
}

#[test]
fn records_that_change_nothing_say_nothing() {
    for (action, parameters) in [
        ("ListGroups", json!({"groupName": "Ops"})),
        ("AddUserToGroup", json!(null)),
        ("CreatePolicyVersion", json!({"policyArn": arn("p")})),
        ("AttachRolePolicy", json!({"policyArn": arn("p"), "roleName": "App"})),
        ("SetDefaultPolicyVersion", json!({"policyArn": ADMIN, "versionId": "v2"})),
    ] {
        assert_eq!(changes(0, action, parameters), [], "{action}");
    }
    let failed = json!({
        "eventSource": "iam.amazonaws.com", "eventName": "CreatePolicy", "errorCode": "X",
        "eventTime": "2026-03-01T10:00:00Z", "recipientAccountId": ACCOUNT,
        "requestParameters": {"policyName": "p", "policyDocument": "{}"},
    });
    assert_eq!(read_changes(&Record::from_value(failed).unwrap(), None), []);
}
