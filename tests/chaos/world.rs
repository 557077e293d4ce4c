//! Stand-ins with clients of AWS's own.

use std::sync::Arc;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use support::aws;
use support::chaos::faults::Rule;
use support::chaos::s3::S3;
use support::chaos::serve::{RunningServer, Shared, serve};
use support::chaos::sns::Sns;

/// S3 with one bucket, and a client.
pub struct S3World {
    pub s3: Arc<S3>,
    pub client: aws_sdk_s3::Client,
    pub shared: Arc<Shared>,
    /// Host and port.
    pub host: String,
    _server: RunningServer,
}

/// The name of the bucket.
pub const BUCKET: &str = "things";

impl S3World {
    pub async fn new(is_versioned: bool, rules: Vec<Rule>) -> S3World {
        let shared = Shared::with_rules(rules);
        let s3 = Arc::new(S3::new(Arc::clone(&shared)));
        s3.create_bucket(BUCKET, is_versioned);
        let server = serve(Arc::clone(&s3) as _, Arc::clone(&shared)).await;
        let host = server.url.trim_start_matches("http://").to_owned();
        S3World { s3, client: aws::s3(&server.url), shared, host, _server: server }
    }
}

/// SNS with its topic, and a client.
pub struct SnsWorld {
    pub sns: Arc<Sns>,
    pub client: aws_sdk_sns::Client,
    pub shared: Arc<Shared>,
    _server: RunningServer,
}

impl SnsWorld {
    /// With so many failing entries of batches, of 10,000.
    pub async fn new(entry_failures: usize) -> SnsWorld {
        let shared = Shared::with_rules(Vec::new());
        let sns = Arc::new(Sns::new(Arc::clone(&shared), 1, entry_failures));
        let server = serve(Arc::clone(&sns) as _, Arc::clone(&shared)).await;
        let client = aws_sdk_sns::Client::new(&aws::config(&server.url));
        SnsWorld { sns, client, shared, _server: server }
    }
}

/// The code of an error.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> &str {
    error.code().unwrap_or_default()
}

/// Status and code of an error.
pub fn refusal<E: ProvideErrorMetadata>(error: &SdkError<E>) -> (u16, &str) {
    (error.raw_response().map_or(0, |response| response.status().as_u16()), code(error))
}
