//! `trailbell attach`, as a person runs it. What it prints is in `snapshots/attach-<case>.snap`.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter,
    S3KeyFilter, TopicConfiguration,
};
use support::proxy::Request;
use support::relay::{self, Answer};
use support::{aws, moto};

use crate::program::trailbell;
use crate::snapshot::assert_page;

const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:trailbell-notifications";
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

fn s3() -> aws_sdk_s3::Client {
    aws::s3(moto::url())
}

async fn bucket() -> String {
    let bucket = moto::unique("example-logs");
    s3().create_bucket().bucket(&bucket).send().await.unwrap();
    bucket
}

async fn topic() -> String {
    let sns = aws_sdk_sns::Client::new(&aws::config(moto::url()));
    sns.create_topic()
        .name(moto::unique("thumbnails"))
        .send()
        .await
        .unwrap()
        .topic_arn()
        .unwrap()
        .to_owned()
}

/// Lets a bucket notify a topic of what is created below a prefix.
async fn notify(bucket: &str, topic: &str, prefix: &str) {
    let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
    let filter = NotificationConfigurationFilter::builder()
        .key(S3KeyFilter::builder().filter_rules(rule).build());
    let route = TopicConfiguration::builder()
        .id("thumbnails")
        .topic_arn(topic)
        .events(Event::S3ObjectCreated);
    let all = NotificationConfiguration::builder()
        .topic_configurations(route.filter(filter.build()).build().unwrap());
    let put = s3()
        .put_bucket_notification_configuration()
        .bucket(bucket)
        .notification_configuration(all.build());
    put.send().await.unwrap();
}

/// Whom the bucket notifies: targets and prefixes, sorted.
async fn notified(bucket: &str) -> Vec<String> {
    let got = s3().get_bucket_notification_configuration().bucket(bucket).send().await.unwrap();
    let prefix = |filter: Option<&NotificationConfigurationFilter>| {
        let rules = filter
            .and_then(|filter| filter.key())
            .map(S3KeyFilter::filter_rules)
            .unwrap_or_default();
        rules.iter().filter_map(|rule| rule.value()).collect::<String>()
    };
    let topics = got
        .topic_configurations()
        .iter()
        .map(|to| format!("{} {}", to.topic_arn(), prefix(to.filter())));
    let queues = got
        .queue_configurations()
        .iter()
        .map(|to| format!("{} {}", to.queue_arn(), prefix(to.filter())));
    let mut all: Vec<String> = topics.chain(queues).collect();
    all.sort();
    all
}

/// What a command prints and returns, against the server at `url`.
fn page(url: &str, args: &[&str]) -> String {
    let vars = [&aws::variables(url)[..], &[("AWS_MAX_ATTEMPTS", "1")]].concat();
    let (code, out, err) = trailbell(&[&["attach"], args].concat(), &vars);
    let err: String = err.lines().map(|line| format!("(stderr) {line}\n")).collect();
    format!("$ trailbell attach {}\n{out}{err}(exit code {code})\n", args.join(" "))
}

#[tokio::test]
async fn a_change_is_shown_then_written_then_there() {
    let bucket = bucket().await;
    let other = topic().await;
    let ours = topic().await;
    notify(&bucket, &other, "images/").await;
    let names = [
        (bucket.as_str(), "BUCKET"),
        (other.as_str(), "OTHER_TOPIC"),
        (ours.as_str(), "OUR_TOPIC"),
    ];
    let args = ["--bucket", &bucket, "--prefix", "AWSLogs/", "--topic", &ours];
    assert_page("attach-dry-run", &page(moto::url(), &args), &names);
    assert_eq!(notified(&bucket).await, [format!("{other} images/")], "a dry run writes nothing");
    let yes = [&args[..], &["--yes"]].concat();
    assert_page("attach-written", &page(moto::url(), &yes), &names);
    let mut both = [format!("{other} images/"), format!("{ours} AWSLogs/")];
    both.sort();
    assert_eq!(notified(&bucket).await, both);
    assert_page("attach-attached", &page(moto::url(), &yes), &names);
    assert_eq!(notified(&bucket).await, both);
}

#[tokio::test]
async fn an_overlap_is_refused_before_s3_refuses_it() {
    let bucket = bucket().await;
    let other = topic().await;
    notify(&bucket, &other, "AWSLogs/111122223333/").await;
    let args = ["--bucket", &bucket, "--prefix", "AWSLogs/", "--queue", QUEUE, "--yes"];
    let names = [(bucket.as_str(), "BUCKET"), (other.as_str(), "OTHER_TOPIC")];
    assert_page("attach-overlap", &page(moto::url(), &args), &names);
    assert_eq!(notified(&bucket).await, [format!("{other} AWSLogs/111122223333/")]);
}

/// A bucket whose notification configuration is what `read` returns for each read, counted from 1.
/// Its writes are kept.
fn fake(
    read: impl Fn(usize, &str) -> String + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let writes = Arc::new(Mutex::new(Vec::new()));
    let reads = Mutex::new(0);
    let kept = Arc::clone(&writes);
    let url = relay::before_moto(move |request: &Request| -> Option<Answer> {
        match request.method.as_str() {
            "HEAD" => Some((200, vec!["x-amz-bucket-region: us-east-1".to_owned()], String::new())),
            "PUT" => {
                writes.lock().unwrap().push(request.text());
                Some((200, vec![], String::new()))
            }
            _ => {
                let mut reads = reads.lock().unwrap();
                *reads += 1;
                let written = writes.lock().unwrap().last().cloned().unwrap_or_default();
                Some((200, vec![], read(*reads, &written)))
            }
        }
    });
    (url, kept)
}

fn configuration(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><NotificationConfiguration xmlns=\"{NAMESPACE}\">{inside}</NotificationConfiguration>"
    )
}

fn function(id: &str, filter: &str) -> String {
    format!(
        "<CloudFunctionConfiguration><Id>{id}</Id><CloudFunction>arn:aws:lambda:us-east-1:111122223333:function:f\
         </CloudFunction><Event>s3:ObjectCreated:Put</Event><Event>s3:ObjectNew:Kind</Event>{filter}</CloudFunctionConfiguration>"
    )
}

fn by_prefix(prefix: &str) -> String {
    format!(
        "<Filter><S3Key><FilterRule><Name>Prefix</Name><Value>{prefix}</Value></FilterRule></S3Key></Filter>"
    )
}

const ARGS: [&str; 7] =
    ["--bucket", "example-logs", "--prefix", "audit logs/", "--queue", QUEUE, "--yes"];

#[test]
fn everything_else_is_written_as_it_was_read() {
    let there =
        configuration(&format!("{}<EventBridgeConfiguration/>", function("f", &by_prefix("a+b/"))));
    let (url, writes) =
        fake(move |_, written| if written.is_empty() { there.clone() } else { written.to_owned() });
    assert_page("attach-beside", &page(&url, &ARGS), &[]);
    let writes = writes.lock().unwrap();
    assert_eq!(writes.len(), 1);
    for part in [
        "<Id>f</Id><CloudFunction>arn:aws:lambda:us-east-1:111122223333:function:f</CloudFunction>",
        "<Event>s3:ObjectCreated:Put</Event><Event>s3:ObjectNew:Kind</Event>",
        "<Value>a+b/</Value>",
        "<EventBridgeConfiguration/>",
        "<Value>audit+logs/</Value>",
        QUEUE,
    ] {
        let written = writes[0].replace(
            "<EventBridgeConfiguration></EventBridgeConfiguration>",
            "<EventBridgeConfiguration/>",
        );
        assert!(written.contains(part), "{part} in {written}");
    }
}

#[test]
fn eventbridge_is_switched_on_once() {
    let (url, writes) =
        fake(|_, written| if written.is_empty() { configuration("") } else { written.to_owned() });
    let args = ["--bucket", "example-logs", "--prefix", "AWSLogs/", "--eventbridge", "--yes"];
    assert_page("attach-eventbridge", &page(&url, &args), &[]);
    let again = page(&url, &args);
    assert!(
        again.contains("s3://example-logs is attached already: every event goes to EventBridge"),
        "{again}"
    );
    assert_eq!(writes.lock().unwrap().len(), 1);
}

#[test]
fn a_change_by_others_before_the_write_stops_it() {
    let changed = |read| {
        if read == 1 {
            configuration("")
        } else {
            configuration(&function("new", &by_prefix("x/")))
        }
    };
    let (url, writes) = fake(move |read, _| changed(read));
    assert_page("attach-changed", &page(&url, &ARGS), &[]);
    assert!(writes.lock().unwrap().is_empty(), "nothing is written");
}

#[test]
fn a_change_by_others_during_the_write_is_reported() {
    let (url, writes) = fake(|_, written| {
        configuration(if written.is_empty() { "" } else { "<EventBridgeConfiguration/>" })
    });
    assert_page("attach-overwritten", &page(&url, &ARGS), &[]);
    assert_eq!(writes.lock().unwrap().len(), 1);
}

#[test]
fn a_change_that_s3_shows_late_is_waited_for() {
    let shown = |read, written: &str| if read < 4 { configuration("") } else { written.to_owned() };
    let (url, writes) = fake(move |read, written| shown(read, written));
    let page = page(&url, &ARGS);
    assert!(page.contains("Written and verified") && page.ends_with("(exit code 0)\n"), "{page}");
    assert_eq!(writes.lock().unwrap().len(), 1);
}

#[test]
fn a_destination_that_s3_cannot_validate_is_explained() {
    let url = relay::before_moto(|request: &Request| match request.method.as_str() {
        "PUT" => relay::refused(
            400,
            "InvalidArgument",
            "Unable to validate the following destination configurations",
        ),
        "GET" => Some((200, vec![], configuration(""))),
        _ => Some((200, vec![], String::new())),
    });
    let page = page(&url, &ARGS);
    assert!(
        page.contains("S3 validates every destination") && page.ends_with("(exit code 2)\n"),
        "{page}"
    );
}

#[test]
fn unknown_elements_are_not_lost() {
    let there = configuration(&function("f", "<Filter><S3Size><Min>1</Min></S3Size></Filter>"));
    let (url, writes) = fake(move |_, _| there.clone());
    let args = ["--bucket", "example-logs", "--eventbridge", "--yes"];
    assert_page("attach-unknown", &page(&url, &args), &[]);
    assert!(writes.lock().unwrap().is_empty(), "nothing is written");
}

#[test]
fn errors_name_the_bucket_and_the_fix() {
    let region = || vec!["x-amz-bucket-region: eu-central-1".to_owned()];
    let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code>\
                     <Region>eu-central-1</Region></Error>";
    let body = |code: &str, message: &str| relay::refused(0, code, message).unwrap().2;
    let cases: [(&str, Answer, &[&str]); 5] = [
        (
            "wrong region",
            (301, region(), body("PermanentRedirect", "other endpoint")),
            &["AWS_REGION=eu-central-1"],
        ),
        ("wrong region", (400, vec![], malformed.to_owned()), &["AWS_REGION=eu-central-1"]),
        (
            "another's",
            (403, vec![], body("AccessDenied", "Access Denied")),
            &["s3:GetBucketNotification", "another account"],
        ),
        ("no bucket", (404, vec![], body("NoSuchBucket", "none")), &["NoSuchBucket: none"]),
        ("not XML", (200, vec![], "{}".to_owned()), &["trailbell: s3://example-logs"]),
    ];
    for (case, answer, parts) in cases {
        let url = relay::before_moto(move |_| Some(answer.clone()));
        let page = page(&url, &ARGS);
        assert!(
            page.ends_with("(exit code 2)\n") && page.contains("trailbell: s3://example-logs: "),
            "{case}: {page}"
        );
        parts.iter().for_each(|part| assert!(page.contains(part), "{case}: {part} in {page}"));
    }
}

#[test]
fn wrong_usage_fails_before_any_request() {
    let queue = |arn: &str| {
        vec!["--bucket".to_owned(), "example-logs".to_owned(), "--queue".to_owned(), arn.to_owned()]
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
    for (args, part) in [
        (words("--bucket example-logs"), "required"),
        (words("--bucket example-logs --eventbridge --queue x"), "cannot be used with"),
        (words("--bucket s3://b/prefix --eventbridge"), "--prefix"),
        (queue("arn:aws:sns:us-east-1:111122223333:t"), "is not the ARN of a queue"),
        (queue("https://sqs.us-east-1.amazonaws.com/111122223333/q"), "is not the ARN of a queue"),
        (queue("arn:aws:sqs:us-east-1:111122223333:q.fifo"), "FIFO"),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let page = page("http://127.0.0.1:9", &args);
        assert!(page.contains(part) && page.ends_with("(exit code 2)\n"), "{args:?}: {page}");
    }
}

#[test]
fn a_queue_of_another_region_is_refused_by_name() {
    let (url, writes) = fake(|_, _| configuration(""));
    let page = page(
        &url,
        &["--bucket", "example-logs", "--queue", "arn:aws:sqs:eu-west-1:111122223333:q", "--yes"],
    );
    assert!(page.contains("S3 notifies only queues and topics of its own region"), "{page}");
    assert!(writes.lock().unwrap().is_empty(), "nothing is written");
}
