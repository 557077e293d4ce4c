//! The whole way of a notification, with a store and a sink that fail on request.
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alert::{Accounts, Alert};
use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::{Body, Trail};
use detect::finding::Outcome;
use detect::rule::{DetectionSettings, Detections, LoadedExceptions, LoadedRules, Rule, RuleSet};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::integrity::Verification;
use trailbell::ledger::Ledger;
use trailbell::notification::{InlineSource, ObjectRef};
use trailbell::pipeline::{
    self, Clock, InvocationReport, MailLength, ObjectOutcome, Pipeline, Remedy,
};
use trailbell::sink::{AlertSink, MessageId, PublishError};
use trailbell::store::{
    Action, Listing, ObjectStore, OpenObject, Page, SmallObject, StoreError, StoreErrorKind,
    WriteCondition, Written,
};

/// What a store does when asked for an object.
#[derive(Clone)]
pub(crate) enum Answer {
    Bytes(Bytes),
    /// An object without an end. It reports when it is closed.
    Endless(Arc<Notify>),
    Gone,
    Forbidden,
    Panic,
}

/// Spaces for ever.
struct Spaces(Arc<Notify>);

impl Read for Spaces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b' ');
        Ok(buffer.len())
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Objects by key, and which were asked for.
#[derive(Default)]
struct Objects {
    answers: HashMap<String, Answer>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl ObjectStore for Objects {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        self.asked.lock().unwrap().push(object.key.clone());
        let kind = match self.answers.get(&object.key).cloned().unwrap_or(Answer::Gone) {
            Answer::Bytes(bytes) => return Ok(Body::Whole(bytes)),
            Answer::Endless(closed) => return Ok(Body::Stream(Box::new(Spaces(closed)))),
            Answer::Gone => StoreErrorKind::NotFound,
            Answer::Forbidden => AwsError::new(AwsErrorKind::Other, "AccessDenied").into(),
            Answer::Panic => panic!("on request"),
        };
        Err(StoreError::new(Action::Read, &object.bucket, &object.key, kind))
    }

    async fn open_with_metadata(&self, _: &ObjectRef) -> Result<OpenObject, StoreError> {
        panic!("log objects have no metadata")
    }

    async fn get(&self, _: &str, _: &str) -> Result<SmallObject, StoreError> {
        panic!("log objects are opened")
    }

    async fn put(
        &self,
        _: &str,
        _: &str,
        _: Bytes,
        _: WriteCondition,
    ) -> Result<Written, StoreError> {
        panic!("nothing is written beside log objects")
    }

    async fn delete(&self, _: &str, _: &str) -> Result<(), StoreError> {
        panic!("log objects are never deleted")
    }

    async fn list(&self, _: &Listing) -> Result<Page, StoreError> {
        panic!("a notification names its objects")
    }
}

/// Takes every alert, but for those whose subject holds `refuses`.
#[derive(Clone, Default)]
struct Outbox {
    refuses: Option<&'static str>,
    taken: Arc<Mutex<Vec<Alert>>>,
}

#[async_trait]
impl AlertSink for Outbox {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        let one = |alert: &Alert| {
            if self.refuses.is_some_and(|word| alert.subject.contains(word)) {
                let error = AwsError::new(AwsErrorKind::NotFound, "the topic does not exist");
                return Err(PublishError::from_aws("topic", error));
            }
            self.taken.lock().unwrap().push(alert.clone());
            Ok("id".to_owned())
        };
        alerts.iter().map(one).collect()
    }
}

/// A world of objects and a sink, and what happened in it.
pub(crate) struct World {
    objects: Objects,
    sink: Outbox,
    exceptions: LoadedExceptions,
    /// Why rules or exceptions are not the latest.
    troubles: Vec<String>,
    pub(crate) max_object_bytes: u64,
    last_start: Option<Instant>,
    /// In addition to the embedded ones.
    pub(crate) rules: Vec<Rule>,
    pub(crate) settings: DetectionSettings,
    pub(crate) trails: Vec<&'static str>,
    pub(crate) inline_sources: Vec<InlineSource>,
}

pub(crate) fn key(name: &str) -> String {
    key_in("111122223333", "us-east-1", name)
}

pub(crate) fn key_in(account: &str, region: &str, name: &str) -> String {
    format!(
        "AWSLogs/{account}/CloudTrail/{region}/2026/03/01/{account}_CloudTrail_{region}_{name}.json.gz"
    )
}

pub(crate) fn world(objects: &[(&str, Answer)]) -> World {
    let answers = objects.iter().map(|(name, answer)| (key(name), answer.clone())).collect();
    let objects = Objects { answers, asked: Arc::default() };
    let (sink, exceptions) = (Outbox::default(), LoadedExceptions::default());
    World {
        objects,
        sink,
        exceptions,
        troubles: Vec::new(),
        max_object_bytes: 1 << 30,
        last_start: None,
        rules: vec![],
        settings: DetectionSettings::default(),
        trails: vec![],
        inline_sources: vec![InlineSource::EventBridge],
    }
}

impl World {
    pub(crate) fn put(&mut self, key: &str, answer: Answer) {
        self.objects.answers.insert(key.to_owned(), answer);
    }

    pub(crate) async fn run(self, payload: &Value) -> (InvocationReport, Vec<Alert>, Vec<String>) {
        let sink = Box::new(self.sink.clone());
        self.run_into(sink, payload).await
    }

    async fn run_into(
        self,
        sink: Box<dyn AlertSink>,
        payload: &Value,
    ) -> (InvocationReport, Vec<Alert>, Vec<String>) {
        let (asked, taken) = (Arc::clone(&self.objects.asked), Arc::clone(&self.sink.taken));
        let mut rules = LoadedRules::embedded().rules;
        rules.extend(self.rules);
        let rules = RuleSet::new(rules).unwrap();
        let pipeline = Pipeline {
            store: Box::new(self.objects),
            sink,
            detections: Arc::new(
                Detections::with_loaded(rules, self.exceptions)
                    .with_settings(self.settings)
                    .with_reload_errors(self.troubles),
            ),
            accounts: Accounts::default(),
            ledger: Ledger::None,
            trails: self.trails.iter().map(|trail| Trail::parse(trail).unwrap()).collect(),
            inline_sources: self.inline_sources,
            mail: MailLength::Short,
            max_object_bytes: self.max_object_bytes,
            verification: Verification::off(),
            pages: None,
        };
        let now: Timestamp = "2026-03-01T10:10:00Z".parse().unwrap();
        let clock = Clock { now, last_start: self.last_start, lease: Duration::from_secs(360) };
        let outcome = pipeline::run(&Arc::new(pipeline), payload, clock).await;
        assert_eq!(outcome.report.check(), Ok(()), "{:?}", outcome.report);
        let (taken, asked) = (taken.lock().unwrap().clone(), asked.lock().unwrap().clone());
        (outcome, taken, asked)
    }
}

pub(crate) fn create_group(event_id: &str, group: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateGroup",
        "eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "eventID": event_id,
        "recipientAccountId": "111122223333", "requestParameters": {"groupName": group},
        "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice"}})
}

/// The same, by another user: many changes of one user are in a summary.
pub(crate) fn by(user: &str, mut record: Value) -> Value {
    record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111122223333:user/{user}"));
    record
}

pub(crate) fn log(records: &[Value]) -> Answer {
    Answer::Bytes(Bytes::from(json!({ "Records": records }).to_string()))
}

pub(crate) fn s3_event(names: &[&str]) -> Value {
    s3_event_of_keys(&names.iter().map(|name| key(name)).collect::<Vec<_>>())
}

pub(crate) fn s3_event_of_keys(keys: &[String]) -> Value {
    let record = |key: &String| {
        json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}})
    };
    json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() })
}

pub(crate) fn queue(bodies: &[String]) -> Value {
    let message = |(n, body): (usize, &String)| json!({"messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": body});
    json!({ "Records": bodies.iter().enumerate().map(message).collect::<Vec<_>>() })
}

pub(crate) fn retried(outcome: &InvocationReport) -> Vec<&str> {
    outcome.retry.iter().map(|id| id.as_deref().unwrap_or("the invocation")).collect()
}

#[tokio::test]
async fn an_object_with_both_kinds_of_change_gives_two_alerts() {
    let mut add = create_group("e2", "admins");
    add["eventName"] = json!("AddUserToGroup");
    add["requestParameters"]["userName"] = json!("bob");
    let world = world(&[(
        "a",
        log(&[create_group("e1", "admins"), json!({"eventName": "ListUsers"}), add]),
    )]);
    let (outcome, alerts, _) = world.run(&s3_event(&["a"])).await;
    assert_eq!(alerts.len(), 2);
    assert_eq!((outcome.report.records, outcome.report.findings_that(Outcome::Alerted)), (3, 2));
    assert!(outcome.reply().is_ok() && outcome.problems.is_empty());
}

#[tokio::test]
async fn only_the_broken_message_of_a_batch_is_redelivered() {
    let world = world(&[
        ("a", log(&[create_group("e1", "one")])),
        ("b", log(&[create_group("e2", "two")])),
        ("d", log(&[create_group("e4", "four")])),
    ]);
    let body = |name: &str| s3_event(&[name]).to_string();
    let (outcome, alerts, _) =
        world.run(&queue(&[body("a"), body("b"), "{ broken".to_owned(), body("d")])).await;
    assert_eq!(alerts.len(), 3);
    assert_eq!(outcome.reply().unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "m2"}]}));
    assert_eq!(outcome.report.unreadable, 1);
    assert!(
        outcome.problems[0].to_string().starts_with("message m2: SQS body: not JSON"),
        "{:?}",
        outcome.problems
    );
}

#[tokio::test]
async fn one_poisoned_object_fails_alone() {
    let truncated = Answer::Bytes(Bytes::from_static(br#"{"Records":[{"eventName":"#));
    let all = [
        ("gone", Answer::Gone),
        ("forbidden", Answer::Forbidden),
        ("dies", Answer::Panic),
        ("truncated", truncated),
        ("good", log(&[create_group("e1", "one")])),
    ];
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let bodies: Vec<String> = names.iter().map(|name| s3_event(&[name]).to_string()).collect();
    let (outcome, alerts, _) = world(&all).run(&queue(&bodies)).await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(retried(&outcome), ["m1", "m2", "m3"], "gone is a success");
    let fates = [(ObjectOutcome::Gone, 1), (ObjectOutcome::Failed, 3), (ObjectOutcome::Scanned, 1)];
    assert!(
        fates.iter().all(|(it, count)| outcome.report.objects_that(*it) == *count),
        "{:?}",
        outcome.report
    );
    let problems: Vec<String> = outcome.problems.iter().map(ToString::to_string).collect();
    for (name, what) in
        [("forbidden", "AccessDenied"), ("dies", "died"), ("truncated", "at byte 25")]
    {
        let place = format!("s3://logs/{}: ", key(name));
        assert!(
            problems.iter().any(|problem| problem.starts_with(&place) && problem.contains(what)),
            "{name}: {problems:?}"
        );
    }
}

#[tokio::test]
async fn findings_before_the_damage_are_alerted_and_the_object_is_retried() {
    let text =
        json!({"Records": [create_group("e1", "one"), create_group("e2", "two")]}).to_string();
    let cut = text.len() - 40;
    let world = world(&[("a", Answer::Bytes(Bytes::from(text[..cut].to_owned())))]);
    let (outcome, alerts, _) = world.run(&s3_event(&["a"])).await;
    assert_eq!(alerts.len(), 1);
    assert!(
        outcome
            .reply()
            .unwrap_err()
            .to_string()
            .contains(&format!("at byte {cut} of the inflated text"))
    );
}

#[tokio::test]
async fn a_bad_record_is_discarded_by_name_and_counted() {
    let world = world(&[("a", log(&[json!(17), create_group("e1", "one")]))]);
    let (outcome, alerts, _) = world.run(&s3_event(&["a"])).await;
    assert_eq!((alerts.len(), outcome.report.bad_records, outcome.report.records), (1, 1, 2));
    assert!(outcome.reply().is_ok());
    assert_eq!(outcome.problems[0].remedy, Remedy::Discard);
    assert!(
        outcome.problems[0].to_string().contains("record 0 at byte 12"),
        "{}",
        outcome.problems[0]
    );
}

#[tokio::test]
async fn an_alert_that_the_topic_refuses_fails_its_finding_and_retries_its_object() {
    let objects = [
        ("a", log(&[create_group("e1", "one"), create_group("e2", "two")])),
        ("b", log(&[create_group("e3", "b")])),
    ];
    let mut world = world(&objects);
    world.sink.refuses = Some("two");
    let bodies = ["a", "b"].map(|name| s3_event(&[name]).to_string());
    let (outcome, alerts, _) = world.run(&queue(&bodies)).await;
    assert_eq!(alerts.len(), 2);
    assert_eq!(
        (
            outcome.report.findings_that(Outcome::Alerted),
            outcome.report.findings_that(Outcome::Failed)
        ),
        (2, 1)
    );
    assert_eq!(retried(&outcome), ["m0"]);
    let problem = outcome.problems[0].to_string();
    assert!(
        problem.contains("of rule 169f3a93")
            && problem.contains("record 1: cannot publish to topic: the topic does not exist"),
        "{problem}"
    );
}

#[tokio::test]
async fn the_same_call_in_two_objects_is_alerted_once() {
    let world = world(&[
        ("a", log(&[create_group("e1", "one"), create_group("e1", "one")])),
        ("b", log(&[create_group("e1", "one")])),
    ]);
    let (outcome, alerts, _) = world.run(&s3_event(&["a", "b"])).await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(outcome.report.findings_that(Outcome::Duplicate), 2);
}

#[tokio::test]
async fn objects_that_cannot_hold_findings_are_not_fetched() {
    let mut event = s3_event(&["a"]);
    let keys = [
        "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/03/01/111122223333_CloudTrail_eu-central-1_x.json.gz",
        "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_x.json.gz",
        "AWSLogs/111122223333/CloudTrail-Insight/us-east-1/2026/03/01/111122223333_CloudTrail-Insight_us-east-1_x.json.gz",
        "AWSLogs/111122223333/Config/us-east-1/x.json.gz",
        "AWSLogs/111122223333/CloudTrail/",
    ];
    let record = event["Records"][0].take();
    let with_key = |key: &&str| {
        let mut record = record.clone();
        record["s3"]["object"]["key"] = json!(key);
        record
    };
    let payload = json!({ "Records": keys.iter().map(with_key).collect::<Vec<_>>() });
    let (outcome, _, asked) = world(&[]).run(&payload).await;
    assert_eq!((asked.len(), outcome.report.objects_that(ObjectOutcome::Skipped)), (0, 5));
    assert!(outcome.reply().is_ok());
    for reason in [
        "region eu-central-1 records nothing",
        "digests are not verified",
        "an Insights file",
        "not named as a log object",
        "a folder marker",
    ] {
        assert!(
            outcome.notes.iter().any(|note| note.contains(reason)),
            "{reason}: {:?}",
            outcome.notes
        );
    }
}

#[tokio::test]
async fn near_the_deadline_nothing_is_started_and_the_rest_is_retried() {
    let mut world = world(&[("a", log(&[create_group("e1", "one")]))]);
    world.last_start = Instant::now().checked_sub(Duration::from_secs(1));
    let (outcome, alerts, asked) = world.run(&queue(&[s3_event(&["a"]).to_string()])).await;
    assert_eq!((alerts.len(), asked.len()), (0, 0));
    assert_eq!(outcome.report.objects_that(ObjectOutcome::Deadline), 1);
    assert_eq!(retried(&outcome), ["m0"]);
}

#[tokio::test]
async fn an_object_that_takes_too_long_fails_alone_and_is_closed() {
    let closed = Arc::new(Notify::new());
    let small = log(&[create_group("e1", "one")]);
    let mut world = world(&[("a", Answer::Endless(Arc::clone(&closed))), ("b", small)]);
    world.max_object_bytes = u64::MAX;
    world.last_start = Some(Instant::now() + Duration::from_secs(3));
    let bodies = ["a", "b"].map(|name| s3_event(&[name]).to_string());
    let (outcome, alerts, _) = world.run(&queue(&bodies)).await;
    assert_eq!((alerts.len(), outcome.report.objects_that(ObjectOutcome::Deadline)), (1, 1));
    assert_eq!(retried(&outcome), ["m0"]);
    assert!(outcome.problems[0].what.contains("not read in time"), "{:?}", outcome.problems);
    closed.notified().await;
}

#[tokio::test]
async fn the_first_call_of_each_principal_is_alerted_before_the_second_of_any() {
    let mut records: Vec<Value> = (0..100).map(|n| create_group(&format!("e{n}"), "g")).collect();
    let others = ["bob", "carol", "dave"];
    for (number, user) in others.iter().enumerate() {
        let mut record = by(user, create_group(&format!("o{number}"), "other"));
        record["eventTime"] = json!(format!("2026-03-01T10:01:0{number}Z"));
        records.push(record);
    }
    let (_, alerts, _) = world(&[("a", log(&records))]).run(&s3_event(&["a"])).await;
    let arn = |alert: &Alert| alert.document["aws"]["cloudtrail"]["user_identity"]["arn"].clone();
    let principals: Vec<Value> = alerts[..4].iter().map(arn).collect();
    let users = ["alice", "bob", "carol", "dave"];
    assert_eq!(
        principals,
        users.map(|user| json!(format!("arn:aws:iam::111122223333:user/{user}")))
    );
}

#[tokio::test]
async fn an_object_over_the_size_limit_fails_by_name() {
    let mut world = world(&[("a", log(&[create_group("e1", &"x".repeat(1000))]))]);
    world.max_object_bytes = 1000;
    let (outcome, _, _) = world.run(&s3_event(&["a"])).await;
    assert!(
        outcome
            .reply()
            .unwrap_err()
            .to_string()
            .contains("more than the 1000 bytes that are accepted")
    );
}

#[tokio::test]
async fn inline_records_are_alerted() {
    let event = json!({"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": create_group("e1", "one")});
    let (outcome, alerts, _) = world(&[]).run(&event).await;
    assert_eq!((alerts.len(), outcome.report.records, outcome.report.objects), (1, 1, 0));
}

#[tokio::test]
async fn an_unknown_envelope_is_an_error_that_names_its_keys() {
    let (outcome, _, _) = world(&[]).run(&json!({"hello": "secret"})).await;
    let error = outcome.reply().unwrap_err().to_string();
    assert!(
        error.contains("unknown envelope: an object with the keys hello")
            && !error.contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn a_failing_message_without_an_id_fails_the_batch() {
    let mut payload = queue(&["{ broken".to_owned()]);
    payload["Records"][0]["messageId"] = Value::Null;
    let (outcome, _, _) = world(&[]).run(&payload).await;
    assert!(outcome.reply().is_err());
}

#[tokio::test]
async fn many_objects_are_all_processed() {
    let names: Vec<String> = (0..90).map(|n| format!("n{n}")).collect();
    let objects: Vec<(&str, Answer)> = names
        .iter()
        .map(|name| (name.as_str(), log(&[by(name, create_group(name, "g"))])))
        .collect();
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    let (outcome, alerts, _) = world(&objects).run(&s3_event(&refs)).await;
    assert_eq!((alerts.len(), outcome.report.objects_that(ObjectOutcome::Scanned)), (90, 90));
}

#[tokio::test]
async fn a_burst_in_many_objects_is_summarised_once() {
    let names: Vec<String> = (0..200).map(|n| format!("n{n}")).collect();
    let objects: Vec<(&str, Answer)> =
        names.iter().map(|name| (name.as_str(), log(&[create_group(name, "g")]))).collect();
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    let (outcome, alerts, _) = world(&objects).run(&s3_event(&refs)).await;
    assert_eq!((alerts.len(), outcome.report.objects_that(ObjectOutcome::Scanned)), (11, 200));
    let counts = [Outcome::Alerted, Outcome::Summarised].map(|it| outcome.report.findings_that(it));
    assert_eq!((counts, outcome.report.summaries), ([10, 190], 1));
    let summary = &alerts[10];
    assert_eq!(summary.document["trailbell"]["kind"], "summary");
    assert!(summary.subject.contains("190 more IAM groups created"), "{}", summary.subject);
    assert!(summary.text.contains("   190  alice in 111122223333"), "{}", summary.text);
}

#[tokio::test]
async fn without_a_ledger_a_refused_summary_retries_its_messages() {
    let many: Vec<Value> = (0..12).map(|n| create_group(&format!("e{n}"), "g")).collect();
    let mut world = world(&[("a", log(&many)), ("b", log(&[]))]);
    world.sink.refuses = Some("9 more IAM groups");
    let bodies = ["a", "b"].map(|name| s3_event(&[name]).to_string());
    let (outcome, alerts, _) = world.run(&queue(&bodies)).await;
    assert_eq!((alerts.len(), outcome.report.findings_that(Outcome::Failed)), (3, 9));
    assert_eq!(retried(&outcome), ["m0"]);
}

/// Exceptions, as a file of one.
fn exceptions(lines: &str) -> LoadedExceptions {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exceptions.toml");
    let text =
        format!("[[exception]]\nname = 'ci'\nrules = ['*']\nreason = 'x'\nowner = 'x'\n{lines}\n");
    std::fs::write(&path, text).unwrap();
    LoadedExceptions::from_paths(&[path])
}

#[tokio::test]
async fn a_suppressed_finding_is_counted_and_named_but_not_alerted() {
    let mut world =
        world(&[("a", log(&[create_group("e1", "app"), create_group("e2", "Admins")]))]);
    world.exceptions =
        exceptions("query = 'user.name: alice and group.name: app'\nexpires = 2026-03-15");
    let (outcome, alerts, _) = world.run(&s3_event(&["a"])).await;
    assert_eq!(outcome.report.findings_that(Outcome::Suppressed), 1);
    assert_eq!((outcome.report.findings_that(Outcome::Alerted), alerts.len()), (1, 1));
    assert!(alerts[0].text.contains("Admins"), "{}", alerts[0].text);
    let [note] = &outcome.notes[..] else { panic!("{:?}", outcome.notes) };
    assert!(note.starts_with("suppressed by exception `ci`: finding "), "{note}");
    let [warning] = &outcome.warnings[..] else { panic!("{:?}", outcome.warnings) };
    assert!(warning.starts_with("exception `ci` expires in 14 days"), "{warning}");
    assert!(outcome.retry.is_empty());
}

#[tokio::test]
async fn a_finding_of_a_building_block_is_counted_but_not_alerted() {
    let block = r#"[rule]
name = "A group is created"
rule_id = "b-1"
description = "One step of many."
type = "eql"
language = "eql"
severity = "low"
risk_score = 21
building_block_type = "default"
query = 'iam where event.action == "CreateGroup"'
"#;
    let mut world = world(&[("a", log(&[create_group("e1", "app")]))]);
    world.rules = LoadedRules::from_texts([("b.toml", block)].into_iter()).rules;
    let (outcome, alerts, _) = world.run(&s3_event(&["a"])).await;
    assert_eq!(outcome.report.findings_that(Outcome::Suppressed), 1);
    assert_eq!((outcome.report.findings_that(Outcome::Alerted), alerts.len()), (1, 1));
    assert!(!alerts[0].text.contains("A group is created"), "{}", alerts[0].text);
    assert_eq!(outcome.notes, [""; 0]);
}

#[tokio::test]
async fn exceptions_that_are_unusable_or_expired_suppress_nothing() {
    let cases = [
        ("query = 'user.name: alice'\nexpires = 2026-02-28T23:00:00Z", 0, "expired 11 hours ago"),
        ("query = 'user.name: alice'\nstarts = 2026-04-01\nexpires = 'never'", 0, ""),
        (
            "query = 'user.name: (alice'\nexpires = 'never'",
            1,
            "no exception is in use, every finding is alerted",
        ),
        ("query = 'user.name: alice'", 1, "`expires` is missing"),
    ];
    for (lines, problems, warning) in cases {
        let mut world = world(&[("a", log(&[create_group("e1", "app")]))]);
        world.exceptions = exceptions(lines);
        let (outcome, alerts, _) = world.run(&s3_event(&["a"])).await;
        assert_eq!((alerts.len(), outcome.report.exception_problems), (1, problems), "{lines}");
        assert_eq!(
            outcome.warnings.len(),
            usize::from(!warning.is_empty()),
            "{lines}: {:?}",
            outcome.warnings
        );
        assert!(
            outcome.warnings.iter().all(|it| it.contains(warning)),
            "{lines}: {:?}",
            outcome.warnings
        );
        let reply = outcome.reply().unwrap();
        assert_eq!(reply["warnings"].as_array().unwrap().len(), outcome.warnings.len(), "{lines}");
    }
}

#[tokio::test]
async fn a_flood_of_bad_records_is_counted_and_not_listed_one_by_one() {
    let mut records = vec![json!(1); 5000];
    records.push(create_group("e1", "one"));
    let (outcome, alerts, _) = world(&[("a", log(&records))]).run(&s3_event(&["a"])).await;
    assert_eq!((alerts.len(), outcome.report.bad_records), (1, 5000));
    assert_eq!(outcome.problems.len(), 21);
    assert!(
        outcome.problems[20].to_string().contains("and 4980 more bad records"),
        "{}",
        outcome.problems[20]
    );
}

/// A sink that takes its time.
struct Slow(Outbox);

#[async_trait]
impl AlertSink for Slow {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.0.publish(alerts).await
    }
}

#[tokio::test]
async fn alerts_that_do_not_fit_the_time_are_released_by_name() {
    let records: Vec<Value> =
        (0..60).map(|n| by(&format!("user-{n}"), create_group(&format!("e{n}"), "g"))).collect();
    let mut world = world(&[("a", log(&records))]);
    world.last_start = Some(Instant::now() + Duration::from_millis(1500));
    let sink = Slow(world.sink.clone());
    let (outcome, alerts, _) = world.run_into(Box::new(sink), &s3_event(&["a"])).await;
    let (sent, failed) = (
        outcome.report.findings_that(Outcome::Alerted),
        outcome.report.findings_that(Outcome::Failed),
    );
    assert!(
        sent > 0 && failed > 0 && sent + failed == 60 && alerts.len() as u64 == sent,
        "{sent} {failed}"
    );
    assert!(
        outcome.reply().unwrap_err().to_string().contains("the function's time is nearly over")
    );
}

#[tokio::test]
async fn an_unreadable_record_that_may_hide_a_call_is_retried() {
    let text = r#"{"Records":[{"eventName":"CreateGroup","broken":},{"eventName":"ListUsers","broken":}]}"#;
    let (outcome, _, _) =
        world(&[("a", Answer::Bytes(Bytes::from(text)))]).run(&s3_event(&["a"])).await;
    assert_eq!(
        (outcome.report.bad_records, outcome.report.objects_that(ObjectOutcome::Failed)),
        (1, 1)
    );
    assert!(outcome.reply().unwrap_err().to_string().contains("record 0 at byte 12"));
}

#[tokio::test]
async fn stale_rules_are_reported_and_counted_every_time() {
    let mut world = world(&[("a", log(&[create_group("e1", "one")]))]);
    world.troubles = vec!["the rules are those of before: a.toml:1:6: expected a key".to_owned()];
    let (outcome, alerts, _) = world.run(&s3_event(&["a"])).await;
    assert_eq!((alerts.len(), outcome.report.stale_detections), (1, 1));
    assert!(outcome.warnings[0].contains("a.toml:1:6"), "{:?}", outcome.warnings);
    assert!(outcome.report.to_string().contains("rules or exceptions are those of before"));
}
