//! A day of digests, from the queue through the function in a process of its own.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use support::function::Function;
use support::trail::{SignedTrail, TrailObject, gzip};
use support::{aws, moto, root};
use trailbell::ledger::StoredLedger;
use trailbell::store::S3Store;

use super::{end, text};

const HOURS: usize = 24;

/// The digests that one invocation is given.
const BATCH: usize = 5;

/// A day, of which one log file was changed after it was delivered.
async fn bucket() -> SignedTrail {
    let mut trail = SignedTrail::new(&moto::unique("logs"));
    (0..HOURS).for_each(|hour| trail.add_hour(end(hour), &[text(hour, 0), text(hour, 1)]));
    let changed = trail.logs()[15].clone();
    trail.put(&changed, gzip(text(9, 9).as_bytes()), Default::default());
    let client = aws::s3(moto::url());
    client.create_bucket().bucket(&trail.bucket).send().await.unwrap();
    for (key, TrailObject { bytes, metadata }) in &trail.objects {
        let put = client.put_object().bucket(&trail.bucket).key(key);
        let put = put.set_metadata(Some(metadata.clone().into_iter().collect()));
        put.body(bytes.clone().into()).send().await.unwrap();
    }
    trail
}

/// What SQS gives the function: messages of S3.
fn batch(trail: &SignedTrail, digests: &[String]) -> Value {
    let message = |(index, key): (usize, &String)| {
        let event = json!({"Records": [{
            "eventVersion": "2.1",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": trail.bucket}, "object": {"key": key}},
        }]});
        json!({
            "messageId": format!("message-{index}"),
            "receiptHandle": "handle",
            "body": event.to_string(),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:trailbell",
            "awsRegion": "us-east-1",
        })
    };
    json!({"Records": digests.iter().enumerate().map(message).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_day_of_digests_is_verified_by_the_function() {
    let trail = bucket().await;
    let state = moto::unique("state");
    aws::s3(moto::url()).create_bucket().bucket(&state).send().await.unwrap();
    let alerts = tempfile::tempdir().unwrap();
    let keys = root().join("events/keys/public-keys.json");
    let variables = [
        ("AWS_ENDPOINT_URL", moto::url().to_owned()),
        ("TRAILBELL_STORE", "s3".to_owned()),
        ("TRAILBELL_ALERTS", format!("dir:{}", alerts.path().display())),
        ("TRAILBELL_LEDGER", format!("s3://{state}/")),
        ("TRAILBELL_TRAILS", format!("s3://{}/", trail.bucket)),
        ("TRAILBELL_PUBLIC_KEYS", keys.display().to_string()),
    ];
    // The first digest begins the chain; of the others, those of a batch are processed at once.
    let (first, others) = trail.digests.split_at(1);
    let batches = [first].into_iter().chain(others.chunks(BATCH));
    let payloads: Vec<Value> = batches.map(|digests| batch(&trail, digests)).collect();
    let answers = tokio::task::spawn_blocking(move || {
        let program = env!("CARGO_BIN_EXE_trailbell-lambda");
        let mut function = Function::start(program, &variables, Stdio::null());
        let answers: Vec<_> = payloads.iter().map(|payload| function.invoke(payload)).collect();
        // What several workers moved on at once, a sweep moves to the end.
        function.invoke(&json!({"trailbell": "sweep"})).unwrap();
        answers
    });
    for answer in answers.await.unwrap() {
        assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    }
    let store = Box::new(S3Store::new(aws::s3(moto::url())));
    let (heads, _) = StoredLedger::new(store, &state, "").chain_heads().await.unwrap();
    let [head] = &heads[..] else { panic!("{heads:?}") };
    let verified = (head.end, head.digests, head.log_files, head.gaps);
    assert_eq!(verified, (end(HOURS - 1), HOURS as u64, 2 * HOURS as u64 - 1, 0));
    let written = fs::read_dir(alerts.path()).unwrap();
    let texts = written.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let changed = texts.filter(|text| text.contains("CloudTrail log file changed")).count();
    assert!(changed > 0, "the changed log file is alerted");
}
