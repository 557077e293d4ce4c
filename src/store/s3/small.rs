//! Small objects in S3, and conditional writes.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::date::{DateListener, timestamp};
use super::refusal::refusal;
use super::{unread, whole};
use crate::store::{Condition, PutError, SmallObject, StoreError, Written};

pub(super) async fn get(
    client: &Client,
    bucket: &str,
    key: &str,
) -> Result<SmallObject, StoreError> {
    let listener = DateListener::default();
    let get = client.get_object().bucket(bucket).key(key).customize().interceptor(listener.clone());
    let got = get.send().await.map_err(|error| unread(&refusal(&error)))?;
    let (etag, modified) =
        (got.e_tag().map(str::to_owned), got.last_modified().and_then(timestamp));
    let bytes = whole(client, got.body).await.map_err(|refusal| unread(&refusal))?;
    let (Some(etag), Some(modified)) = (etag, modified) else {
        return Err(retry("the answer has no ETag or no Last-Modified".to_owned()));
    };
    Ok(SmallObject { bytes, etag, modified, date: listener.date()? })
}

pub(super) async fn put(
    client: &Client,
    bucket: &str,
    key: &str,
    bytes: Bytes,
    condition: Condition,
) -> Result<Written, PutError> {
    let listener = DateListener::default();
    let put = client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
    let put = match condition {
        Condition::None => put,
        Condition::IfNoneMatch => put.if_none_match("*"),
        Condition::IfMatch(etag) => put.if_match(etag),
    };
    let written = put
        .customize()
        .interceptor(listener.clone())
        .send()
        .await
        .map_err(|error| not_put(&error))?;
    let etag =
        written.e_tag().ok_or_else(|| PutError::Retry("the answer has no ETag".to_owned()))?;
    let date = listener.date().map_err(|error| PutError::Retry(error.to_string()))?;
    Ok(Written { etag: etag.to_owned(), date })
}

fn not_put(error: &SdkError<PutObjectError>) -> PutError {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    match (status, error.code()) {
        // 404 answers `If-Match` where there is nothing.
        (412, _) | (404, Some("NoSuchKey")) => PutError::Changed,
        (409, _) => PutError::Conflict,
        _ => PutError::Retry(refusal(error).advised("s3:PutObject")),
    }
}

pub(super) async fn delete(client: &Client, bucket: &str, key: &str) -> Result<(), StoreError> {
    let deleted = client.delete_object().bucket(bucket).key(key).send().await;
    deleted.map(|_| ()).map_err(|error| retry(refusal(&error).advised("s3:DeleteObject")))
}

fn retry(what: String) -> StoreError {
    StoreError::Retry(what)
}
