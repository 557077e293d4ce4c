//! `GetObject`, `HeadObject`, `PutObject` and `DeleteObject`.

use std::ops::Range;

use bytes::Bytes;

use super::bucket::{Bucket, Metadata, NULL_VERSION, Version, etag};
use super::error::S3Error;
use super::payload::Payload;
use super::{PutVersion, S3, S3Result, check_query};
use crate::chaos::clock::http_date;
use crate::chaos::http::{Request, Response};
use crate::chaos::serve::ServiceCall;

/// Bytes of a key.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY: usize = 1024;

/// Headers of an object's metadata begin so.
const METADATA: &str = "x-amz-meta-";

/// Conditions on reads, which are not modelled.
const READ_CONDITIONS: [&str; 4] =
    ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];

impl S3 {
    pub(super) fn get_object(&self, request: &Request, bucket: &str, key: &str) -> S3Result {
        let version = self.find_version(request, bucket, key)?;
        let answer = object_headers(request, &version);
        let Some(range) = request.header("range") else {
            return Ok(Response { status: 200, body: version.body.to_vec(), ..answer });
        };
        let length = version.body.len();
        let range = parse_range(range, length).ok_or_else(|| {
            S3Error::new(416, "InvalidRange", "The requested range is not satisfiable")
        })?;
        let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        let body = version.body[range].to_vec();
        Ok(Response { status: 206, body, ..answer }.header("content-range", content_range))
    }

    pub(super) fn head_object(&self, request: &Request, bucket: &str, key: &str) -> S3Result {
        if request.header("range").is_some() {
            return Err(S3Error::not_modelled("a range of HeadObject"));
        }
        let version = self.find_version(request, bucket, key)?;
        let answer = object_headers(request, &version);
        Ok(Response { status: 200, head_length: Some(version.body.len()), ..answer })
    }

    pub(super) fn put_object(&self, call: &ServiceCall<'_>, bucket: &str, key: &str) -> S3Result {
        let request = call.request;
        check_query(request, &[])?;
        check_key(key)?;
        let Payload { bytes, checksum } = Payload::read(request)?;
        let now = self.now();
        let mut buckets = self.buckets();
        let bucket = buckets.get_mut(bucket).ok_or_else(S3Error::no_such_bucket)?;
        check_write_conditions(request, bucket, key)?;
        let put = match call.has_effect {
            true => bucket.put(key, Bytes::from(bytes), checksum, metadata(request), now),
            false => PutVersion { etag: etag(&bytes), version_id: None },
        };
        let answer = Response::empty(200).header("etag", put.etag);
        Ok(match put.version_id {
            Some(id) => answer.header("x-amz-version-id", id),
            None => answer,
        })
    }

    pub(super) fn delete_object(
        &self,
        call: &ServiceCall<'_>,
        bucket: &str,
        key: &str,
    ) -> S3Result {
        check_query(call.request, &[])?;
        check_key(key)?;
        if call.request.header("if-match").is_some() {
            return Err(S3Error::not_modelled("a conditional delete"));
        }
        let now = self.now();
        let mut buckets = self.buckets();
        let bucket = buckets.get_mut(bucket).ok_or_else(S3Error::no_such_bucket)?;
        if call.has_effect {
            bucket.delete(key, now);
        }
        Ok(Response::empty(204))
    }

    fn find_version(&self, request: &Request, bucket: &str, key: &str) -> Result<Version, S3Error> {
        check_query(request, &["versionId"])?;
        check_key(key)?;
        if let Some(condition) = READ_CONDITIONS.iter().find(|it| request.header(it).is_some()) {
            return Err(S3Error::not_modelled(&format!("{condition} on a read")));
        }
        let buckets = self.buckets();
        let bucket = buckets.get(bucket).ok_or_else(S3Error::no_such_bucket)?;
        let Some(id) = request.query("versionId") else {
            return bucket.current(key).cloned().ok_or_else(S3Error::no_such_key);
        };
        match bucket.version(key, id) {
            Some(version) if version.is_delete_marker => Err(S3Error::breach(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )),
            Some(version) => Ok(version.clone()),
            None => {
                let message = "The specified version does not exist.";
                Err(S3Error::new(404, "NoSuchVersion", message))
            }
        }
    }
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
fn metadata(request: &Request) -> Metadata {
    let named = request
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(METADATA)?.to_owned(), value.clone())));
    named.collect()
}

fn object_headers(request: &Request, version: &Version) -> Response {
    let answer = Response::empty(0)
        .header("etag", version.etag.clone())
        .header("last-modified", http_date(version.modified))
        .header("accept-ranges", "bytes")
        .header("content-type", "binary/octet-stream");
    let with_metadata = |answer: Response, (name, value): (&String, &String)| {
        answer.header(format!("{METADATA}{name}"), value.clone())
    };
    let answer = version.metadata.iter().fold(answer, with_metadata);
    let answer = match version.id.as_str() {
        NULL_VERSION => answer,
        id => answer.header("x-amz-version-id", id),
    };
    let wants_checksum = request
        .header("x-amz-checksum-mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"));
    // The checksum is of the whole object.
    match &version.checksum {
        Some((name, value)) if wants_checksum && request.header("range").is_none() => {
            answer.header(*name, value)
        }
        _ => answer,
    }
}

fn check_key(key: &str) -> Result<(), S3Error> {
    match key.len() <= MAX_KEY {
        true => Ok(()),
        false => Err(S3Error::breach(400, "KeyTooLongError", "Your key is too long")),
    }
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn check_write_conditions(request: &Request, bucket: &Bucket, key: &str) -> Result<(), S3Error> {
    let current = bucket.current(key);
    match (request.header("if-none-match"), request.header("if-match")) {
        (None, None) => Ok(()),
        (Some("*"), None) if current.is_none() => Ok(()),
        (Some("*"), None) => Err(S3Error::precondition_failed()),
        (None, Some(expected)) => match current {
            None => Err(S3Error::no_such_key()),
            Some(version) if version.etag == expected => Ok(()),
            Some(_) => Err(S3Error::precondition_failed()),
        },
        _ => Err(S3Error::breach(501, "NotImplemented", "this combination of conditions")),
    }
}

/// The bytes that a `Range` header asks for of so many. Returns `None` if there are none.
fn parse_range(header: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", suffix) => length.saturating_sub(suffix.parse().ok()?)..length,
        (first, "") => first.parse().ok()?..length,
        (first, last) => {
            let last: usize = last.parse().ok()?;
            first.parse().ok()?..length.min(last.checked_add(1)?)
        }
    };
    (range.start < range.end).then_some(range)
}
