//! `trailbell replay`, as a person runs it, and interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::bucket::{Bucket, create_group, exception, key};
use alert::{Accounts, Alert};
use async_trait::async_trait;
use detect::finding::Outcome;
use detect::rule::{LoadedRules, RuleSet};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{aws, moto};
use tokio::sync::Notify;
use trailbell::app::config::Config;
use trailbell::app::wiring::{self, Aws};
use trailbell::notification::ObjectRef;
use trailbell::pipeline::{Clock, Pipeline, Replay, recover_open};
use trailbell::sink::{AlertSink, MessageId, PublishError};

type Vars<'a> = &'a [(&'a str, &'a str)];

/// One finding that is told, one that an exception matches, and a burst of twelve.
fn filled() -> (Bucket, String) {
    let bucket = Bucket::new();
    bucket.put(
        "1005",
        &[
            create_group("admins", "alice", "10:00:00"),
            create_group("robots", "deploy", "10:04:00"),
        ],
    );
    let burst: Vec<Value> =
        (0..12).map(|n| create_group(&format!("many-{n}"), "erin", "11:00:00")).collect();
    bucket.put("1105", &burst);
    let exceptions = bucket.write("exceptions.toml", &exception("deploy"));
    (bucket, exceptions)
}

fn replay(bucket: &Bucket, exceptions: &str, args: &[&str]) -> (i32, String, String) {
    let logs = bucket.text("logs");
    bucket.run_with(&[&["replay", &logs], args].concat(), &[("TRAILBELL_EXCEPTIONS", exceptions)])
}

fn starting(out: &str, word: &str) -> usize {
    out.lines().filter(|line| line.starts_with(word)).count()
}

#[test]
fn a_dry_run_says_what_would_be_and_does_nothing() {
    let (bucket, exceptions) = filled();
    let (exit, out, err) = replay(&bucket, &exceptions, &[]);
    assert_eq!(exit, 0, "{err}");
    for (word, count) in
        [("would be alerted ", 4), ("would be held ", 9), ("suppressed ", 1), ("duplicate ", 0)]
    {
        assert_eq!(starting(&out, word), count, "{word}: {out}");
    }
    let last = "dry run, nothing was sent or written: 4 would be alerted, 1 suppressed, 9 would be held; 2 of 2 objects read";
    assert_eq!(out.lines().last(), Some(last));
    assert!(err.contains("suppressed by exception `deploy-may`"), "{err}");
    assert!(bucket.snapshot("state/ledger").is_empty() && !bucket.path("alerts").exists());
}

#[test]
fn what_a_dry_run_says_is_what_publishing_does() {
    let (bucket, exceptions) = filled();
    let (exit, out, err) = replay(&bucket, &exceptions, &["--publish"]);
    assert_eq!(exit, 0, "{err}");
    for (word, count) in [("alerted ", 4), ("held for a summary ", 9), ("suppressed ", 1)] {
        assert_eq!(starting(&out, word), count, "{word}: {out}");
    }
    let last =
        "14 records read; 2 objects (2 scanned); 14 findings (4 alerted, 1 suppressed, 9 grouped)";
    assert_eq!(out.lines().last(), Some(last));
    assert!(err.contains("told by the function's next sweep"), "{err}");
    assert_eq!(bucket.subjects().len(), 4);
    let before = bucket.snapshot("state/ledger");
    let (_, out, _) = replay(&bucket, &exceptions, &[]);
    assert_eq!(starting(&out, "duplicate "), 14, "{out}");
    assert!(bucket.snapshot("state/ledger") == before, "a dry run writes nothing");
    let (exit, out, _) = replay(&bucket, &exceptions, &["--publish"]);
    assert!(exit == 0 && out.contains("14 findings (14 duplicate)"), "{out}");
    assert_eq!(bucket.subjects().len(), 4, "nothing is told twice");
}

#[test]
fn the_time_is_that_of_delivery() {
    let (bucket, _) = filled();
    let logs = bucket.text("logs");
    let cases: [(&[&str], usize); 5] = [
        (&[], 14),
        (&["--since", "2026-03-01T10:05:00Z"], 14),
        (&["--since", "2026-03-01T10:06:00Z"], 12),
        (&["--until", "2026-03-01T11:04:00Z"], 2),
        (&["--since", "2026-03-01", "--until", "2026-03-01"], 14),
    ];
    for (args, findings) in cases {
        let (exit, out, err) = bucket.run(&[&["replay", &logs], args].concat());
        assert_eq!((exit, starting(&out, "would be ")), (0, findings), "{args:?}: {out}{err}");
    }
    let below = format!("{logs}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01");
    let (exit, out, err) = bucket.run(&["replay", &below]);
    assert_eq!((exit, starting(&out, "would be ")), (0, 14), "a place in a bucket: {err}");
}

#[test]
fn it_refuses_what_cannot_be_meant() {
    let (bucket, _) = filled();
    let logs = bucket.text("logs");
    let missing = bucket.text("missing");
    let cases: [(&[&str], Vars<'_>, &str); 7] = [
        (
            &[&logs, "--publish"],
            &[("TRAILBELL_LEDGER", "none")],
            "without a ledger everything would be told again",
        ),
        (&[&logs, "--publish"], &[("TRAILBELL_LEDGER", "")], "TRAILBELL_LEDGER is missing"),
        (&[&logs, "--publish"], &[("TRAILBELL_ALERTS", "")], "TRAILBELL_ALERTS is missing"),
        (&[&logs, "--without-ledger"], &[], "--publish"),
        (&[&logs, "--since", "1h"], &[], "no log object of that time"),
        (&[&missing], &[], "missing: "),
        (&["s3://logs/AWSLogs"], &[], "say how far back with --since"),
    ];
    for (args, vars, told) in cases {
        let (exit, _, err) = bucket.run_with(&[&["replay"], args].concat(), vars);
        assert_eq!(exit, 2, "{args:?}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
    assert!(bucket.subjects().is_empty());
}

#[test]
fn without_a_ledger_everything_is_told_and_the_summary_at_once() {
    let (bucket, exceptions) = filled();
    let (exit, out, err) = replay(&bucket, &exceptions, &["--publish", "--without-ledger"]);
    assert_eq!(exit, 0, "{err}");
    assert_eq!((starting(&out, "alerted "), starting(&out, "summarised ")), (4, 9), "{out}");
    assert!(
        bucket.subjects().iter().any(|subject| subject.contains("9 more findings")),
        "{:?}",
        bucket.subjects()
    );
    assert!(!bucket.path("state").exists());
}

#[test]
fn one_bad_object_fails_alone() {
    let (bucket, exceptions) = filled();
    bucket.write(&format!("logs/{}", key("1030")), "{\"Records\":[");
    let (exit, out, err) = replay(&bucket, &exceptions, &["--publish"]);
    assert_eq!((exit, bucket.subjects().len()), (2, 4), "{out}");
    assert!(
        err.contains("20260301T1030Z") && err.contains("The same command may be run again"),
        "{err}"
    );
    assert!(out.contains("3 objects (2 scanned, 1 failed)"), "{out}");
}

/// A sink that stops answering after some alerts, as a process that is killed.
struct Dying {
    alive: AtomicUsize,
    told: Arc<AtomicUsize>,
    stuck: Arc<Notify>,
}

#[async_trait]
impl AlertSink for Dying {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        if self.alive.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.stuck.notify_one();
            std::future::pending::<()>().await;
        }
        self.told.fetch_add(alerts.len(), Ordering::SeqCst);
        alerts.iter().map(|alert| Ok(alert.finding.to_string())).collect()
    }
}

async fn pipeline(bucket: &Bucket, sink: Dying) -> Pipeline {
    let vars = [
        ("TRAILBELL_ALERTS", "stdout".to_owned()),
        ("TRAILBELL_STORE", bucket.dir("")),
        ("TRAILBELL_LEDGER", bucket.dir("state")),
    ];
    let config = Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap();
    let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let pipeline = wiring::build_pipeline(
        &config,
        rules.into(),
        Accounts::default(),
        &Aws::from_default_chain(),
    )
    .await;
    Pipeline { sink: Box::new(sink), ..pipeline }
}

fn clock() -> Clock {
    Clock { now: Timestamp::UNIX_EPOCH, last_start: None, lease: Duration::from_secs(60) }
}

#[tokio::test]
async fn a_second_run_after_an_interruption_tells_the_rest() {
    for dies_at in [1, 2, 3] {
        let bucket = Bucket::new();
        let minutes = ["1005", "1006", "1007", "1008"];
        for minute in minutes {
            bucket.put(
                minute,
                &[create_group(&format!("group-{minute}"), &format!("user-{minute}"), "10:00:00")],
            );
        }
        let object = |minute: &str| ObjectRef {
            bucket: "logs".to_owned(),
            key: key(minute),
            version_id: None,
        };
        let objects: Vec<ObjectRef> = minutes.map(object).to_vec();
        let (told, stuck) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let sink = |alive| Dying {
            alive: AtomicUsize::new(alive),
            told: Arc::clone(&told),
            stuck: Arc::clone(&stuck),
        };
        let first = Arc::new(pipeline(&bucket, sink(dies_at)).await);
        // Whoever holds a claim of this run is known to be gone at once.
        let mut interrupted = Replay::new(&first, Clock { lease: Duration::ZERO, ..clock() });
        tokio::select! {
            _ = interrupted.process(objects.clone()) => panic!("it was to be interrupted"),
            () = stuck.notified() => {}
        }
        drop(interrupted);
        let second = Arc::new(pipeline(&bucket, sink(usize::MAX)).await);
        let mut again = Replay::new(&second, clock());
        let news = again.process(objects).await;
        let (_, outcome) = again.finish().await;
        assert_eq!((&outcome.mismatch, &news.problems[..]), (&None, &[][..]), "dead at {dies_at}");
        // Nothing is left for a sweep that would tell it again.
        let recovered = recover_open(&second, clock()).await;
        assert!(recovered.problems.is_empty(), "dead at {dies_at}: {:?}", recovered.problems);
        let done = outcome.report.findings_that(Outcome::Alerted)
            + outcome.report.findings_that(Outcome::Duplicate);
        assert_eq!((outcome.report.findings, done), (4, 4), "dead at {dies_at}");
        assert_eq!(told.load(Ordering::SeqCst), 4, "dead at {dies_at}: each was told once");
    }
}

#[tokio::test]
async fn from_a_bucket_to_a_topic_with_a_ledger_in_s3() {
    let s3 = aws::s3(moto::url());
    let (logs, ledger) = (moto::unique("logs"), moto::unique("ledger"));
    for bucket in [&logs, &ledger] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let log = json!({"Records": [create_group("admins", "alice", "10:00:00")]}).to_string();
    s3.put_object()
        .bucket(&logs)
        .key(key("1005"))
        .body(log.into_bytes().into())
        .send()
        .await
        .unwrap();
    let sns = aws_sdk_sns::Client::new(&aws::config(moto::url()));
    let topic =
        sns.create_topic().name(moto::unique("alerts")).send().await.unwrap().topic_arn.unwrap();
    let ledger = format!("s3://{ledger}/state");
    let vars = aws::variables(moto::url());
    let place = format!("s3://{logs}/");
    let args =
        ["replay", &place, "--since", "2026-03-01", "--until", "2026-03-02", "--ledger", &ledger];
    let dry = crate::cli::trailbell(&args, &vars);
    assert!(dry.0 == 0 && dry.1.contains("1 would be alerted"), "{dry:?}");
    assert_eq!(moto::published(&topic).unwrap().len(), 0);
    let publish = [&args[..], &["--publish", "--alerts", &topic]].concat();
    for expected in ["1 findings (1 alerted)", "(1 duplicate)"] {
        let done = crate::cli::trailbell(&publish, &vars);
        let expected = expected.replace("1 findings", "1 finding");
        assert!(done.0 == 0 && done.1.contains(&expected), "{expected}: {done:?}");
    }
    assert_eq!(moto::published(&topic).unwrap().len(), 1);
}
