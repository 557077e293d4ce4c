//! From what the operator said to what a notification meets on its way: the wiring that both programs share.

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use tokio::sync::OnceCell;

use crate::config::{AlertsPlace, Config, StorePlace};
use crate::pipeline::Pipeline;
use crate::rule::Detections;
use crate::sink::{AlertSink, DirSink, Pace, SnsSink, StdoutSink};
use crate::store::{DirStore, ObjectStore, S3Store};

/// Builds the pipeline. Nothing is asked of AWS yet, and no credential is looked up before it is needed.
pub async fn pipeline(config: &Config, detections: Detections) -> Pipeline {
    let aws = Aws::default();
    Pipeline {
        store: store(&config.store, &aws).await,
        sink: sink(config, &aws).await,
        detections: Arc::new(detections),
        max_object_bytes: config.max_object_bytes,
    }
}

/// S3 as it is told in the environment, for programs that need nothing else of AWS.
pub async fn s3_store() -> S3Store {
    S3Store::new(Aws::default().s3().await)
}

async fn store(place: &StorePlace, aws: &Aws) -> Box<dyn ObjectStore> {
    match place {
        StorePlace::Dir(path) => Box::new(DirStore::new(path)),
        StorePlace::S3 => Box::new(S3Store::new(aws.s3().await)),
    }
}

async fn sink(config: &Config, aws: &Aws) -> Box<dyn AlertSink> {
    match &config.alerts {
        AlertsPlace::Stdout => Box::new(StdoutSink),
        AlertsPlace::Dir(path) => Box::new(DirSink::new(path)),
        AlertsPlace::Topic(arn) => {
            let pace = Pace::shared_by(config.concurrency);
            Box::new(SnsSink::new(aws.sns(arn).await, arn.clone(), pace))
        }
    }
}

/// AWS's clients, made where they are needed, from one configuration and one connector: loading the certificates is a
/// good part of the start.
#[derive(Default)]
struct Aws {
    config: OnceCell<SdkConfig>,
}

impl Aws {
    async fn config(&self) -> &SdkConfig {
        self.config.get_or_init(load).await
    }

    async fn s3(&self) -> aws_sdk_s3::Client {
        let config = self.config().await;
        let mut s3 = aws_sdk_s3::config::Builder::from(config);
        // An endpoint of one's own has no host name for each bucket.
        let own_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        s3.set_force_path_style(own_endpoint.then_some(true));
        aws_sdk_s3::Client::from_conf(s3.build())
    }

    /// A client for the region that the topic is in, whatever region this runs in.
    async fn sns(&self, topic: &str) -> aws_sdk_sns::Client {
        let region = topic.split(':').nth(3).map(|region| Region::new(region.to_owned()));
        let sns = aws_sdk_sns::config::Builder::from(self.config().await).region(region);
        aws_sdk_sns::Client::from_conf(sns.build())
    }
}

/// One TLS stack, with ring: it builds everywhere with a plain C compiler.
async fn load() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).load().await
}

fn http_client() -> SharedHttpClient {
    HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
