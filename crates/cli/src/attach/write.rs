//! The one write, as safely as S3 lets it be done: it replaces the whole configuration and takes no
//! condition.

use std::time::Duration;

use thiserror::Error;
use trailbell::aws_error::AwsError;
use trailbell::store::{Notifications, S3Store};

use super::{Attachment, difference};

/// How often, and how far apart, is looked for what was written: S3 shows a new configuration only
/// after a while.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// Why the configuration is not what it should be.
#[derive(Debug, Error)]
pub enum WriteError {
    /// S3 refused to read it. Nothing was written.
    #[error("cannot read the notification configuration")]
    NotRead(#[source] AwsError),
    /// S3 refused to write it.
    #[error("cannot write the notification configuration{}", destinations(.0))]
    NotWritten(#[source] AwsError),
    /// Somebody else wrote it since it was read. Nothing was written.
    #[error("it changed since it was read, and nothing was written. Look at the difference again. What changed:\n  {}", .0.join("\n  "))]
    Changed(Vec<String>),
    /// It was written, and is not what was written.
    #[error("it was written, but reads otherwise: somebody else wrote it at the same time. From what was written to what is there:\n  {}", .0.join("\n  "))]
    NotAsWritten(Vec<String>),
    /// It was written, and S3 goes on to show what was there before.
    #[error("it was written, but S3 does not show it yet: look again in a minute")]
    NotYet,
}

/// S3 checks every destination, and does not say which one it means.
fn destinations(error: &AwsError) -> &'static str {
    match error.code.as_deref() {
        Some("InvalidArgument") => {
            ". S3 checks every destination, those too that were there before: the policy of one may not let the bucket \
             send to it (see what is needed besides), or it is gone"
        }
        _ => "",
    }
}

/// Replaces `before`, what was read and shown, by `wanted`: reads again and compares, writes, reads
/// again and compares. Between the second read and the write another's change would be lost: S3
/// offers nothing against that.
pub async fn write(
    store: &S3Store,
    at: &Attachment,
    before: &Notifications,
    wanted: &Notifications,
) -> Result<(), WriteError> {
    let read = || async {
        store.notifications(&at.bucket, at.owner.as_deref()).await.map_err(WriteError::NotRead)
    };
    let now = read().await?;
    if now != *before {
        return Err(WriteError::Changed(difference(before, &now)));
    }
    store
        .put_notifications(&at.bucket, at.owner.as_deref(), wanted)
        .await
        .map_err(WriteError::NotWritten)?;
    for _ in 0..LOOKS {
        match read().await? {
            after if after == *wanted => return Ok(()),
            after if after != *before => {
                return Err(WriteError::NotAsWritten(difference(wanted, &after)));
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    Err(WriteError::NotYet)
}
