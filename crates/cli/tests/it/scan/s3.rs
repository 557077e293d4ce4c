//! Scans of a bucket.

use serde_json::{Value, json};
use support::{aws, moto};

use crate::program::{TestDir, create_group, documents, exception, log_text, trailbell};

fn key(region: &str, time: &str) -> String {
    let day = format!("{}/{}/{}", &time[..4], &time[4..6], &time[6..8]);
    format!(
        "AWSLogs/111122223333/CloudTrail/{region}/{day}/\
         111122223333_CloudTrail_{region}_{time}Z_a1B2c3D4e5F6g7H8.json.gz"
    )
}

fn group(name: &str, time: &str) -> Value {
    let mut record = create_group(name, "alice", "10:00:00");
    record["eventTime"] = json!(time);
    record
}

/// A bucket of log objects, of which the last one is damaged.
async fn bucket() -> String {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("logs");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let late_and_early =
        [group("late", "2026-03-12T00:00:00Z"), group("early", "2026-03-11T23:40:00Z")];
    let objects = [
        (key("us-east-1", "20260311T2350"), log_text(&late_and_early)),
        (key("us-east-1", "20260312T0930"), log_text(&[group("in", "2026-03-12T09:25:00Z")])),
        (key("us-east-1", "20260312T0935"), log_text(&[group("too", "2026-03-12T09:31:00Z")])),
        (key("eu-west-1", "20260312T0930"), log_text(&[group("far", "2026-03-12T09:25:00Z")])),
        (key("us-east-1", "20260314T0930"), "damaged".to_owned()),
    ];
    for (key, text) in objects {
        let put = client.put_object().bucket(&bucket).key(key);
        put.body(text.into_bytes().into()).send().await.unwrap();
    }
    bucket
}

fn scan(args: &[&str]) -> (i32, String, String) {
    let vars = aws::variables(moto::url());
    trailbell(&[&["scan", "--format", "ndjson"], args].concat(), &vars)
}

#[tokio::test]
async fn a_bucket_is_scanned_for_a_time_range() {
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
            &["far", "late", "in"],
            "3 matches in 5 records of 4 files",
        ),
        (vec![&day], &["in", "too"], "2 findings in 2 records of 2 files"),
        (vec![&one], &["too"], "1 finding in 1 record of 1 file"),
        (vec![&one, "--since", "24h"], &[], "0 findings in 1 record of 1 file"),
    ];
    for (args, groups, summary) in cases {
        let (code, out, err) = scan(&args);
        assert_eq!(code, 0, "{args:?}: {err}");
        let found: Vec<Value> =
            documents(&out).iter().map(|finding| finding["group"]["name"].clone()).collect();
        assert_eq!(found, groups, "{args:?}: {err}");
        assert!(err.contains(summary), "{args:?}: {err}");
    }
    let (_, out, _) = scan(&[&one]);
    let origin = &documents(&out)[0]["trailbell"]["origin"];
    let place = one.replacen(&format!("s3://{bucket}/"), "", 1);
    assert_eq!(origin, &json!({"kind": "object", "bucket": bucket, "key": place, "record": 0}));
}

#[tokio::test]
async fn an_object_or_bucket_that_cannot_be_read_is_an_error() {
    let bucket = bucket().await;
    let damaged = format!("s3://{bucket}/{}", key("us-east-1", "20260314T0930"));
    let missing = format!("s3://{bucket}/{}", key("us-east-1", "20260315T0930"));
    let empty = format!("s3://{bucket}/reports");
    let unknown = format!("s3://{}/AWSLogs", moto::unique("none"));
    let cases: [(&[&str], String); 4] = [
        (&[&damaged], format!("{damaged}: at byte 0")),
        (&[&missing], format!("{missing}: no such object")),
        (&[&empty, "--since", "24h"], format!("{empty}: no log objects in that time")),
        (&[&unknown, "--since", "24h"], format!("cannot list {unknown}/: NoSuchBucket: ")),
    ];
    for (args, message) in cases {
        let (code, _, err) = scan(args);
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(&message), "{args:?}: {err}");
    }
}

#[tokio::test]
async fn exceptions_are_counted_against_a_bucket() {
    let bucket = bucket().await;
    let dir = TestDir::new();
    let query = "cloud.account.id: 111122223333 and user.name: alice";
    let file = dir.write("e.toml", exception("alice", query, "2099-01-01"));
    let place = format!("s3://{bucket}/");
    let check = |range: &[&str]| {
        let vars = aws::variables(moto::url());
        let args = ["exceptions", "check", &file, "--against", &place];
        trailbell(&[&args, range].concat(), &vars)
    };
    let hours = ["--since", "2026-03-12T00:00:00Z", "--until", "2026-03-12T09:30:00Z"];
    let (code, out, err) = check(&hours);
    assert_eq!(code, 0, "{out}\n{err}");
    assert!(out.contains("alice would suppress 2 findings\n"), "{out}");
    assert!(out.contains("[low] IAM group late created by alice in 111122223333"), "{out}");
    let (code, _, err) = check(&["--since", "2026-03-12"]);
    assert_eq!(code, 2, "an object is damaged\n{err}");
    let (code, _, err) = check(&[]);
    assert_eq!(code, 2, "nothing is of the last week\n{err}");
    assert!(err.contains("no log objects in that time"), "{err}");
}
