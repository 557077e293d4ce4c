//! Small objects in S3, and conditional writes.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::date::{DateHeader, to_timestamp};
use super::{READ, S3Store};
use crate::aws_error::AwsError;
use crate::store::{SmallObject, StoreErrorKind, WriteCondition, Written};

impl S3Store {
    pub(super) async fn get_small(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<SmallObject, StoreErrorKind> {
        let header = DateHeader::default();
        let get = self.client.get_object().bucket(bucket).key(key);
        let got = get.customize().interceptor(header.clone()).send().await;
        let got = got.map_err(|error| StoreErrorKind::from_aws(self.error(error, READ)))?;
        let etag = got.e_tag().map(str::to_owned);
        let modified = got.last_modified().and_then(to_timestamp);
        let bytes = self.whole_body(got.body).await?;
        match (etag, modified, header.date()) {
            (Some(etag), Some(modified), Some(date)) => {
                Ok(SmallObject { bytes, etag, modified, date })
            }
            _ => Err(incomplete("ETag, Last-Modified or Date")),
        }
    }

    pub(super) async fn put_small(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
        media_type: Option<&str>,
    ) -> Result<Written, StoreErrorKind> {
        let header = DateHeader::default();
        let put = self.client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
        let put = put.set_content_type(media_type.map(str::to_owned));
        let put = match condition {
            WriteCondition::None => put,
            WriteCondition::IfNoneMatch => put.if_none_match("*"),
            WriteCondition::IfMatch(etag) => put.if_match(etag),
        };
        let written = put.customize().interceptor(header.clone()).send().await;
        let written = written.map_err(|error| self.put_error(error))?;
        match (written.e_tag, header.date()) {
            (Some(etag), Some(date)) => Ok(Written { etag, date }),
            _ => Err(incomplete("ETag or Date")),
        }
    }

    pub(super) async fn delete_small(&self, bucket: &str, key: &str) -> Result<(), AwsError> {
        let deleted = self.client.delete_object().bucket(bucket).key(key).send().await;
        deleted.map(|_| ()).map_err(|error| self.error(error, "s3:DeleteObject"))
    }

    fn put_error(&self, error: SdkError<PutObjectError>) -> StoreErrorKind {
        match error.code() {
            // Answers `If-Match` if there is no object.
            Some("NoSuchKey") => StoreErrorKind::PreconditionFailed,
            _ => StoreErrorKind::from_aws(self.error(error, "s3:PutObject")),
        }
    }
}

fn incomplete(headers: &str) -> StoreErrorKind {
    StoreErrorKind::Other(format!("the answer has no {headers}"))
}
