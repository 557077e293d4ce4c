//! S3 itself.

mod bucket;
mod date;
mod notifications;
mod refusal;
mod small;
mod unmodelled;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use detect::cloudtrail::Body;
use detect::text::error::error_chain;
use refusal::refusal;
use tokio::time::timeout;
use tokio_util::io::SyncIoBridge;

use super::{
    Cause, Condition, Listing, ObjectStore, Page, PutError, Refusal, SmallObject, StoreError,
    Written,
};
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

    /// As [`ObjectStore::open`], but tells what stands in the way.
    pub async fn fetch(&self, object: &ObjectRef) -> Result<Body, Refusal> {
        let get = self.client.get_object().bucket(&object.bucket).key(&object.key);
        let got = get.set_version_id(object.version_id.clone()).send().await;
        body(&self.client, got.map_err(|error| refusal(&error))?).await
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        self.fetch(object).await.map_err(|refusal| unread(&refusal))
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        small::get(&self.client, bucket, key).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, PutError> {
        small::put(&self.client, bucket, key, bytes, condition).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        small::delete(&self.client, bucket, key).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let list = self.client.list_objects_v2().bucket(&listing.bucket).prefix(&listing.prefix);
        let list = list.set_delimiter(listing.folders.then(|| "/".to_owned()));
        let list = list
            .set_start_after(listing.start_after.clone())
            .set_max_keys(listing.most.map(i32::from));
        let got = list.set_continuation_token(listing.continuation.clone()).send().await;
        let got = got.map_err(|error| unlisted(&refusal(&error)))?;
        let prefixes = got
            .common_prefixes()
            .iter()
            .filter_map(|folder| folder.prefix())
            .map(str::to_owned)
            .collect();
        let keys =
            got.contents().iter().filter_map(|object| object.key()).map(str::to_owned).collect();
        Ok(Page { keys, prefixes, next: got.next_continuation_token().map(str::to_owned) })
    }
}

async fn body(client: &Client, got: GetObjectOutput) -> Result<Body, Refusal> {
    let length = got.content_length().and_then(|length| u64::try_from(length).ok());
    if length.is_none_or(|length| length > Body::MAX_IN_MEMORY) {
        // Read where blocking is allowed; the bridge brings the runtime along.
        return Ok(Body::Stream(Box::new(SyncIoBridge::new(got.body.into_async_read()))));
    }
    Ok(Body::Whole(whole(client, got.body).await?))
}

/// A body, whole. It has as long as the client gives an operation, which for the client ends with
/// the head of the answer: what comes byte by byte would hold up the function until it is killed.
async fn whole(client: &Client, body: ByteStream) -> Result<Bytes, Refusal> {
    let limit = client.config().timeout_config().and_then(TimeoutConfig::operation_timeout);
    let collected = match limit {
        Some(limit) => match timeout(limit, body.collect()).await {
            Ok(collected) => collected,
            Err(_) => {
                return Err(incomplete(format!(
                    "the body did not come in {} s",
                    limit.as_secs_f32()
                )));
            }
        },
        None => body.collect().await,
    };
    let collected = collected
        .map_err(|error| incomplete(format!("the body broke off: {}", error_chain(&error))))?;
    Ok(collected.into_bytes())
}

fn incomplete(told: String) -> Refusal {
    Refusal { cause: Cause::Other, told }
}

/// What reading an object needs. 404 and 403 are told apart only for who may list.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
const READING: &str = "s3:GetObject, s3:GetObjectVersion and kms:Decrypt; without s3:ListBucket on the bucket a missing \
                       object looks forbidden too";

fn unread(refusal: &Refusal) -> StoreError {
    match refusal.cause {
        Cause::NoObject => StoreError::Gone,
        _ => StoreError::Retry(refusal.advised(READING)),
    }
}

fn unlisted(refusal: &Refusal) -> StoreError {
    StoreError::Retry(refusal.advised("s3:ListBucket on the bucket"))
}
