//! The model against an IAM that is not ours: moto makes random calls, records are made from them,
//! and in the end the model has what moto's get-account-authorization-details says.

use std::collections::BTreeMap;
use std::process::Command;

use detect::model::{AuthorizationDetails, GroupState, KnownNames};
use detect::power::Grants;
use jiff::Timestamp;
use serde_json::Value;
use support::venv::python_with_moto;
use trailbell::ledger::StoredLedger;

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{deliver, ledger, pipeline};

const ACCOUNT: &str = "123456789012";
const CALLS: &str = "300";

/// What a group has: its members, the ARNs of its policies, and its inline policies.
type Group = (Vec<String>, Vec<String>, BTreeMap<String, Option<Grants>>);

/// What a policy has: its versions, which of them is in force, and the groups that it is attached
/// to.
type Policy = (BTreeMap<String, Option<Grants>>, Option<String>, Vec<String>);

/// What a user has itself: the ARNs of its policies, and its inline policies.
type User = (Vec<String>, BTreeMap<String, Option<Grants>>);

/// All that a ledger knows of the account.
#[derive(Debug, Default, PartialEq)]
struct Known {
    groups: BTreeMap<String, Group>,
    policies: BTreeMap<String, Policy>,
    /// Those that have policies of their own.
    users: BTreeMap<String, User>,
}

fn policies(state: &GroupState) -> User {
    let attached = state.attached.keys().cloned().collect();
    let inline = state.inline.values().map(|held| &held.value);
    let inline = inline.map(|it| (it.name.clone(), it.grants.clone())).collect();
    (attached, inline)
}

async fn known(ledger: &StoredLedger) -> Known {
    let logs = ledger.account_groups(ACCOUNT).await.unwrap();
    let mut known = Known::default();
    for name in ledger.user_names(ACCOUNT).await.unwrap() {
        let state = ledger.own_policies(ACCOUNT, &name, Timestamp::MAX).await.unwrap();
        let (attached, inline) = policies(&state);
        if state.exists == Some(true) && !(attached.is_empty() && inline.is_empty()) {
            known.users.insert(name, (attached, inline));
        }
    }
    for name in logs.groups.keys() {
        let state = logs.state_at(name, Timestamp::MAX);
        if state.exists == Some(true) {
            let members = state.members.values().map(|member| member.value.clone()).collect();
            let (attached, inline) = policies(&state);
            known.groups.insert(state.name.unwrap(), (members, attached, inline));
        }
    }
    for (arn, log) in ledger.account_policies(ACCOUNT).await.unwrap() {
        let state = log.state_at(Timestamp::MAX);
        if state.exists == Some(true) {
            let versions = state.versions.into_iter();
            let versions = versions.map(|(name, version)| (name, version.grants)).collect();
            let mut groups = Vec::new();
            for group in state.groups.values() {
                let found = ledger.attached_group(ACCOUNT, group, &arn, Timestamp::MAX);
                groups.extend(found.await.unwrap().map(|(name, _)| name));
            }
            groups.sort_unstable();
            groups.dedup();
            known.policies.insert(arn, (versions, state.default, groups));
        }
    }
    known
}

/// Records, and what IAM has in the end.
fn calls(seed: u32) -> (Vec<Value>, Value) {
    let output = Command::new(python_with_moto().unwrap())
        .arg(support::root().join("tests/tools/iam_calls.py"))
        .args([&seed.to_string(), CALLS])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let records = made["records"].take().as_array().unwrap().clone();
    (records, made["details"].take())
}

async fn imported(details: &Value, time: Timestamp) -> Known {
    let mut read = AuthorizationDetails::default();
    read.add_page(details).unwrap();
    read.check().unwrap();
    let memory = Memory::new();
    let ledger = ledger(&memory);
    for (account, details) in read.accounts() {
        let changes = details.changes(account, time, &KnownNames::default());
        assert!(ledger.add_changes(changes, time).await.is_empty());
    }
    known(&ledger).await
}

#[tokio::test]
async fn in_any_order_of_arrival_the_model_is_what_iam_has() {
    let last: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    for seed in [1, 2] {
        let (records, details) = calls(seed);
        let expected = imported(&details, last).await;
        assert!(
            expected.groups.len() > 1 && expected.policies.len() > 1 && expected.users.len() > 1,
            "{expected:?}"
        );
        let by_rest = |rest: usize| records.iter().skip(rest).step_by(2).rev().cloned();
        let interleaved: Vec<Value> = by_rest(1).chain(by_rest(0)).collect();
        for order in [records.clone(), interleaved] {
            let memory = Memory::new();
            let pipeline = pipeline(&memory, &Topic::default());
            let repeated: Vec<Value> = order.iter().step_by(3).cloned().collect();
            for some in order.chunks(25).chain(repeated.chunks(25)) {
                deliver(&pipeline, some).await;
            }
            let ledger = ledger(&memory);
            assert_eq!(known(&ledger).await, expected, "seed {seed}");
            // What IAM has now changes nothing that the trail has said.
            let mut read = AuthorizationDetails::default();
            read.add_page(&details).unwrap();
            for (account, details) in read.accounts() {
                let early = "2026-02-01T12:00:00Z".parse().unwrap();
                let changes = details.changes(account, early, &KnownNames::default());
                assert!(ledger.add_changes(changes, last).await.is_empty());
            }
            let after = known(&ledger).await;
            assert_eq!(after.groups, expected.groups, "seed {seed}");
            assert_eq!(after.users, expected.users, "seed {seed}");
        }
    }
}
