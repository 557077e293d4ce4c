//! Whether the trails deliver what the rules need, and whether that is announced.

use std::collections::{BTreeMap, BTreeSet};

use detect::cloudtrail::Trail;
use detect::rule::{Detections, ReadScope};
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::Timestamp;
use trailbell::store::{StoreError, walk};

use super::deliveries::{self, Deliveries};
use super::{Check, Deployment, Level, bucket, fixes};

pub(super) async fn check(
    deployment: &Deployment,
    detections: Option<&Detections>,
    now: Timestamp,
) -> Vec<Check> {
    let trails = &deployment.config.trails;
    if trails.is_empty() {
        let message = "TRAILBELL_TRAILS is not set: no trail is checked, and no sweep finds what \
                       was not announced";
        let fix = ShellCommand::new("export TRAILBELL_TRAILS=s3://BUCKET/PREFIX");
        return vec![Check::warn("trail", message, fix)];
    }
    // Several trails may share a bucket: each bucket is checked once.
    let buckets: BTreeMap<&str, &Trail> =
        trails.iter().map(|trail| (trail.bucket.as_str(), trail)).collect();
    let mut checks = Vec::new();
    let mut notifications = BTreeMap::new();
    for (name, trail) in buckets {
        let bucket = deployment.check_trail_bucket(trail).await;
        if bucket.level == Level::Ok {
            let owner = deployment.owner.as_deref();
            notifications.insert(name, deployment.store.notifications(name, owner).await);
        }
        checks.push(bucket);
    }
    for trail in trails {
        let Some(notifications) = notifications.get(trail.bucket.as_str()) else { continue };
        checks.extend(check_trail(deployment, trail, detections, now).await);
        let expected = deployment.expected_target.as_ref();
        checks.push(bucket::evaluate_notification(notifications, trail, expected));
    }
    checks
}

async fn check_trail(
    deployment: &Deployment,
    trail: &Trail,
    detections: Option<&Detections>,
    now: Timestamp,
) -> Vec<Check> {
    let is_read = |account: &str, region: &str| {
        detections.is_none_or(|detections| detections.can_match_in(account, region))
    };
    // Those of single accounts do not show that the trail has what most rules need.
    let everywhere = ReadScope::default();
    let matters = |region: &str| {
        detections.is_none_or(|it| it.rule_set.can_match_in("", region, &everywhere))
    };
    let lists = async {
        let found = Deliveries::find(&deployment.store, trail, now, &is_read).await?;
        let regions = walk::log_regions(&deployment.store, &trail.bucket, &trail.prefix).await?;
        Ok::<_, StoreError>((found, regions))
    };
    let (deliveries, regions) = match lists.await {
        Ok(lists) => lists,
        Err(error) => {
            let fix = fixes::allow_on_bucket("s3:ListBucket", &trail.bucket);
            return vec![Check::fail("logs", error_chain(&error), fix)];
        }
    };
    let mut checks = vec![evaluate_regions(trail, &regions, &matters)];
    checks.extend(deliveries::evaluate(trail, &deliveries, now));
    checks.extend(deliveries::check_readable(deployment, trail, &deliveries).await);
    checks
}

/// IAM, for example, is recorded in a single region of a partition: a trail of another region never
/// has its records.
fn evaluate_regions(
    trail: &Trail,
    regions: &BTreeSet<String>,
    matters: &dyn Fn(&str) -> bool,
) -> Check {
    let names: Vec<&str> = regions.iter().map(String::as_str).collect();
    let needed: Vec<&str> = names.iter().copied().filter(|region| matters(region)).collect();
    if names.is_empty() {
        let message = format!("{trail}: no log objects of any region: check the prefix");
        return Check::fail("regions", message, fixes::describe_trails());
    }
    if needed.is_empty() {
        let message =
            format!("{trail}: log objects of {} only, where no rule can match", names.join(", "));
        let fix =
            ShellCommand::new("aws cloudtrail update-trail --name=TRAIL --is-multi-region-trail");
        return Check::fail("regions", message, fix);
    }
    let message = format!(
        "{trail}: rules can match in {} of {} regions: {}",
        needed.len(),
        names.len(),
        needed.join(", ")
    );
    Check::ok("regions", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_without_the_region_of_iam_fails() {
        let trail = Trail::parse("s3://logs").unwrap();
        for (regions, level, part) in [
            (&["eu-west-1", "us-east-1"][..], Level::Ok, "in 1 of 2 regions: us-east-1"),
            (&["eu-west-1"], Level::Fail, "log objects of eu-west-1 only"),
            (&[], Level::Fail, "no log objects of any region"),
        ] {
            let regions = regions.iter().map(|region| (*region).to_owned()).collect();
            let check = evaluate_regions(&trail, &regions, &|region| region == "us-east-1");
            assert_eq!(check.level, level, "{check}");
            assert!(check.message.contains(part), "{check}");
        }
    }
}
