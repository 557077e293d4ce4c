//! A subscriber of topics at moto, over HTTP: it gets what machines get, as it is published.

use serde_json::Value;

use super::canned::Canned;

/// A subscriber. It listens until the process ends.
pub struct Subscriber(Canned);

impl Subscriber {
    #[expect(clippy::new_without_default, reason = "it starts a server")]
    pub fn new() -> Subscriber {
        Subscriber(Canned::new(|_| (200, String::new())).unwrap())
    }

    /// Subscribes to a topic.
    pub async fn subscribe(&self, sns: &aws_sdk_sns::Client, topic: &str) {
        sns.subscribe()
            .topic_arn(topic)
            .protocol("http")
            .endpoint(&self.0.url)
            .send()
            .await
            .unwrap();
    }

    /// The documents that came, in order.
    pub fn documents(&self) -> Vec<Value> {
        let document = |body: &str| {
            let notification: Value = serde_json::from_str(body).unwrap();
            serde_json::from_str(notification["Message"].as_str().unwrap()).unwrap()
        };
        self.0.asked().iter().map(|(_, body)| document(body)).collect()
    }
}
