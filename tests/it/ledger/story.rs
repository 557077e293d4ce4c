//! The mails that tell the story of a group: whatever arrives when, the last one to arrive tells
//! all of it. `tests/golden/story-*.txt` are to be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alert::Alert;
use detect::rule::{Detections, LoadedExceptions, LoadedRules, RuleSet};
use serde_json::{Value, json};
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self, Pipeline};
use trailbell::store::DirStore;

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::stores::s3;
use crate::ledger::world::{call, clock, inline, pipeline};
use support::golden::compare;

fn create() -> Value {
    call("CreateGroup", "2026-03-01T09:58:02Z", "alice", json!({"groupName": "Admins"}))
}

fn attach(group: &str) -> Value {
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    call(
        "AttachGroupPolicy",
        "2026-03-01T09:59:10Z",
        "alice",
        json!({"groupName": group, "policyArn": arn}),
    )
}

fn add() -> Value {
    call(
        "AddUserToGroup",
        "2026-03-01T10:00:00Z",
        "alice",
        json!({"groupName": "Admins", "userName": "bob"}),
    )
}

fn rename(old: &str, new: &str, time: &str) -> Value {
    call("UpdateGroup", time, "deploy", json!({"groupName": old, "newGroupName": new}))
}

/// A pipeline whose ledger is a folder.
fn with_folder(folder: &Path, topic: &Topic) -> Pipeline {
    let mut pipeline = Arc::into_inner(pipeline(&Memory::new(), topic)).unwrap();
    pipeline.ledger =
        Ledger::Stored(StoredLedger::new(Box::new(DirStore::new(folder)), "ledger", ""));
    pipeline
}

/// The alerts of notifications that arrive one after the other.
async fn told(pipeline: Pipeline, topic: &Topic, notifications: &[Vec<Value>]) -> Vec<Vec<Alert>> {
    let pipeline = Arc::new(pipeline);
    let mut told = Vec::new();
    for records in notifications {
        let before = topic.accepted().len();
        let outcome = pipeline::run(&pipeline, &inline(records), clock()).await;
        assert!(
            outcome.mismatch.is_none() && outcome.problems.is_empty(),
            "{:?}",
            outcome.problems
        );
        told.push(topic.accepted().split_off(before));
    }
    told
}

/// What is read first of all mails, and the last to arrive whole.
fn page(told: &[Vec<Alert>]) -> String {
    let (last, before) = told.split_last().unwrap();
    let rule = "=".repeat(100);
    let mut page = String::new();
    for (nth, alerts) in before.iter().enumerate() {
        for alert in alerts {
            let (start, _) = alert.text.split_once("\nFACTS\n").unwrap();
            page += &format!(
                "{rule}\nNotification {}, how the mail begins\nSubject: {}\n\n{start}\n",
                nth + 1,
                alert.subject
            );
        }
    }
    for alert in last {
        page += &format!(
            "{rule}\nThe last notification\nSubject: {}\n\n{}\n",
            alert.subject, alert.text
        );
    }
    page
}

async fn golden(name: &str, notifications: &[Vec<Value>], exceptions: &str) {
    let (folder, topic) = (tempfile::tempdir().unwrap(), Topic::default());
    let mut pipeline = with_folder(folder.path(), &topic);
    let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let exceptions = LoadedExceptions::from_texts([("exceptions.toml", exceptions)].into_iter());
    pipeline.detections = Arc::new(Detections::with_loaded(rules, exceptions));
    let told = told(pipeline, &topic, notifications).await;
    compare([(file(name), page(&told))]);
}

fn file(name: &str) -> PathBuf {
    support::root().join("tests/golden").join(name)
}

#[tokio::test]
async fn created_given_a_policy_given_a_member_in_three_orders_of_arrival() {
    let (create, attach, add) = (vec![create()], vec![attach("Admins")], vec![add()]);
    golden("story-in-order.txt", &[create.clone(), attach.clone(), add.clone()], "").await;
    golden("story-policy-last.txt", &[add.clone(), create.clone(), attach.clone()], "").await;
    golden("story-creation-last.txt", &[attach, add, create], "").await;
}

#[tokio::test]
async fn in_s3_the_story_is_the_same() {
    let (s3, bucket) = s3().await;
    let topic = Topic::default();
    let mut pipeline = Arc::into_inner(pipeline(&Memory::new(), &topic)).unwrap();
    pipeline.ledger = Ledger::Stored(StoredLedger::new(Box::new(s3), &bucket, "some/prefix/"));
    let told = told(pipeline, &topic, &[vec![create()], vec![attach("Admins")], vec![add()]]).await;
    compare([(file("story-in-order.txt"), page(&told))]);
}

#[tokio::test]
async fn one_log_object_tells_the_whole_story_in_every_alert() {
    golden("story-in-one-object.txt", &[vec![create(), attach("Admins"), add()]], "").await;
}

/// Created as Temp by an automation that is suppressed, given a policy, renamed to Readers and to
/// Admins, given a member.
#[tokio::test]
async fn a_renamed_group_has_its_story_under_all_its_names_and_what_is_suppressed_is_marked() {
    let exception = "[[exception]]\nname = 'ci'\nrules = ['*']\nreason = 'x'\nowner = 'x'\nexpires = 2026-05-01\n\
                     query = 'user.name: deploy and event.action: CreateGroup'\n";
    let parameters = json!({"groupName": "Temp"});
    let create = call("CreateGroup", "2026-02-28T17:40:55Z", "deploy", parameters.clone());
    let early = call("DeleteGroup", "2026-02-26T08:00:00Z", "carol", json!({"groupName": "Temp"}));
    let mut denied = call("AddUserToGroup", "2026-02-28T18:00:00Z", "mallory", json!(null));
    denied["errorCode"] = json!("AccessDenied");
    denied["errorMessage"] = json!(
        "User: arn:aws:iam::111122223333:user/mallory is not authorized to perform: iam:AddUserToGroup on resource: \
         group Temp because no identity-based policy allows the iam:AddUserToGroup action"
    );
    let notifications = [
        vec![rename("Readers", "Admins", "2026-03-01T09:59:50Z")],
        vec![early, create],
        vec![denied, attach("Temp")],
        vec![rename("Temp", "Readers", "2026-03-01T09:59:30Z")],
        vec![add()],
    ];
    golden("story-renamed.txt", &notifications, exception).await;
}
