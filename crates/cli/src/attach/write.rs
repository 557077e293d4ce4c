//! Writes a configuration, as safely as S3 allows: a write replaces all of it and takes no
//! condition.

use std::time::Duration;

use thiserror::Error;
use trailbell::aws_error::AwsError;
use trailbell::store::{Notifications, S3Store};

use super::Attachment;

/// S3 shows a new configuration only after a while: how often, and how far apart, it is read.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>
const MAX_READS: u32 = 20;
const READ_INTERVAL: Duration = Duration::from_millis(500);

/// Why the configuration is not what it should be.
#[derive(Debug, Error)]
pub enum WriteError {
    /// S3 refused to read it.
    #[error("cannot read the notification configuration")]
    NotRead(#[source] AwsError),
    /// S3 refused to write it.
    #[error("cannot write the notification configuration{}", destinations_hint(.0))]
    NotWritten(#[source] AwsError),
    /// Somebody else wrote it after it was read. Nothing was written.
    #[error(
        "it changed since it was read, so nothing was written; run the command again. What \
         changed:\n  {}",
        .0.join("\n  ")
    )]
    Changed(Vec<String>),
    /// It was written, and reads otherwise.
    #[error(
        "it was written, but reads otherwise: somebody else wrote it at the same time. From what \
         was written to what is there:\n  {}",
        .0.join("\n  ")
    )]
    NotAsWritten(Vec<String>),
    /// It was written, and S3 still shows what was there before.
    #[error("it was written, but S3 does not show it yet; run the command again in a minute")]
    NotYet,
}

/// S3 validates every destination, and does not name the one that it means.
fn destinations_hint(error: &AwsError) -> &'static str {
    match error.code.as_deref() {
        Some("InvalidArgument") => {
            " (S3 validates every destination, including existing ones: the policy of one may not \
             allow the bucket to send to it, or it no longer exists)"
        }
        _ => "",
    }
}

/// Replaces `before`, what was read and shown, by `wanted`: reads again and compares, writes,
/// reads again and compares. Another's change between the second read and the write is lost: S3
/// offers nothing against that.
pub async fn write(
    store: &S3Store,
    attachment: &Attachment,
    before: &Notifications,
    wanted: &Notifications,
) -> Result<(), WriteError> {
    let bucket = &attachment.bucket;
    let owner = attachment.owner.as_deref();
    let read = || async { store.notifications(bucket, owner).await.map_err(WriteError::NotRead) };
    let current = read().await?;
    if current != *before {
        return Err(WriteError::Changed(difference(before, &current)));
    }
    store.put_notifications(bucket, owner, wanted).await.map_err(WriteError::NotWritten)?;
    for _ in 0..MAX_READS {
        match read().await? {
            after if after == *wanted => return Ok(()),
            after if after != *before => {
                return Err(WriteError::NotAsWritten(difference(wanted, &after)));
            }
            _ => tokio::time::sleep(READ_INTERVAL).await,
        }
    }
    Err(WriteError::NotYet)
}

/// Compares two configurations, one line for each thing: `=` stays, `+` is added, `-` is removed.
pub fn difference(before: &Notifications, after: &Notifications) -> Vec<String> {
    let old = lines(before);
    let new = lines(after);
    let sign = |line: &String| if new.contains(line) { '=' } else { '-' };
    let kept = old.iter().map(|line| format!("{} {line}", sign(line)));
    let added = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    kept.chain(added).collect()
}

fn lines(notifications: &Notifications) -> Vec<String> {
    let mut lines: Vec<String> = notifications.routes.iter().map(ToString::to_string).collect();
    if notifications.eventbridge {
        lines.push("every event to EventBridge".to_owned());
    }
    let unknown = notifications.unknown.iter();
    lines.extend(unknown.map(|path| format!("{path}, which this program does not know")));
    lines
}

#[cfg(test)]
mod tests {
    use trailbell::store::{Filter, Route, Target};

    use super::*;

    #[test]
    fn a_difference_shows_what_stays_and_what_changes() {
        let route = |name: &str| Route {
            id: Some(name.to_owned()),
            target: Target::Topic(format!("arn:{name}")),
            events: ["s3:ObjectCreated:*".to_owned()].into(),
            filter: Filter::from_prefix("a b/"),
        };
        let before = Notifications {
            routes: [route("one"), route("two")].into(),
            ..Notifications::default()
        };
        let after = Notifications {
            routes: [route("two"), route("three")].into(),
            eventbridge: true,
            unknown: vec![],
        };
        let line = |name: &str| {
            format!("s3:ObjectCreated:* of prefix \"a b/\" to topic arn:{name} (id \"{name}\")")
        };
        let expected = [
            format!("- {}", line("one")),
            format!("= {}", line("two")),
            format!("+ {}", line("three")),
            "+ every event to EventBridge".to_owned(),
        ];
        assert_eq!(difference(&before, &after), expected);
    }
}
