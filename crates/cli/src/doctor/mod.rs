//! Diagnoses a deployment: asks S3 and SNS, as the operator sees them, and suggests fixes.
//!
//! Nothing is changed. A few objects are written below `doctor/` in the ledger, and deleted again:
//! only that shows whether the ledger can be written, and honours conditions.
//!
//! Each module makes requests in `check` or `check_…`, and has functions `evaluate_…` that turn the
//! answers into checks and make no requests.

mod bucket;
mod deliveries;
mod fixes;
mod ledger;
mod report;
mod rules;
mod settings;
mod stack;
mod sweeps;
mod topic;
mod trail;
mod verified;

use detect::cloudtrail::Trail;
use jiff::{SignedDuration, Timestamp};
use trailbell::app::config::{AlertsPlace, Config, LedgerPlace, ReportsPlace};
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger::Ledger;
use trailbell::sink::SnsTopic;
use trailbell::store::S3Store;

pub use bucket::ExpectedTarget;
pub use report::{Check, DoctorReport, Level};
pub use settings::{AccessKey, CallerIdentity, evaluate_settings};
pub use stack::StackSettings;

/// What is checked, and how.
pub struct Deployment {
    /// The function's settings.
    pub config: Config,
    /// The credentials and the region of the requests.
    pub identity: CallerIdentity,
    /// S3, with these credentials.
    pub store: S3Store,
    /// Where alerts go, if that is a topic.
    pub topic: Option<SnsTopic>,
    /// Where findings are recorded.
    pub ledger: Ledger,
    /// What the buckets of the trails must notify. `None` accepts everything.
    pub expected_target: Option<ExpectedTarget>,
    /// The account that must own the buckets of the trails.
    pub owner: Option<String>,
    /// Nothing may be written.
    pub read_only: bool,
}

impl Deployment {
    /// The deployment of a configuration. Makes no request to S3 or SNS.
    pub async fn new(
        aws: &Aws,
        config: Config,
        expected_target: Option<ExpectedTarget>,
        owner: Option<String>,
        read_only: bool,
    ) -> Deployment {
        let topic = match &config.alerts {
            AlertsPlace::Topic(arn) => Some(SnsTopic::new(aws.sns(arn).await, arn.clone())),
            AlertsPlace::Stdout | AlertsPlace::Dir(_) => None,
        };
        let identity = CallerIdentity::from_credentials(aws.config().await).await;
        let store = S3Store::new(aws.s3().await);
        let ledger = wiring::build_ledger(&config.ledger, aws).await;
        Deployment { config, identity, store, topic, ledger, expected_target, owner, read_only }
    }

    /// Runs all checks. Ages are counted to `now`.
    pub async fn diagnose(&self, now: Timestamp) -> DoctorReport {
        let identity = settings::evaluate_identity(&self.identity);
        if identity.level == Level::Fail {
            // Every other request would fail for the same reason.
            return DoctorReport(vec![identity]);
        }
        let (detections, rules) = rules::check(self, now).await;
        let mut checks = vec![identity];
        checks.extend(rules);
        checks.extend(trail::check(self, detections.as_ref(), now).await);
        checks.extend(topic::check(self).await);
        checks.extend(self.check_ledger(now).await);
        checks.extend(self.check_reports().await);
        DoctorReport(checks)
    }

    async fn check_ledger(&self, now: Timestamp) -> Vec<Check> {
        let Ledger::Stored(ledger) = &self.ledger else { return vec![ledger::no_ledger()] };
        if let LedgerPlace::S3(place) = &self.config.ledger {
            let list = self.store.bucket_region(&place.bucket, None).await;
            let bucket = bucket::evaluate_ledger_bucket(&place.bucket, &list);
            if bucket.level == Level::Fail {
                return vec![bucket];
            }
        }
        ledger::check(self, ledger, now).await
    }

    /// Whether there is a bucket for pages. `None` if none are written to S3.
    async fn check_reports(&self) -> Option<Check> {
        let Some(ReportsPlace::S3(place)) = &self.config.reports else { return None };
        let list = self.store.bucket_region(&place.bucket, None).await;
        Some(bucket::evaluate_reports(place, &list))
    }

    /// The region of the bucket of a trail, if it can be listed.
    async fn check_trail_bucket(&self, trail: &Trail) -> Check {
        let list = self.store.bucket_region(&trail.bucket, self.owner.as_deref()).await;
        bucket::evaluate_trail_bucket(&trail.bucket, self.owner.as_deref(), &list)
    }
}

/// How long ago, in the largest unit of which there are at least two.
pub(crate) fn format_age(time: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(time).max(SignedDuration::ZERO);
    match (age.as_mins(), age.as_hours()) {
        (0..120, _) => format!("{} min ago", age.as_mins()),
        (_, 0..48) => format!("{} hours ago", age.as_hours()),
        (_, hours) => format!("{} days ago", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_units_that_fit() {
        let now: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        for (time, age) in [
            ("2026-03-12T11:59:30Z", "0 min ago"),
            ("2026-03-12T10:01:00Z", "119 min ago"),
            ("2026-03-12T10:00:00Z", "2 hours ago"),
            ("2026-03-10T12:00:01Z", "47 hours ago"),
            ("2026-03-10T12:00:00Z", "2 days ago"),
            ("2026-03-12T13:00:00Z", "0 min ago"),
        ] {
            assert_eq!(format_age(time.parse().unwrap(), now), age, "{time}");
        }
    }
}
