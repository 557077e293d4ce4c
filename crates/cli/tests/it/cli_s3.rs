//! `trailbell scan s3://…` over S3's own protocol.

use crate::cli::{create_group, trailbell};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use support::{aws, moto};

fn key(region: &str, time: &str) -> String {
    let day = format!("{}/{}/{}", &time[..4], &time[4..6], &time[6..8]);
    format!(
        "AWSLogs/111122223333/CloudTrail/{region}/{day}/111122223333_CloudTrail_{region}_{time}Z_a1B2c3D4e5F6g7H8.json.gz"
    )
}

/// A group made at a time.
fn group(name: &str, time: &str) -> Value {
    let mut record = create_group(name);
    record["eventTime"] = json!(time);
    record
}

/// A bucket of objects, each of some records, and one that is no log at all.
async fn bucket() -> String {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("logs");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let log = |records: &[Value]| json!({"Records": records}).to_string();
    let objects = [
        (
            key("us-east-1", "20260311T2350"),
            log(&[group("late", "2026-03-12T00:00:00Z"), group("early", "2026-03-11T23:40:00Z")]),
        ),
        (key("us-east-1", "20260312T0930"), log(&[group("in", "2026-03-12T09:25:00Z")])),
        (key("us-east-1", "20260312T0935"), log(&[group("too", "2026-03-12T09:31:00Z")])),
        (key("eu-west-1", "20260312T0930"), log(&[group("elsewhere", "2026-03-12T09:25:00Z")])),
        (key("us-east-1", "20260314T0930"), "damaged".to_owned()),
    ];
    for (key, body) in objects {
        client
            .put_object()
            .bucket(&bucket)
            .key(key)
            .body(ByteStream::from(body.into_bytes()))
            .send()
            .await
            .unwrap();
    }
    bucket
}

fn scan(args: &[&str]) -> (i32, String, String) {
    let vars = aws::variables(moto::url());
    trailbell(&[&["scan", "--format", "ndjson"], args].concat(), &vars)
}

fn groups(out: &str) -> Vec<String> {
    let name = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["group"]["name"].as_str().unwrap().to_owned()
    };
    out.lines().map(name).collect()
}

#[tokio::test]
async fn a_bucket_is_scanned_for_some_hours() {
    let bucket = bucket().await;
    let all = format!("s3://{bucket}/");
    let hours = ["--since", "2026-03-12T00:00:00Z", "--until", "2026-03-12T09:30:00Z"];
    let query = ["--query", "event.action: CreateGroup"];
    let day = format!("s3://{bucket}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/12");
    let one = format!("s3://{bucket}/{}", key("us-east-1", "20260312T0935"));
    let cases: [(Vec<&str>, &[&str], &str); 5] = [
        // Rules on IAM need no other region; a query may.
        (
            [&[all.as_str()][..], &hours].concat(),
            &["late", "in"],
            "2 findings in 4 records of 3 files",
        ),
        (
            [&[all.as_str()][..], &hours, &query].concat(),
            &["elsewhere", "late", "in"],
            "3 matches in 5 records of 4 files",
        ),
        (vec![&day], &["in", "too"], "2 findings in 2 records of 2 files"),
        (vec![&one], &["too"], "1 finding in 1 record of 1 file"),
        (vec![&one, "--since", "24h"], &[], "0 findings in 1 record of 1 file"),
    ];
    for (args, found, told) in cases {
        let (exit, out, err) = scan(&args);
        assert_eq!(exit, 0, "{args:?}: {err}");
        assert_eq!(groups(&out), found, "{args:?}: {err}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
    let (_, out, _) = scan(&[&one]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&document["trailbell"]["source"], &document["trailbell"]["record"]),
        (&json!(one), &json!(0))
    );
}

#[tokio::test]
async fn what_cannot_be_read_or_listed_is_no_success() {
    let bucket = bucket().await;
    let damaged = format!("s3://{bucket}/{}", key("us-east-1", "20260314T0930"));
    let missing = format!("s3://{bucket}/{}", key("us-east-1", "20260315T0930"));
    let (empty, unknown) =
        (format!("s3://{bucket}/reports"), format!("s3://{}/AWSLogs", moto::unique("none")));
    let cases: [(&[&str], String); 4] = [
        (&[&damaged], format!("{damaged}: at byte 0")),
        (&[&missing], format!("{missing}: no such object")),
        (&[&empty, "--since", "24h"], format!("{empty}: no log object of that time")),
        (&[&unknown, "--since", "24h"], format!("cannot list {unknown}/: NoSuchBucket: ")),
    ];
    for (args, complaint) in cases {
        let (exit, _, err) = scan(args);
        assert_eq!(exit, 2, "{args:?}: {err}");
        assert!(err.contains(&complaint), "{args:?}: {err}");
    }
}
