//! From the configuration to the parts of the pipeline: the wiring that both programs share.

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

use crate::app::accounts::{AccountsPlace, StoredAccounts};
use crate::app::config::{
    AlertsPlace, Config, DetectionsPlace, LedgerPlace, ReportsPlace, StorePlace,
};
use crate::app::reload::Reload;
use crate::integrity::keys::{CloudTrailKeys, KeySource, PublicKeys, PublicKeysError};
use crate::integrity::{Verification, VerifyMode};
use crate::ledger::{Ledger, StoredLedger};
use crate::pages::{PageReaders, Pages};
use crate::pipeline::Pipeline;
use crate::sink::{AlertSink, DirSink, Pace, SnsSink, StdoutSink};
use crate::store::{DirStore, ObjectStore, S3Store};

/// The folder of a ledger at `dir:PATH`: a directory as a store has a folder for each bucket.
pub const LEDGER_FOLDER: &str = "ledger";

/// The folder of pages at `dir:PATH`, for the same reason.
const REPORTS_FOLDER: &str = "reports";

/// Builds the pipeline, which verifies no digests. Makes no request, and loads no credentials.
pub async fn build_pipeline(
    config: &Config,
    detections: Detections,
    accounts: Accounts,
    aws: &Aws,
) -> Pipeline {
    Pipeline {
        store: build_store(&config.store, aws).await,
        sink: build_sink(config, aws).await,
        ledger: build_ledger(&config.ledger, aws).await,
        pages: build_pages(config, aws).await,
        trails: config.trails.clone(),
        inline_sources: config.inline_sources.clone(),
        detections: Arc::new(detections),
        accounts,
        mail: config.mail,
        max_object_bytes: config.max_object_bytes,
        verification: Verification::off(),
    }
}

/// Builds what verifies CloudTrail's digests. Makes no request. Digests in a directory are verified
/// only with keys in a file: nothing else says that they are of CloudTrail.
///
/// # Errors
/// The file of public keys cannot be used.
pub async fn build_verification(
    config: &Config,
    aws: &Aws,
) -> Result<Verification, PublicKeysError> {
    let keys = match (&config.public_keys, &config.store) {
        _ if config.verify == VerifyMode::Off => return Ok(Verification::off()),
        (Some(file), _) => KeySource::Known(PublicKeys::from_file(file)?),
        (None, StorePlace::Dir(_)) => return Ok(Verification::off()),
        (None, StorePlace::S3) => KeySource::CloudTrail(Box::new(aws.cloudtrail_keys().await)),
    };
    Ok(Verification { mode: config.verify, keys })
}

/// Returns what reloads rules and exceptions from S3, or `None` if none of them are there.
pub async fn build_reload(config: &Config, aws: &Aws) -> Option<Reload> {
    let is_in_s3 = |place: &Option<DetectionsPlace>| matches!(place, Some(DetectionsPlace::S3(_)));
    if !is_in_s3(&config.rules) && !is_in_s3(&config.exceptions) {
        return None;
    }
    Some(Reload::new(config, Box::new(S3Store::new(aws.s3().await))))
}

/// Returns what reloads names of accounts from S3, or `None` if they are not there.
pub async fn build_stored_accounts(config: &Config, aws: &Aws) -> Option<StoredAccounts> {
    let Some(AccountsPlace::S3(place)) = &config.accounts else { return None };
    let store = Box::new(S3Store::new(aws.s3().await));
    Some(StoredAccounts::new(store, place.clone()))
}

/// Builds the ledger at a place.
pub async fn build_ledger(place: &LedgerPlace, aws: &Aws) -> Ledger {
    let (store, bucket, prefix): (Box<dyn ObjectStore>, _, _) = match place {
        LedgerPlace::None => return Ledger::None,
        LedgerPlace::Dir(path) => (Box::new(DirStore::new(path)), LEDGER_FOLDER, ""),
        LedgerPlace::S3(place) => {
            (Box::new(S3Store::new(aws.s3().await)), place.bucket.as_str(), place.prefix.as_str())
        }
    };
    Ledger::Stored(StoredLedger::new(store, bucket, prefix))
}

async fn build_pages(config: &Config, aws: &Aws) -> Option<Pages> {
    let source = config.ledger.to_string();
    Some(match config.reports.as_ref()? {
        ReportsPlace::Dir(path) => {
            let store = Box::new(DirStore::new(path));
            let readers = PageReaders::Folder(path.clone());
            Pages::new(store, REPORTS_FOLDER, String::new(), readers, source)
        }
        ReportsPlace::S3(place) => {
            let store = Box::new(S3Store::new(aws.s3().await));
            let region = aws.config().await.region().map(ToString::to_string);
            let readers = PageReaders::Console(region);
            Pages::new(store, &place.bucket, place.folder(), readers, source)
        }
    })
}

async fn build_store(place: &StorePlace, aws: &Aws) -> Box<dyn ObjectStore> {
    match place {
        StorePlace::Dir(path) => Box::new(DirStore::new(path)),
        StorePlace::S3 => Box::new(S3Store::new(aws.s3().await)),
    }
}

async fn build_sink(config: &Config, aws: &Aws) -> Box<dyn AlertSink> {
    match &config.alerts {
        AlertsPlace::Stdout => Box::new(StdoutSink),
        AlertsPlace::Dir(path) => Box::new(DirSink::new(path)),
        AlertsPlace::Topic(arn) => {
            let pace = Pace::shared_by(config.concurrency);
            let sink = SnsSink::new(aws.sns(arn).await, arn.clone(), pace);
            match &config.chat {
                Some(chat) => Box::new(sink.with_chat(aws.sns(chat).await, chat.clone())),
                None => Box::new(sink),
            }
        }
    }
}

/// The clients of AWS, built when they are needed, from one configuration and one connector:
/// loading the certificates is a good part of the start.
pub struct Aws {
    load: Box<dyn Fn() -> BoxFuture<'static, SdkConfig> + Send + Sync>,
    config: OnceCell<SdkConfig>,
}

impl Aws {
    /// Region and credentials from the environment, where Lambda puts them, and from nowhere else.
    /// Without the readers of profiles and roles the program is a twentieth smaller.
    pub fn from_environment() -> Aws {
        Aws::new(|| Box::pin(ready(environment_config())))
    }

    /// What this function loads, the first time that a client is needed.
    pub fn new(load: impl Fn() -> BoxFuture<'static, SdkConfig> + Send + Sync + 'static) -> Aws {
        Aws { load: Box::new(load), config: OnceCell::new() }
    }

    /// This endpoint, and these credentials, timeouts and retries.
    pub fn from_config(config: SdkConfig) -> Aws {
        Aws { config: OnceCell::from(config), ..Aws::from_environment() }
    }

    /// The configuration that all clients share.
    pub async fn config(&self) -> &SdkConfig {
        self.config.get_or_init(&self.load).await
    }

    /// A client of S3.
    pub async fn s3(&self) -> aws_sdk_s3::Client {
        let config = self.config().await;
        let endpoint = variable("AWS_ENDPOINT_URL_S3").or(config.endpoint_url().map(str::to_owned));
        let mut s3 = aws_sdk_s3::config::Builder::from(config);
        // An endpoint other than AWS's has no host name for each bucket.
        s3.set_force_path_style(endpoint.is_some().then_some(true));
        s3.set_endpoint_url(endpoint);
        aws_sdk_s3::Client::from_conf(s3.build())
    }

    /// CloudTrail's public keys, of any region.
    pub async fn cloudtrail_keys(&self) -> CloudTrailKeys {
        let config = self.config().await;
        let endpoint =
            variable("AWS_ENDPOINT_URL_CLOUDTRAIL").or(config.endpoint_url().map(str::to_owned));
        let mut cloudtrail = aws_sdk_cloudtrail::config::Builder::from(config);
        cloudtrail.set_endpoint_url(endpoint);
        CloudTrailKeys::new(cloudtrail)
    }

    /// A client of SNS for the region of a topic, whatever region this runs in.
    pub async fn sns(&self, topic_arn: &str) -> aws_sdk_sns::Client {
        let config = self.config().await;
        let endpoint =
            variable("AWS_ENDPOINT_URL_SNS").or(config.endpoint_url().map(str::to_owned));
        let region = topic_arn.split(':').nth(3).map(|region| Region::new(region.to_owned()));
        let mut sns = aws_sdk_sns::config::Builder::from(config).region(region);
        sns.set_endpoint_url(endpoint);
        aws_sdk_sns::Client::from_conf(sns.build())
    }
}

/// The variables are those of all AWS tools:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
fn environment_config() -> SdkConfig {
    let is_on = |name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard())
        .http_client(http_client())
        .timeout_config(timeouts())
        .use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
    config.set_region(region.map(Region::new)).set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.build()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An answer that hangs costs an attempt, not the function's time. An object that is read whole
/// has as long again as an operation; of one that is streamed, the client itself detects stalls.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(45))
        .build()
}

/// What connects to AWS: rustls with ring, and the certificates of the system.
pub fn http_client() -> SharedHttpClient {
    HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
