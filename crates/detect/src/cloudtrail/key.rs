//! How CloudTrail names its objects, and what a key says about the content.
//!
//! Folders: `[prefix/]AWSLogs/[o-xxxx/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`,
//! then the file: `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_xxxx.json.gz`.
//!
//! Source:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html>

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::digest_name::DigestName;

/// `s3://BUCKET/PREFIX`, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Prefix {
    /// The bucket's name; not empty.
    pub bucket: String,
    /// What keys begin with, not URL-encoded. May be empty, or a whole key.
    pub prefix: String,
}

impl S3Prefix {
    /// Parses `s3://BUCKET` or `s3://BUCKET/PREFIX`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<S3Prefix> {
        let path = text.strip_prefix("s3://")?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let place = S3Prefix { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        (!bucket.is_empty()).then_some(place)
    }

    /// The prefix as a folder: empty, or with one `/` at its end and none at its start.
    pub fn folder(&self) -> String {
        match self.prefix.trim_matches('/') {
            "" => String::new(),
            folder => format!("{folder}/"),
        }
    }
}

impl fmt::Display for S3Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Where a trail puts its log objects: a bucket, and a prefix of the trail's or below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// The bucket's name.
    pub bucket: String,
    /// Empty, or ends in `/`.
    pub prefix: String,
}

impl Trail {
    /// Parses `s3://BUCKET` or `s3://BUCKET/PREFIX`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<Trail> {
        let place = S3Prefix::parse(text)?;
        Some(Trail { prefix: place.folder(), bucket: place.bucket })
    }

    /// Returns true if the object of a bucket and key, not URL-encoded, is below the prefix.
    pub fn contains(&self, bucket: &str, key: &str) -> bool {
        self.bucket == bucket && key.starts_with(&self.prefix)
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// What an object holds, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind<'a> {
    /// Records of calls.
    Log {
        /// The account of the records.
        account: &'a str,
        /// The region of the records.
        region: &'a str,
    },
    /// A digest file: hashes of log objects.
    Digest,
    /// Insights: statistics, not calls.
    Insight,
    /// An empty object that stands for a folder.
    Folder,
    /// Not an object of CloudTrail.
    Foreign,
}

impl<'a> ObjectKind<'a> {
    /// Reads a key, not URL-encoded: the file name, else the folders if the file was renamed.
    pub fn from_key(key: &'a str) -> ObjectKind<'a> {
        let (folders, name) = split_key(key);
        if name.is_empty() {
            return ObjectKind::Folder;
        }
        from_name(name).or_else(|| from_folders(folders, name)).unwrap_or(ObjectKind::Foreign)
    }

    /// Returns true for objects that a working trail delivers without being asked: log objects
    /// after calls, digest files every hour.
    pub fn shows_delivery(self) -> bool {
        matches!(self, ObjectKind::Log { .. } | ObjectKind::Digest)
    }

    /// Why the object holds no records. Returns `None` if it does.
    pub fn skip_reason(self) -> Option<&'static str> {
        match self {
            ObjectKind::Log { .. } => None,
            ObjectKind::Digest => Some("a digest file of CloudTrail, not a log object"),
            ObjectKind::Insight => Some("an Insights file of CloudTrail, not a log object"),
            ObjectKind::Folder => Some("a folder marker, not a log object"),
            ObjectKind::Foreign => Some("not named as a log object of CloudTrail"),
        }
    }
}

/// When a log object was delivered, to the minute. Returns `None` for the key of anything else.
pub fn delivery_time(key: &str) -> Option<Timestamp> {
    let (_, name) = split_key(key);
    let Some(ObjectKind::Log { .. }) = from_name(name) else { return None };
    parse_stamp("%Y%m%dT%H%MZ", name.split('_').nth(3)?)
}

/// The end of the hour that a digest file covers. Returns `None` for the key of anything else.
pub fn digest_end(key: &str) -> Option<Timestamp> {
    DigestName::from_key(key).map(|name| name.end)
}

/// Returns true for an account id: 12 digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The regions in whose log objects IAM's records are, one for each partition: the region of the
/// partition's global services. Since 2021-11-22 this holds for multi-region trails as well.
///
/// Source:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>
const IAM_REGIONS: [&str; 8] = [
    "us-east-1",
    "cn-north-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
    "eusc-de-east-1",
];

/// Returns false if log objects of `region` never hold records of `provider` (an `eventSource`,
/// e.g. `iam.amazonaws.com`).
pub fn region_records(region: &str, provider: &str) -> bool {
    regions_recording(provider).is_none_or(|regions| regions.contains(&region))
}

/// The regions in whose log objects records of `provider` are, of all partitions. `None` if that
/// can be every region.
pub fn regions_recording(provider: &str) -> Option<&'static [&'static str]> {
    (provider == "iam.amazonaws.com").then_some(&IAM_REGIONS)
}

/// Returns true if two regions are in the same partition of AWS. All accounts that write to a
/// bucket are in its partition.
pub fn is_same_partition(one: &str, other: &str) -> bool {
    partition_prefix(one) == partition_prefix(other)
}

/// What the names of a partition's regions begin with. Empty for AWS's main one.
///
/// Source:
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
fn partition_prefix(region: &str) -> &'static str {
    let prefixes = ["cn-", "us-gov-", "us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-"];
    prefixes.into_iter().find(|prefix| region.starts_with(prefix)).unwrap_or_default()
}

/// The folders and the file name of a key.
fn split_key(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

pub(super) fn parse_stamp(format: &str, stamp: &str) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(DateTime::strptime(format, stamp).ok()?).ok()
}

fn from_name(name: &str) -> Option<ObjectKind<'_>> {
    from_parts(name.split('_'), name)
}

fn from_folders<'a>(folders: &'a str, name: &str) -> Option<ObjectKind<'a>> {
    let (_, below) = folders.rsplit_once("AWSLogs/")?;
    from_parts(below.split('/').skip_while(|part| part.starts_with("o-")), name)
}

/// `parts`: account, service, region and more.
fn from_parts<'a>(mut parts: impl Iterator<Item = &'a str>, name: &str) -> Option<ObjectKind<'a>> {
    let account = parts.next().filter(|account| is_account_id(account))?;
    let service = parts.next()?;
    let region = parts.next()?;
    match service {
        "CloudTrail" if name.ends_with(".json.gz") || name.ends_with(".json") => {
            Some(ObjectKind::Log { account, region })
        }
        "CloudTrail-Digest" => Some(ObjectKind::Digest),
        "CloudTrail-Insight" => Some(ObjectKind::Insight),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "111122223333_CloudTrail_us-east-1_20260301T1005Z_a1B2c3D4e5F6g7H8.json.gz";

    fn check(key: &str, expected: ObjectKind<'_>) {
        assert_eq!(ObjectKind::from_key(key), expected, "{key}");
    }

    #[test]
    fn keys_say_what_the_objects_hold() {
        let log = ObjectKind::Log { account: "111122223333", region: "us-east-1" };
        let day = "CloudTrail/us-east-1/2026/03/01";
        check(&format!("AWSLogs/111122223333/{day}/{NAME}"), log);
        check(&format!("some/prefix/AWSLogs/o-exampleorg/111122223333/{day}/{NAME}"), log);
        check(&format!("o-exampleorg/AWSLogs/111122223333/{day}/{NAME}"), log);
        check(&format!("kept/elsewhere/{NAME}"), log);
        check(NAME, log);
        check(&format!("AWSLogs/111122223333/{day}/renamed.json.gz"), log);
        check(&format!("AWSLogs/111122223333/{day}/notes.txt"), ObjectKind::Foreign);
        check("AWSLogs/111122223333/CloudTrail/", ObjectKind::Folder);
        let digest = "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_\
            20260301T100000Z_backfill.json.gz";
        check(
            &format!("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/{digest}"),
            ObjectKind::Digest,
        );
        check(
            "AWSLogs/111122223333/CloudTrail-Insight/us-east-1/2026/03/01/x.json.gz",
            ObjectKind::Insight,
        );
        check(
            "AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/03/01/x.log.gz",
            ObjectKind::Foreign,
        );
        check(
            "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/03/01/x.log.gz",
            ObjectKind::Foreign,
        );
        check("report.json.gz", ObjectKind::Foreign);
        check("1234_CloudTrail_us-east-1_x.json.gz", ObjectKind::Foreign);
        check("", ObjectKind::Folder);
    }

    #[test]
    fn a_trail_contains_what_is_below_its_folder() {
        for (trail, key, expected) in [
            ("s3://logs", "AWSLogs/x", true),
            ("s3://logs/audit", "audit/AWSLogs/x", true),
            ("s3://logs/audit", "audit-copy/AWSLogs/x", false),
            ("s3://logs/audit", "AWSLogs/x", false),
            ("s3://logs-copy", "AWSLogs/x", false),
        ] {
            let trail = Trail::parse(trail).unwrap();
            assert_eq!(trail.contains("logs", key), expected, "{trail} {key}");
        }
    }

    #[test]
    fn names_of_digests_say_their_hour() {
        let name = |rest: &str| format!("a/111122223333_CloudTrail-Digest_us-east-1_{rest}");
        for (key, expected) in [
            (name("my_trail_eu-west-1_20260301T100512Z.json.gz"), Some("2026-03-01T10:05:12Z")),
            (
                name("trail_us-east-1_20260301T100512Z_backfill.json.gz"),
                Some("2026-03-01T10:05:12Z"),
            ),
            (name("trail_us-east-1_20260301T1005Z.json.gz"), None),
            (name("trail.json"), None),
            (NAME.to_owned(), None),
        ] {
            assert_eq!(digest_end(&key).map(|time| time.to_string()).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn names_say_when_the_objects_were_delivered() {
        let time = |key: &str| delivery_time(key).map(|time| time.to_string());
        let expected = Some("2026-03-01T10:05:00Z".to_owned());
        assert_eq!(
            time(&format!("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/{NAME}")),
            expected
        );
        assert_eq!(time(NAME), expected);
        for other in [
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/renamed.json.gz",
            "111122223333_CloudTrail_us-east-1_20261301T1005Z_a.json.gz",
            "111122223333_CloudTrail_us-east-1.json.gz",
            "111122223333_CloudTrail-Digest_us-east-1_20260301T1005Z_a.json.gz",
            "",
        ] {
            assert_eq!(time(other), None, "{other}");
        }
    }

    #[test]
    fn iam_is_recorded_in_one_region_of_each_partition() {
        assert!(region_records("us-east-1", "iam.amazonaws.com"));
        assert!(region_records("cn-north-1", "iam.amazonaws.com"));
        assert!(region_records("us-gov-west-1", "iam.amazonaws.com"));
        assert!(!region_records("eu-central-1", "iam.amazonaws.com"));
        assert!(region_records("eu-central-1", "ec2.amazonaws.com"));
        let regions = regions_recording("iam.amazonaws.com").unwrap();
        for region in regions {
            let of_partition = |other: &&&str| is_same_partition(other, region);
            assert_eq!(regions.iter().filter(of_partition).count(), 1, "{region}");
        }
        assert_eq!(regions_recording("ec2.amazonaws.com"), None);
        assert!(is_same_partition("us-east-1", "eu-central-1"));
        assert!(!is_same_partition("us-east-1", "us-gov-east-1"));
    }
}
