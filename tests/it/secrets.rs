//! What must never be in the log is not, at the finest level there is.

use std::fs::File;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use support::function::Function;
use support::{aws, moto};

/// In the record that is found.
const AGENT: &str = "agent-4f1d0c";
const POLICY: &str = "policy-83ab77";
/// In a record that is broken, in one that nothing is looked for in, in one that comes inline, in
/// what is no notification at all.
const BROKEN: &str = "broken-5c2e91";
const QUIET: &str = "quiet-7d90ab";
const INLINE: &str = "inline-19ffe0";
const FOREIGN: &str = "foreign-6620cd";
/// In the environment.
const SECRET_KEY: &str = "secret-key-aa91f7";
const SESSION: &str = "session-token-0b3d52";

const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T1000Z_x.json.gz";

fn put_group_policy(event_id: &str, agent: &str) -> Value {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": POLICY, "Effect": "Allow", "Action": "*"}]});
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "PutGroupPolicy",
        "eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "eventID": event_id, "userAgent": agent,
        "recipientAccountId": "111122223333",
        "requestParameters": {"groupName": "admins", "policyName": "all", "policyDocument": policy.to_string()},
        "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice"}})
}

/// A log object with a finding, a record that says nothing, and one that is broken.
fn log() -> String {
    let found = put_group_policy("e1", AGENT);
    let quiet =
        json!({"eventSource": "iam.amazonaws.com", "eventName": "GetGroup", "userAgent": QUIET});
    let broken = format!(
        r#"{{"eventSource":"iam.amazonaws.com","eventName":"PutGroupPolicy","userAgent":"{BROKEN}",}}"#
    );
    format!(r#"{{"Records":[{found},{quiet},{broken}]}}"#)
}

/// A world of its own at moto, and the function's settings for it.
async fn settings() -> (String, Vec<(&'static str, String)>) {
    let (s3, sns) = (aws::s3(moto::url()), aws_sdk_sns::Client::new(&aws::config(moto::url())));
    let (bucket, ledger) = (moto::unique("logs"), moto::unique("state"));
    for bucket in [&bucket, &ledger] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let body = ByteStream::from(log().into_bytes());
    s3.put_object().bucket(&bucket).key(KEY).body(body).send().await.unwrap();
    let topic = sns.create_topic().name(moto::unique("alerts")).send().await.unwrap();
    let settings = vec![
        ("TRAILBELL_STORE", "s3".to_owned()),
        ("TRAILBELL_ALERTS", topic.topic_arn().unwrap().to_owned()),
        ("TRAILBELL_LEDGER", format!("s3://{ledger}/")),
        ("TRAILBELL_TRAILS", format!("s3://{bucket}/")),
        ("TRAILBELL_INLINE", "eventbridge".to_owned()),
        ("AWS_ENDPOINT_URL", moto::url().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_SESSION_TOKEN", SESSION.to_owned()),
        ("RUST_LOG", "trace".to_owned()),
        ("TRAILBELL_METRICS", "full".to_owned()),
    ];
    (bucket, settings)
}

#[tokio::test]
async fn neither_secrets_nor_records_are_in_the_log() {
    let (bucket, settings) = settings().await;
    let log = tempfile::NamedTempFile::new().unwrap();
    let out = File::create(log.path()).unwrap();
    let mut function =
        Function::start(env!("CARGO_BIN_EXE_trailbell-lambda"), &settings, out.into());
    let queued = |body: &str| json!({"messageId": "m1", "eventSource": "aws:sqs", "body": body});
    let object = json!({"s3Bucket": bucket, "s3ObjectKey": [KEY]}).to_string();
    let inline = json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.iam",
        "detail": put_group_policy("e2", INLINE)});
    for payload in [
        json!({"Records": [queued(&object), queued(&format!("{FOREIGN} {{"))]}),
        json!({"Records": [queued(&inline.to_string())]}),
        json!({"trailbell": "sweep"}),
    ] {
        function.invoke(&payload).unwrap();
    }
    drop(function);
    let log = std::fs::read_to_string(log.path()).unwrap();
    let expected = ["\"message\":\"done\"", "m1", "to be retried", "FindingsAlerted"];
    expected.iter().for_each(|text| assert!(log.contains(text), "not in the log: {text}\n{log}"));
    for secret in [AGENT, POLICY, BROKEN, QUIET, INLINE, FOREIGN, SECRET_KEY, SESSION] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
