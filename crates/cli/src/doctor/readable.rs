//! Whether what a trail delivered can be fetched, decrypted and inflated.

use detect::cloudtrail::reader::{self, Options};
use detect::cloudtrail::{Body, ReadError, Trail};
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::aws_error::AwsErrorKind;
use trailbell::notification::ObjectRef;
use trailbell::store::{ObjectStore, StoreErrorKind};

use super::deliveries::Newest;
use super::{Check, Deployment, bucket};

/// Reads the newest log object to its end.
pub(super) async fn log(
    deployment: &Deployment,
    trail: &Trail,
    newest: Option<Newest>,
) -> Option<Check> {
    let max_bytes = deployment.config.max_object_bytes;
    let object = object(trail, newest?);
    let records = move |body| {
        let (read, result) =
            reader::read(body, Options { max_bytes, lines: false }, &mut |_, _| {});
        result.map(|()| {
            format!("read to its end: {} bytes inflated, records: {}", read.bytes, read.records)
        })
    };
    Some(fetched(deployment, "readable", &object, records).await)
}

/// Inflates the newest digest.
pub(super) async fn digest(
    deployment: &Deployment,
    trail: &Trail,
    newest: Option<Newest>,
) -> Option<Check> {
    let max_bytes = deployment.config.max_object_bytes;
    let object = object(trail, newest?);
    let bytes = move |body| {
        reader::inflated_size(body, max_bytes)
            .map(|bytes| format!("read to its end: {bytes} bytes inflated"))
    };
    Some(fetched(deployment, "readable", &object, bytes).await)
}

fn object(trail: &Trail, newest: Newest) -> ObjectRef {
    ObjectRef { bucket: trail.bucket.clone(), key: newest.key, version_id: None }
}

async fn fetched(
    deployment: &Deployment,
    what: &'static str,
    object: &ObjectRef,
    read: impl FnOnce(Body) -> Result<String, ReadError> + Send + 'static,
) -> Check {
    let body = match deployment.store.open(object).await {
        Ok(body) => body,
        Err(error) => return refused(what, object, &error.kind),
    };
    // A body that is streamed blocks.
    match tokio::task::spawn_blocking(move || read(body)).await {
        Ok(Ok(told)) => Check::ok(what, format!("{object}: {told}")),
        Ok(Err(error)) => Check::fail(what, format!("{object}: {error}"), download(object)),
        Err(panic) => Check::fail(what, format!("{object}: {panic}"), download(object)),
    }
}

fn refused(what: &'static str, object: &ObjectRef, error: &StoreErrorKind) -> Check {
    let told = format!("{object}: {}", error_chain(error));
    let cure = match error {
        StoreErrorKind::Aws(error) if error.kind == AwsErrorKind::Denied => {
            bucket::allow(&["s3:GetObject"], &format!("arn:aws:s3:::{}/*", object.bucket))
        }
        StoreErrorKind::Aws(error) if error.kind != AwsErrorKind::Other => bucket::general(error),
        _ => download(object),
    };
    Check::fail(what, told, cure)
}

/// What shows the object as others see it.
fn download(object: &ObjectRef) -> ShellCommand {
    ShellCommand::new("aws s3 cp")
        .argument(&format!("s3://{}/{}", object.bucket, object.key))
        .words(".")
}
