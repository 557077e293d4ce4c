//! Alerts with the timeline of a group: in whatever order its events arrive, the last alert shows
//! all of them. The snapshots are for reading.

use std::sync::Arc;

use alert::Alert;
use detect::rule::{Detections, LoadedExceptions, LoadedRules, RuleSet};
use serde_json::{Value, json};
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::Pipeline;
use trailbell::store::DirStore;

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{call, deliver, pipeline_with, s3};

fn create() -> Value {
    call("CreateGroup", "2026-03-01T09:58:02Z", "alice", json!({"groupName": "Admins"}))
}

fn attach(group: &str) -> Value {
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    let parameters = json!({"groupName": group, "policyArn": arn});
    call("AttachGroupPolicy", "2026-03-01T09:59:10Z", "alice", parameters)
}

fn add() -> Value {
    let parameters = json!({"groupName": "Admins", "userName": "bob"});
    call("AddUserToGroup", "2026-03-01T10:00:00Z", "alice", parameters)
}

fn rename(old: &str, new: &str, time: &str) -> Value {
    call("UpdateGroup", time, "deploy", json!({"groupName": old, "newGroupName": new}))
}

/// The start of all mails of notifications that arrive in this order, and the last mails in full.
async fn page(pipeline: &Arc<Pipeline>, topic: &Topic, notifications: &[Vec<Value>]) -> String {
    let mut page = String::new();
    for (index, records) in notifications.iter().enumerate() {
        let sent_before = topic.accepted().len();
        let report = deliver(pipeline, records).await;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        let is_last = index + 1 == notifications.len();
        for alert in topic.accepted().split_off(sent_before) {
            page += &section(&alert, index + 1, is_last);
        }
    }
    page
}

fn section(alert: &Alert, number: usize, is_last: bool) -> String {
    let line = "=".repeat(100);
    let subject = &alert.subject;
    if is_last {
        format!("{line}\nThe last notification\nSubject: {subject}\n\n{}\n", alert.text)
    } else {
        let (start, _) = alert.text.split_once("\nFACTS\n").unwrap();
        let title = format!("Notification {number}, how the mail begins");
        format!("{line}\n{title}\nSubject: {subject}\n\n{start}\n")
    }
}

/// Compares the page of notifications with the snapshot of this name.
async fn assert_page(name: &str, notifications: &[Vec<Value>], exceptions: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::new(folder.path());
    let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let exceptions = LoadedExceptions::from_texts([("exceptions.toml", exceptions)].into_iter());
    let topic = Topic::default();
    let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| {
        pipeline.ledger = Ledger::Stored(StoredLedger::new(Box::new(store), "ledger", ""));
        pipeline.detections = Arc::new(Detections::with_loaded(rules, exceptions));
    });
    assert_snapshot(name, &page(&pipeline, &topic, notifications).await);
}

pub(crate) fn assert_snapshot(name: &str, page: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, page));
}

#[tokio::test]
async fn the_last_alert_shows_the_whole_timeline_in_any_order_of_arrival() {
    let create = vec![create()];
    let attach = vec![attach("Admins")];
    let add = vec![add()];
    assert_page("in-order", &[create.clone(), attach.clone(), add.clone()], "").await;
    assert_page("policy-last", &[add.clone(), create.clone(), attach.clone()], "").await;
    assert_page("creation-last", &[attach, add, create], "").await;
}

#[tokio::test]
async fn a_ledger_in_s3_gives_the_same_timeline() {
    let (s3, bucket) = s3().await;
    let topic = Topic::default();
    let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| {
        pipeline.ledger = Ledger::Stored(StoredLedger::new(Box::new(s3), &bucket, "some/prefix/"));
    });
    let notifications = [vec![create()], vec![attach("Admins")], vec![add()]];
    assert_snapshot("in-order", &page(&pipeline, &topic, &notifications).await);
}

#[tokio::test]
async fn every_alert_of_one_log_object_shows_the_whole_timeline() {
    assert_page("in-one-object", &[vec![create(), attach("Admins"), add()]], "").await;
}

/// The group is created as Temp by an automation that is suppressed, gets a policy, is renamed to
/// Readers and to Admins, and gets a member.
#[tokio::test]
async fn a_renamed_group_has_one_timeline_and_suppressed_events_are_marked() {
    let exception = "[[exception]]\nname = 'ci'\nrules = ['*']\nreason = 'x'\nowner = 'x'\n\
                     expires = 2026-05-01\n\
                     query = 'user.name: deploy and event.action: CreateGroup'\n";
    let temp = json!({"groupName": "Temp"});
    let create = call("CreateGroup", "2026-02-28T17:40:55Z", "deploy", temp.clone());
    let early = call("DeleteGroup", "2026-02-26T08:00:00Z", "carol", temp);
    let mut denied = call("AddUserToGroup", "2026-02-28T18:00:00Z", "mallory", json!(null));
    denied["errorCode"] = json!("AccessDenied");
    denied["errorMessage"] = json!(
        "User: arn:aws:iam::111122223333:user/mallory is not authorized to perform: \
         iam:AddUserToGroup on resource: group Temp because no identity-based policy allows the \
         iam:AddUserToGroup action"
    );
    let notifications = [
        vec![rename("Readers", "Admins", "2026-03-01T09:59:50Z")],
        vec![early, create],
        vec![denied, attach("Temp")],
        vec![rename("Temp", "Readers", "2026-03-01T09:59:30Z")],
        vec![add()],
    ];
    assert_page("renamed", &notifications, exception).await;
}
