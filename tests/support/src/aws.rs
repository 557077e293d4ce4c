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

/// A client of S3: a server on this machine has no host name for each bucket.
pub fn s3(url: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&config(url)).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// The environment of a program that is to find the server and nothing else of AWS.
pub fn variables(url: &str) -> [(&str, &str); 6] {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("NO_PROXY", "127.0.0.1"),
    ]
}
