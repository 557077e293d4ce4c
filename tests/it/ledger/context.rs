//! The context of an alert: what fails or hangs takes no alert with it, and what is read is
//! bounded.

use std::sync::Arc;
use std::time::Duration;

use alert::Alert;
use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::Body;
use detect::finding::{FindingId, Outcome};
use serde_json::{Value, json};
use tokio::time::Instant;
use trailbell::ledger::{Ledger, StoredLedger};
use trailbell::notification::ObjectRef;
use trailbell::pipeline::{self, Clock, InvocationReport};
use trailbell::store::{
    Condition, DirStore, Listing, ObjectStore, Page, SmallObject, StoreError, Written,
};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{call, clock, inline, pipeline};

const GROUP: &str = "by-group/111122223333/admins/";

fn add(second: usize) -> Value {
    let parameters = json!({"groupName": "Admins", "userName": format!("user-{second}")});
    call(
        "AddUserToGroup",
        &format!("2026-03-01T10:{:02}:{:02}Z", second / 60, second % 60),
        "alice",
        parameters,
    )
}

fn create() -> Value {
    call("CreateGroup", "2026-03-01T09:00:00Z", "deploy", json!({"groupName": "Admins"}))
}

async fn run(memory: &Memory, topic: &Topic, records: &[Value]) -> (InvocationReport, Vec<Alert>) {
    let before = topic.accepted().len();
    let outcome = pipeline::run(&pipeline(memory, topic), &inline(records), clock()).await;
    assert_eq!(outcome.mismatch, None);
    (outcome, topic.accepted().split_off(before))
}

fn context(alert: &Alert) -> &Value {
    &alert.document["trailbell"]["context"]
}

/// Each event of the timeline in a few words.
fn told(alert: &Alert) -> Vec<String> {
    let events = context(alert)["group_timeline"].as_array().unwrap();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or("?").to_owned();
    events
        .iter()
        .map(|event| format!("{} {}", text(event, "action"), text(event, "object")))
        .collect()
}

#[tokio::test]
async fn an_empty_ledger_says_that_all_is_new() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let (_, alerts) = run(&memory, &topic, &[create()]).await;
    let context = context(&alerts[0]);
    assert_eq!(
        (&context["first_of_principal"], &context["first_of_group"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&context["gap"], told(&alerts[0])),
        (&json!(null), vec!["CreateGroup ?".to_owned()])
    );
    assert!(
        alerts[0]
            .text
            .contains("No earlier finding is on record for this principal or this group.")
    );
}

#[tokio::test]
async fn only_what_nothing_precedes_is_the_first() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let first = |alert: &Alert| {
        (
            context(alert)["first_of_principal"].as_bool().unwrap(),
            context(alert)["first_of_group"].as_bool().unwrap(),
        )
    };
    let by = |user: &str, group: &str, time: &str| {
        call("CreateGroup", time, user, json!({"groupName": group}))
    };
    for (record, expected) in [
        (by("alice", "a", "2026-03-01T10:00:00Z"), (true, true)),
        (by("bob", "a", "2026-03-01T11:00:00Z"), (true, false)),
        (by("alice", "b", "2026-03-01T11:00:01Z"), (false, true)),
        (by("bob", "a", "2026-03-01T09:00:00Z"), (true, true)),
        // Longer ago than the context goes back.
        (by("alice", "a", "2026-03-09T09:00:00Z"), (false, false)),
    ] {
        let (_, alerts) = run(&memory, &topic, std::slice::from_ref(&record)).await;
        assert_eq!(first(&alerts[0]), expected, "{record}");
    }
}

#[tokio::test]
async fn one_list_for_the_group_and_one_for_the_actor_and_no_get() {
    let (memory, topic) = (Memory::new(), Topic::default());
    run(&memory, &topic, &[create()]).await;
    run(&memory, &topic, &[add(0)]).await;
    memory.calls();
    let (_, alerts) = run(&memory, &topic, &[add(1)]).await;
    assert_eq!(told(&alerts[0]).len(), 3);
    let calls = memory.calls();
    let count = |start: &str| calls.iter().filter(|call| call.starts_with(start)).count();
    assert_eq!(
        (count("list by-group/"), count("list by-principal/"), count("get ")),
        (1, 1, 0),
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_list_that_fails_is_said_and_named_and_the_rest_is_told() {
    for (folder, gap, text) in [
        ("by-group/", "ledger_failed", "Incomplete: part of the ledger could not be read."),
        ("by-principal/", "ledger_failed", "Incomplete: part of the ledger could not be read."),
        ("by-", "ledger_failed", "Unknown: the ledger could not be read."),
    ] {
        let (memory, topic) = (Memory::new(), Topic::default());
        run(&memory, &topic, &[create(), add(0)]).await;
        memory.fail(move |verb, key| {
            let fails = verb == "list" && key.starts_with(folder) && !key.starts_with("by-window/");
            if fails { Fault::Refused } else { Fault::None }
        });
        let (outcome, alerts) = run(&memory, &topic, &[add(1)]).await;
        assert!(outcome.reply().is_ok() && alerts.len() == 1, "{folder}: {:?}", outcome.problems);
        assert_eq!(context(&alerts[0])["gap"], gap, "{folder}");
        assert!(alerts[0].text.contains(text), "{folder}: {}", alerts[0].text);
        let problems: Vec<String> = outcome.problems.iter().map(ToString::to_string).collect();
        assert!(
            problems[0].contains("/by-") && problems[0].contains("503: slow down"),
            "{problems:?}"
        );
        assert!(!alerts[0].text.contains("No earlier finding"), "{folder}: nobody knows");
    }
}

/// A memory whose lists of some folders never end.
pub struct Hangs(pub Memory, pub &'static [&'static str]);

#[async_trait]
impl ObjectStore for Hangs {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        self.0.open(object).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        self.0.get(bucket, key).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, StoreError> {
        self.0.put(bucket, key, bytes, condition).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.0.delete(bucket, key).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        if self.1.iter().any(|folder| listing.prefix.starts_with(folder)) {
            std::future::pending::<()>().await;
        }
        self.0.list(listing).await
    }
}

/// Without a bound none of these would ever end.
#[tokio::test]
async fn a_ledger_that_hangs_is_not_waited_for_and_never_past_the_deadline() {
    for left in [None, Some(Duration::from_millis(200))] {
        let (memory, topic) = (Memory::new(), Topic::default());
        let mut pipeline = Arc::into_inner(pipeline(&memory, &topic)).unwrap();
        let hangs = Hangs(memory, &["by-group/", "by-principal/"]);
        pipeline.ledger = Ledger::Stored(StoredLedger::new(Box::new(hangs), "state", ""));
        let clock = Clock { last_start: left.map(|left| Instant::now() + left), ..clock() };
        let records: Vec<Value> = (0..5).map(add).collect();
        let outcome = pipeline::run(&Arc::new(pipeline), &inline(&records), clock).await;
        assert_eq!(
            outcome.report.findings_that(Outcome::Alerted),
            5,
            "{left:?}: {:?}",
            outcome.problems
        );
        assert!(outcome.reply().is_ok());
        for alert in topic.accepted() {
            assert_eq!(context(&alert)["gap"], "late");
            assert!(alert.text.contains("Unknown: the ledger did not answer in time."));
        }
    }
}

#[tokio::test]
async fn without_a_ledger_one_line_says_so() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let mut pipeline = Arc::into_inner(pipeline(&memory, &topic)).unwrap();
    pipeline.ledger = Ledger::None;
    pipeline::run(&Arc::new(pipeline), &inline(&[create()]), clock()).await;
    let text = &topic.accepted()[0].text;
    assert!(
        text.contains(
            "\nLAST 48 HOURS\n  Unknown: there is no ledger (TRAILBELL_LEDGER=none).\n\n"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn the_minimal_alert_takes_no_context() {
    let (memory, topic) = (Memory::new(), Topic::default());
    topic.fail(&[Fault::Refused; 4]);
    for _ in 1..=4 {
        run(&memory, &topic, &[create()]).await;
    }
    memory.calls();
    let (_, alerts) = run(&memory, &topic, &[create()]).await;
    assert!(alerts[0].text.starts_with("  The full alert"));
    let calls = memory.calls();
    assert!(
        !calls.iter().any(
            |call| call.starts_with("list by-group/") || call.starts_with("list by-principal/")
        )
    );
}

#[tokio::test]
async fn what_nobody_can_read_is_skipped_and_what_is_missing_is_said() {
    let id = "0".repeat(64);
    for (key, said, events) in [
        (
            format!(
                "{GROUP}20260301T093000Z-AttachGroupPolicy-{id}-v1/e/e-9/~/alice/arn:aws:iam::aws:policy%2FX"
            ),
            false,
            3,
        ),
        (format!("{GROUP}README"), false, 2),
        (format!("{GROUP}%FF/x"), false, 2),
        (format!("{GROUP}20260301T093000Z-AttachGroupPolicy-{id}-v2/other/things"), true, 3),
        (format!("{GROUP}20260301T093000Z-AttachGroupPolicy-{id}"), true, 3),
        (format!("{GROUP}20260301T093000Z-AttachGroupPolicy-{id}-v1/?/e-9/~/alice/x"), true, 3),
        (format!("{GROUP}20260301T093000Z-AttachGroupPolicy-{id}-v1/e/%FF/~/alice/x"), true, 3),
        (format!("{GROUP}20260301T093000Z-AttachGroupPolicy-"), true, 2),
        (format!("{GROUP}21260301T093000Z-AttachGroupPolicy-{id}-v1/e/e-9/~/alice/x"), true, 2),
        (format!("{GROUP}20260226T093000Z-AttachGroupPolicy-{id}-v2/"), false, 2),
    ] {
        let (memory, topic) = (Memory::new(), Topic::default());
        run(&memory, &topic, &[create()]).await;
        memory.write(&key, "");
        let (outcome, alerts) = run(&memory, &topic, &[add(0)]).await;
        assert!(outcome.reply().is_ok(), "{key}");
        assert_eq!(
            context(&alerts[0])["gap"],
            if said { json!("unreadable") } else { json!(null) },
            "{key}"
        );
        assert_eq!(alerts[0].text.contains("  Incomplete: some ledger entries "), said, "{key}");
        assert_eq!(told(&alerts[0]).len(), events, "{key}: {:?}", told(&alerts[0]));
    }
}

#[tokio::test]
async fn where_something_cannot_be_read_nothing_is_called_the_first() {
    let (memory, topic) = (Memory::new(), Topic::default());
    run(&memory, &topic, &[add(0)]).await;
    let keys = [memory.keys("by-group/"), memory.keys("by-principal/")].concat();
    let (memory, topic) = (Memory::new(), Topic::default());
    for key in keys {
        let folder = if key.starts_with(GROUP) { GROUP } else { &key[..=key.rfind('/').unwrap()] };
        memory.write(&format!("{folder}20260301T093000Z-damaged"), "");
    }
    let (_, alerts) = run(&memory, &topic, &[add(0)]).await;
    let context = context(&alerts[0]);
    assert_eq!(
        (&context["first_of_principal"], &context["first_of_group"]),
        (&json!(false), &json!(false))
    );
}

#[tokio::test]
async fn the_callers_findings_are_counted_without_those_of_this_call() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let attach = |time: &str| {
        let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
        call("AttachGroupPolicy", time, "alice", json!({"groupName": "Admins", "policyArn": arn}))
    };
    run(&memory, &topic, &[add(0), add(1), attach("2026-03-01T09:00:00Z"), create()]).await;
    let principals = memory.keys("by-principal/");
    let alices = principals
        .iter()
        .map(|key| &key[..key.rfind('/').unwrap() + 1])
        .find(|folder| principals.iter().filter(|key| key.starts_with(*folder)).count() > 1);
    let folder = alices.unwrap().to_owned();
    memory.write(&format!("{folder}20260301T093000Z-gone%2Drule-{}", "1".repeat(64)), "");
    memory.write(&format!("{folder}20260301T093000Z-damaged"), "");
    let same_call =
        FindingId::hash_parts(["other", "111122223333", "AttachGroupPolicy-2026-03-01T10:30:00Z"]);
    memory.write(&format!("{folder}20260301T103000Z-other-{same_call}"), "");
    let (_, alerts) = run(&memory, &topic, &[attach("2026-03-01T10:30:00Z")]).await;
    let findings = context(&alerts[0])["principal_findings"].as_array().unwrap();
    let counted = |finding: &Value| {
        format!("{} {}", finding["count"], finding["rule_name"].as_str().unwrap())
    };
    let expected = [
        "2 AWS IAM User Addition to Group",
        "1 AWS IAM Administrator Policy Attached to Group",
        "1 gone-rule",
    ];
    assert_eq!(findings.iter().map(counted).collect::<Vec<_>>(), expected);
    assert_eq!(context(&alerts[0])["gap"], "unreadable");
}

/// The double's pages are of five: ten events around the finding's own are all that is read, of
/// whatever length.
#[tokio::test]
async fn of_a_long_story_what_is_around_the_event_is_told() {
    let (memory, topic) = (Memory::new(), Topic::default());
    // Each by another, since a burst of one would wait for a summary.
    let by_another = |second: usize| {
        let mut record = add(second);
        record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111122223333:user/{second}"));
        record
    };
    let others: Vec<Value> = (0..60).filter(|second| second % 2 == 0).map(by_another).collect();
    run(&memory, &topic, &others).await;
    for at in [1, 31, 59] {
        memory.calls();
        let (_, alerts) = run(&memory, &topic, &[by_another(at)]).await;
        let told = told(&alerts[0]);
        assert_eq!(context(&alerts[0])["gap"], "too_much", "{at}");
        assert!(alerts[0].text.contains("Incomplete: the ledger holds more than was read."));
        for near in [at - 1, at, at + 1].into_iter().filter(|near| *near < 60) {
            assert!(told.contains(&format!("AddUserToGroup user-{near}")), "{at}: {told:?}");
        }
        assert!((8..=11).contains(&told.len()), "{at}: {told:?}");
        let lists =
            memory.calls().into_iter().filter(|call| call.starts_with("list by-group/")).count();
        assert!(lists <= 2, "{at}: {lists}");
    }
}

fn rename(old: &str, new: &str, second: usize) -> Value {
    let parameters = json!({"groupName": old, "newGroupName": new});
    call("UpdateGroup", &format!("2026-03-01T09:59:{second:02}Z"), "deploy", parameters)
}

#[tokio::test]
async fn renaming_to_and_fro_hides_nothing_and_a_chain_without_end_is_said() {
    let put = call(
        "PutGroupPolicy",
        "2026-03-01T09:30:00Z",
        "x",
        json!({"groupName": "Start", "policyName": "p"}),
    );
    let hidden = "PutGroupPolicy p".to_owned();
    let to_and_fro =
        [rename("Start", "Admins", 0), rename("Admins", "B", 1), rename("B", "Admins", 2)];
    let many = |count: usize| -> Vec<Value> {
        let name = |at: usize| match at {
            0 => "Start".to_owned(),
            _ if at == count => "Admins".to_owned(),
            _ => format!("Name{at}"),
        };
        (0..count).map(|at| rename(&name(at), &name(at + 1), at)).collect()
    };
    for (renames, all) in [(to_and_fro.to_vec(), true), (many(4), true), (many(5), false)] {
        let (memory, topic) = (Memory::new(), Topic::default());
        run(&memory, &topic, std::slice::from_ref(&put)).await;
        run(&memory, &topic, &renames).await;
        let (_, alerts) = run(&memory, &topic, &[add(0)]).await;
        assert_eq!(told(&alerts[0]).contains(&hidden), all, "{:?}", told(&alerts[0]));
        assert_eq!(context(&alerts[0])["gap"], if all { json!(null) } else { json!("too_much") });
    }
}

/// IAM finds a group by its name in any case: whoever writes it otherwise is part of the same
/// story.
#[tokio::test]
async fn a_name_in_other_letters_hides_nothing() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let put = |group: &str, time: &str| {
        call(
            "PutGroupPolicy",
            &format!("2026-03-01T{time}Z"),
            "x",
            json!({"groupName": group, "policyName": group}),
        )
    };
    run(
        &memory,
        &topic,
        &[put("start", "09:30:00"), rename("START", "ADMINS", 0), put("aDmins", "10:00:00")],
    )
    .await;
    let (_, alerts) = run(&memory, &topic, &[add(1)]).await;
    let expected = [
        "PutGroupPolicy start",
        "UpdateGroup ADMINS",
        "PutGroupPolicy aDmins",
        "AddUserToGroup user-1",
    ];
    assert_eq!(told(&alerts[0]), expected);
    assert_eq!(context(&alerts[0])["first_of_group"], false);
}

/// Another group got the name afterwards, or had it before: its story is another.
#[tokio::test]
async fn what_another_group_of_the_name_did_is_not_told() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let at = |action: &str, time: &str, group: &str| {
        call(
            action,
            &format!("2026-03-01T09:{time}Z"),
            "alice",
            json!({"groupName": group, "policyName": time}),
        )
    };
    let records = [
        at("PutGroupPolicy", "10:00", "Temp"),
        rename("Temp", "Admins", 0),
        at("PutGroupPolicy", "59:30", "Temp"),
    ];
    run(&memory, &topic, &records).await;
    let (_, alerts) = run(&memory, &topic, &[add(0)]).await;
    assert_eq!(
        told(&alerts[0]),
        ["PutGroupPolicy 10:00", "UpdateGroup Admins", "AddUserToGroup user-0"]
    );
}

/// Names that no name should be: whatever they hold, the story comes back, or is cut and says so.
#[tokio::test]
async fn odd_and_endless_names_make_keys_that_fit_and_come_back() {
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
    let folder = tempfile::tempdir().unwrap();
    for (at, name) in names.into_iter().enumerate() {
        let topic = Topic::default();
        let memory = Memory::new();
        let dir = Box::new(DirStore::new(folder.path().join(at.to_string())));
        let stores: [(Box<dyn ObjectStore>, String); 2] =
            [(Box::new(memory.clone()), "p".repeat(300)), (dir, String::new())];
        for (store, prefix) in stores {
            let mut pipeline = Arc::into_inner(pipeline(&memory, &topic)).unwrap();
            pipeline.ledger = Ledger::Stored(StoredLedger::new(store, "state", &prefix));
            let pipeline = Arc::new(pipeline);
            for (action, parameters) in [
                ("AddUserToGroup", json!({"groupName": name, "userName": name})),
                ("UpdateGroup", json!({"groupName": name, "newGroupName": format!("new {name}")})),
                (
                    "PutGroupPolicy",
                    json!({"groupName": format!("new {name}"), "policyName": name, "policyDocument": name}),
                ),
            ] {
                let time = format!("2026-03-01T10:00:0{}Z", topic.accepted().len() % 3);
                let records = [call(action, &time, name, parameters)];
                let outcome = pipeline::run(&pipeline, &inline(&records), clock()).await;
                assert!(
                    outcome.problems.is_empty(),
                    "{action} {name:.40?}: {:?}",
                    outcome.problems
                );
            }
        }
        assert!(memory.keys("").iter().all(|key| key.len() <= 1_024), "{name:.40?}");
        for last in [&topic.accepted()[2], &topic.accepted()[5]] {
            let long = name.len() > 100;
            assert_eq!(told(last).len(), if long { 2 } else { 3 }, "{name:.40?}: {:?}", told(last));
            assert!(long || told(last)[0] == format!("AddUserToGroup {name}"), "{name:.40?}");
        }
    }
}
