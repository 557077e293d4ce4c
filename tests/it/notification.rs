//! Every envelope, recognised by its shape, and what becomes of broken ones.

use detect::text::error::error_chain;
use serde_json::{Value, json};
use trailbell::notification::{Item, Notification, Reply, decode};

/// What is in an envelope, in a short form.
fn summaries(payload: &Value) -> Vec<Vec<String>> {
    let short = |item: Item| match item {
        Item::Object(object) => match object.version_id {
            Some(version) => format!("{}/{}@{version}", object.bucket, object.key),
            None => format!("{}/{}", object.bucket, object.key),
        },
        Item::Record(record) => {
            format!(
                "{} {} {}",
                record.source,
                record.index,
                record.record.text(&["eventName"]).unwrap_or("?")
            )
        }
        Item::LogEvents(stored) => format!("{} bytes of log events", stored.len()),
        Item::Sweep => "sweep".to_owned(),
        Item::Canary => "canary".to_owned(),
        Item::Report => "report".to_owned(),
        Item::Ignored(reason) => format!("ignored: {reason}"),
        Item::Unreadable(error) => format!("unreadable: {}", error_chain(&error)),
    };
    let messages = decode(payload).messages;
    messages.into_iter().map(|message| message.items.into_iter().map(short).collect()).collect()
}

fn s3(key: &str) -> Value {
    json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}})
}

fn s3_event(key: &str) -> Value {
    json!({ "Records": [s3(key)] })
}

fn sqs(id: &str, body: &Value) -> Value {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    json!({"messageId": id, "eventSource": "aws:sqs", "receiptHandle": "h", "body": body,
        "attributes": {}, "messageAttributes": {}, "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:q"})
}

fn queue(bodies: &[Value]) -> Value {
    let records: Vec<Value> =
        bodies.iter().enumerate().map(|(n, body)| sqs(&format!("m{n}"), body)).collect();
    json!({ "Records": records })
}

/// SNS in a queue, without raw delivery.
fn wrapped(message: &Value) -> Value {
    let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
    json!({"Type": "Notification", "MessageId": "n", "TopicArn": "arn:aws:sns:us-east-1:111122223333:t",
        "Message": message, "Timestamp": "2026-03-01T10:00:00.000Z"})
}

fn sns(message: &Value) -> Value {
    let mut inner = wrapped(message);
    for (name, value) in [
        ("SignatureVersion", "1"),
        ("Signature", "s"),
        ("SigningCertUrl", "u"),
        ("UnsubscribeUrl", "u"),
    ] {
        inner[name] = json!(value);
    }
    inner["MessageAttributes"] = json!({});
    json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:us-east-1:111122223333:t:1", "Sns": inner}]})
}

fn created(key: &str) -> Value {
    json!({"version": "0", "source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 1, "version-id": "v1"}, "reason": "PutObject"}})
}

fn delivery(keys: &[&str]) -> Value {
    json!({"s3Bucket": "logs", "s3ObjectKey": keys})
}

fn on_failure(payload: &Value) -> Value {
    json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": payload})
}

macro_rules! envelopes {
    ($($name:ident: $payload:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let payload = $payload;
            assert_eq!(summaries(&payload), $expected, "{payload:#}");
        }
    )*};
}

const TEST: &str = "ignored: S3 test event: the notification is set up";
const VALIDATION: &str = "ignored: CloudTrail validation message: the topic is set up";

fn test_event() -> Value {
    json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-03-01T10:00:00Z", "Bucket": "logs"})
}

envelopes! {
    s3_alone: s3_event("a+b%2Bc") => [["logs/a b+c"]];
    s3_in_sqs: queue(&[s3_event("a%20b"), s3_event("c")]) => [["logs/a b"], ["logs/c"]];
    s3_in_sns: sns(&s3_event("a+b")) => [["logs/a b"]];
    s3_in_sns_in_sqs: queue(&[wrapped(&s3_event("a+b"))]) => [["logs/a b"]];
    eventbridge: created("a+b%2B") => [["logs/a+b%2B@v1"]];
    eventbridge_in_sqs: queue(&[created("a+b")]) => [["logs/a+b@v1"]];
    eventbridge_in_sns_in_sqs: queue(&[wrapped(&created("a+b"))]) => [["logs/a+b@v1"]];
    cloudtrail_in_sns: sns(&delivery(&["a+b", "c%2B"])) => [["logs/a+b", "logs/c%2B"]];
    cloudtrail_in_sns_in_sqs: queue(&[wrapped(&delivery(&["a+b"]))]) => [["logs/a+b"]];
    cloudtrail_in_sqs_raw: queue(&[delivery(&["a+b"])]) => [["logs/a+b"]];
    on_failure_around_s3: on_failure(&s3_event("a")) => [["logs/a"]];
    on_failure_around_sns: on_failure(&sns(&s3_event("a"))) => [["logs/a"]];
    on_failure_around_eventbridge: on_failure(&created("a")) => [["logs/a@v1"]];
    on_failure_in_sqs: queue(&[on_failure(&s3_event("a"))]) => [["logs/a"]];
    on_failure_around_a_queue: on_failure(&queue(&[s3_event("a"), s3_event("b")])) => [["logs/a", "logs/b"]];
    test_event_alone: test_event() => [[TEST]];
    test_event_in_sqs: queue(&[test_event()]) => [[TEST]];
    test_event_in_sns: sns(&test_event()) => [[TEST]];
    test_event_in_sns_in_sqs: queue(&[wrapped(&test_event())]) => [[TEST]];
    validation_in_sns: sns(&json!("CloudTrail validation message.")) => [[VALIDATION]];
    validation_in_sns_in_sqs: queue(&[wrapped(&json!("CloudTrail validation message."))]) => [[VALIDATION]];
    validation_in_sqs_raw: queue(&[json!("CloudTrail validation message.")]) => [[VALIDATION]];
    removed: json!({"Records": [{"eventVersion": "2.1", "eventName": "ObjectRemoved:Delete",
        "s3": {"bucket": {"name": "logs"}, "object": {"key": "a"}}}]}) => [["ignored: S3 ObjectRemoved:Delete: no new object"]];
    deleted_by_eventbridge: json!({"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}})
        => [["ignored: EventBridge \"Object Deleted\" from \"aws.s3\": neither a new object nor a record"]];
    api_call: json!({"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": "CreateGroup"}})
        => [["EventBridge 0 CreateGroup"]];
    a_sweep: json!({"trailbell": "sweep"}) => [["sweep"]];
    a_canary: json!({"trailbell": "canary"}) => [["canary"]];
    a_report: json!({"trailbell": "report"}) => [["report"]];
    a_canary_in_sqs: queue(&[json!({"trailbell": "canary"})]) => [["canary"]];
    a_sweep_in_sqs: queue(&[json!({"trailbell": "sweep"})]) => [["sweep"]];
    a_rule_with_a_schedule: json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}) => [["sweep"]];
    a_schedule: json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}) => [["sweep"]];
    a_failed_sweep: on_failure(&json!({"trailbell": "sweep"})) => [["sweep"]];
    the_schedule_of_another_application: json!({"source": "my.app", "detail-type": "Scheduled Event", "detail": {}})
        => [["ignored: EventBridge \"Scheduled Event\" from \"my.app\": neither a new object nor a record"]];
    a_misspelt_sweep: json!({"trailbell": "weep"}) => [["unreadable: unknown envelope: an object with the keys trailbell"]];
    no_keys: delivery(&[]) => [["ignored: a CloudTrail delivery without keys"]];
    sns_without_what_sns_adds: json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": s3_event("a").to_string()}}]})
        => [["logs/a"]];
    an_empty_version: json!({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "logs"}, "object": {"key": "a", "versionId": ""}}}]}) => [["logs/a"]];
    no_records: json!({"Records": []}) => [["ignored: a notification without records"]];
}

#[test]
fn a_version_is_kept() {
    let mut event = s3_event("a");
    event["Records"][0]["s3"]["object"]["versionId"] = json!("v7");
    assert_eq!(summaries(&event), [["logs/a@v7"]]);
}

#[test]
fn newer_minor_versions_are_read_and_another_major_is_not() {
    let mut event = s3_event("a");
    event["Records"][0]["eventVersion"] = json!("2.9");
    assert_eq!(summaries(&event), [["logs/a"]]);
    event["Records"][0]["eventVersion"] = json!("3.0");
    assert_eq!(
        summaries(&event),
        [["unreadable: S3 record 0: eventVersion is \"3.0\", only 2.x is known"]]
    );
}

/// The error of an envelope that cannot be understood.
fn unreadable(payload: &Value) -> String {
    let items = summaries(payload).concat();
    assert!(items.len() == 1 && items[0].starts_with("unreadable: "), "{items:?}");
    items[0].clone()
}

#[test]
fn an_unknown_envelope_is_described_by_its_keys_and_not_its_values() {
    let error = unreadable(&json!({"secret": "hunter2", "line\nbreak": 1}));
    assert_eq!(error, "unreadable: unknown envelope: an object with the keys secret, line\\nbreak");
    assert!(unreadable(&json!([1, 2])).ends_with("unknown envelope: an array"));
    assert!(unreadable(&json!("hello")).ends_with("unknown envelope: a string"));
    assert!(unreadable(&json!({})).ends_with("an object without keys"));
    let many: serde_json::Map<String, Value> =
        (0..1000).map(|n| (format!("k{n}"), json!("v"))).collect();
    assert!(unreadable(&Value::Object(many)).ends_with("k19, … 980 more"));
    assert!(
        unreadable(&json!({"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}]}))
            .contains("kinesis")
    );
}

#[test]
fn one_broken_message_of_a_batch_fails_alone() {
    let bodies = [s3_event("a"), s3_event("b"), json!("{ not json"), s3_event("d")];
    let all = summaries(&queue(&bodies));
    assert_eq!(
        (&all[0][0], &all[1][0], &all[3][0]),
        (&"logs/a".to_owned(), &"logs/b".to_owned(), &"logs/d".to_owned())
    );
    assert!(all[2][0].starts_with("unreadable: SQS body: not JSON"), "{all:?}");
}

#[test]
fn one_broken_record_of_a_notification_fails_alone() {
    let all = summaries(&json!({"Records": [s3("a"), {"s3": {"bucket": {}}}, s3("%ff"), s3("d")]}))
        .concat();
    assert_eq!((all[0].as_str(), all[3].as_str()), ("logs/a", "logs/d"));
    assert_eq!(all[1], "unreadable: S3 record 1: eventVersion is missing");
    assert_eq!(all[2], "unreadable: S3 record 2: the key is not percent-encoded UTF-8");
}

#[test]
fn a_queue_gets_message_ids_and_others_a_result_as_a_whole() {
    let Notification { reply, messages } = decode(&queue(&[s3_event("a")]));
    assert_eq!((reply, messages[0].id.as_deref()), (Reply::BatchItemFailures, Some("m0")));
    assert_eq!(decode(&s3_event("a")).reply, Reply::Invocation);
}

#[test]
fn too_many_nested_envelopes_are_refused() {
    let mut payload = s3_event("a");
    for _ in 0..20 {
        payload = on_failure(&payload);
    }
    assert_eq!(unreadable(&payload), "unreadable: more than 8 nested envelopes");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(unreadable(&queue(&[json!(deep)])).contains("recursion limit"));
}

#[test]
fn a_name_from_the_payload_cannot_break_a_line_of_the_log() {
    for payload in [
        json!({"awslogs": {"da\nta": "x"}}),
        json!({"awslogs": {"data": "x\u{1b}[2J"}}),
        json!({"a\r\nb": 1}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": {"a\nb": 1}}]}),
    ] {
        let error = unreadable(&payload);
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}
