//! Which log objects a walk finds, and what it lists to find them: over a directory, and over S3's
//! own protocol.

use std::sync::Mutex;

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use detect::cloudtrail::Body;
use detect::text::error::error_chain;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use support::{aws, moto};
use trailbell::notification::ObjectRef;
use trailbell::store::walk::{
    KeyFilter, digest_keys, is_one_day, log_keys, log_keys_in, log_regions,
};
use trailbell::store::{
    DirStore, Listing, ObjectStore, OpenObject, Page, S3Store, SmallObject, StoreError,
    WriteCondition, Written,
};

/// The key of a log object: `place` is what comes before the account.
fn key(place: &str, account: &str, region: &str, time: &str) -> String {
    let (day, _) = time.split_once('T').unwrap();
    let day = format!("{}/{}/{}", &day[..4], &day[4..6], &day[6..]);
    format!(
        "{place}{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{time}Z_a1B2c3D4e5F6g7H8.json.gz"
    )
}

const ONE: &str = "111122223333";
const TWO: &str = "444455556666";

/// Every key of the bucket, by what it is there for.
fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    for time in [
        "20260310T2355",
        "20260311T2250",
        "20260311T2355",
        "20260312T0005",
        "20260312T0930",
        "20260312T2359",
    ] {
        keys.push(key("AWSLogs/", ONE, "us-east-1", time));
        keys.push(key("AWSLogs/", ONE, "eu-west-1", time));
    }
    keys.push(key("AWSLogs/", ONE, "us-east-1", "20260313T0010"));
    // Next to the year and the month.
    keys.push(key("AWSLogs/", ONE, "us-east-1", "20251231T2355"));
    keys.push(key("AWSLogs/", ONE, "us-east-1", "20260412T0930"));
    keys.push(key("AWSLogs/o-example/", TWO, "us-east-1", "20260312T0930"));
    keys.push(key("audit logs+2026/AWSLogs/", TWO, "us-east-1", "20260312T0935"));
    // Beside the layout.
    let beside = [
        "AWSLogs/111122223333/CloudTrail/",
        "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/12/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20260312T093000Z.json.gz",
        "AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/03/12/x.log.gz",
        "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/12/notes.txt",
        "AWSLogs/readme.txt",
        "reports/2026/03/12/111122223333_CloudTrail_us-east-1_20260312T0930Z_a1B2c3D4e5F6g7H8.json.gz",
        "a.json.gz",
    ];
    keys.extend(beside.map(str::to_owned));
    keys
}

/// A store that notes what it is asked to list.
struct Noted {
    store: Box<dyn ObjectStore>,
    listed: Mutex<Vec<String>>,
}

#[async_trait]
impl ObjectStore for Noted {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        self.store.open(object).await
    }

    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError> {
        self.store.open_with_metadata(object).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        self.store.get(bucket, key).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        self.store.put(bucket, key, bytes, condition).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.store.delete(bucket, key).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let after =
            listing.start_after.as_deref().map_or(String::new(), |after| format!(" after {after}"));
        self.listed.lock().unwrap().push(format!("{}{after}", listing.prefix));
        self.store.list(listing).await
    }
}

fn noted(store: impl ObjectStore + 'static) -> Noted {
    Noted { store: Box::new(store), listed: Mutex::default() }
}

/// Found keys, shortened to what they differ in: place, account, region and time.
async fn found(
    store: &Noted,
    bucket: &str,
    prefix: &str,
    since: &str,
    until: &str,
    region: &str,
) -> Vec<String> {
    store.listed.lock().unwrap().clear();
    let time = |text: &str| (!text.is_empty()).then(|| text.parse::<Timestamp>().unwrap());
    let is_wanted = |_: &str, name: &str| region.is_empty() || region == name;
    let wanted = KeyFilter { since: time(since), until: time(until), place: &is_wanted };
    let keys = log_keys(store, bucket, prefix, &wanted).await.unwrap();
    let short = |key: &String| {
        let name = key
            .rsplit('/')
            .next()
            .unwrap()
            .replace("_CloudTrail_", " ")
            .replace("Z_a1B2c3D4e5F6g7H8.json.gz", "");
        format!("{}{name}", key.split("AWSLogs/").next().unwrap()).replace('_', " ")
    };
    keys.iter().map(short).collect()
}

async fn check(store: Noted, bucket: &str) {
    let every = |region: &str| {
        ["10T2355", "11T2250", "11T2355", "12T0005", "12T0930", "12T2359"]
            .map(|time| format!("{ONE} {region} 202603{time}"))
    };
    let twelfth = ["2026-03-12T00:00:00Z", "2026-03-12T23:00:00Z"];
    // Prefix, since, until, region, what is found.
    let cases: [(&str, [&str; 2], &str, Vec<String>); 10] = [
        // Midnight: an hour before and after count; the day after is not read to its end.
        ("AWSLogs/111122223333/CloudTrail/us-east-1", twelfth, "", {
            let mut keys = every("us-east-1")[2..].to_vec();
            keys.truncate(4);
            keys
        }),
        (
            "AWSLogs/111122223333/",
            ["2026-03-12T10:00:00Z", ""],
            "us-east-1",
            ["20260312T0930", "20260312T2359", "20260313T0010", "20260412T0930"]
                .map(|t| format!("{ONE} us-east-1 {t}"))
                .to_vec(),
        ),
        (
            "AWSLogs/111122223333/CloudTrail/",
            ["2026-03-12T10:20:00Z", "2026-03-12T10:30:00Z"],
            "",
            [format!("{ONE} eu-west-1 20260312T0930"), format!("{ONE} us-east-1 20260312T0930")]
                .to_vec(),
        ),
        (
            "",
            ["2026-03-12T09:00:00Z", "2026-03-12T10:00:00Z"],
            "us-east-1",
            [
                format!("{ONE} us-east-1 20260312T0930"),
                format!("{TWO} us-east-1 20260312T0930"),
                format!("audit logs+2026/{TWO} us-east-1 20260312T0935"),
            ]
            .to_vec(),
        ),
        (
            "AWSLogs/o-example",
            ["2026-03-12T09:00:00Z", ""],
            "",
            vec![format!("{TWO} us-east-1 20260312T0930")],
        ),
        (
            "audit logs+2026",
            ["2026-03-01T00:00:00Z", ""],
            "",
            vec![format!("audit logs+2026/{TWO} us-east-1 20260312T0935")],
        ),
        (
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/12/",
            ["", ""],
            "",
            every("us-east-1")[3..].to_vec(),
        ),
        (
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/12",
            ["2026-03-12T20:00:00Z", ""],
            "",
            every("us-east-1")[5..].to_vec(),
        ),
        (
            &key("AWSLogs/", ONE, "us-east-1", "20260312T0930"),
            ["", ""],
            "",
            vec![format!("{ONE} us-east-1 20260312T0930")],
        ),
        ("nothing/here", ["2026-03-12T09:00:00Z", ""], "", vec![]),
    ];
    for (prefix, [since, until], region, expected) in cases {
        let keys = found(&store, bucket, prefix, since, until, region).await;
        assert_eq!(
            keys,
            expected,
            "{prefix} {since} {until} {region}\n{:#?}",
            store.listed.lock().unwrap()
        );
    }

    found(
        &store,
        bucket,
        "AWSLogs/111122223333",
        "2026-03-12T09:00:00Z",
        "2026-03-12T10:00:00Z",
        "us-east-1",
    )
    .await;
    let region = "AWSLogs/111122223333/CloudTrail/us-east-1/";
    let start = format!("{region}2026/03/12/111122223333_CloudTrail_us-east-1_20260312T0800");
    let listed = store.listed.lock().unwrap().clone();
    assert_eq!(
        listed,
        ["AWSLogs/111122223333/CloudTrail/".to_owned(), format!("{region} after {start}")]
    );

    // Regions that are named are not looked for, and need not be there.
    store.listed.lock().unwrap().clear();
    let every = |_: &str, _: &str| true;
    let wanted =
        KeyFilter { since: "2026-03-12T10:00:00Z".parse().ok(), until: None, place: &every };
    let named = |account: &str| {
        let named = ["us-east-1".to_owned(), "us-west-9".to_owned()].into();
        (account == ONE).then_some(named)
    };
    let keys = log_keys_in(&store, bucket, "AWSLogs", &wanted, &named).await.unwrap();
    assert_eq!(keys.len(), 5, "{keys:?}");
    let mut listed = store.listed.lock().unwrap().clone();
    listed.sort_unstable();
    let listed: Vec<_> = listed.iter().map(|it| it.split(' ').next().unwrap()).collect();
    let named = ["us-east-1", "us-west-9"].map(|it| format!("AWSLogs/{ONE}/CloudTrail/{it}/"));
    let other = format!("AWSLogs/o-example/{TWO}/CloudTrail/");
    let found = format!("{other}us-east-1/");
    let expected = ["AWSLogs/", &named[0], &named[1], "AWSLogs/o-example/", &other, &found];
    assert_eq!(listed, expected);
}

/// A directory with all of them.
fn directory() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for key in keys().iter().filter(|key| !key.ends_with('/')) {
        let path = root.path().join("logs").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    root
}

#[tokio::test]
async fn a_walk_over_a_directory() {
    let root = directory();
    check(noted(DirStore::new(root.path())), "logs").await;
}

#[tokio::test]
async fn digests_are_found_beside_the_log_objects() {
    let root = directory();
    let store = DirStore::new(root.path());
    let names = async |prefix: &str, since: &str, region: &str| {
        let matters = |_: &str, name: &str| name == region;
        let wanted = KeyFilter { since: since.parse().ok(), until: None, place: &matters };
        let keys = digest_keys(&store, "logs", prefix, &wanted).await.unwrap();
        keys.iter().filter_map(|key| key.rsplit('_').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let one = vec!["20260312T093000Z.json.gz".to_owned()];
    for (prefix, since, region, expected) in [
        ("", "2026-03-12T10:00:00Z", "us-east-1", &one),
        ("AWSLogs/", "2026-03-01T00:00:00Z", "us-east-1", &one),
        ("AWSLogs/111122223333/CloudTrail/us-east-1/", "2026-03-12T10:00:00Z", "us-east-1", &one),
        ("AWSLogs/", "2026-03-14T00:00:00Z", "us-east-1", &vec![]),
        ("AWSLogs/", "2026-03-12T00:00:00Z", "eu-west-1", &vec![]),
    ] {
        assert_eq!(names(prefix, since, region).await, *expected, "{prefix} {since} {region}");
    }
}

#[tokio::test]
async fn regions_are_those_of_all_accounts() {
    let root = directory();
    let store = DirStore::new(root.path());
    for (prefix, expected) in [
        ("", &["eu-west-1", "us-east-1"][..]),
        ("AWSLogs/111122223333/", &["eu-west-1", "us-east-1"]),
        ("AWSLogs/o-example/", &["us-east-1"]),
        ("reports/", &[]),
    ] {
        let found = log_regions(&store, "logs", prefix).await.unwrap();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{prefix}");
    }
}

fn s3() -> aws_sdk_s3::Client {
    aws::s3(moto::url())
}

async fn put(client: &aws_sdk_s3::Client, bucket: &str, key: &str) {
    client
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(ByteStream::from_static(b""))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_walk_over_s3() {
    let (client, bucket) = (s3(), moto::unique("logs"));
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    for key in keys() {
        put(&client, &bucket, &key).await;
    }
    check(noted(S3Store::new(client)), &bucket).await;
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_to_its_end() {
    let (client, bucket) = (s3(), moto::unique("logs"));
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let time = |minute: u32| format!("20260312T{:02}{:02}", minute / 60, minute % 60);
    let keys: Vec<String> =
        (0..1010).map(|minute| key("AWSLogs/", ONE, "us-east-1", &time(minute))).collect();
    stream::iter(&keys)
        .map(|key| put(&client, &bucket, key))
        .buffer_unordered(16)
        .collect::<()>()
        .await;
    let store = noted(S3Store::new(client));
    let keys =
        found(&store, &bucket, "AWSLogs", "2026-03-12T00:00:00Z", "2026-03-13T00:00:00Z", "").await;
    assert_eq!((keys.len(), store.listed.lock().unwrap().len()), (1010, 4));
}

#[tokio::test]
async fn a_list_that_is_refused_is_named() {
    let every = |_: &str, _: &str| true;
    let wanted = KeyFilter { since: None, until: None, place: &every };
    let bucket = moto::unique("no-bucket");
    let root = tempfile::tempdir().unwrap();
    let stores: [(Box<dyn ObjectStore>, &str); 2] = [
        (Box::new(S3Store::new(s3())), "NoSuchBucket: "),
        (Box::new(DirStore::new(root.path())), "no such directory: "),
    ];
    for (store, cause) in stores {
        let error = log_keys(&*store, &bucket, "AWSLogs/", &wanted).await.unwrap_err();
        let (text, expected) = (error_chain(&error), format!("s3://{bucket}/AWSLogs/: {cause}"));
        assert!(text.starts_with(&format!("cannot list {expected}")), "{text}");
    }
}

#[test]
fn a_day_is_few_enough() {
    let day = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/12";
    let cases = [
        (day.to_owned(), true),
        (format!("{day}/"), true),
        (key("p/AWSLogs/o-example/", ONE, "us-east-1", "20260312T0930"), true),
        ("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/".to_owned(), false),
        ("AWSLogs/111122223333/CloudTrail/us-east-1".to_owned(), false),
        ("reports/2026/03/12".to_owned(), false),
        (String::new(), false),
    ];
    for (prefix, expected) in cases {
        assert_eq!(is_one_day(&prefix), expected, "{prefix}");
    }
}
