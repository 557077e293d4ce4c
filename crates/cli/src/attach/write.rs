//! The one write, as safely as S3 lets it be done: it replaces the whole configuration and takes no
//! condition.

use std::time::Duration;

use thiserror::Error;
use trailbell::store::{Notifications, Refusal, S3Store};

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
    /// S3 refused to read or to write it.
    #[error("{}{}", .0.advised("s3:GetBucketNotification and s3:PutBucketNotification"), destinations(.0))]
    Refused(Refusal),
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

/// S3 does not say which destination it means.
fn destinations(refusal: &Refusal) -> &'static str {
    match refusal.told.contains("Unable to validate the following destination") {
        true => {
            "\nS3 asked every destination, those too that were there: the policy of one does not let the bucket send to it \
             (see what is needed besides), or it is gone"
        }
        false => "",
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
        store.notifications(&at.bucket, at.owner.as_deref()).await.map_err(WriteError::Refused)
    };
    let now = read().await?;
    if now != *before {
        return Err(WriteError::Changed(difference(before, &now)));
    }
    store
        .put_notifications(&at.bucket, at.owner.as_deref(), wanted)
        .await
        .map_err(WriteError::Refused)?;
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
