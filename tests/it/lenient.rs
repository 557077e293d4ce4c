//! Records that a strict parser rejects, by every way in: they are read if that is possible, and
//! otherwise never a success.

use std::io::Cursor;

use bytes::Bytes;
use detect::cloudtrail::Body;
use detect::cloudtrail::reader::{Layout, Options, ReadStats, read_prefiltered};
use detect::finding::Outcome;
use detect::rule::{LoadedRules, Rule, RuleSet};
use serde_json::{Value, json};
use support::function::Function;
use support::log_events::{payload, subscription};
use trailbell::notification::{InlineSource, Item, decode};
use trailbell::pipeline::InvocationReport;

use crate::pipeline::{Answer, World, create_group, queue, retried, s3_event, world};

/// What is in place of the user agent of a call, between quotes: half a surrogate pair, a raw
/// control character.
const REPAIRED: [&str; 2] = [r"half \ud83d", "raw \u{1} control"];

/// The text of a call whose user agent is written so.
fn call(agent: &str) -> String {
    let mut record = create_group("e1", "one");
    record["userAgent"] = json!("AGENT");
    record.to_string().replace("AGENT", agent)
}

/// The text of a record that is not JSON.
fn damaged(action: &str) -> String {
    format!(r#"{{"eventSource":"iam.amazonaws.com","eventName":"{action}","broken":}}"#)
}

/// A rule that can match any record.
fn rule_without_literal() -> Rule {
    let text = "[metadata]\n[rule]\nrule_id = \"any\"\nname = \"any\"\ndescription = \"d\"\n\
                type = \"query\"\nlanguage = \"kuery\"\nseverity = \"low\"\nrisk_score = 1\n\
                query = 'user.name: nobody'\n";
    let mut loaded = LoadedRules::from_texts([("any.toml", text)].into_iter());
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.rules.remove(0)
}

fn api_call(record: &str) -> String {
    format!(
        r#"{{"source":"aws.iam","detail-type":"AWS API Call via CloudTrail","detail":{record}}}"#
    )
}

fn published(message: &str) -> String {
    json!({"Type": "Notification", "Message": message}).to_string()
}

/// A way in of the text of a record.
type WayIn = fn(&str) -> (World, Value);

fn in_an_object(record: &str) -> (World, Value) {
    let text = format!("{{\"Records\":[{record}]}}");
    (world(&[("a", Answer::Bytes(Bytes::from(text)))]), queue(&[s3_event(&["a"]).to_string()]))
}

fn in_a_queue(record: &str) -> (World, Value) {
    (world(&[]), queue(&[api_call(record)]))
}

fn in_a_topic(record: &str) -> (World, Value) {
    let sns = json!({"EventSource": "aws:sns", "Sns": {"Message": api_call(record)}});
    (world(&[]), json!({ "Records": [sns] }))
}

fn in_a_topic_in_a_queue(record: &str) -> (World, Value) {
    (world(&[]), queue(&[published(&api_call(record))]))
}

fn in_log_events(record: &str) -> (World, Value) {
    let mut world = world(&[]);
    world.inline_sources = vec![InlineSource::CloudWatchLogs];
    (world, subscription(&[record]))
}

const WAYS_IN: [(&str, WayIn); 5] = [
    ("an object", in_an_object),
    ("SQS", in_a_queue),
    ("SNS", in_a_topic),
    ("SNS in SQS", in_a_topic_in_a_queue),
    ("CloudWatch Logs", in_log_events),
];

#[tokio::test]
async fn invalid_strings_keep_no_call_from_being_alerted() {
    for (name, way_in) in WAYS_IN {
        for agent in REPAIRED {
            let (world, payload) = way_in(&call(agent));
            let (outcome, alerts, _) = world.run(&payload).await;
            assert_eq!(alerts.len(), 1, "{name}, {agent:?}: {:?}", outcome.problems);
            assert_eq!(outcome.report.bad_records, 0, "{name}, {agent:?}");
            assert!(retried(&outcome).is_empty(), "{name}, {agent:?}: {:?}", outcome.problems);
        }
    }
}

fn counted(outcome: &InvocationReport) -> u64 {
    outcome.report.bad_records + outcome.report.unreadable
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_retried_whatever_rules_there_are() {
    for (name, way_in) in WAYS_IN {
        for rules in [vec![], vec![rule_without_literal()]] {
            let (mut world, payload) = way_in(&damaged("CreateGroup"));
            world.rules = rules;
            let (outcome, alerts, _) = world.run(&payload).await;
            assert_eq!((alerts.len(), counted(&outcome)), (0, 1), "{name}");
            assert_eq!(retried(&outcome).len(), 1, "{name}: {:?}", outcome.problems);
        }
    }
}

#[tokio::test]
async fn another_record_that_cannot_be_read_is_left_out_and_counted() {
    for (name, way_in) in [WAYS_IN[0], WAYS_IN[4]] {
        let (mut world, payload) = way_in(&damaged("ListUsers"));
        world.rules = vec![rule_without_literal()];
        let (outcome, _, _) = world.run(&payload).await;
        assert_eq!(outcome.report.bad_records, 1, "{name}");
        assert!(retried(&outcome).is_empty(), "{name}: {:?}", outcome.problems);
    }
}

#[tokio::test]
async fn log_events_are_read_one_by_one() {
    let mut world = world(&[]);
    world.inline_sources = vec![InlineSource::CloudWatchLogs];
    let good = call("agent");
    let more = create_group("e2", "two").to_string();
    let messages = ["not JSON", &good, &damaged("CreateGroup"), "17", &more];
    let (outcome, alerts, _) = world.run(&subscription(&messages)).await;
    let report = &outcome.report;
    assert_eq!((alerts.len(), report.records, report.bad_records), (2, 5, 3));
    assert_eq!(report.findings_that(Outcome::Alerted), 2);
    let problems: Vec<String> = outcome.problems.iter().map(ToString::to_string).collect();
    for (index, what) in ["not JSON: ", "not JSON: ", "not a JSON object"].iter().enumerate() {
        assert!(problems[index].contains(what), "{problems:?}");
        assert_eq!(problems[index].ends_with("(retried)"), index == 1, "{problems:?}");
    }
    assert!(problems[1].starts_with("CloudWatch Logs subscription: record 2 at byte "));
    assert_eq!(retried(&outcome), ["the invocation"]);
}

#[tokio::test]
async fn log_events_have_the_limit_of_objects() {
    let mut world = world(&[]);
    world.inline_sources = vec![InlineSource::CloudWatchLogs];
    world.max_object_bytes = 100_000;
    let spaces = " ".repeat(200_000);
    let (outcome, alerts, _) = world.run(&subscription(&[&call("agent"), &spaces])).await;
    assert_eq!(alerts.len(), 1, "calls before the limit are alerted");
    let error = outcome.reply().unwrap_err().to_string();
    assert!(error.contains("more than the 100000 bytes that are accepted"), "{error}");
}

fn rules() -> RuleSet {
    RuleSet::new(LoadedRules::embedded().rules).unwrap()
}

/// What a thread had allocated at most, in bytes.
fn peak_memory(work: impl FnMut()) -> u64 {
    allocation_counter::measure(work).bytes_max
}

#[test]
fn the_memory_for_log_events_does_not_grow_with_what_they_inflate_to() {
    let events = |count: usize| {
        let message = format!("{{{}}}", " ".repeat(100_000));
        let payload = subscription(&vec![message; count]);
        let stored = payload.to_string().len() as u64;
        let mut items = Vec::new();
        let decoding = peak_memory(|| items = decode(&payload).messages.remove(0).items);
        let Some(Item::LogEvents(bytes)) = items.pop() else { panic!("{items:?}") };
        let mut read = ReadStats::default();
        let reading = peak_memory(|| {
            let body = Body::Stream(Box::new(Cursor::new(bytes.clone())));
            let options = Options { max_bytes: u64::MAX, layout: Layout::LogEvents, hash: false };
            let end;
            (read, end) = read_prefiltered(body, options, rules().literals(), &mut |_, _| ());
            end.unwrap();
        });
        assert!(read.bytes > 100_000 * count as u64, "{read:?}");
        (decoding, reading, stored)
    };
    let (decoding, reading, stored) = events(200);
    let (_, reading_few, _) = events(20);
    assert!(decoding < 2 * stored + 100_000, "{decoding} bytes to decode {stored}");
    assert!(reading < reading_few + 100_000, "{reading} bytes, for a tenth {reading_few}");
}

#[tokio::test]
async fn a_subscription_that_is_none_is_retried() {
    let text = br#"{"messageType":"DATA_MESSAGE","logEvents":{}}"#;
    for payload in [payload(text), payload(b"{}"), payload(b"[1]"), json!({"awslogs": {}})] {
        let mut world = world(&[]);
        world.inline_sources = vec![InlineSource::CloudWatchLogs];
        let (outcome, _, _) = world.run(&payload).await;
        assert_eq!(retried(&outcome), ["the invocation"], "{payload}: {:?}", outcome.problems);
    }
}

#[tokio::test]
async fn log_events_that_are_not_accepted_are_not_read() {
    let (outcome, alerts, _) = world(&[]).run(&subscription(&[call("agent")])).await;
    assert_eq!((alerts.len(), outcome.report.inline_refused, outcome.report.bytes), (0, 1, 0));
    assert!(retried(&outcome).is_empty());
}

#[test]
fn the_function_reads_a_payload_with_half_a_surrogate_pair() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| format!("dir:{}", folder.path().join(name).display());
    let settings = [
        ("TRAILBELL_STORE", place("logs")),
        ("TRAILBELL_ALERTS", place("alerts")),
        ("TRAILBELL_LEDGER", "none".to_owned()),
        ("TRAILBELL_INLINE", "eventbridge".to_owned()),
    ];
    let program = env!("CARGO_BIN_EXE_trailbell-lambda");
    let mut function = Function::start(program, &settings, std::process::Stdio::null());
    let reply = function.invoke_text(&api_call(&call(REPAIRED[0]))).unwrap();
    assert_eq!(reply["report"]["finding_outcomes"]["alerted"], 1, "{reply}");
}
