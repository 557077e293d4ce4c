//! `trailbell replay`, also interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alert::{Accounts, Alert};
use async_trait::async_trait;
use detect::finding::Outcome;
use detect::rule::{LoadedRules, RuleSet};
use jiff::Timestamp;
use serde_json::Value;
use support::{aws, moto};
use tokio::sync::Notify;
use trailbell::app::config::Config;
use trailbell::app::wiring::{self, Aws};
use trailbell::notification::ObjectRef;
use trailbell::pipeline::{Clock, Pipeline, Replay, recover_open};
use trailbell::sink::{AlertSink, MessageId, PublishError};

use crate::program::{TestDir, create_group, exception, key, log_text, rule, trailbell};

type Vars<'a> = &'a [(&'a str, &'a str)];

/// A finding to be alerted, one that an exception matches, and a burst of twelve.
fn filled() -> (TestDir, String) {
    let dir = TestDir::new();
    dir.put(
        "1005",
        &[
            create_group("admins", "alice", "10:00:00"),
            create_group("robots", "deploy", "10:04:00"),
        ],
    );
    let burst: Vec<Value> =
        (0..12).map(|n| create_group(&format!("many-{n}"), "erin", "11:00:00")).collect();
    dir.put("1105", &burst);
    let exception = exception("deploy-may", "user.name: deploy", "2099-01-01");
    let exceptions = dir.write("exceptions.toml", exception);
    (dir, exceptions)
}

fn replay(dir: &TestDir, exceptions: &str, args: &[&str]) -> (i32, String, String) {
    let logs = dir.text("logs");
    dir.run_with(&[&["replay", &logs], args].concat(), &[("TRAILBELL_EXCEPTIONS", exceptions)])
}

fn count_lines(out: &str, prefix: &str) -> usize {
    out.lines().filter(|line| line.starts_with(prefix)).count()
}

#[cfg(unix)]
#[test]
fn a_file_whose_name_is_not_utf_8_is_named_and_fails_the_command() {
    use std::os::unix::ffi::OsStrExt;
    let (dir, exceptions) = filled();
    let log = dir.text(&format!("logs/{}", key("1005")));
    let name = std::ffi::OsStr::from_bytes(b"odd\xff.json.gz");
    std::fs::write(std::path::Path::new(&log).with_file_name(name), "").unwrap();
    let (code, _, err) = replay(&dir, &exceptions, &[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("odd\\u{fffd}.json.gz: its name is not UTF-8"), "{err}");
}

#[test]
fn a_dry_run_prints_the_outcomes_and_writes_nothing() {
    let (dir, exceptions) = filled();
    let (code, out, err) = replay(&dir, &exceptions, &[]);
    assert_eq!(code, 0, "{err}");
    for (outcome, count) in
        [("would be alerted ", 4), ("would be grouped ", 9), ("suppressed ", 1), ("duplicate ", 0)]
    {
        assert_eq!(count_lines(&out, outcome), count, "{outcome}: {out}");
    }
    let summary = "dry run, nothing sent or written; --publish gives: 14 records read; \
                   2 objects (2 scanned); 14 findings (4 alerted, 1 suppressed, 9 grouped)";
    assert_eq!(out.lines().last(), Some(summary));
    assert!(err.contains("suppressed by exception `deploy-may`"), "{err}");
    assert!(err.contains("over several calls (correlations, thresholds, sequences)"), "{err}");
    assert!(!err.contains("alerted without"), "nothing was alerted: {err}");
    assert!(dir.snapshot("state/ledger").is_empty() && !dir.path("alerts").exists());
}

#[test]
fn publishing_does_what_the_dry_run_printed() {
    let (dir, exceptions) = filled();
    let (code, out, err) = replay(&dir, &exceptions, &["--publish"]);
    assert_eq!(code, 0, "{err}");
    for (outcome, count) in [("alerted ", 4), ("grouped ", 9), ("suppressed ", 1)] {
        assert_eq!(count_lines(&out, outcome), count, "{outcome}: {out}");
    }
    let summary = "14 records read; 2 objects (2 scanned); \
                   14 findings (4 alerted, 1 suppressed, 9 grouped)";
    assert_eq!(out.lines().last(), Some(summary));
    assert!(err.contains("a sweep of the function will summarise grouped findings"), "{err}");
    assert_eq!(dir.subjects().len(), 4);

    let before = dir.snapshot("state/ledger");
    let (_, out, _) = replay(&dir, &exceptions, &[]);
    assert_eq!(count_lines(&out, "duplicate "), 14, "{out}");
    assert!(dir.snapshot("state/ledger") == before, "a dry run writes nothing");

    let (code, out, _) = replay(&dir, &exceptions, &["--publish"]);
    assert!(code == 0 && out.contains("14 findings (14 duplicate)"), "{out}");
    assert_eq!(dir.subjects().len(), 4, "nothing is alerted twice");
}

#[test]
fn the_time_range_is_about_delivery() {
    let (dir, _) = filled();
    let logs = dir.text("logs");
    let cases: [(&[&str], usize); 5] = [
        (&[], 14),
        (&["--since", "2026-03-01T10:05:00Z"], 14),
        (&["--since", "2026-03-01T10:06:00Z"], 12),
        (&["--until", "2026-03-01T11:04:00Z"], 2),
        (&["--since", "2026-03-01", "--until", "2026-03-01"], 14),
    ];
    for (range, findings) in cases {
        let args = [&["replay", logs.as_str()], range].concat();
        let (code, out, err) = dir.run(&args);
        assert_eq!((code, count_lines(&out, "would be ")), (0, findings), "{args:?}: {out}{err}");
    }
    let part = format!("{logs}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01");
    let (code, out, err) = dir.run(&["replay", &part]);
    assert_eq!((code, count_lines(&out, "would be ")), (0, 14), "a part of a bucket: {err}");
}

#[test]
fn wrong_usage_is_an_error() {
    let (dir, _) = filled();
    let [logs, missing] = ["logs", "missing"].map(|name| dir.text(name));
    let cases: [(&[&str], Vars<'_>, &str); 8] = [
        (
            &[&logs, "--publish"],
            &[("TRAILBELL_LEDGER", "none")],
            "without a ledger all findings would be alerted again",
        ),
        (&[&logs, "--publish"], &[("TRAILBELL_LEDGER", "")], "TRAILBELL_LEDGER is missing"),
        (&[&logs, "--publish"], &[("TRAILBELL_ALERTS", "")], "TRAILBELL_ALERTS is missing"),
        (&[&logs, "--no-ledger"], &[], "--publish"),
        (&[&logs, "--publish", "--no-ledger", "--ledger", "dir:x"], &[], "cannot be used with"),
        (&[&logs, "--since", "1h"], &[], "no log objects with CloudTrail's names in that time"),
        (&[&missing], &[], "missing: "),
        (&["s3://logs/AWSLogs"], &[], "a time range is needed: add --since"),
    ];
    for (args, vars, message) in cases {
        let (code, _, err) = dir.run_with(&[&["replay"], args].concat(), vars);
        assert_eq!(code, 2, "{args:?}");
        assert!(err.contains(message), "{args:?}: {err}");
    }
    assert!(dir.subjects().is_empty());
}

#[test]
fn without_a_ledger_everything_is_alerted_and_summarised_at_once() {
    let (dir, exceptions) = filled();
    let (code, out, err) = replay(&dir, &exceptions, &["--publish", "--no-ledger"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!((count_lines(&out, "alerted "), count_lines(&out, "summarised ")), (4, 9), "{out}");
    let subjects = dir.subjects();
    assert!(subjects.iter().any(|subject| subject.contains("9 more IAM groups")), "{subjects:?}");
    assert!(!dir.path("state").exists());
}

#[test]
fn a_bad_object_fails_alone() {
    let (dir, exceptions) = filled();
    dir.write(&format!("logs/{}", key("1030")), "{\"Records\":[");
    let (code, out, err) = replay(&dir, &exceptions, &["--publish"]);
    assert_eq!((code, dir.subjects().len()), (2, 4), "{out}");
    assert!(err.contains("20260301T1030Z") && err.contains("Run the same command again"), "{err}");
    assert!(out.contains("3 objects (2 scanned, 1 failed)"), "{out}");
}

/// Stops answering at an alert, like a process that is killed.
struct HangingSink {
    /// Calls until it hangs.
    calls_left: AtomicUsize,
    sent: Arc<AtomicUsize>,
    hangs: Arc<Notify>,
}

#[async_trait]
impl AlertSink for HangingSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        if self.calls_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.hangs.notify_one();
            std::future::pending::<()>().await;
        }
        self.sent.fetch_add(alerts.len(), Ordering::SeqCst);
        alerts.iter().map(|alert| Ok(alert.finding.to_string())).collect()
    }
}

async fn pipeline(dir: &TestDir, sink: HangingSink) -> Arc<Pipeline> {
    let vars = [
        ("TRAILBELL_ALERTS", "stdout".to_owned()),
        ("TRAILBELL_STORE", dir.dir("")),
        ("TRAILBELL_LEDGER", dir.dir("state")),
    ];
    let config = Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap();
    let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let pipeline = wiring::build_pipeline(
        &config,
        rules.into(),
        Accounts::default(),
        &Aws::from_environment(),
    )
    .await;
    Arc::new(Pipeline { sink: Box::new(sink), ..pipeline })
}

fn clock(lease: Duration) -> Clock {
    Clock { now: Timestamp::UNIX_EPOCH, last_start: None, lease }
}

#[tokio::test]
async fn a_second_run_after_an_interruption_alerts_the_rest() {
    for hangs_at in [1, 2, 3] {
        let dir = TestDir::new();
        let minutes = ["1005", "1006", "1007", "1008"];
        for minute in minutes {
            let [group, user] = ["group", "user"].map(|prefix| format!("{prefix}-{minute}"));
            dir.put(minute, &[create_group(&group, &user, "10:00:00")]);
        }
        let objects = minutes.map(|minute| ObjectRef {
            bucket: "logs".to_owned(),
            key: key(minute),
            version_id: None,
        });
        let sent = Arc::new(AtomicUsize::new(0));
        let hangs = Arc::new(Notify::new());
        let sink = |calls_left| HangingSink {
            calls_left: AtomicUsize::new(calls_left),
            sent: Arc::clone(&sent),
            hangs: Arc::clone(&hangs),
        };
        let first = pipeline(&dir, sink(hangs_at)).await;
        // With this lease the claims of the first run expire at once.
        let mut interrupted = Replay::new(&first, clock(Duration::ZERO));
        tokio::select! {
            _ = interrupted.process(objects.to_vec()) => panic!("not interrupted"),
            () = hangs.notified() => {}
        }
        drop(interrupted);

        let second = pipeline(&dir, sink(usize::MAX)).await;
        let lease = Duration::from_secs(60);
        let mut again = Replay::new(&second, clock(lease));
        let processed = again.process(objects.to_vec()).await;
        let (_, outcome) = again.finish().await;
        assert_eq!(outcome.mismatch, None, "hangs at {hangs_at}");
        assert!(processed.problems.is_empty(), "hangs at {hangs_at}: {:?}", processed.problems);
        let recovered = recover_open(&second, clock(lease)).await;
        assert!(recovered.problems.is_empty(), "hangs at {hangs_at}: {:?}", recovered.problems);
        let report = &outcome.report;
        let done =
            report.findings_that(Outcome::Alerted) + report.findings_that(Outcome::Duplicate);
        assert_eq!((report.findings, done), (4, 4), "hangs at {hangs_at}");
        assert_eq!(sent.load(Ordering::SeqCst), 4, "hangs at {hangs_at}: each is alerted once");
    }
}

#[tokio::test]
async fn a_bucket_is_replayed_to_a_topic_with_a_ledger_in_s3() {
    let s3 = aws::s3(moto::url());
    let [logs, ledger] = ["logs", "ledger"].map(moto::unique);
    for bucket in [&logs, &ledger] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let log = log_text(&[create_group("admins", "alice", "10:00:00")]);
    let put = s3.put_object().bucket(&logs).key(key("1005"));
    put.body(log.into_bytes().into()).send().await.unwrap();
    let sns = aws_sdk_sns::Client::new(&aws::config(moto::url()));
    let topic = sns.create_topic().name(moto::unique("alerts")).send().await.unwrap();
    let topic = topic.topic_arn.unwrap();
    let vars = aws::variables(moto::url());
    let place = format!("s3://{logs}/");
    let ledger = format!("s3://{ledger}/state");
    let args =
        ["replay", &place, "--since", "2026-03-01", "--until", "2026-03-02", "--ledger", &ledger];
    let (code, out, err) = trailbell(&args, &vars);
    assert!(code == 0 && out.contains("would be alerted "), "{out}{err}");
    assert_eq!(moto::published(&topic).unwrap().len(), 0);
    let publish = [&args[..], &["--publish", "--alerts", &topic]].concat();
    for outcome in ["1 finding (1 alerted)", "(1 duplicate)"] {
        let (code, out, err) = trailbell(&publish, &vars);
        assert!(code == 0 && out.contains(outcome), "{outcome}: {out}{err}");
    }
    assert_eq!(moto::published(&topic).unwrap().len(), 1);
}

#[test]
fn learning_makes_values_known_and_sends_nothing() {
    let dir = TestDir::new();
    let create = |name: &str, user: &str, time: &str| create_group(name, user, time);
    dir.put("1005", &[create("a", "alice", "10:00:00"), create("b", "alice", "10:01:00")]);
    let rule =
        rule("new", "new", "event.provider: iam.amazonaws.com and event.action: CreateGroup");
    let rule = rule.replace("type = \"query\"", "type = \"new_terms\"");
    let rules = dir.write(
        "rules/new.toml",
        format!("{rule}\nnew_terms_fields = ['user.name']\nhistory_window_start = 'now-1d'\n"),
    );
    let vars = [("TRAILBELL_RULES", rules.as_str())];
    let logs = dir.text("logs");
    let learn =
        |args: &[&str]| dir.run_with(&[&["replay", &logs, "--learn"], args].concat(), &vars);
    assert_eq!(learn(&[]).0, 2, "without --since");
    let (code, out, err) = learn(&["--since", "2026-02-01"]);
    assert_eq!(code, 0, "{out}{err}");
    let report = "1 value learned; 1 match of values known before; 1 object, 2 records read";
    assert_eq!(out.lines().last(), Some(report));
    assert!(err.contains("the values since 2026-02-01 00:00:00 are known to 1 rule"), "{err}");
    assert!(!dir.path("alerts").exists() && dir.keys("entries").is_empty());
    // She is known now.
    let (code, out, err) = learn(&["--since", "2026-02-01", "--format", "json"]);
    let document: Value = serde_json::from_str(&out).unwrap_or_else(|it| panic!("{it}: {out}"));
    assert_eq!(
        (code, &document["learned_values"], &document["known_values"]),
        (0, &0.into(), &2.into()),
        "{err}"
    );
    // Alice is known, Bob is new, and the rule is not learning any more.
    dir.put("1105", &[create("c", "alice", "11:00:00"), create("d", "bob", "11:01:00")]);
    let (code, out, err) = dir.run_with(
        &["replay", &logs, "--publish", "--since", "2026-03-01T11:00:00Z"],
        &[("TRAILBELL_RULES", rules.as_str()), ("TRAILBELL_RULE_SETS", "none")],
    );
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("1 finding (1 alerted); 1 match of known values"), "{out}");
}
