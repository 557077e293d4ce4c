//! The context of an alert: failures and delays of the ledger delay no alert, and little is read.

use std::sync::Arc;
use std::time::Duration;

use alert::Alert;
use detect::finding::{FindingId, Outcome};
use serde_json::{Value, json};
use tokio::time::Instant;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::pipeline::{self, Clock, MailLength, Pipeline};
use trailbell::store::{DirStore, ObjectStore};

use crate::ledger::memory::{Fault, HangingStore, Memory, Topic};
use crate::ledger::world::{call, clock, deliver, inline, pipeline, pipeline_with};

const GROUP: &str = "groups/111122223333/admins";

fn add(second: usize) -> Value {
    let time = format!("2026-03-01T10:{:02}:{:02}Z", second / 60, second % 60);
    let parameters = json!({"groupName": "Admins", "userName": format!("user-{second}")});
    call("AddUserToGroup", &time, "alice", parameters)
}

fn create() -> Value {
    call("CreateGroup", "2026-03-01T09:00:00Z", "deploy", json!({"groupName": "Admins"}))
}

fn put_policy(time: &str, group: &str, policy: &str) -> Value {
    let parameters = json!({"groupName": group, "policyName": policy});
    call("PutGroupPolicy", &format!("2026-03-01T{time}Z"), "alice", parameters)
}

fn rename(old: &str, new: &str, second: usize) -> Value {
    let parameters = json!({"groupName": old, "newGroupName": new});
    call("UpdateGroup", &format!("2026-03-01T09:59:{second:02}Z"), "deploy", parameters)
}

/// Delivers records. Returns the first alert that they cause.
async fn alert_of(pipeline: &Arc<Pipeline>, topic: &Topic, records: &[Value]) -> Alert {
    let sent_before = topic.accepted().len();
    let report = deliver(pipeline, records).await;
    assert!(report.reply().is_ok(), "{:?}", report.problems);
    topic.accepted().swap_remove(sent_before)
}

fn context(alert: &Alert) -> &Value {
    &alert.document["trailbell"]["context"]
}

/// Each event of the timeline as its action and object.
fn timeline(alert: &Alert) -> Vec<String> {
    let events = context(alert)["group_timeline"].as_array().unwrap();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or("?").to_owned();
    events
        .iter()
        .map(|event| format!("{} {}", text(event, "action"), text(event, "object")))
        .collect()
}

/// Whether the finding is the first of its principal, and of its group.
fn first(alert: &Alert) -> (bool, bool) {
    let flag = |name: &str| context(alert)[name].as_bool().unwrap();
    (flag("first_of_principal"), flag("first_of_group"))
}

#[tokio::test]
async fn with_an_empty_ledger_everything_is_the_first() {
    let memory = Memory::new();
    let topic = Topic::default();
    let alert = alert_of(&pipeline(&memory, &topic), &topic, &[create()]).await;
    assert_eq!(first(&alert), (true, true));
    assert_eq!(context(&alert)["gap"], json!(null));
    assert_eq!(timeline(&alert), ["CreateGroup ?"]);
    let sentence = "  -  No earlier finding is on record for deploy or Admins.\n";
    assert!(alert.text.contains(sentence), "{}", alert.text);
}

#[tokio::test]
async fn first_means_that_nothing_earlier_is_on_record() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    for (user, group, time, expected) in [
        ("alice", "a", "2026-03-01T10:00:00Z", (true, true)),
        ("bob", "a", "2026-03-01T11:00:00Z", (true, false)),
        ("alice", "b", "2026-03-01T11:00:01Z", (false, true)),
        ("bob", "a", "2026-03-01T09:00:00Z", (true, true)),
        // Longer ago than the context goes back.
        ("alice", "a", "2026-03-09T09:00:00Z", (false, false)),
    ] {
        let record = call("CreateGroup", time, user, json!({"groupName": group}));
        let alert = alert_of(&pipeline, &topic, &[record]).await;
        assert_eq!(first(&alert), expected, "{user} {group} {time}");
    }
}

#[tokio::test]
async fn a_context_costs_two_reads_for_the_group_and_a_list_for_each_user() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[create()]).await;
    deliver(&pipeline, &[add(0)]).await;
    memory.take_calls();
    let alert = alert_of(&pipeline, &topic, &[add(1)]).await;
    assert_eq!(timeline(&alert).len(), 3);
    let calls = memory.take_calls();
    // The group is read for the event that is written, for the severity, and for the alert.
    for (call, expected) in
        [("get groups/", 3), ("get users/", 2), ("list by-principal/", 2), ("list by-group/", 0)]
    {
        let count = calls.iter().filter(|made| made.starts_with(call)).count();
        assert_eq!(count, expected, "{call}: {calls:?}");
    }
}

/// The added user's ARN has a path, and its name is written in another case, in its own calls.
#[tokio::test]
async fn what_the_added_user_was_found_doing_is_in_the_alert() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let mut own = call("CreateGroup", "2026-03-01T10:05:00Z", "Bob", json!({"groupName": "x"}));
    own["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/ops/Bob");
    deliver(&pipeline, &[own]).await;
    let add = |time: &str, by: &str| {
        let parameters = json!({"groupName": "Admins", "userName": "bob"});
        call("AddUserToGroup", &format!("2026-03-01T{time}Z"), by, parameters)
    };
    let alert = alert_of(&pipeline, &topic, &[add("10:00:00", "alice")]).await;
    assert_eq!(context(&alert)["target_findings"][0]["rule_name"], "AWS IAM Group Creation");
    let line = "\n  bob was also found: 1 × AWS IAM Group Creation\n";
    assert!(alert.text.contains(line), "{}", alert.text);
    let alert = alert_of(&pipeline, &topic, &[add("10:00:01", "bob")]).await;
    assert_eq!(context(&alert)["target_findings"], json!([]), "the principal itself");
}

#[tokio::test]
async fn a_failed_list_is_reported_and_the_rest_of_the_context_is_shown() {
    for (failing, sentence) in [
        (&["get users/"][..], "Incomplete: part of the ledger could not be read."),
        (&["list by-principal/"], "Incomplete: part of the ledger could not be read."),
        (&["get users/", "list by-principal/"], "Unknown: the ledger could not be read."),
    ] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        deliver(&pipeline, &[create(), add(0)]).await;
        memory.fail(move |verb, key| {
            let request = format!("{verb} {key}");
            let fails = failing.iter().any(|start| request.starts_with(start));
            if fails { Fault::Refused } else { Fault::None }
        });
        let sent_before = topic.accepted().len();
        let report = deliver(&pipeline, &[add(1)]).await;
        let alerts = topic.accepted().split_off(sent_before);
        assert!(report.reply().is_ok() && alerts.len() == 1, "{failing:?}: {:?}", report.problems);
        assert_eq!(context(&alerts[0])["gap"], "ledger_failed", "{failing:?}");
        let text = &alerts[0].text;
        assert!(text.contains(sentence), "{failing:?}: {text}");
        assert!(!text.contains("No earlier finding"), "{failing:?}: that is unknown");
        let problem = report.problems[0].to_string();
        assert!(problem.contains("503: slow down"), "{problem}");
    }
}

/// Without a limit none of these would ever end.
#[tokio::test(start_paused = true)]
async fn a_hanging_ledger_delays_no_alert_past_the_deadline() {
    for left in [None, Some(Duration::from_millis(200))] {
        let memory = Memory::new();
        let topic = Topic::default();
        let store = HangingStore { memory: memory.clone(), prefixes: &["users/", "by-principal/"] };
        let pipeline = pipeline_with(&memory, &topic, |pipeline| {
            pipeline.ledger = Ledger::Stored(StoredLedger::new(Box::new(store), "state", ""));
        });
        let last_start = left.map(|left| Instant::now() + left);
        let records: Vec<Value> = (0..5).map(add).collect();
        let report =
            pipeline::run(&pipeline, &inline(&records), Clock { last_start, ..clock() }).await;
        let problems = &report.problems;
        assert_eq!(report.report.findings_that(Outcome::Alerted), 5, "{left:?}: {problems:?}");
        assert!(last_start.is_none_or(|last_start| Instant::now() <= last_start));
        assert!(report.reply().is_ok());
        for alert in topic.accepted() {
            assert_eq!(context(&alert)["gap"], "late");
            assert!(alert.text.contains("Unknown: the ledger did not answer in time."));
        }
    }
}

#[tokio::test]
async fn without_a_ledger_the_mail_says_nothing_of_it() {
    let topic = Topic::default();
    let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| pipeline.ledger = Ledger::None);
    let alert = alert_of(&pipeline, &topic, &[create()]).await;
    assert!(!alert.text.contains("48 HOURS") && !alert.text.contains("ledger"), "{}", alert.text);
    assert_eq!(context(&alert)["gap"], "ledger_off");
}

#[tokio::test]
async fn a_full_mail_ends_with_the_guide() {
    for (length, has_guide) in [(MailLength::Short, false), (MailLength::Full, true)] {
        let topic = Topic::default();
        let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| pipeline.mail = length);
        let text = alert_of(&pipeline, &topic, &[create()]).await.text;
        let headings = ["\nABOUT THIS RULE\n", "\nINVESTIGATION GUIDE\n", "\nREFERENCES\n"];
        assert!(headings.iter().all(|heading| text.contains(heading) == has_guide), "{text}");
    }
}

#[tokio::test]
async fn a_minimal_alert_reads_no_context() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    topic.fail(&[Fault::Refused; 4]);
    for _ in 1..=4 {
        deliver(&pipeline, &[create()]).await;
    }
    memory.take_calls();
    let alert = alert_of(&pipeline, &topic, &[create()]).await;
    assert!(alert.text.starts_with("  The full alert"));
    let calls = memory.take_calls();
    for read in ["get users/", "list by-principal/"] {
        assert!(!calls.iter().any(|call| call.starts_with(read)), "{calls:?}");
    }
}

/// What is written later is kept nevertheless.
#[tokio::test]
async fn an_unreadable_log_of_a_group_is_reported_and_replaced_if_it_is_damaged() {
    for (log, replaced) in [
        ("", true),
        ("{}", true),
        (r#"{"version":1,"events":[7]}"#, true),
        (r#"{"version":9}"#, false),
    ] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        deliver(&pipeline, &[create()]).await;
        memory.write(GROUP, log);
        let sent_before = topic.accepted().len();
        let report = deliver(&pipeline, &[add(0)]).await;
        let alert = topic.accepted().swap_remove(sent_before);
        assert_eq!(timeline(&alert), ["AddUserToGroup user-0"], "{log}");
        // A later version's log is left alone, and what could not be added is delivered again.
        assert_eq!(report.reply().is_ok(), replaced, "{log}: {:?}", report.problems);
        let gap = if replaced { json!(null) } else { json!("unreadable") };
        assert_eq!(context(&alert)["gap"], gap, "{log}");
        assert_eq!(first(&alert).1, replaced, "{log}");
        let alert_later = alert_of_any(&pipeline, &topic, add(1)).await;
        assert_eq!(timeline(&alert_later).len(), if replaced { 2 } else { 1 }, "{log}");
    }
}

/// Delivers a record. Returns the alert that it causes, whatever else fails.
async fn alert_of_any(pipeline: &Arc<Pipeline>, topic: &Topic, record: Value) -> Alert {
    let sent_before = topic.accepted().len();
    deliver(pipeline, &[record]).await;
    topic.accepted().swap_remove(sent_before)
}

#[tokio::test]
async fn a_call_from_the_future_is_not_remembered() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let future = call("DeleteGroup", "2126-03-01T10:00:00Z", "x", json!({"groupName": "Admins"}));
    deliver(&pipeline, &[future]).await;
    assert_eq!(memory.keys("groups/"), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_called_the_first_if_a_key_of_the_principal_is_unreadable() {
    let written = Memory::new();
    deliver(&pipeline(&written, &Topic::default()), &[add(0)]).await;
    let memory = Memory::new();
    let topic = Topic::default();
    for key in written.keys("by-principal/") {
        let folder = &key[..=key.rfind('/').unwrap()];
        memory.write(&format!("{folder}20260301T093000Z-damaged"), "");
    }
    let alert = alert_of(&pipeline(&memory, &topic), &topic, &[add(0)]).await;
    assert_eq!(first(&alert), (false, true));
}

#[tokio::test]
async fn findings_of_the_same_call_are_not_counted_for_the_principal() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let attach = |time: &str| {
        let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
        call("AttachGroupPolicy", time, "alice", json!({"groupName": "Admins", "policyArn": arn}))
    };
    deliver(&pipeline, &[add(0), add(1), attach("2026-03-01T09:00:00Z")]).await;
    let key = memory.keys("by-principal/").remove(0);
    let folder = &key[..=key.rfind('/').unwrap()];
    memory.write(&format!("{folder}20260301T093000Z-gone%2Drule-{}", "1".repeat(64)), "");
    memory.write(&format!("{folder}20260301T093000Z-damaged"), "");
    let event_id = "AttachGroupPolicy-2026-03-01T10:30:00Z";
    let other_rule = FindingId::hash_parts(["other", "111122223333", event_id]);
    memory.write(&format!("{folder}20260301T103000Z-other-{other_rule}"), "");
    let alert = alert_of(&pipeline, &topic, &[attach("2026-03-01T10:30:00Z")]).await;
    let findings = context(&alert)["principal_findings"].as_array().unwrap();
    let counts = findings
        .iter()
        .map(|finding| format!("{} {}", finding["count"], finding["rule_name"].as_str().unwrap()));
    let expected = [
        "2 AWS IAM User Addition to Group",
        "1 AWS IAM Administrator Policy Attached to Group",
        "1 gone-rule",
    ];
    assert_eq!(counts.collect::<Vec<_>>(), expected);
    assert_eq!(context(&alert)["gap"], "unreadable");
}

/// The newest 200 events of a group are kept, of older ones those that still decide something.
#[tokio::test]
async fn of_a_long_timeline_the_newest_events_are_kept() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let change = |second: usize, action: &str| {
        let time = format!("2026-03-01T09:{:02}:{:02}Z", second / 60, second % 60);
        call(action, &time, "deploy", json!({"groupName": "Admins", "userName": "bob"}))
    };
    let changes: Vec<Value> = (0..150)
        .flat_map(|nth| {
            [change(2 * nth, "AddUserToGroup"), change(2 * nth + 1, "RemoveUserFromGroup")]
        })
        .collect();
    deliver(&pipeline, &[create()]).await;
    deliver(&pipeline, &changes).await;
    let alert = alert_of(&pipeline, &topic, &[add(0)]).await;
    let log: Value = serde_json::from_str(&memory.text(GROUP).unwrap()).unwrap();
    // 302 events: the creation, which decides something, and the newest 200.
    assert_eq!(log["events"].as_array().unwrap().len(), 201);
    assert_eq!(log["older"], 101);
    assert!(timeline(&alert).contains(&"AddUserToGroup user-0".to_owned()));
    assert!(!first(&alert).1);
}

#[tokio::test]
async fn renamings_are_followed_and_a_long_chain_is_reported_as_incomplete() {
    let back_and_forth =
        vec![rename("Start", "Admins", 0), rename("Admins", "B", 1), rename("B", "Admins", 2)];
    let chain = |renamings: usize| -> Vec<Value> {
        let name = |index: usize| match index {
            0 => "Start".to_owned(),
            _ if index == renamings => "Admins".to_owned(),
            _ => format!("Name{index}"),
        };
        (0..renamings).map(|index| rename(&name(index), &name(index + 1), index)).collect()
    };
    for (renamings, complete) in [(back_and_forth, true), (chain(4), true), (chain(5), false)] {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        deliver(&pipeline, &[put_policy("09:30:00", "Start", "p")]).await;
        deliver(&pipeline, &renamings).await;
        let alert = alert_of(&pipeline, &topic, &[add(0)]).await;
        let timeline = timeline(&alert);
        assert_eq!(timeline.contains(&"PutGroupPolicy p".to_owned()), complete, "{timeline:?}");
        let gap = if complete { json!(null) } else { json!("too_much") };
        assert_eq!(context(&alert)["gap"], gap);
    }
}

/// IAM matches names of groups in any case, so the timeline must too.
#[tokio::test]
async fn names_of_groups_match_in_any_case() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let records = [
        put_policy("09:30:00", "start", "1"),
        rename("START", "ADMINS", 0),
        put_policy("10:00:00", "aDmins", "2"),
    ];
    deliver(&pipeline, &records).await;
    let alert = alert_of(&pipeline, &topic, &[add(1)]).await;
    let expected =
        ["PutGroupPolicy 1", "UpdateGroup ADMINS", "PutGroupPolicy 2", "AddUserToGroup user-1"];
    assert_eq!(timeline(&alert), expected);
    assert_eq!(context(&alert)["first_of_group"], false);
}

/// Another group can get a name that is free again.
#[tokio::test]
async fn events_of_another_group_of_the_same_name_are_left_out() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let records = [
        put_policy("09:10:00", "Temp", "before"),
        rename("Temp", "Admins", 0),
        put_policy("09:59:30", "Temp", "after"),
    ];
    deliver(&pipeline, &records).await;
    let alert = alert_of(&pipeline, &topic, &[add(0)]).await;
    let expected = ["PutGroupPolicy before", "UpdateGroup Admins", "AddUserToGroup user-0"];
    assert_eq!(timeline(&alert), expected);
}

#[tokio::test]
async fn odd_and_very_long_names_make_valid_keys_and_readable_timelines() {
    let controls: String = (0..=31_u8).chain([127]).map(char::from).collect();
    let names = [
        controls.as_str(),
        "👩‍💻🔥",
        "\u{202e}snimdA\u{200f}",
        "..",
        "/",
        "~",
        "…",
        &"x".repeat(10_240),
        &"é\n/".repeat(3_000),
    ];
    for name in names {
        let memory = Memory::new();
        check_name(name, Box::new(memory.clone()), &"p".repeat(300)).await;
        assert!(memory.keys("").iter().all(|key| key.len() <= 1_024), "{name:.40?}");
        let folder = tempfile::tempdir().unwrap();
        check_name(name, Box::new(DirStore::new(folder.path())), "").await;
    }
}

async fn check_name(name: &str, store: Box<dyn ObjectStore>, prefix: &str) {
    let topic = Topic::default();
    let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| {
        pipeline.ledger = Ledger::Stored(StoredLedger::new(store, "state", prefix));
    });
    let new_name = format!("new {name}");
    let calls = [
        ("AddUserToGroup", json!({"groupName": name, "userName": name})),
        ("UpdateGroup", json!({"groupName": name, "newGroupName": new_name})),
        (
            "PutGroupPolicy",
            json!({"groupName": new_name, "policyName": name, "policyDocument": name}),
        ),
    ];
    for (second, (action, parameters)) in calls.into_iter().enumerate() {
        let time = format!("2026-03-01T10:00:0{second}Z");
        let report = deliver(&pipeline, &[call(action, &time, name, parameters)]).await;
        assert!(report.problems.is_empty(), "{action} {name:.40?}: {:?}", report.problems);
    }
    let timeline = timeline(&topic.accepted()[2]);
    assert_eq!(timeline.len(), 3, "{name:.40?}: {timeline:?}");
    assert!(timeline[0].starts_with("AddUserToGroup "), "{name:.40?}");
}
