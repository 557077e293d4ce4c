//! The real protocols of S3 and SNS: moto's server, and canned answers for what moto does not do.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alert::{Accounts, Alert};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use detect::cloudtrail::{Body, Record};
use detect::finding::{Context, Finding, Origin, Outcome};
use detect::rule::{LoadedRules, RuleSet};
use detect::text::error::error_chain;
use jiff::Timestamp;
use serde_json::{Value, json};
use support::canned::Canned;
use support::{aws, moto};
use trailbell::aws_error::AwsErrorKind;
use trailbell::integrity::Verification;
use trailbell::ledger::Ledger;
use trailbell::notification::ObjectRef;
use trailbell::pipeline::{self, Clock, MailLength, ObjectOutcome, Pipeline};
use trailbell::sink::{AlertSink, Pace, PublishError, SnsSink, wire};
use trailbell::store::{ObjectStore, S3Store, StoreErrorKind};

fn sns(url: &str) -> aws_sdk_sns::Client {
    aws_sdk_sns::Client::new(&aws::config(url))
}

async fn bucket(client: &aws_sdk_s3::Client) -> String {
    let bucket = moto::unique("logs");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    bucket
}

async fn put(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    bytes: Vec<u8>,
) -> Option<String> {
    let put = client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
    put.send().await.unwrap().version_id().map(str::to_owned)
}

async fn topic(client: &aws_sdk_sns::Client) -> String {
    let topic = client.create_topic().name(moto::unique("alerts")).send().await.unwrap();
    topic.topic_arn().unwrap().to_owned()
}

fn object(bucket: &str, key: &str, version_id: Option<String>) -> ObjectRef {
    ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version_id }
}

fn create_group(event_id: &str, group: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateGroup",
        "eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "eventID": event_id,
        "recipientAccountId": "111122223333", "requestParameters": {"groupName": group},
        "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice"}})
}

fn alerts(count: usize) -> Vec<Alert> {
    let rules = LoadedRules::embedded().rules;
    let alert = |n: usize| {
        let record =
            Record::from_value(create_group(&format!("e{n}"), &format!("group-{n}"))).unwrap();
        let origin = Origin::Inline { envelope: "test".to_owned(), record: n };
        alert::render_finding(
            &Finding::new(&rules[0].info, &record, origin),
            &Context::default(),
            &Accounts::default(),
        )
    };
    (0..count).map(alert).collect()
}

async fn bytes(store: &S3Store, object: &ObjectRef) -> (&'static str, Vec<u8>) {
    match store.open(object).await.unwrap() {
        Body::Whole(bytes) => ("whole", bytes.to_vec()),
        Body::Stream(mut read) => {
            let all = tokio::task::spawn_blocking(move || {
                let mut all = Vec::new();
                read.read_to_end(&mut all).map(|_| all)
            });
            ("stream", all.await.unwrap().unwrap())
        }
    }
}

#[tokio::test]
async fn objects_are_opened_by_key_and_version() {
    let client = aws::s3(moto::url());
    let bucket = bucket(&client).await;
    let versions =
        VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    client
        .put_bucket_versioning()
        .bucket(&bucket)
        .versioning_configuration(versions)
        .send()
        .await
        .unwrap();
    let key = "prefix with space/a+b/ü.json.gz";
    let first = put(&client, &bucket, key, b"first".to_vec()).await;
    put(&client, &bucket, key, b"second".to_vec()).await;
    let store = S3Store::new(client);
    assert_eq!(bytes(&store, &object(&bucket, key, None)).await, ("whole", b"second".to_vec()));
    assert_eq!(bytes(&store, &object(&bucket, key, first)).await, ("whole", b"first".to_vec()));
}

#[tokio::test]
async fn a_large_object_is_streamed() {
    let client = aws::s3(moto::url());
    let bucket = bucket(&client).await;
    let large = vec![b'x'; 17 * 1024 * 1024];
    put(&client, &bucket, "large", large.clone()).await;
    let (how, got) = bytes(&S3Store::new(client), &object(&bucket, "large", None)).await;
    assert_eq!(how, "stream");
    assert!(got == large);
}

#[tokio::test]
async fn what_is_gone_is_told_from_what_cannot_be_had() {
    let client = aws::s3(moto::url());
    let bucket = bucket(&client).await;
    let store = S3Store::new(client);
    let missing = store.open(&object(&bucket, "missing", None)).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    let no_bucket = moto::unique("no-bucket");
    let error = store.open(&object(&no_bucket, "a", None)).await.unwrap_err();
    let text = error_chain(&error);
    assert!(text.starts_with(&format!("cannot read s3://{no_bucket}/a: NoSuchBucket: ")), "{text}");
}

#[tokio::test]
async fn a_403_is_tried_again_and_names_the_permission_that_hides_a_404() {
    let xml = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let server = Canned::new(move |_| (403, xml.to_owned())).unwrap();
    let error =
        S3Store::new(aws::s3(&server.url)).open(&object("logs", "a", None)).await.unwrap_err();
    assert!(matches!(&error.kind, StoreErrorKind::Aws(aws) if aws.kind == AwsErrorKind::Denied));
    let text = error_chain(&error);
    assert!(
        text.starts_with("cannot read s3://logs/a: AccessDenied: Access Denied")
            && text.contains("s3:ListBucket"),
        "{text}"
    );
}

#[tokio::test]
async fn an_alert_reaches_the_topic_as_mail_and_as_json_with_attributes() {
    let client = sns(moto::url());
    let topic = topic(&client).await;
    let sink = SnsSink::new(client, topic.clone(), Pace::shared_by(1));
    let alerts = alerts(2);
    let results = sink.publish(&alerts).await;
    assert!(
        results.iter().all(|result| result.as_ref().is_ok_and(|id| !id.is_empty())),
        "{results:?}"
    );
    let published = moto::published(&topic).unwrap();
    assert_eq!(published.len(), 2);
    let message: Value = serde_json::from_str(&published[0].message).unwrap();
    assert_eq!(message["email"], json!(alerts[0].text));
    let document: Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&document["event"]["action"], &document["group"]["name"]),
        (&json!("CreateGroup"), &json!("group-0"))
    );
    assert_eq!(published[0].subject.as_deref(), Some(alerts[0].subject.as_str()));
    let names: BTreeSet<&str> =
        published[0].attributes.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "account action kind region risk_score rule_id rule_name rule_severity severity";
    assert_eq!(names, expected.split(' ').collect());
}

#[tokio::test]
async fn a_topic_that_does_not_exist_fails_every_finding_by_name() {
    let topic = "arn:aws:sns:us-east-1:111122223333:nowhere".to_owned();
    let sink = SnsSink::new(sns(moto::url()), topic.clone(), Pace::shared_by(1));
    let results = sink.publish(&alerts(3)).await;
    assert_eq!(results.len(), 3);
    assert!(
        results
            .iter()
            .all(|result| result.as_ref().is_err_and(|error| error.to_string().contains(&topic))),
        "{results:?}"
    );
}

/// A `PublishBatch` answer that accepts and refuses entries by their ids.
fn batch_answer(accepted: &[&str], refused: &[(&str, bool)]) -> String {
    let member = |id: &&str| format!("<member><Id>{id}</Id><MessageId>m-{id}</MessageId></member>");
    let failed = |(id, fault): &(&str, bool)| {
        format!(
            "<member><Id>{id}</Id><Code>Oops</Code><Message>no</Message><SenderFault>{fault}</SenderFault></member>"
        )
    };
    let accepted: String = accepted.iter().map(member).collect();
    let refused: String = refused.iter().map(failed).collect();
    format!(
        "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult>\
         <Successful>{accepted}</Successful><Failed>{refused}</Failed></PublishBatchResult></PublishBatchResponse>"
    )
}

#[tokio::test]
async fn failures_inside_a_success_are_read_and_worth_another_try_unless_they_are_ours() {
    let server =
        Canned::new(|_| (200, batch_answer(&["0"], &[("1", false), ("2", true)]))).unwrap();
    let topic = "arn:aws:sns:us-east-1:111122223333:alerts".to_owned();
    let results =
        SnsSink::new(sns(&server.url), topic, Pace::shared_by(1)).publish(&alerts(4)).await;
    assert_eq!(results[0].as_ref().unwrap(), "m-0");
    let errors: Vec<&PublishError> =
        results.iter().filter_map(|result| result.as_ref().err()).collect();
    let facts: Vec<(bool, bool)> =
        errors.iter().map(|error| (error.is_transient(), error.is_about_alert())).collect();
    assert_eq!(facts, [(true, true), (false, true), (false, true)], "{errors:?}");
    assert!(error_chain(errors[1]).contains("Oops: no"), "{errors:?}");
    assert_eq!(server.asked().len(), 1, "the pipeline decides about another try");
}

#[tokio::test]
async fn only_an_answer_about_the_alert_is_a_refusal_of_it() {
    for (status, code, is_about_alert) in [
        (400, "InvalidParameter", true),
        (400, "BatchRequestTooLong", true),
        (500, "InternalError", true),
        (400, "Throttled", false),
        (403, "AuthorizationError", false),
        (403, "KMSAccessDenied", false),
        (404, "NotFound", false),
    ] {
        let xml = format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>");
        let server = Canned::new(move |_| (status, xml.clone())).unwrap();
        let topic = "arn:aws:sns:us-east-1:111122223333:alerts".to_owned();
        let sink = SnsSink::new(sns(&server.url), topic, Pace::shared_by(1));
        let error = sink.publish(&alerts(1)).await.remove(0).unwrap_err();
        assert_eq!(error.is_about_alert(), is_about_alert, "{code}: {error:?}");
        assert!(!error.is_transient(), "the client tried again: {code}");
    }
}

#[tokio::test]
async fn no_second_at_the_topic_sees_more_than_the_share() {
    let server = Canned::new(|request| {
        let ids: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let sent: Vec<&str> = ids
            .iter()
            .map(String::as_str)
            .filter(|id| request.body.contains(&format!("Id={id}&")))
            .collect();
        (200, batch_answer(&sent, &[]))
    })
    .unwrap();
    let topic = "arn:aws:sns:us-east-1:111122223333:alerts".to_owned();
    let sink = SnsSink::new(sns(&server.url), topic, Pace::shared_by(1));
    for batch in alerts(14).chunks(sink.burst()) {
        assert!(sink.wait_for_pace(batch.len(), None).await);
        let results = sink.publish(batch).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
    let asked = server.asked();
    let entries = |body: &str| body.matches(".Id=").count();
    assert_eq!(asked.iter().map(|(_, body)| entries(body)).sum::<usize>(), 14);
    // Arrival wavers by a little; the promise leaves twice the room.
    let second = Duration::from_millis(900);
    for (start, _) in &asked {
        let within = |time: &Instant| time >= start && time.duration_since(*start) < second;
        let count: usize =
            asked.iter().filter(|(time, _)| within(time)).map(|(_, body)| entries(body)).sum();
        assert!(count <= 5, "{count} messages in one second");
    }
}

#[tokio::test]
async fn a_message_never_outgrows_what_sns_takes() {
    let rules = LoadedRules::embedded().rules;
    let mut record = create_group("e1", "admins");
    record["requestParameters"]["path"] = json!("é\"\\".repeat(60_000));
    record["userAgent"] = json!("\u{202e}".repeat(20_000));
    let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
    let finding = Finding::new(&rules[0].info, &Record::from_value(record).unwrap(), origin);
    let alert = alert::render_finding(&finding, &Context::default(), &Accounts::default());
    assert!(wire::message_bytes(&alert.message(), &alert) <= wire::MAX_BYTES);
}

#[tokio::test]
async fn from_an_object_in_s3_to_a_message_at_the_topic() {
    let (s3, sns) = (aws::s3(moto::url()), sns(moto::url()));
    let (bucket, topic) = (bucket(&s3).await, topic(&sns).await);
    let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_x.json.gz";
    let log = json!({"Records": [create_group("e1", "admins"), {"eventName": "ListGroups"}]});
    put(&s3, &bucket, key, log.to_string().into_bytes()).await;
    let pipeline = Pipeline {
        store: Box::new(S3Store::new(s3)),
        sink: Box::new(SnsSink::new(sns, topic.clone(), Pace::shared_by(1))),
        detections: Arc::new(RuleSet::new(LoadedRules::embedded().rules).unwrap().into()),
        accounts: Accounts::default(),
        ledger: Ledger::None,
        trails: vec![],
        inline_sources: vec![],
        mail: MailLength::Short,
        max_object_bytes: 1 << 30,
        verification: Verification::off(),
        pages: None,
    };
    let record = |key: &str| {
        json!({"eventVersion": "2.1", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key}}})
    };
    let payload = json!({"Records": [record(key), record(&key.replace("_x", "_gone"))]});
    let clock =
        Clock { now: Timestamp::UNIX_EPOCH, last_start: None, lease: Duration::from_secs(360) };
    let outcome = pipeline::run(&Arc::new(pipeline), &payload, clock).await;
    assert!(outcome.reply().is_ok(), "{:?}", outcome.problems);
    assert_eq!(
        (
            outcome.report.findings_that(Outcome::Alerted),
            outcome.report.objects_that(ObjectOutcome::Gone)
        ),
        (1, 1)
    );
    assert_eq!(moto::published(&topic).unwrap().len(), 1);
}
