//! A bucket itself.

use super::S3Store;
use super::refusal::refusal;
use crate::store::{Cause, Refusal};

impl S3Store {
    /// The region of a bucket that can be listed from here; none where S3 does not say. With an
    /// `owner` (an account id), only where the bucket is that account's.
    pub async fn bucket_region(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        let head = self
            .client
            .head_bucket()
            .bucket(bucket)
            .set_expected_bucket_owner(owner.map(str::to_owned));
        match head.send().await {
            Ok(head) => Ok(head.bucket_region().map(str::to_owned)),
            Err(error) => Err(of_bucket(refusal(&error))),
        }
    }
}

/// HEAD's answers have no body to tell what it is that is not there.
fn of_bucket(refusal: Refusal) -> Refusal {
    match refusal.cause {
        Cause::NoObject => Refusal { cause: Cause::NoBucket, told: "no such bucket".to_owned() },
        _ => refusal,
    }
}
