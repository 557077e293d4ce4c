//! Pages of alerts: written before the alert is sent, and no alert waits or fails for one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alert::Alert;
use async_trait::async_trait;
use detect::finding::Outcome;
use serde_json::{Value, json};
use support::{aws, moto};
use tempfile::TempDir;
use tokio::time::Instant;
use trailbell::ledger::Ledger;
use trailbell::pages::{PageReaders, Pages};
use trailbell::pipeline::{self, InvocationReport, Pipeline};
use trailbell::sink::{AlertSink, MessageId, PublishError};
use trailbell::store::{DirStore, ObjectStore, S3Store};

use crate::ledger::correlations;
use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{
    self, LEASE, Worker, call, clock, create_group, deliver, inline, pipeline_with, sent_alerts,
    step,
};

const FOLDER: &str = "team/reports/";

fn pages(store: impl ObjectStore + 'static) -> Option<Pages> {
    let readers = PageReaders::Console(Some("eu-west-1".to_owned()));
    let source = "s3://state/".to_owned();
    Some(Pages::new(Box::new(store), "pages", FOLDER.to_owned(), readers, source))
}

fn page_key(alert: &Alert) -> String {
    format!("{FOLDER}incidents/{}.html", alert.finding)
}

fn link(alert: &Alert) -> String {
    let key = page_key(alert);
    format!("https://eu-west-1.console.aws.amazon.com/s3/object/pages?prefix={key}")
}

fn pages_of(report: &InvocationReport) -> (u64, u64) {
    (report.report.pages_written, report.report.pages_failed)
}

/// A pipeline with a ledger, and pages in another store.
fn pipeline_to(topic: &Topic, store: &Memory) -> Arc<Pipeline> {
    pipeline_with(&Memory::new(), topic, |pipeline| pipeline.pages = pages(store.clone()))
}

/// Delivers findings of eight principals, in two batches.
async fn deliver_eight(store: &Memory) -> (InvocationReport, Topic) {
    let topic = Topic::default();
    let records: Vec<Value> =
        (0..8).map(|n| create_group(&format!("e{n}"), &format!("user-{n}"))).collect();
    let report = deliver(&pipeline_to(&topic, store), &records).await;
    assert_eq!(report.report.finding_outcomes[&Outcome::Alerted], 8);
    assert_eq!(topic.sent_count(), 8);
    assert!(report.retry.is_empty(), "nothing is delivered again");
    (report, topic)
}

/// A sink that looks whether the page of an alert is there.
struct Reader {
    topic: Topic,
    store: Memory,
    pages: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl AlertSink for Reader {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        let found = alerts.iter().map(|alert| self.store.text(&page_key(alert)).unwrap());
        self.pages.lock().unwrap().extend(found);
        self.topic.publish(alerts).await
    }
}

#[tokio::test]
async fn an_alert_says_where_its_page_is_and_the_page_is_there_before() {
    let (memory, store, topic) = (Memory::new(), Memory::new(), Topic::default());
    let found = Arc::<Mutex<Vec<String>>>::default();
    let sink = Reader { topic: topic.clone(), store: store.clone(), pages: Arc::clone(&found) };
    let pipeline = pipeline_with(&memory, &topic, |pipeline| {
        pipeline.sink = Box::new(sink);
        pipeline.pages = pages(store.clone());
    });
    let admins = json!({"groupName": "Admins"});
    let member = json!({"groupName": "Admins", "userName": "bob"});
    deliver(&pipeline, &[call("CreateGroup", "2026-03-01T09:00:00Z", "alice", admins)]).await;
    let report =
        deliver(&pipeline, &[call("AddUserToGroup", "2026-03-01T10:00:00Z", "mallory", member)])
            .await;
    assert_eq!(pages_of(&report), (1, 0));
    let alerts = topic.accepted();
    assert_eq!(store.keys(""), {
        let mut keys: Vec<String> = alerts.iter().map(page_key).collect();
        keys.sort();
        keys
    });
    for alert in &alerts {
        let link = link(alert);
        assert!(alert.text.contains(&format!("\n  Page: {link}\n")), "{}", alert.text);
        assert!(alert.chat["content"]["description"].as_str().unwrap().ends_with(&link));
        assert_eq!(alert.document["trailbell"]["page"], link.as_str());
    }
    let page = found.lock().unwrap().pop().unwrap();
    for part in ["alice", "mallory", "bob", "Admins", "this alert", "s3://state/"] {
        assert!(page.contains(part), "{part}: what happened before, and what this alert is of");
    }
}

#[tokio::test]
async fn an_incident_has_the_page_of_its_steps() {
    let (store, topic) = (Memory::new(), Topic::default());
    let to = |pipeline: &mut Pipeline| pipeline.pages = pages(store.clone());
    let pipeline = correlations::pipeline_and(&Memory::new(), &topic, to);
    deliver(&pipeline, &correlations::staged_administrators()).await;
    let incident = sent_alerts(&topic, "correlation").pop().expect("an incident");
    assert!(incident.text.contains(&link(&incident)));
    let page = store.text(&page_key(&incident)).unwrap();
    for part in ["AdministratorAccess", "ops created", "What happened"] {
        assert!(page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_written_is_counted_and_the_alert_is_sent_without_it() {
    let store = Memory::new();
    store.fail(|verb, _| if verb == "put" { Fault::Refused } else { Fault::None });
    let (report, topic) = deliver_eight(&store).await;
    assert_eq!(pages_of(&report), (0, 8));
    assert_eq!(report.problems.len(), 8);
    let problem = report.problems[0].to_string();
    assert!(problem.contains("alerted without a page: cannot write s3://pages/"), "{problem}");
    for alert in topic.accepted() {
        assert!(!alert.text.contains("Page:"), "{}", alert.text);
        assert!(alert.document["trailbell"].get("page").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_page_is_waited_for_once() {
    let store = Memory::new();
    store.slow_down(Duration::from_secs(60));
    let started = Instant::now();
    let (report, topic) = deliver_eight(&store).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(pages_of(&report), (0, 8));
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert!(problems[0].contains("without a page: it was not written within 2 s"), "{problems:?}");
    assert!(problems[7].contains("not tried, since a page was not written"), "{problems:?}");
    assert!(topic.accepted().iter().all(|alert| !alert.text.contains("Page:")));
}

#[tokio::test]
async fn names_by_callers_of_aws_are_in_no_key_and_inert_on_the_page() {
    let (store, topic) = (Memory::new(), Topic::default());
    let name = format!("<script>alert(1)</script>/../\u{202e}\0{}", "x".repeat(10_000));
    let parameters = json!({"groupName": name});
    let record = call("CreateGroup", "2026-03-01T10:00:00Z", "<img src=x>", parameters);
    deliver(&pipeline_to(&topic, &store), &[record]).await;
    let alert = topic.accepted().pop().unwrap();
    assert_eq!(store.keys(""), [page_key(&alert)]);
    let page = store.text(&page_key(&alert)).unwrap();
    for hostile in ["<script>alert", "<img", "\u{202e}", "\0"] {
        assert!(!page.contains(hostile), "{hostile:?}");
    }
    assert!(page.contains("\\u{202e}"), "what hides is shown: {page}");
    assert!(page.len() < 100_000, "{}", page.len());
}

#[tokio::test]
async fn what_is_sent_again_has_the_same_page() {
    let (store, topic) = (Memory::new(), Topic::default());
    topic.fail(&[Fault::Refused]);
    let pipeline = pipeline_to(&topic, &store);
    let record = [create_group("e1", "alice")];
    let first = pipeline::run(&pipeline, &inline(&record), clock()).await;
    assert_eq!((first.retry.len(), topic.sent_count()), (1, 0));
    let second = deliver(&pipeline, &record).await;
    assert_eq!((pages_of(&first), pages_of(&second)), ((1, 0), (1, 0)));
    assert_eq!(store.keys(""), [page_key(&topic.accepted()[0])]);
}

/// A worker may die at any step. The next one sends the alert, and its page is there.
#[test]
fn no_death_while_a_page_is_written_loses_an_alert() {
    for steps in 0..200 {
        let (memory, store, topic) = (Memory::new(), Memory::new(), Topic::default());
        let worker = || {
            let to = |pipeline: &mut Pipeline| pipeline.pages = pages(store.clone());
            let pipeline = pipeline_with(&memory, &topic, to);
            Box::pin(async move {
                let record = [create_group("e1", "alice")];
                pipeline::run(&pipeline, &inline(&record), clock()).await
            })
        };
        let mut dies: Worker<InvocationReport> = worker();
        let is_over = (0..steps).any(|_| step(&mut dies).is_ready());
        drop(dies);
        memory.advance(LEASE + 1);
        let mut next: Worker<InvocationReport> = worker();
        while step(&mut next).is_pending() {}
        let sent = topic.accepted();
        assert!((1..=2).contains(&sent.len()), "{steps} steps: {}", sent.len());
        assert!(sent.iter().all(|alert| store.text(&page_key(alert)).is_some()));
        assert!(sent.iter().all(|alert| alert.text.contains(&link(alert))), "{steps} steps");
        if is_over {
            assert_eq!(sent.len(), 1);
            return;
        }
    }
    panic!("the worker never ends");
}

#[tokio::test]
async fn s3_has_a_page_that_browsers_show() {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("pages");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let topic = Topic::default();
    let readers = PageReaders::Console(None);
    let store = Box::new(S3Store::new(client.clone()));
    let written = Pages::new(store, &bucket, FOLDER.to_owned(), readers, "none".to_owned());
    let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| {
        pipeline.pages = Some(written);
        pipeline.ledger = Ledger::None;
    });
    let report = deliver(&pipeline, &[create_group("e1", "alice")]).await;
    assert_eq!(pages_of(&report), (1, 0), "{:?}", report.problems);
    let key = page_key(&topic.accepted()[0]);
    let object = client.get_object().bucket(&bucket).key(&key).send().await.unwrap();
    assert_eq!(object.content_type(), Some("text/html; charset=utf-8"));
    let page = object.body.collect().await.unwrap().into_bytes();
    assert!(page.starts_with(b"<!doctype html>"));
    assert!(String::from_utf8(page.to_vec()).unwrap().contains("group-e1"));
}

#[tokio::test]
async fn a_folder_has_pages_too() {
    let folder = TempDir::new().unwrap();
    let topic = Topic::default();
    let root = folder.path().to_owned();
    let readers = PageReaders::Folder(root.clone());
    let store = Box::new(DirStore::new(&root));
    let written = Pages::new(store, "reports", String::new(), readers, "none".to_owned());
    let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| pipeline.pages = Some(written));
    deliver(&pipeline, &[create_group("e1", "alice")]).await;
    let alert = topic.accepted().pop().unwrap();
    let place = root.join("reports/incidents").join(format!("{}.html", alert.finding));
    assert!(place.is_file());
    assert_eq!(alert.document["trailbell"]["page"], place.display().to_string());
}

#[tokio::test]
async fn without_a_place_nothing_is_written_or_counted() {
    let (memory, topic) = (Memory::new(), Topic::default());
    let report = deliver(&world::pipeline(&memory, &topic), &[create_group("e1", "alice")]).await;
    assert_eq!(pages_of(&report), (0, 0));
    let alert = topic.accepted().pop().unwrap();
    assert!(!alert.text.contains("Page:"));
    assert!(memory.keys("").iter().all(|key| !key.ends_with(".html")));
}
