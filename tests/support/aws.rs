//! AWS clients for a server on this machine.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_smithy_http_client::Builder;

/// What the clients share: the server, and credentials that only a stand-in takes.
pub fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::for_tests();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(Builder::new().build_http())
        .build()
}
