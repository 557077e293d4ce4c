//! Small objects in S3, and conditional writes.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::date::{DateListener, timestamp};
use super::{READ, S3Store};
use crate::aws_error::AwsError;
use crate::store::{Condition, SmallObject, StoreErrorKind, Written};

impl S3Store {
    pub(super) async fn get_small(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<SmallObject, StoreErrorKind> {
        let listener = DateListener::default();
        let get = self.client.get_object().bucket(bucket).key(key);
        let got = get.customize().interceptor(listener.clone()).send().await;
        let got = got.map_err(|error| StoreErrorKind::from_aws(self.error(error, READ)))?;
        let etag = got.e_tag().map(str::to_owned);
        let modified = got.last_modified().and_then(timestamp);
        let bytes = self.whole_body(got.body).await?;
        let (Some(etag), Some(modified)) = (etag, modified) else {
            return Err(incomplete("ETag or Last-Modified"));
        };
        Ok(SmallObject { bytes, etag, modified, date: listener.date()? })
    }

    pub(super) async fn put_small(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Written, StoreErrorKind> {
        let listener = DateListener::default();
        let put = self.client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
        let put = match condition {
            Condition::None => put,
            Condition::IfNoneMatch => put.if_none_match("*"),
            Condition::IfMatch(etag) => put.if_match(etag),
        };
        let written = put.customize().interceptor(listener.clone()).send().await;
        let written = written.map_err(|error| self.put_error(error))?;
        let etag = written.e_tag().ok_or_else(|| incomplete("ETag"))?;
        Ok(Written { etag: etag.to_owned(), date: listener.date()? })
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

pub(super) fn incomplete(header: &str) -> StoreErrorKind {
    StoreErrorKind::Other(format!("the answer has no {header}"))
}
