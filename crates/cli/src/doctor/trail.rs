//! Whether a trail delivers what the rules need, and whether that is announced.

use std::collections::{BTreeMap, BTreeSet};

use detect::cloudtrail::Trail;
use detect::rule::RuleSet;
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::Timestamp;
use trailbell::aws_error::AwsError;
use trailbell::store::{Notifications, StoreError, walk};

use super::deliveries::{self, Deliveries};
use super::{Check, Deployment, bucket, notification, readable};

/// What a bucket says of its notifications.
type Announcements = Result<Notifications, AwsError>;

pub(super) async fn examine(
    deployment: &Deployment,
    rules: &Option<RuleSet>,
    now: Timestamp,
) -> Vec<Check> {
    if deployment.config.trails.is_empty() {
        let told = "TRAILBELL_TRAILS is not set: no trail can be looked at, and no sweep finds what was not announced";
        return vec![Check::warn(
            "trail",
            told,
            ShellCommand::new("export TRAILBELL_TRAILS=s3://BUCKET/PREFIX"),
        )];
    }
    let mut checks = Vec::new();
    let buckets = buckets(deployment, &mut checks).await;
    for trail in &deployment.config.trails {
        let Some(announcements) = buckets.get(trail.bucket.as_str()) else { continue };
        checks.extend(one(deployment, trail, rules, now).await);
        checks.push(notification::judge(announcements, trail, deployment.announced.as_ref()));
    }
    checks
}

/// The buckets that can be reached, each looked at once.
async fn buckets<'a>(
    deployment: &'a Deployment,
    checks: &mut Vec<Check>,
) -> BTreeMap<&'a str, Announcements> {
    let owner = deployment.owner.as_deref();
    let names: BTreeSet<&str> =
        deployment.config.trails.iter().map(|trail| trail.bucket.as_str()).collect();
    let mut reachable = BTreeMap::new();
    for name in names {
        match bucket::reachable(&deployment.store, name, owner, bucket::Use::Trail).await {
            Ok(check) => {
                checks.push(check);
                reachable.insert(name, deployment.store.notifications(name, owner).await);
            }
            Err(check) => checks.push(*check),
        }
    }
    reachable
}

async fn one(
    deployment: &Deployment,
    trail: &Trail,
    rules: &Option<RuleSet>,
    now: Timestamp,
) -> Vec<Check> {
    let matters = |region: &str| rules.as_ref().is_none_or(|rules| rules.can_match_in(region));
    let found = deliveries::find(&deployment.store, trail, now, &matters).await;
    let regions = walk::log_regions(&deployment.store, &trail.bucket, &trail.prefix).await;
    let (found, regions) = match (found, regions) {
        (Ok(found), Ok(regions)) => (found, regions),
        (Err(error), _) | (_, Err(error)) => return vec![unlisted(trail, &error)],
    };
    let mut checks = vec![judge_regions(trail, &regions, &matters)];
    checks.extend(deliveries::judge(trail, &found, now));
    let Deliveries { log, digest } = found;
    checks.extend(readable::log(deployment, trail, log).await);
    checks.extend(readable::digest(deployment, trail, digest).await);
    checks
}

fn unlisted(trail: &Trail, error: &StoreError) -> Check {
    let cure = bucket::allow(&["s3:ListBucket"], &format!("arn:aws:s3:::{}", trail.bucket));
    Check::fail("logs", format!("{trail}: {}", error_chain(error)), cure)
}

/// IAM, for one, is recorded in a single region of a partition: a trail of another region never
/// sees it.
fn judge_regions(
    trail: &Trail,
    regions: &BTreeSet<String>,
    matters: &dyn Fn(&str) -> bool,
) -> Check {
    let (needed, others): (Vec<&str>, Vec<&str>) =
        regions.iter().map(String::as_str).partition(|name| matters(name));
    let update =
        ShellCommand::new("aws cloudtrail update-trail --name=TRAIL --is-multi-region-trail");
    match (needed.as_slice(), others.as_slice()) {
        ([], []) => {
            let told = format!(
                "{trail}: no log object of any region lies there: is the prefix the trail's own?"
            );
            Check::fail("regions", told, bucket::trails())
        }
        ([], others) => {
            let told = format!(
                "{trail}: only of {}, where nothing is recorded that the rules look for",
                others.join(", ")
            );
            Check::fail("regions", told, update)
        }
        (needed, _) => {
            let told = format!(
                "{trail}: {} of {} regions matter to the rules: {}",
                needed.len(),
                regions.len(),
                needed.join(", ")
            );
            Check::ok("regions", told)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_trail_without_the_region_of_iam_fails() {
        let trail = Trail::parse("s3://logs").unwrap();
        let judged = |regions: &[&str]| {
            let regions = regions.iter().map(|region| (*region).to_owned()).collect();
            let check = judge_regions(&trail, &regions, &|region| region == "us-east-1");
            (check.level, check.told)
        };
        for (regions, level, part) in [
            (
                &["eu-west-1", "us-east-1"][..],
                Level::Ok,
                "1 of 2 regions matter to the rules: us-east-1",
            ),
            (&["eu-west-1"], Level::Fail, "only of eu-west-1"),
            (&[], Level::Fail, "no log object of any region"),
        ] {
            let (judged, told) = judged(regions);
            assert_eq!(judged, level, "{regions:?}");
            assert!(told.contains(part), "{regions:?}: {told}");
        }
    }
}
