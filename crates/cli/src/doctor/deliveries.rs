//! What a trail delivered last: log objects where somebody called, digests every hour in any case.

use detect::cloudtrail::Trail;
use detect::cloudtrail::key::{delivery_time, digest_end};
use detect::text::shell::ShellCommand;
use jiff::{SignedDuration, Timestamp};
use trailbell::store::walk::{KeyFilter, digest_keys, log_keys};
use trailbell::store::{ObjectStore, StoreError};

use super::Check;
use super::age::format_age;

/// How far back is looked, step by step: a busy trail is not listed as a whole.
const STEPS: [SignedDuration; 3] = [
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(48),
    SignedDuration::from_hours(31 * 24),
];

/// Calls of IAM, or of whatever looks at it, are rarely further apart.
const LOG_IS_OLD: SignedDuration = SignedDuration::from_hours(24);

/// A digest tells of one hour and comes within the next.
const DIGEST_IS_OLD: SignedDuration = SignedDuration::from_hours(3);

/// The newest of something, and when its name says it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) key: String,
    pub(super) time: Timestamp,
}

/// The newest of both, in the regions that matter; none where there is none within a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Deliveries {
    pub(super) log: Option<Newest>,
    pub(super) digest: Option<Newest>,
}

/// Finds the newest log object and the newest digest.
pub(super) async fn find(
    store: &dyn ObjectStore,
    trail: &Trail,
    now: Timestamp,
    region: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Deliveries, StoreError> {
    let mut found = Deliveries::default();
    for step in STEPS {
        let wanted = KeyFilter { since: now.checked_sub(step).ok(), until: None, region };
        let (bucket, prefix) = (&trail.bucket, &trail.prefix);
        if found.log.is_none() {
            found.log = newest(log_keys(store, bucket, prefix, &wanted).await?, delivery_time);
        }
        if found.digest.is_none() {
            found.digest = newest(digest_keys(store, bucket, prefix, &wanted).await?, digest_end);
        }
    }
    Ok(found)
}

fn newest(keys: Vec<String>, time: fn(&str) -> Option<Timestamp>) -> Option<Newest> {
    keys.into_iter()
        .filter_map(|key| Some(Newest { time: time(&key)?, key }))
        .max_by_key(|newest| newest.time)
}

/// A quiet account writes no log objects, a dead trail neither: digests tell one from the other.
pub(super) fn judge(trail: &Trail, found: &Deliveries, now: Timestamp) -> [Check; 2] {
    let is_fresh = |newest: &Option<Newest>, old| {
        newest.as_ref().is_some_and(|it| now.duration_since(it.time) <= old)
    };
    let (log, digest) = (is_fresh(&found.log, LOG_IS_OLD), is_fresh(&found.digest, DIGEST_IS_OLD));
    [
        judge_log(trail, log, digest, told(&found.log, now)),
        judge_digest(trail, digest, told(&found.digest, now)),
    ]
}

fn told(newest: &Option<Newest>, now: Timestamp) -> String {
    let told = |newest: &Newest| {
        format!("the newest is of {} ({})", newest.time, format_age(newest.time, now))
    };
    newest.as_ref().map_or_else(|| "there is none within a month".to_owned(), told)
}

fn judge_log(trail: &Trail, fresh: bool, digests: bool, told: String) -> Check {
    let start = ShellCommand::new("aws cloudtrail start-logging --name=TRAIL");
    match (fresh, digests) {
        (true, _) => Check::ok("logs", format!("{trail}: {told}")),
        (false, true) => Check::warn(
            "logs",
            format!("{trail}: {told}; digests go on, so it may just be quiet"),
            start,
        ),
        (false, false) => Check::fail(
            "logs",
            format!("{trail}: {told}, and no digest is fresh: the trail is off"),
            start,
        ),
    }
}

fn judge_digest(trail: &Trail, fresh: bool, told: String) -> Check {
    let told = format!("{trail}: {told}");
    match fresh {
        true => Check::ok("digests", told),
        false => {
            let told = format!(
                "{told}: without one every hour a quiet account cannot be told from a dead trail"
            );
            let update = "aws cloudtrail update-trail --name=TRAIL --enable-log-file-validation";
            Check::warn("digests", told, ShellCommand::new(update))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level::{self, Fail, Ok, Warn};

    #[test]
    fn a_quiet_account_is_told_from_a_dead_trail() {
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
            assert_eq!(
                judge(&trail, &found, now).map(|check| check.level),
                expected,
                "{log:?} {digest:?}"
            );
        }
    }
}
