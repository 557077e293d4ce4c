//! From what the operator said to what a notification meets on its way: the wiring that both
//! programs share.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use alert::Accounts;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use detect::rule::Detections;
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::app::config::{AlertsPlace, Config, DetectionsPlace, LedgerPlace, StorePlace};
use crate::app::reload::Reload;
use crate::ledger::{Ledger, StoredLedger};
use crate::pipeline::Pipeline;
use crate::sink::{AlertSink, DirSink, Pace, SnsSink, StdoutSink};
use crate::store::{DirStore, ObjectStore, S3Store};

/// The folder of a ledger at `dir:PATH`.
pub const LEDGER_FOLDER: &str = "ledger";

/// Builds the pipeline. Nothing is asked of AWS yet, and no credential is looked up before it is
/// needed.
pub async fn pipeline(
    config: &Config,
    detections: Detections,
    accounts: Accounts,
    aws: &Aws,
) -> Pipeline {
    Pipeline {
        store: store(&config.store, aws).await,
        sink: sink(config, aws).await,
        ledger: ledger(&config.ledger, aws).await,
        trails: config.trails.clone(),
        detections: Arc::new(detections),
        accounts,
        max_object_bytes: config.max_object_bytes,
    }
}

/// What follows the rules and exceptions in S3; none where there are none.
pub async fn reload(config: &Config, aws: &Aws) -> Option<Reload> {
    let in_s3 = |place: &Option<DetectionsPlace>| matches!(place, Some(DetectionsPlace::S3 { .. }));
    if !in_s3(&config.rules) && !in_s3(&config.exceptions) {
        return None;
    }
    Some(Reload::new(config, Box::new(s3_store(aws).await)))
}

/// S3 alone, for programs that need nothing else of AWS.
pub async fn s3_store(aws: &Aws) -> S3Store {
    S3Store::new(aws.s3().await)
}

async fn store(place: &StorePlace, aws: &Aws) -> Box<dyn ObjectStore> {
    match place {
        StorePlace::Dir(path) => Box::new(DirStore::new(path)),
        StorePlace::S3 => Box::new(S3Store::new(aws.s3().await)),
    }
}

/// The ledger at a place, for programs that need nothing else; none where the place is none.
pub async fn stored_ledger(place: &LedgerPlace, aws: &Aws) -> Option<StoredLedger> {
    match ledger(place, aws).await {
        Ledger::Stored(ledger) => Some(ledger),
        Ledger::None | Ledger::ReadOnly(_) => None,
    }
}

/// The ledger at a place.
pub async fn ledger(place: &LedgerPlace, aws: &Aws) -> Ledger {
    match place {
        LedgerPlace::None => Ledger::None,
        // The store has a folder for each bucket.
        LedgerPlace::Dir(path) => {
            Ledger::Stored(StoredLedger::new(Box::new(DirStore::new(path)), LEDGER_FOLDER, ""))
        }
        LedgerPlace::S3 { bucket, prefix } => Ledger::Stored(StoredLedger::new(
            Box::new(S3Store::new(aws.s3().await)),
            bucket,
            prefix,
        )),
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

/// AWS's clients, made where they are needed, from one configuration and one connector: loading the
/// certificates is a good part of the start.
pub struct Aws {
    /// A function, so that each program links only the one that it names.
    load: fn() -> BoxFuture<'static, SdkConfig>,
    config: OnceCell<SdkConfig>,
}

impl Aws {
    /// As Lambda tells its functions: region and credentials are in the environment, and nothing
    /// else is looked at. Without the readers of profiles and roles the program is a twentieth
    /// smaller.
    pub fn in_lambda() -> Aws {
        Aws { load: || Box::pin(ready(from_environment())), config: OnceCell::new() }
    }

    /// With endpoint, credentials, patience and retries as they are told here.
    pub fn told(config: SdkConfig) -> Aws {
        Aws { config: OnceCell::from(config), ..Aws::in_lambda() }
    }

    /// As AWS's own tools find them: environment, profiles, roles of a machine or container.
    pub fn anywhere() -> Aws {
        Aws { load: || Box::pin(from_anywhere()), config: OnceCell::new() }
    }

    /// The configuration that all clients share.
    pub async fn config(&self) -> &SdkConfig {
        self.config.get_or_init(self.load).await
    }

    /// A client of S3.
    pub async fn s3(&self) -> aws_sdk_s3::Client {
        let config = self.config().await;
        let mut s3 = aws_sdk_s3::config::Builder::from(config);
        let own_endpoint =
            variable("AWS_ENDPOINT_URL_S3").or(config.endpoint_url().map(str::to_owned));
        // An endpoint of one's own has no host name for each bucket.
        s3.set_force_path_style(own_endpoint.is_some().then_some(true));
        s3.set_endpoint_url(own_endpoint);
        aws_sdk_s3::Client::from_conf(s3.build())
    }

    /// A client for the region that the topic is in, whatever region this runs in.
    pub async fn sns(&self, topic: &str) -> aws_sdk_sns::Client {
        let config = self.config().await;
        let region = topic.split(':').nth(3).map(|region| Region::new(region.to_owned()));
        let mut sns = aws_sdk_sns::config::Builder::from(config).region(region);
        sns.set_endpoint_url(
            variable("AWS_ENDPOINT_URL_SNS").or(config.endpoint_url().map(str::to_owned)),
        );
        aws_sdk_sns::Client::from_conf(sns.build())
    }
}

async fn from_anywhere() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(patience())
        .load()
        .await
}

/// The variables are those of all AWS tools:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
fn from_environment() -> SdkConfig {
    let is_on = |name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .retry_config(RetryConfig::standard())
        .http_client(http_client())
        .timeout_config(patience())
        .use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
    config.set_region(
        variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).map(Region::new),
    );
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.build()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How long an answer is waited for: one that hangs costs an attempt, not the function's time. An
/// object that comes whole has as long again as an operation; of one that is streamed, stalls are
/// seen to by the client's own protection.
fn patience() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(45))
        .build()
}

fn http_client() -> SharedHttpClient {
    HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
