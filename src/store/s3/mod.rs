//! S3 itself.

mod bucket;
mod date;
mod small;
mod unmodelled;

use std::error::Error;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use detect::cloudtrail::Body;
use detect::text::error::error_chain;
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::io::SyncIoBridge;
use tracing::trace;

use self::date::to_timestamp;
use super::{
    Action, Listing, ObjectStore, OpenObject, Page, SmallObject, StoreError, StoreErrorKind,
    WriteCondition, Written,
};
use crate::aws_error::AwsError;
use crate::notification::ObjectRef;

/// What reading an object needs. S3 answers 404 only to those who may list.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
const READ: &str = "s3:GetObject, s3:GetObjectVersion, and s3:ListBucket on the bucket, without \
                    which a missing object looks denied";

const LIST: &str = "s3:ListBucket on the bucket";

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

    fn error<E>(&self, error: SdkError<E>, permissions: &'static str) -> AwsError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        AwsError::from_sdk(error, self.client.config().region(), permissions)
    }

    async fn open_object(&self, object: &ObjectRef) -> Result<OpenObject, StoreErrorKind> {
        let get = self.client.get_object().bucket(&object.bucket).key(&object.key);
        let got = get.set_version_id(object.version_id.clone()).send().await;
        let got = got.map_err(|error| StoreErrorKind::from_aws(self.error(error, READ)))?;
        let metadata = got.metadata().into_iter().flatten();
        let metadata = metadata.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let metadata = Some(metadata.collect());
        Ok(OpenObject { body: self.body(got).await?, metadata })
    }

    async fn body(&self, got: GetObjectOutput) -> Result<Body, StoreErrorKind> {
        let length = got.content_length().and_then(|length| u64::try_from(length).ok());
        if length.is_none_or(|length| length > Body::MAX_IN_MEMORY) {
            // Read where blocking is allowed; the bridge brings the runtime along.
            return Ok(Body::Stream(Box::new(SyncIoBridge::new(got.body.into_async_read()))));
        }
        Ok(Body::Whole(self.whole_body(got.body).await?))
    }

    /// A body, whole. It has as long as the client gives an operation, which for the client ends
    /// with the head of the answer: a body that trickles in would hold up the function until it is
    /// killed.
    async fn whole_body(&self, body: ByteStream) -> Result<Bytes, StoreErrorKind> {
        let config = self.client.config().timeout_config();
        let collected = match config.and_then(TimeoutConfig::operation_timeout) {
            None => body.collect().await,
            Some(limit) => timeout(limit, body.collect()).await.map_err(|_| {
                let seconds = limit.as_secs_f32();
                StoreErrorKind::Other(format!("the body did not arrive in {seconds} s"))
            })?,
        };
        let collected = collected.map_err(|error| {
            StoreErrorKind::Other(format!("the body broke off: {}", error_chain(&error)))
        })?;
        Ok(collected.into_bytes())
    }

    async fn list_page(&self, listing: &Listing) -> Result<Page, AwsError> {
        let list = self.client.list_objects_v2().bucket(&listing.bucket).prefix(&listing.prefix);
        let list = list
            .set_delimiter(listing.folders.then(|| "/".to_owned()))
            .set_start_after(listing.start_after.clone())
            .set_max_keys(listing.limit.map(i32::from))
            .set_continuation_token(listing.continuation.clone());
        let got = list.send().await.map_err(|error| self.error(error, LIST))?;
        let prefixes = got.common_prefixes().iter().filter_map(|folder| folder.prefix());
        let keys = got.contents().iter().filter_map(|object| object.key());
        let modified = got.contents().iter().filter_map(|object| object.last_modified());
        let modified: Option<Vec<Timestamp>> = modified.map(to_timestamp).collect();
        Ok(Page {
            keys: keys.map(str::to_owned).collect(),
            modified: modified.unwrap_or_default(),
            prefixes: prefixes.map(str::to_owned).collect(),
            next: got.next_continuation_token().map(str::to_owned),
        })
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        Ok(self.open_with_metadata(object).await?.body)
    }

    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError> {
        trace!(bucket = object.bucket, key = object.key, "opening");
        let opened = self.open_object(object).await;
        opened.map_err(|kind| StoreError::new(Action::Read, &object.bucket, &object.key, kind))
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        trace!(bucket, key, "reading");
        let got = self.get_small(bucket, key).await;
        got.map_err(|kind| StoreError::new(Action::Read, bucket, key, kind))
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        trace!(bucket, key, bytes = bytes.len(), ?condition, "writing");
        let written = self.put_small(bucket, key, bytes, condition, None).await;
        written.map_err(|kind| StoreError::new(Action::Write, bucket, key, kind))
    }

    async fn put_page(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        media_type: &'static str,
    ) -> Result<Written, StoreError> {
        trace!(bucket, key, bytes = bytes.len(), media_type, "writing");
        let condition = WriteCondition::None;
        let written = self.put_small(bucket, key, bytes, condition, Some(media_type)).await;
        written.map_err(|kind| StoreError::new(Action::Write, bucket, key, kind))
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        trace!(bucket, key, "deleting");
        let deleted = self.delete_small(bucket, key).await;
        deleted.map_err(|error| StoreError::new(Action::Delete, bucket, key, error))
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        trace!(bucket = listing.bucket, prefix = listing.prefix, "listing");
        let page = self.list_page(listing).await;
        page.map_err(|error| StoreError::new(Action::List, &listing.bucket, &listing.prefix, error))
    }
}
