//! A bucket of logs, a ledger and a topic at moto, and a pipeline that reaches them through a
//! proxy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alert::Accounts;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use detect::rule::{LoadedRules, RuleSet};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use trailbell::app::config::Config;
use trailbell::app::wiring::{self, Aws};
use trailbell::pipeline::{self, Clock, InvocationReport, Pipeline};

use support::proxy::Proxy;
use support::subscriber::Subscriber;
use support::{aws, moto};

/// Longer than the lease of any worker of these tests, `trailbell invoke` included.
pub const LEASE_AND_MORE: i64 = 20 * 60;

pub struct World {
    pub proxy: Proxy,
    pub bucket: String,
    pub ledger: String,
    pub topic: String,
    subscriber: Subscriber,
    /// Past the proxy.
    s3: aws_sdk_s3::Client,
}

impl World {
    pub async fn new() -> World {
        let (s3, bucket, ledger) = (s3(), moto::unique("logs"), moto::unique("state"));
        for bucket in [&bucket, &ledger] {
            s3.create_bucket().bucket(bucket).send().await.unwrap();
        }
        let sns = aws_sdk_sns::Client::new(&aws::config(moto::url()));
        let topic = sns.create_topic().name(moto::unique("alerts")).send().await.unwrap();
        let (topic, subscriber) = (topic.topic_arn().unwrap().to_owned(), Subscriber::new());
        subscriber.subscribe(&sns, &topic).await;
        World { proxy: Proxy::new(moto::url()), bucket, ledger, topic, subscriber, s3 }
    }

    /// The environment of a program.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TRAILBELL_STORE", "s3".to_owned()),
            ("TRAILBELL_ALERTS", self.topic.clone()),
            ("TRAILBELL_LEDGER", format!("s3://{}/", self.ledger)),
            ("TRAILBELL_TRAILS", format!("s3://{}/", self.bucket)),
            ("TRAILBELL_CONCURRENCY", "1".to_owned()),
        ]
    }

    /// Through the proxy, with little patience or the usual.
    pub async fn pipeline(&self, patience: Patience) -> Arc<Pipeline> {
        self.pipeline_at(&self.proxy.url, patience).await
    }

    pub async fn pipeline_at(&self, url: &str, patience: Patience) -> Arc<Pipeline> {
        let vars = self.settings().into_iter().map(|(name, value)| (name.into(), value.into()));
        let config = Config::from_vars(vars).unwrap();
        let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
        Arc::new(
            wiring::build_pipeline(
                &config,
                rules.into(),
                Accounts::default(),
                &Aws::from_config(patience.clients(url)),
            )
            .await,
        )
    }

    /// Delivers a log object, ten minutes old, and gives its key.
    pub async fn deliver(&self, name: &str, body: Vec<u8>) -> String {
        let key = key(name);
        let put = self.s3.put_object().bucket(&self.bucket).key(&key).body(ByteStream::from(body));
        put.send().await.unwrap();
        key
    }

    /// A queue's batch: one message for each key, `m0`, `m1` and so on.
    pub fn notification(&self, keys: &[&str]) -> Value {
        let body = |key: &str| json!({"s3Bucket": self.bucket, "s3ObjectKey": [key]}).to_string();
        let message = |(at, key): (usize, &&str)| json!({"messageId": format!("m{at}"), "eventSource": "aws:sqs", "body": body(key)});
        json!({"Records": keys.iter().enumerate().map(message).collect::<Vec<_>>()})
    }

    /// How often the subscriber was alerted of each call: by its event id.
    pub fn alerted(&self) -> BTreeMap<String, usize> {
        let mut alerted = BTreeMap::new();
        for document in self.subscriber.documents() {
            *alerted.entry(document["event"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        alerted
    }

    /// The keys of the ledger below a prefix.
    pub async fn ledger_keys(&self, prefix: &str) -> Vec<String> {
        let listed =
            self.s3.list_objects_v2().bucket(&self.ledger).prefix(prefix).send().await.unwrap();
        listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }

    /// The state of each entry by the event id of what it is about.
    pub async fn states(&self) -> BTreeMap<String, String> {
        let mut states = BTreeMap::new();
        for key in self.ledger_keys("entries/").await {
            let got = self.s3.get_object().bucket(&self.ledger).key(key).send().await.unwrap();
            let entry: Value =
                serde_json::from_slice(&got.body.collect().await.unwrap().into_bytes()).unwrap();
            let id = entry["content"]["finding"]["ecs"]["event"]["id"].as_str().unwrap();
            states.insert(id.to_owned(), entry["state"].as_str().unwrap().to_owned());
        }
        states
    }
}

/// How long a client waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Longer than moto takes on a busy machine.
    Long,
    /// A few seconds, for answers that never come.
    Short,
}

impl Patience {
    /// The clients' configuration: they try as often as the programs' clients do, without long
    /// pauses.
    fn clients(self, url: &str) -> SdkConfig {
        let attempt = Duration::from_secs(if self == Patience::Short { 5 } else { 60 });
        let timeouts =
            TimeoutConfig::builder().read_timeout(attempt).operation_attempt_timeout(attempt);
        let timeouts = timeouts.operation_timeout(3 * attempt).build();
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        aws::config(url).to_builder().timeout_config(timeouts).retry_config(retries).build()
    }
}

/// Sends a payload down the whole way, and looks whether the counts add up.
pub async fn run(pipeline: &Arc<Pipeline>, payload: &Value) -> InvocationReport {
    let outcome = pipeline::run(pipeline, payload, clock()).await;
    assert!(outcome.mismatch.is_none(), "{:?}", outcome.mismatch);
    outcome
}

pub async fn sweep(pipeline: &Arc<Pipeline>) -> InvocationReport {
    run(pipeline, &json!({"trailbell": "sweep"})).await
}

fn clock() -> Clock {
    Clock { now: now(), last_start: None, lease: Duration::from_secs(300) }
}

#[expect(clippy::disallowed_methods, reason = "moto goes by the real clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

pub fn s3() -> aws_sdk_s3::Client {
    aws::s3(moto::url())
}

fn key(name: &str) -> String {
    let time = now().checked_sub(SignedDuration::from_mins(10)).unwrap();
    let (day, stamp) = (time.strftime("%Y/%m/%d"), time.strftime("%Y%m%dT%H%MZ"));
    format!(
        "AWSLogs/111122223333/CloudTrail/us-east-1/{day}/111122223333_CloudTrail_us-east-1_{stamp}_{name}.json.gz"
    )
}

/// A log object of one group made for each event id, each by a user of its own.
pub fn log(event_ids: &[&str]) -> Vec<u8> {
    let records: Vec<Value> = event_ids.iter().map(|id| create_group(id)).collect();
    json!({ "Records": records }).to_string().into_bytes()
}

fn create_group(event_id: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateGroup",
        "eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "eventID": event_id,
        "recipientAccountId": "111122223333", "requestParameters": {"groupName": format!("group-{event_id}")},
        "userIdentity": {"type": "IAMUser", "userName": event_id,
            "arn": format!("arn:aws:iam::111122223333:user/{event_id}")}})
}
