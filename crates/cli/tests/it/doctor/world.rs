//! Deployments in moto.

use std::io::Write;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Event, NotificationConfiguration, TopicConfiguration};
use detect::rule::LoadedRules;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::app::config::Config;
use trailbell::integrity::verified_day::VerifiedDay;
use trailbell::ledger::{ChainId, Ledger, StoredLedger, VerifiedDigest};
use trailbell::sink::SnsTopic;
use trailbell::store::S3Store;
use trailbell_cli::doctor::{AccessKey, CallerIdentity, Deployment};

use support::proxy::Request;
use support::relay::{self, Answer};
use support::{aws, moto};

use crate::snapshot::assert_page;

/// The time of all checks.
const NOW: &str = "2026-03-12T12:00:00Z";
const ACCOUNT: &str = "AWSLogs/111122223333";

pub fn sns(url: &str) -> aws_sdk_sns::Client {
    aws_sdk_sns::Client::new(&aws::config(url))
}

pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A deployment in moto.
pub struct World {
    pub logs: String,
    pub ledger: String,
    pub topic: String,
}

impl World {
    /// A bucket for logs, one for the ledger, and a topic, all empty.
    pub async fn bare() -> World {
        let logs = moto::unique("example-logs");
        let ledger = moto::unique("example-ledger");
        let topic =
            sns(moto::url()).create_topic().name(moto::unique("alerts")).send().await.unwrap();
        let world = World { logs, ledger, topic: topic.topic_arn().unwrap().to_owned() };
        for bucket in [&world.logs, &world.ledger] {
            aws::s3(moto::url()).create_bucket().bucket(bucket).send().await.unwrap();
        }
        world
    }

    /// Everything works at 12 o'clock.
    pub async fn healthy() -> World {
        let world = World::without_subscription().await;
        world.subscribe("alice@example.com").await;
        world
    }

    /// Everything works, except that there is no subscription.
    pub async fn without_subscription() -> World {
        let world = World::bare().await;
        world.deliver("us-east-1", "20260312T1130").await;
        world.deliver("eu-west-1", "20260312T1145").await;
        world.digest("20260312T110000").await;
        world.announce().await;
        world
            .swept("2026-03-12T11:50:00Z", json!({"backlog": 0, "failed": 0, "trails_failed": 0}))
            .await;
        world
    }

    /// A digest that ends then was verified, with two log files.
    pub async fn verified(&self, end: &str) {
        let end: Timestamp = end.parse().unwrap();
        let chain = ChainId {
            bucket: self.logs.clone(),
            folder: format!("{ACCOUNT}/"),
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            trail: "trail".to_owned(),
            home_region: "us-east-1".to_owned(),
            backfill: false,
        };
        let day = VerifiedDay { digests: 1, log_files: 2, ..VerifiedDay::default() };
        let digest = VerifiedDigest {
            key: chain.key_at(end),
            start: end,
            end,
            hash: String::new(),
            signature: String::new(),
            after: None,
            days: [("2026-03-12".to_owned(), day)].into(),
        };
        let store = Box::new(S3Store::new(aws::s3(moto::url())));
        let ledger = StoredLedger::new(store, &self.ledger, "state");
        ledger.move_chain_head(&chain, &digest).await.unwrap();
    }

    pub async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) {
        let put =
            aws::s3(moto::url()).put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
        put.send().await.unwrap();
    }

    pub async fn deliver(&self, region: &str, time: &str) {
        let (day, name) = (day(time), "111122223333_CloudTrail");
        let key = format!(
            "{ACCOUNT}/CloudTrail/{region}/{day}/{name}_{region}_{time}Z_a1B2c3D4e5F6g7H8.json.gz"
        );
        self.put(&self.logs, &key, gzip(r#"{"Records":[{"eventName":"ListGroups"}]}"#)).await;
    }

    pub async fn digest(&self, time: &str) {
        let day = day(time);
        let name =
            format!("111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_{time}Z.json.gz");
        let key = format!("{ACCOUNT}/CloudTrail-Digest/us-east-1/{day}/{name}");
        self.put(&self.logs, &key, gzip(r#"{"logFiles":[]}"#)).await;
    }

    pub async fn announce(&self) {
        let route = TopicConfiguration::builder()
            .id("trailbell")
            .topic_arn(&self.topic)
            .events(Event::S3ObjectCreated);
        let all = NotificationConfiguration::builder()
            .topic_configurations(route.build().unwrap())
            .build();
        let put = aws::s3(moto::url()).put_bucket_notification_configuration().bucket(&self.logs);
        put.notification_configuration(all).send().await.unwrap();
    }

    pub async fn swept(&self, time: &str, sweep: Value) {
        let beat = json!({"time": time, "sweep": sweep}).to_string();
        self.put(&self.ledger, "state/sweep/heartbeat", beat.into_bytes()).await;
        self.verified("2026-03-12T11:00:00Z").await;
    }

    pub async fn subscribe(&self, address: &str) {
        let subscribe =
            sns(moto::url()).subscribe().topic_arn(&self.topic).protocol("email").endpoint(address);
        subscribe.send().await.unwrap();
    }

    /// The deployment, through the server at `url`.
    pub fn deployment(&self, url: &str) -> Deployment {
        let vars = [
            ("TRAILBELL_ALERTS", self.topic.clone()),
            ("TRAILBELL_STORE", "s3".to_owned()),
            ("TRAILBELL_LEDGER", format!("s3://{}/state", self.ledger)),
            ("TRAILBELL_TRAILS", format!("s3://{}", self.logs)),
        ];
        let key = Ok(AccessKey {
            id: "AKIAEXAMPLE1234".to_owned(),
            account: Some("111122223333".to_owned()),
        });
        let ledger = StoredLedger::new(Box::new(S3Store::new(aws::s3(url))), &self.ledger, "state");
        Deployment {
            config: Config::from_vars(vars.map(|(name, value)| (name.into(), value.into())))
                .unwrap(),
            identity: CallerIdentity { region: Some("us-east-1".to_owned()), key },
            store: S3Store::new(aws::s3(url)),
            topic: Some(SnsTopic::new(sns(url), self.topic.clone())),
            ledger: Ledger::Stored(ledger),
            expected_target: None,
            owner: None,
            read_only: false,
        }
    }

    pub async fn compare(&self, case: &str, deployment: Deployment) {
        let now: Timestamp = NOW.parse().unwrap();
        let page = deployment.diagnose(now).await.to_string();
        let rules = format!("{} in use", LoadedRules::embedded().rules.len());
        let mut names =
            vec![(self.logs.as_str(), "LOGS"), (&self.ledger, "LEDGER"), (&self.topic, "TOPIC")];
        names.push((&rules, "ALL in use"));
        names.extend(probe_token(&page).map(|token| (token, "TOKEN")));
        assert_page(&format!("doctor-{case}"), &page, &names);
    }

    /// As [`World::compare`], with some answers that do not come from moto.
    pub async fn compare_with(
        &self,
        case: &str,
        answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) {
        self.compare(case, self.deployment(&relay::before_moto(answer))).await;
    }
}

/// S3's answer for a bucket without notifications, which moto answers differently.
pub fn no_notifications(request: &Request) -> Option<Answer> {
    let empty = "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>";
    (request.method == "GET" && request.path.contains("?notification"))
        .then(|| (200, vec![], empty.to_owned()))
}

/// The name of the probe, which differs each time.
fn probe_token(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("state/doctor/")?;
    rest.split(|character: char| !character.is_ascii_hexdigit()).next()
}

/// `2026/03/12` of `20260312T1130`.
pub fn day(time: &str) -> String {
    format!("{}/{}/{}", &time[..4], &time[4..6], &time[6..8])
}
