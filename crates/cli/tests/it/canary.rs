//! The canary, sent by the function and by `trailbell canary`.

use std::sync::Arc;
use std::time::Duration;

use alert::{Accounts, Alert};
use async_trait::async_trait;
use detect::finding::Outcome;
use detect::rule::{Detections, LoadedExceptions, LoadedRules, RuleSet};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{aws, moto};
use trailbell::app::config::Config;
use trailbell::app::wiring::{self, Aws};
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::pipeline::{self, Clock, InvocationReport, Pipeline, recover_open};
use trailbell::sink::{AlertSink, MessageId, PublishError};
use trailbell::telemetry::metrics;
use trailbell::telemetry::monitoring::Monitoring;

use crate::program::{TestDir, create_group, exception, rule, trailbell};

type Vars<'a> = &'a [(&'a str, &'a str)];

const SUBJECT: &str = "Subject: [TEST] [low] IAM group trailbell-canary-test created by \
                       trailbell-canary in 000000000000";

fn rules() -> RuleSet {
    RuleSet::new(LoadedRules::embedded().rules).unwrap()
}

/// The function with its ledger and its alerts in directories.
async fn function(dir: &TestDir, detections: Detections) -> Pipeline {
    let vars = [
        ("TRAILBELL_ALERTS", dir.dir("alerts")),
        ("TRAILBELL_STORE", dir.dir("")),
        ("TRAILBELL_LEDGER", dir.dir("state")),
        ("TRAILBELL_INLINE", "eventbridge".to_owned()),
    ];
    let config = Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap();
    wiring::build_pipeline(&config, detections, Accounts::default(), &Aws::from_environment()).await
}

fn clock() -> Clock {
    let now: Timestamp = "2026-03-01T11:00:00Z".parse().unwrap();
    Clock { now, last_start: None, lease: Duration::from_secs(360) }
}

/// One invocation of the function.
async fn invoke(pipeline: &Arc<Pipeline>, payload: &Value, request: &str) -> InvocationReport {
    let outcome = pipeline::run_request(pipeline, payload, request, clock()).await;
    assert_eq!(outcome.mismatch, None);
    outcome
}

fn canary() -> Value {
    serde_json::from_str(include_str!("../../../../events/canary/canary.json")).unwrap()
}

fn counts(outcome: &InvocationReport) -> (u64, u64, u64) {
    (outcome.report.canaries, outcome.report.canaries_failed, outcome.report.findings)
}

#[tokio::test]
async fn the_alert_says_that_it_is_a_test_and_is_in_no_index() {
    let dir = TestDir::new();
    let function = Arc::new(function(&dir, rules().into()).await);
    let outcome = invoke(&function, &canary(), "request-1").await;
    assert!(outcome.reply().is_ok(), "{outcome:?}");
    assert!(outcome.notes[0].starts_with("canary request-1: alerted as message "), "{outcome:?}");
    assert_eq!(counts(&outcome), (1, 0, 0), "it counts as no finding");
    assert_eq!(dir.subjects(), [SUBJECT]);

    let sent: Value = serde_json::from_str(&dir.alert_files("json")[0]).unwrap();
    let mail = sent["Message"]["email"].as_str().unwrap();
    assert!(mail.starts_with("  THIS IS A TEST of Trailbell: "), "{mail}");
    let document = &sent["Message"]["default"];
    let message = document["message"].as_str().unwrap();
    assert!(message.starts_with("THIS IS A TEST of Trailbell: "), "{message}");
    assert_eq!(document["event"]["id"], "trailbell-canary-request-1");
    assert_eq!(document["trailbell"]["kind"], "canary");
    assert_eq!(document["trailbell"]["test"], true);
    assert_eq!(sent["MessageAttributes"]["kind"]["Value"], "canary");
    assert_eq!(sent["MessageAttributes"]["account"]["Value"], "000000000000");

    assert_eq!((dir.keys("entries").len(), dir.keys("open").len()), (1, 0), "completed");
    for index in ["by-window", "by-group", "by-principal", "grouped"] {
        assert_eq!(dir.keys(index), [""; 0], "{index}");
    }
    let (_, out, _) = dir.run(&["ledger", "list"]);
    assert!(out.contains("alerted") && out.contains("[TEST] [low]"), "{out}");
}

#[tokio::test]
async fn each_invocation_alerts_once_even_if_it_is_redelivered() {
    let dir = TestDir::new();
    let function = Arc::new(function(&dir, rules().into()).await);
    let queued = |id: &str| {
        let body = canary().to_string();
        json!({"Records": [{"eventSource": "aws:sqs", "messageId": id, "body": body}]})
    };
    let cases = [
        (canary(), "request-1", 1),
        (canary(), "request-1", 1),
        (canary(), "request-2", 2),
        (queued("message-1"), "request-3", 3),
        (queued("message-1"), "request-4", 3),
    ];
    for (payload, request, sent) in cases {
        let outcome = invoke(&function, &payload, request).await;
        assert_eq!(counts(&outcome), (1, 0, 0), "{request}: {:?}", outcome.problems);
        assert_eq!(dir.subjects().len(), sent, "{request}");
    }
}

#[tokio::test]
async fn the_canary_fails_if_no_rule_matches() {
    let dir = TestDir::new();
    let mut rules = LoadedRules::embedded().rules;
    rules.retain(|rule| !rule.query.source().contains("event.action: CreateGroup"));
    assert!(!rules.is_empty());
    let reason = format!("none of the {} rules in force", rules.len());
    let function = Arc::new(function(&dir, RuleSet::new(rules).unwrap().into()).await);
    let outcome = invoke(&function, &canary(), "request-1").await;
    assert_eq!(counts(&outcome), (1, 1, 0));
    let error = outcome.reply().unwrap_err().to_string();
    assert!(error.contains("canary request-1: ") && error.contains(&reason), "{error}");
    let totals = &metrics::lines(&outcome, "bell", Monitoring::Full, clock().now)[0];
    assert_eq!((&totals["Canaries"], &totals["CanariesFailed"]), (&json!(1), &json!(1)));
    assert!(dir.subjects().is_empty() && dir.keys("").is_empty());
}

#[tokio::test]
async fn exceptions_and_limits_do_not_apply_and_it_counts_towards_no_limit() {
    let dir = TestDir::new();
    let query = "event.provider: \"iam.amazonaws.com\" and event.action: \"CreateGroup\" and \
                 user.name: \"trailbell-canary\"";
    let exceptions = dir.write("exceptions.toml", exception("all", query, "2099-01-01"));
    let loaded = LoadedExceptions::from_paths(&[exceptions.into()]);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let mut rules = LoadedRules::embedded().rules;
    rules.iter_mut().for_each(|rule| rule.max_signals = 1);
    let detections = Detections::with_loaded(RuleSet::new(rules).unwrap(), loaded);
    let function = Arc::new(function(&dir, detections).await);
    let call = |group: &str| {
        json!({
            "source": "aws.iam",
            "detail-type": "AWS API Call via CloudTrail",
            "detail": create_group(group, group, "10:00:00"),
        })
    };
    for (payload, request, expected) in [
        (canary(), "canary-1", [0, 0]),
        (call("first"), "real-1", [1, 0]),
        (call("second"), "real-2", [0, 1]),
        (canary(), "canary-2", [0, 0]),
    ] {
        let outcome = invoke(&function, &payload, request).await;
        let counts = [Outcome::Alerted, Outcome::Grouped]
            .map(|finding| outcome.report.findings_that(finding));
        assert_eq!(counts, expected, "{request}: {outcome:?}");
    }
    assert_eq!(dir.subjects().iter().filter(|subject| subject.contains("[TEST]")).count(), 2);
    // A sweep that takes over an entry reads the exception from it.
    let args = ["ledger", "list", "--account", "000000000000", "--format", "ndjson"];
    let (_, out, _) = dir.run(&args);
    assert_eq!(out.matches("\"exception\":null").count(), 2, "{out}");
}

enum BrokenSink {
    Rejects,
    Hangs,
}

#[async_trait]
impl AlertSink for BrokenSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        match self {
            BrokenSink::Hangs => std::future::pending().await,
            BrokenSink::Rejects => {
                let error = AwsError::new(AwsErrorKind::NotFound, "the topic is gone");
                let error = PublishError::from_aws("topic", error);
                alerts.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }
}

#[tokio::test]
async fn a_failed_canary_is_retried_and_an_interrupted_one_is_sent_by_the_sweep() {
    let dir = TestDir::new();
    let broken = |sink| async {
        Arc::new(Pipeline { sink: Box::new(sink), ..function(&dir, rules().into()).await })
    };
    let rejected = invoke(&broken(BrokenSink::Rejects).await, &canary(), "request-1").await;
    assert_eq!(counts(&rejected), (1, 1, 0));
    let error = rejected.reply().unwrap_err().to_string();
    assert!(error.contains("the topic is gone"), "{error}");
    let function = Arc::new(function(&dir, rules().into()).await);
    assert_eq!(counts(&invoke(&function, &canary(), "request-1").await), (1, 0, 0));
    assert_eq!(dir.subjects(), [SUBJECT]);

    let hanging = broken(BrokenSink::Hangs).await;
    let expired = Clock { lease: Duration::ZERO, ..clock() };
    let payload = canary();
    let mut run = Box::pin(pipeline::run_request(&hanging, &payload, "request-2", expired));
    // Until it has claimed the finding, and publishes.
    while dir.keys("entries").len() < 2 {
        tokio::select! {
            _ = &mut run => panic!("the sink does not hang"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(run);
    let recovered = recover_open(&function, clock()).await;
    assert_eq!((recovered.problems.len(), recovered.report.findings), (0, 1), "{recovered:?}");
    assert_eq!(dir.subjects(), [SUBJECT, SUBJECT]);
    assert!(dir.keys("by-window").is_empty());
}

#[test]
fn the_command_prints_how_long_each_step_took() {
    let dir = TestDir::new();
    let (code, out, err) = dir.run(&["canary"]);
    assert_eq!(code, 0, "{err}");
    let steps = ["read rules", "make clients", "deliver", "total"];
    assert_eq!(out.lines().count(), steps.len(), "{out}");
    for (line, step) in out.lines().zip(steps) {
        assert!(line.starts_with(step) && line.contains(" ms"), "{step}: {out}");
    }
    assert_eq!(dir.subjects(), [SUBJECT]);
    assert_eq!(dir.run(&["canary"]).0, 0);
    assert_eq!(dir.subjects().len(), 2, "each run sends a canary");
}

#[test]
fn the_command_names_the_step_that_failed_and_the_reason() {
    let dir = TestDir::new();
    let broken = dir.write("broken.toml", "[rule]\n");
    let other = dir.write("other.toml", rule("o", "o", "event.action: Nothing"));
    let not_a_directory = format!("dir:{}", dir.write("a-file", ""));
    let cases: [(&[&str], Vars<'_>, &str, &str); 4] = [
        (&[], &[("TRAILBELL_RULES", &broken)], "read rules", "broken.toml"),
        (
            &[],
            &[("TRAILBELL_RULES", &other), ("TRAILBELL_RULE_SETS", "none")],
            "deliver",
            "none of the 1 rules in force",
        ),
        (&["--ledger", &not_a_directory], &[], "deliver", "cannot write s3://ledger/open/"),
        (&["--alerts", &not_a_directory], &[], "deliver", "a-file"),
    ];
    for (args, vars, step, reason) in cases {
        let (code, out, err) = dir.run_with(&[&["canary"], args].concat(), vars);
        assert_eq!(code, 1, "{step}: {out}{err}");
        assert!(!out.contains(step), "{step}: {out}");
        assert!(err.contains(&format!("the canary failed: {step}: ")), "{step}: {err}");
        assert!(err.contains(reason), "{step}: {err}");
    }
    let (code, _, err) = trailbell(&["canary"], &[]);
    assert!(code == 2 && err.contains("TRAILBELL_ALERTS is missing"), "{err}");
}

#[tokio::test]
async fn the_command_reaches_a_topic_with_a_ledger_in_s3() {
    let bucket = moto::unique("ledger");
    aws::s3(moto::url()).create_bucket().bucket(&bucket).send().await.unwrap();
    let sns = aws_sdk_sns::Client::new(&aws::config(moto::url()));
    let topic = sns.create_topic().name(moto::unique("alerts")).send().await.unwrap();
    let topic = topic.topic_arn.unwrap();
    let ledger = format!("s3://{bucket}/state");
    let vars = aws::variables(moto::url());
    let (code, out, err) = trailbell(&["canary", "--alerts", &topic, "--ledger", &ledger], &vars);
    assert_eq!(code, 0, "{out}{err}");
    let published = moto::published(&topic).unwrap();
    assert_eq!(published.len(), 1);
    assert!(published[0].subject.as_deref().unwrap().starts_with("[TEST] "));
    assert_eq!(published[0].attributes["kind"]["Value"], "canary");
}
