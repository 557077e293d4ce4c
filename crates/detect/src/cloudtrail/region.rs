//! Where the calls of a service are recorded.

/// The regions in whose log objects IAM's records stand, one a partition: the region of each
/// partition's global services. Since 2021-11-22 IAM is recorded in us-east-1 only, in a
/// multi-region trail too.
///
/// Source:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>
const IAM: [&str; 8] = [
    "us-east-1",
    "cn-north-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
    "eusc-de-east-1",
];

/// Whether records of `provider` (an `eventSource`, e.g. `iam.amazonaws.com`) can stand in log
/// objects of `region`. A service that is not known to be global can be recorded everywhere.
pub fn can_hold(region: &str, provider: &str) -> bool {
    provider != "iam.amazonaws.com" || IAM.contains(&region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_is_recorded_in_one_region_of_each_partition() {
        assert!(can_hold("us-east-1", "iam.amazonaws.com"));
        assert!(can_hold("cn-north-1", "iam.amazonaws.com"));
        assert!(can_hold("us-gov-west-1", "iam.amazonaws.com"));
        assert!(!can_hold("eu-central-1", "iam.amazonaws.com"));
        assert!(can_hold("eu-central-1", "ec2.amazonaws.com"));
    }
}
