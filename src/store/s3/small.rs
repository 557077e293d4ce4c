//! Small objects in S3, and conditional writes.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;
use bytes::Bytes;
use jiff::Timestamp;

use super::date::{DateListener, timestamp};
use super::refused;
use crate::error::{answer, chain};
use crate::store::{Condition, Listed, Listing, Page, PutError, SmallObject, StoreError, Written};

pub(super) async fn get(client: &Client, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
    let listener = DateListener::default();
    let get = client.get_object().bucket(bucket).key(key).customize().interceptor(listener.clone());
    let got = get.send().await.map_err(|error| refused(&error))?;
    let (etag, modified) = (got.e_tag().map(str::to_owned), got.last_modified().and_then(timestamp));
    let body = got.body.collect().await.map_err(|error| retry(format!("the body broke off: {}", chain(&error))))?;
    let (Some(etag), Some(modified)) = (etag, modified) else {
        return Err(retry("the answer has no ETag or no Last-Modified".to_owned()));
    };
    Ok(SmallObject { bytes: body.into_bytes(), etag, modified, date: listener.date()? })
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
    let written = put.customize().interceptor(listener.clone()).send().await.map_err(|error| not_put(&error))?;
    let etag = written.e_tag().ok_or_else(|| PutError::Retry("the answer has no ETag".to_owned()))?;
    let date = listener.date().map_err(|error| PutError::Retry(error.to_string()))?;
    Ok(Written { etag: etag.to_owned(), date })
}

fn not_put(error: &SdkError<PutObjectError>) -> PutError {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    match (status, error.code()) {
        // 404 answers `If-Match` where there is nothing.
        (412, _) | (404, Some("NoSuchKey")) => PutError::Changed,
        (409, _) => PutError::Conflict,
        (403, code) => PutError::Retry(format!("{} (check s3:PutObject)", answer(code, error.message(), error))),
        (_, code) => PutError::Retry(answer(code, error.message(), error)),
    }
}

pub(super) async fn delete(client: &Client, bucket: &str, key: &str) -> Result<(), StoreError> {
    let deleted = client.delete_object().bucket(bucket).key(key).send().await;
    deleted.map(|_| ()).map_err(|error| retry(answer(error.code(), error.message(), &error)))
}

pub(super) async fn list(client: &Client, bucket: &str, listing: &Listing) -> Result<Page, StoreError> {
    let listener = DateListener::default();
    let list = client.list_objects_v2().bucket(bucket).prefix(&listing.prefix);
    let list = list.set_delimiter(listing.delimiter.map(String::from)).set_start_after(listing.start_after.clone());
    let listed = list.customize().interceptor(listener.clone()).send().await;
    let listed = listed.map_err(|error| retry(answer(error.code(), error.message(), &error)))?;
    Ok(page(&listed, listener.date()?))
}

fn page(listed: &ListObjectsV2Output, date: Timestamp) -> Page {
    let objects: Vec<Listed> = listed.contents().iter().filter_map(object).collect();
    let prefixes: Vec<String> =
        listed.common_prefixes().iter().filter_map(|prefix| prefix.prefix().map(str::to_owned)).collect();
    // After a shared beginning is after all that begins so: no key holds a greater character.
    let behind = prefixes.last().map(|prefix| format!("{prefix}{}", char::MAX));
    let last = objects.last().map(|object| object.key.clone()).max(behind);
    let next = last.filter(|_| listed.is_truncated() == Some(true));
    Page { objects, prefixes, next, date }
}

fn object(object: &Object) -> Option<Listed> {
    let size = object.size().and_then(|size| u64::try_from(size).ok())?;
    Some(Listed { key: object.key()?.to_owned(), size, modified: object.last_modified().and_then(timestamp)? })
}

fn retry(what: String) -> StoreError {
    StoreError::Retry(what)
}
