//! What a trail delivered last, and whether it can be read: log objects after calls, digest files
//! every hour.

use detect::cloudtrail::key::{delivery_time, digest_end};
use detect::cloudtrail::reader::{self, Options};
use detect::cloudtrail::{Body, ReadError, Trail};
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::{SignedDuration, Timestamp};
use trailbell::aws_error::AwsErrorKind;
use trailbell::notification::ObjectRef;
use trailbell::store::walk::{KeyFilter, PlaceFilter, digest_keys, log_keys};
use trailbell::store::{ObjectStore, StoreError, StoreErrorKind};

use super::{Check, Deployment, fixes, format_age};

/// How far back to look, step by step: a busy trail is not listed as a whole.
const STEPS: [SignedDuration; 3] = [
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(48),
    SignedDuration::from_hours(31 * 24),
];

/// Calls of IAM are rarely further apart, be they only those of the console.
const MAX_LOG_AGE: SignedDuration = SignedDuration::from_hours(24);

/// A digest covers one hour, and is delivered within the next.
const MAX_DIGEST_AGE: SignedDuration = SignedDuration::from_hours(3);

/// The newest object of a kind, and the time in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Newest {
    key: String,
    time: Timestamp,
}

/// The newest of both kinds, in the regions that matter. `None` if there is none within a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Deliveries {
    log: Option<Newest>,
    digest: Option<Newest>,
}

impl Deliveries {
    pub(super) async fn find(
        store: &dyn ObjectStore,
        trail: &Trail,
        now: Timestamp,
        place: PlaceFilter<'_>,
    ) -> Result<Deliveries, StoreError> {
        let mut found = Deliveries::default();
        for step in STEPS {
            let filter = KeyFilter { since: now.checked_sub(step).ok(), until: None, place };
            if found.log.is_none() {
                let keys = log_keys(store, &trail.bucket, &trail.prefix, &filter).await?;
                found.log = newest(keys, delivery_time);
            }
            if found.digest.is_none() {
                let keys = digest_keys(store, &trail.bucket, &trail.prefix, &filter).await?;
                found.digest = newest(keys, digest_end);
            }
        }
        Ok(found)
    }
}

fn newest(keys: Vec<String>, time: fn(&str) -> Option<Timestamp>) -> Option<Newest> {
    let timed = keys.into_iter().filter_map(|key| Some(Newest { time: time(&key)?, key }));
    timed.max_by_key(|newest| newest.time)
}

/// A quiet account writes no log objects, and neither does a trail that is off: digests show which
/// of them it is.
pub(super) fn evaluate(trail: &Trail, found: &Deliveries, now: Timestamp) -> [Check; 2] {
    let is_recent = |newest: &Option<Newest>, max_age| {
        newest.as_ref().is_some_and(|newest| now.duration_since(newest.time) <= max_age)
    };
    let describe = |newest: &Option<Newest>, kind: &str| match newest {
        Some(Newest { time, .. }) => {
            format!("{trail}: newest {kind} {time} ({})", format_age(*time, now))
        }
        None => format!("{trail}: no {kind} within a month"),
    };
    let log = describe(&found.log, "log object");
    let digest = describe(&found.digest, "digest");
    let has_digests = is_recent(&found.digest, MAX_DIGEST_AGE);
    let start = ShellCommand::new("aws cloudtrail start-logging --name=TRAIL");
    let logs = match (is_recent(&found.log, MAX_LOG_AGE), has_digests) {
        (true, _) => Check::ok("logs", log),
        (false, true) => {
            let message = format!("{log}; digests continue, so the account may just be quiet");
            Check::warn("logs", message, start)
        }
        (false, false) => {
            let message = format!("{log}; no recent digest either: the trail is off, or elsewhere");
            Check::fail("logs", message, start)
        }
    };
    let validation = "aws cloudtrail update-trail --name=TRAIL --enable-log-file-validation";
    let digests = match has_digests {
        true => Check::ok("digests", digest),
        false => {
            let message = format!("{digest}: without them a quiet account looks like a dead trail");
            Check::warn("digests", message, ShellCommand::new(validation))
        }
    };
    [logs, digests]
}

/// Reads the newest log object and the newest digest to their ends.
pub(super) async fn check_readable(
    deployment: &Deployment,
    trail: &Trail,
    found: &Deliveries,
) -> Vec<Check> {
    let max_bytes = deployment.config.max_object_bytes;
    let read_log = move |body| {
        let options = Options::records(max_bytes);
        let (read, end) = reader::read(body, options, &mut |_, _| {});
        end.map(|()| format!("{} bytes inflated, records: {}", read.bytes, read.records))
    };
    let read_digest = move |body| {
        reader::inflated_size(body, max_bytes).map(|bytes| format!("{bytes} bytes inflated"))
    };
    let object = |newest: &Newest| ObjectRef {
        bucket: trail.bucket.clone(),
        key: newest.key.clone(),
        version_id: None,
    };
    let mut checks = Vec::new();
    if let Some(log) = found.log.as_ref().map(object) {
        checks.push(check_object(deployment, &log, read_log).await);
    }
    if let Some(digest) = found.digest.as_ref().map(object) {
        checks.push(check_object(deployment, &digest, read_digest).await);
    }
    checks
}

async fn check_object(
    deployment: &Deployment,
    object: &ObjectRef,
    read: impl FnOnce(Body) -> Result<String, ReadError> + Send + 'static,
) -> Check {
    let download = || {
        let url = format!("s3://{}/{}", object.bucket, object.key);
        ShellCommand::new("aws s3 cp").argument(&url).words(".")
    };
    let body = match deployment.store.open(object).await {
        Ok(body) => body,
        Err(error) => {
            let fix = match &error.kind {
                StoreErrorKind::Aws(error) if error.kind == AwsErrorKind::Denied => {
                    fixes::allow_on_bucket("s3:GetObject", &format!("{}/*", object.bucket))
                }
                StoreErrorKind::Aws(error) if error.kind != AwsErrorKind::Other => {
                    fixes::for_aws_error(error)
                }
                _ => download(),
            };
            return Check::fail("readable", error_chain(&error), fix);
        }
    };
    // A body that is streamed blocks.
    let why = match tokio::task::spawn_blocking(move || read(body)).await {
        Ok(Ok(read)) => return Check::ok("readable", format!("{object}: read to the end: {read}")),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic.to_string(),
    };
    Check::fail("readable", format!("{object}: {why}"), download())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level::{self, Fail, Ok, Warn};

    #[test]
    fn a_quiet_account_is_not_taken_for_a_dead_trail() {
        let now: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        let trail = Trail::parse("s3://logs").unwrap();
        let newest = |hours: Option<i64>| {
            let time = hours.map(|hours| now - SignedDuration::from_hours(hours));
            time.map(|time| Newest { key: String::new(), time })
        };
        let cases: [(Option<i64>, Option<i64>, [Level; 2]); 7] = [
            (Some(1), Some(1), [Ok, Ok]),
            (Some(24), Some(3), [Ok, Ok]),
            (Some(25), Some(1), [Warn, Ok]),
            (None, Some(1), [Warn, Ok]),
            (Some(1), None, [Ok, Warn]),
            (Some(25), Some(4), [Fail, Warn]),
            (None, None, [Fail, Warn]),
        ];
        for (log, digest, expected) in cases {
            let found = Deliveries { log: newest(log), digest: newest(digest) };
            let levels = evaluate(&trail, &found, now).map(|check| check.level);
            assert_eq!(levels, expected, "{log:?} {digest:?}");
        }
    }
}
