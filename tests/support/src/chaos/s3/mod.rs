//! S3 as it is documented, in memory: objects with versions, conditional writes, ranges, lists.
//! Buckets are addressed by path, as on any endpoint without host names for buckets.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html>

mod bucket;
mod error;
mod list;
mod object;
pub mod payload;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;

use super::http::{Request, Response};
use super::serve::{Service, ServiceCall, Shared};
pub use bucket::Metadata;

use bucket::Bucket;
use error::S3Error;

/// The buckets of an account.
pub struct S3 {
    // A std mutex: nothing awaits under it, and it makes conditional writes atomic.
    buckets: Mutex<BTreeMap<String, Bucket>>,
    shared: Arc<Shared>,
}

/// A version of an object as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutVersion {
    pub etag: String,
    /// Absent if the bucket has no versions.
    pub version_id: Option<String>,
}

type S3Result = Result<Response, S3Error>;

impl S3 {
    pub fn new(shared: Arc<Shared>) -> S3 {
        S3 { buckets: Mutex::default(), shared }
    }

    pub fn create_bucket(&self, name: &str, is_versioned: bool) {
        self.buckets().insert(name.to_owned(), Bucket::new(is_versioned));
    }

    /// Puts an object without a request. Panics if there is no such bucket.
    pub fn put(&self, bucket: &str, key: &str, body: Vec<u8>) -> PutVersion {
        self.put_with(bucket, key, body, Metadata::new())
    }

    /// The same with metadata.
    pub fn put_with(
        &self,
        bucket: &str,
        key: &str,
        body: Vec<u8>,
        metadata: Metadata,
    ) -> PutVersion {
        let now = self.now();
        let mut buckets = self.buckets();
        let bucket = buckets.get_mut(bucket).unwrap();
        bucket.put(key, Bytes::from(body), None, metadata, now)
    }

    /// Removes an object and its versions without a request.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.buckets().get_mut(bucket).unwrap().remove(key);
    }

    /// The objects below a prefix, in the order of their keys.
    pub fn objects(&self, bucket: &str, prefix: &str) -> Vec<(String, Bytes)> {
        let buckets = self.buckets();
        let objects = buckets[bucket].current_from(prefix);
        objects
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, version)| (key.clone(), version.body.clone()))
            .collect()
    }

    fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn route(&self, call: &ServiceCall<'_>) -> S3Result {
        let request = call.request;
        let (bucket, key) = split_path(&request.path);
        match (request.method.as_str(), key) {
            ("GET", "") if request.query("list-type") == Some("2") => self.list(request, bucket),
            ("HEAD", "") => self.head_bucket(request, bucket),
            ("GET", key) if !key.is_empty() => self.get_object(request, bucket, key),
            ("HEAD", key) => self.head_object(request, bucket, key),
            ("PUT", key) if !key.is_empty() => self.put_object(call, bucket, key),
            ("DELETE", key) if !key.is_empty() => self.delete_object(call, bucket, key),
            _ => Err(S3Error::not_modelled("the operation")),
        }
    }

    fn head_bucket(&self, request: &Request, bucket: &str) -> S3Result {
        check_query(request, &[])?;
        match self.buckets().contains_key(bucket) {
            true => Ok(Response::empty(200).header("x-amz-bucket-region", "us-east-1")),
            false => Err(S3Error::no_such_bucket()),
        }
    }
}

impl Service for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn resource(&self, request: &Request) -> String {
        request.path.trim_start_matches('/').to_owned()
    }

    fn answer(&self, call: &ServiceCall<'_>) -> Response {
        let answer = self.route(call).unwrap_or_else(|error| {
            if error.is_breach {
                let Request { method, path, .. } = call.request;
                self.shared.journal.breach(format!("S3 {method} {path}: {}", error.message));
            }
            error.response(&call.request.path)
        });
        answer
            .header("x-amz-request-id", format!("{:016X}", call.place))
            .header("x-amz-id-2", format!("host-{}", call.place))
    }

    fn error(&self, status: u16, code: &str, message: &str) -> Response {
        S3Error::new(status, code, message).response("")
    }
}

/// Bucket and key.
fn split_path(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    path.split_once('/').unwrap_or((path, ""))
}

/// Refuses parameters that the operation does not have. `x-id` is what clients of AWS add.
fn check_query(request: &Request, known: &[&str]) -> Result<(), S3Error> {
    let is_unknown = |(name, _): &&(String, String)| name != "x-id" && !known.contains(&&**name);
    match request.query.iter().find(is_unknown) {
        Some((name, _)) => {
            let what = format!("the query parameter {name}");
            Err(S3Error::not_modelled(&what))
        }
        None => Ok(()),
    }
}
