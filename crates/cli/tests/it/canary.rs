//! The canary: as the function sends it, and from a workstation.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crate::bucket::{Bucket, create_group};
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

type Vars<'a> = &'a [(&'a str, &'a str)];

const SUBJECT: &str = "Subject: [TEST] [low] IAM group trailbell-canary-test created by trailbell-canary in 000000000000";

fn rules() -> RuleSet {
    RuleSet::new(LoadedRules::embedded().rules).unwrap()
}

/// The function with its ledger and outbox in folders.
async fn function(bucket: &Bucket, detections: Detections) -> Pipeline {
    let vars = [
        ("TRAILBELL_ALERTS", bucket.dir("alerts")),
        ("TRAILBELL_STORE", bucket.dir("")),
        ("TRAILBELL_LEDGER", bucket.dir("state")),
    ];
    let config = Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap();
    wiring::build_pipeline(&config, detections, Accounts::default(), &Aws::from_default_chain())
        .await
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
async fn a_test_alert_says_so_everywhere_and_leaves_no_trace_in_the_indexes() {
    let bucket = Bucket::new();
    let function = Arc::new(function(&bucket, rules().into()).await);
    let outcome = invoke(&function, &canary(), "request-1").await;
    assert!(
        outcome.reply().is_ok()
            && outcome.notes[0].starts_with("canary request-1: alerted as message "),
        "{outcome:?}"
    );
    assert_eq!(counts(&outcome), (1, 0, 0), "it counts as no finding");
    assert_eq!(bucket.subjects(), [SUBJECT]);
    let files = fs::read_dir(bucket.path("alerts")).unwrap().map(|entry| entry.unwrap().path());
    let json = files
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .unwrap();
    let sent: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let document = &sent["Message"]["default"];
    assert!(
        sent["Message"]["email"].as_str().unwrap().starts_with("  THIS IS A TEST of Trailbell: ")
    );
    assert!(document["message"].as_str().unwrap().starts_with("THIS IS A TEST of Trailbell: "));
    assert_eq!(document["event"]["id"], "trailbell-canary-request-1");
    assert_eq!(
        (&document["trailbell"]["kind"], &document["trailbell"]["test"]),
        (&json!("canary"), &json!(true))
    );
    assert_eq!(sent["MessageAttributes"]["kind"]["Value"], "canary");
    assert_eq!(sent["MessageAttributes"]["account"]["Value"], "000000000000");
    assert_eq!((bucket.keys("entries").len(), bucket.keys("open").len()), (1, 0), "seen through");
    for index in ["by-window", "by-group", "by-principal", "grouped"] {
        assert_eq!(bucket.keys(index), [""; 0], "{index}");
    }
    let (_, out, _) = bucket.run(&["ledger", "list"]);
    assert!(out.contains("alerted") && out.contains("[TEST] [low]"), "{out}");
}

#[tokio::test]
async fn each_invocation_rings_once_however_often_it_is_delivered() {
    let bucket = Bucket::new();
    let function = Arc::new(function(&bucket, rules().into()).await);
    let queued = |id: &str| json!({"Records": [{"eventSource": "aws:sqs", "messageId": id, "body": canary().to_string()}]});
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
        assert_eq!(bucket.subjects().len(), sent, "{request}");
    }
}

#[tokio::test]
async fn rules_that_do_not_see_it_fail_it() {
    let bucket = Bucket::new();
    let mut few = LoadedRules::embedded().rules;
    few.retain(|rule| !rule.query.source().contains("event.action: CreateGroup"));
    assert!(!few.is_empty());
    let refusal = format!("none of the {} rules in force", few.len());
    let function = Arc::new(function(&bucket, RuleSet::new(few).unwrap().into()).await);
    let outcome = invoke(&function, &canary(), "request-1").await;
    assert_eq!(counts(&outcome), (1, 1, 0));
    let told = outcome.reply().unwrap_err().to_string();
    assert!(told.contains("canary request-1: ") && told.contains(&refusal), "{told}");
    let totals = &metrics::lines(&outcome, "bell", clock().now)[0];
    assert_eq!((&totals["Canaries"], &totals["CanariesFailed"]), (&json!(1), &json!(1)));
    assert!(bucket.subjects().is_empty() && bucket.keys("").is_empty());
}

#[tokio::test]
async fn neither_exception_nor_limit_silences_it_and_it_takes_no_ones_place() {
    let bucket = Bucket::new();
    let everything = "[[exception]]\nname = \"all\"\nrules = [\"*\"]\nquery = 'event.provider: \"iam.amazonaws.com\" and \
                      event.action: \"CreateGroup\" and user.name: \"trailbell-canary\"'\nreason = \"r\"\nowner = \"bob\"\n\
                      expires = 2099-01-01\n";
    let exceptions = bucket.write("exceptions.toml", everything);
    let loaded = LoadedExceptions::from_paths(&[exceptions.into()]);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let mut one = LoadedRules::embedded().rules;
    one.iter_mut().for_each(|rule| rule.max_signals = 1);
    let detections = Detections::with_loaded(RuleSet::new(one).unwrap(), loaded);
    let function = Arc::new(function(&bucket, detections).await);
    let record = |group: &str| {
        json!({"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail",
        "detail": create_group(group, group, "10:00:00")})
    };
    let fates = [Outcome::Alerted, Outcome::Grouped];
    for (payload, request, expected) in [
        (canary(), "canary-1", [0, 0]),
        (record("first"), "real-1", [1, 0]),
        (record("second"), "real-2", [0, 1]),
        (canary(), "canary-2", [0, 0]),
    ] {
        let outcome = invoke(&function, &payload, request).await;
        assert_eq!(
            fates.map(|it| outcome.report.findings_that(it)),
            expected,
            "{request}: {outcome:?}"
        );
    }
    assert_eq!(bucket.subjects().iter().filter(|subject| subject.contains("[TEST]")).count(), 2);
    // A sweep that takes it over goes by what the entry says.
    let (_, out, _) =
        bucket.run(&["ledger", "list", "--account", "000000000000", "--format", "json"]);
    assert_eq!(out.matches("\"exception\":null").count(), 2, "{out}");
}

/// Refuses everything, or never answers.
enum Broken {
    Refuses,
    Hangs,
}

#[async_trait]
impl AlertSink for Broken {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        match self {
            Broken::Hangs => std::future::pending().await,
            Broken::Refuses => {
                let gone = AwsError::new(AwsErrorKind::NotFound, "the topic is gone");
                let gone = PublishError::from_aws("topic", gone);
                alerts.iter().map(|_| Err(gone.clone())).collect()
            }
        }
    }
}

#[tokio::test]
async fn one_that_failed_is_sent_by_the_next_try_and_one_that_died_by_the_sweep_as_a_test() {
    let bucket = Bucket::new();
    let broken = |sink| async {
        Arc::new(Pipeline { sink: Box::new(sink), ..function(&bucket, rules().into()).await })
    };
    let refused = invoke(&broken(Broken::Refuses).await, &canary(), "request-1").await;
    assert_eq!(counts(&refused), (1, 1, 0));
    assert!(refused.reply().unwrap_err().to_string().contains("the topic is gone"), "{refused:?}");
    let function = Arc::new(function(&bucket, rules().into()).await);
    assert_eq!(counts(&invoke(&function, &canary(), "request-1").await), (1, 0, 0));
    assert_eq!(bucket.subjects(), [SUBJECT]);
    let hangs = broken(Broken::Hangs).await;
    let dying = Clock { lease: Duration::ZERO, ..clock() };
    let payload = canary();
    let mut run = Box::pin(pipeline::run_request(&hangs, &payload, "request-2", dying));
    // Until it has claimed, and waits for the topic.
    while bucket.keys("entries").len() < 2 {
        tokio::select! {
            _ = &mut run => panic!("it was to hang"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(run);
    let recovered = recover_open(&function, clock()).await;
    assert_eq!((recovered.problems.len(), recovered.report.findings), (0, 1), "{recovered:?}");
    assert_eq!(bucket.subjects(), [SUBJECT, SUBJECT]);
    assert!(bucket.keys("by-window").is_empty());
}

#[test]
fn a_workstation_sees_how_long_each_step_took() {
    let bucket = Bucket::new();
    let (exit, out, err) = bucket.run(&["canary"]);
    assert_eq!(exit, 0, "{err}");
    let steps = ["Step", "read rules", "make clients", "deliver", "total"];
    for (line, step) in out.lines().filter(|line| !line.contains('─')).zip(steps) {
        assert!(line.trim_start().starts_with(step), "{step}: {out}");
        assert!(step == "Step" || line.contains(" ms"), "{step}: {out}");
    }
    assert_eq!(bucket.subjects(), [SUBJECT]);
    assert_eq!(bucket.run(&["canary"]).0, 0);
    assert_eq!(bucket.subjects().len(), 2, "each run sends a canary");
}

#[test]
fn the_step_that_fails_is_named_with_its_reason() {
    let bucket = Bucket::new();
    let file = bucket.write("a-file", "");
    let broken = bucket.write("broken.toml", "[rule]\n");
    let other = bucket.write(
        "other.toml",
        "[rule]\nname = \"o\"\nrule_id = \"o\"\ndescription = \"d\"\ntype = \"query\"\n\
                                            severity = \"low\"\nrisk_score = 1\nquery = 'event.action: Nothing'\n",
    );
    let no_dir = format!("dir:{file}");
    let cases: [(&[&str], Vars<'_>, &str, &str); 4] = [
        (&[], &[("TRAILBELL_RULES", &broken)], "read rules", "broken.toml"),
        (
            &[],
            &[("TRAILBELL_RULES", &other), ("TRAILBELL_DEFAULT_RULES", "off")],
            "deliver",
            "none of the 1 rules in force",
        ),
        (&["--ledger", &no_dir], &[], "deliver", "cannot write s3://ledger/open/"),
        (&["--alerts", &no_dir], &[], "deliver", "a-file"),
    ];
    for (args, vars, step, why) in cases {
        let (exit, out, err) = bucket.run_with(&[&["canary"], args].concat(), vars);
        assert_eq!(exit, 1, "{step}: {out}{err}");
        assert!(
            out.lines().any(|line| line.trim_start().starts_with(step) && line.contains("FAILED")),
            "{step}: {out}"
        );
        assert!(
            err.contains(&format!("the canary failed: {step}: ")) && err.contains(why),
            "{step}: {err}"
        );
    }
    let (exit, _, err) = crate::cli::trailbell(&["canary"], &[]);
    assert!(exit == 2 && err.contains("TRAILBELL_ALERTS is missing"), "{err}");
}

#[tokio::test]
async fn it_reaches_a_topic_with_a_ledger_in_s3() {
    let bucket = moto::unique("ledger");
    aws::s3(moto::url()).create_bucket().bucket(&bucket).send().await.unwrap();
    let sns = aws_sdk_sns::Client::new(&aws::config(moto::url()));
    let topic =
        sns.create_topic().name(moto::unique("alerts")).send().await.unwrap().topic_arn.unwrap();
    let ledger = format!("s3://{bucket}/state");
    let vars = aws::variables(moto::url());
    let (exit, out, err) =
        crate::cli::trailbell(&["canary", "--alerts", &topic, "--ledger", &ledger], &vars);
    assert_eq!(exit, 0, "{out}{err}");
    let published = moto::published(&topic).unwrap();
    assert_eq!(published.len(), 1);
    assert!(published[0].subject.as_deref().unwrap().starts_with("[TEST] "));
    assert_eq!(published[0].attributes["kind"]["Value"], "canary");
}
