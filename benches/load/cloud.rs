//! Buckets and a topic at moto.

use aws_sdk_s3::primitives::ByteStream;
use futures::stream::{self, StreamExt};

use support::subscriber::Subscriber;
use support::{aws, moto};

/// Objects that are put at once.
const TOGETHER: usize = 8;

pub struct Cloud {
    pub logs: String,
    pub subscriber: Subscriber,
    s3: aws_sdk_s3::Client,
    ledger: String,
    topic: String,
}

impl Cloud {
    pub async fn new() -> Cloud {
        let (s3, sns) = (aws::s3(moto::url()), aws_sdk_sns::Client::new(&aws::config(moto::url())));
        let (logs, ledger) = (moto::unique("logs"), moto::unique("state"));
        for bucket in [&logs, &ledger] {
            s3.create_bucket().bucket(bucket).send().await.unwrap();
        }
        let topic = sns.create_topic().name(moto::unique("alerts")).send().await.unwrap();
        let (topic, subscriber) = (topic.topic_arn().unwrap().to_owned(), Subscriber::new());
        subscriber.subscribe(&sns, &topic).await;
        Cloud { logs, subscriber, s3, ledger, topic }
    }

    /// The function's settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TRAILBELL_STORE", "s3".to_owned()),
            ("TRAILBELL_ALERTS", self.topic.clone()),
            ("TRAILBELL_LEDGER", format!("s3://{}/", self.ledger)),
            ("TRAILBELL_TRAILS", format!("s3://{}/", self.logs)),
            ("TRAILBELL_CONCURRENCY", "1".to_owned()),
            ("AWS_ENDPOINT_URL", moto::url().to_owned()),
        ]
    }

    /// Puts log objects.
    pub async fn put(&self, objects: impl Iterator<Item = (String, Vec<u8>)>) {
        let put = |(key, body): (String, Vec<u8>)| {
            self.s3.put_object().bucket(&self.logs).key(key).body(ByteStream::from(body)).send()
        };
        let mut puts = stream::iter(objects.map(put)).buffer_unordered(TOGETHER);
        while let Some(put) = puts.next().await {
            put.unwrap();
        }
    }

    /// The bytes that the ledger holds below a prefix.
    pub async fn ledger_bytes(&self, prefix: &str) -> i64 {
        let listed =
            self.s3.list_objects_v2().bucket(&self.ledger).prefix(prefix).send().await.unwrap();
        listed.contents().iter().filter_map(|object| object.size()).sum()
    }
}
