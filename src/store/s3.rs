//! S3 itself.

mod date;
mod small;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::time::timeout;
use tokio_util::io::SyncIoBridge;

use super::{Condition, Listing, ObjectStore, Page, PutError, SmallObject, StoreError, Written};
use crate::cloudtrail::Body;
use crate::error::{answer, chain};
use crate::notification::ObjectRef;

/// Objects in S3.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
}

impl S3Store {
    /// Reads with this client; its retries are the client's own.
    pub fn new(client: Client) -> S3Store {
        S3Store { client }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        let get = self.client.get_object().bucket(&object.bucket).key(&object.key);
        let got = get.set_version_id(object.version_id.clone()).send().await;
        body(&self.client, got.map_err(|error| refused(&error))?).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        small::get(&self.client, bucket, key).await
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, condition: Condition) -> Result<Written, PutError> {
        small::put(&self.client, bucket, key, bytes, condition).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        small::delete(&self.client, bucket, key).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let list = self.client.list_objects_v2().bucket(&listing.bucket).prefix(&listing.prefix);
        let list = list.set_delimiter(listing.folders.then(|| "/".to_owned()));
        let list = list.set_start_after(listing.start_after.clone()).set_max_keys(listing.most.map(i32::from));
        let got = list.set_continuation_token(listing.continuation.clone()).send().await;
        let got = got.map_err(|error| unlisted(&error))?;
        let prefixes = got.common_prefixes().iter().filter_map(|folder| folder.prefix()).map(str::to_owned).collect();
        let keys = got.contents().iter().filter_map(|object| object.key()).map(str::to_owned).collect();
        Ok(Page { keys, prefixes, next: got.next_continuation_token().map(str::to_owned) })
    }
}

async fn body(client: &Client, got: GetObjectOutput) -> Result<Body, StoreError> {
    let length = got.content_length().and_then(|length| u64::try_from(length).ok());
    if length.is_none_or(|length| length > Body::WHOLE) {
        // Read where blocking is allowed; the bridge brings the runtime along.
        return Ok(Body::Stream(Box::new(SyncIoBridge::new(got.body.into_async_read()))));
    }
    Ok(Body::Whole(whole(client, got.body).await?))
}

/// A body, whole. It has as long as the client gives an operation, which for the client ends with the head of the
/// answer: what comes byte by byte would hold up the function until it is killed.
async fn whole(client: &Client, body: ByteStream) -> Result<Bytes, StoreError> {
    let limit = client.config().timeout_config().and_then(TimeoutConfig::operation_timeout);
    let collected = match limit {
        Some(limit) => match timeout(limit, body.collect()).await {
            Ok(collected) => collected,
            Err(_) => return Err(StoreError::Retry(format!("the body did not come in {} s", limit.as_secs_f32()))),
        },
        None => body.collect().await,
    };
    let collected = collected.map_err(|error| StoreError::Retry(format!("the body broke off: {}", chain(&error))))?;
    Ok(collected.into_bytes())
}

/// 404 and 403 are told apart. Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
fn refused(error: &SdkError<GetObjectError>) -> StoreError {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    match (status, error.code()) {
        (404, Some("NoSuchBucket")) => StoreError::Retry("no such bucket".to_owned()),
        // 405: the version named is a delete marker.
        (404 | 405, _) => StoreError::Gone,
        (403, Some("AccessDenied") | None) => StoreError::Retry(forbidden(error.message())),
        (_, code) => StoreError::Retry(answer(code, error.message(), error)),
    }
}

fn unlisted(error: &SdkError<ListObjectsV2Error>) -> StoreError {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let told = answer(error.code(), error.message(), error);
    StoreError::Retry(match (status, error.code()) {
        (404, Some("NoSuchBucket")) => "no such bucket".to_owned(),
        (403, _) => format!("{told} (check s3:ListBucket on the bucket)"),
        (301, _) => format!("{told} (the bucket is in another region: set AWS_REGION)"),
        _ => told,
    })
}

fn forbidden(message: Option<&str>) -> String {
    let message = message.unwrap_or("no reason given");
    format!(
        "AccessDenied: {message} (check s3:GetObject, s3:GetObjectVersion and kms:Decrypt; without s3:ListBucket on the \
         bucket a missing object looks forbidden too)"
    )
}
