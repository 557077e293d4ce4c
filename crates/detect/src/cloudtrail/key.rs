//! How CloudTrail names its objects.
//!
//! `[prefix/]AWSLogs/[o-xxxx/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_xxxx.json.gz`
//!
//! Source:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html>

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// What a key says its object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A log object.
    Log {
        /// The region whose records it holds.
        region: &'a str,
    },
    /// A digest file: hashes of log objects.
    Digest,
    /// Insights: statistics, not calls.
    Insight,
    /// An empty object that stands for a folder.
    Folder,
    /// Nothing of CloudTrail's.
    Foreign,
}

impl Kind<'_> {
    /// Whether a trail that works writes such objects by itself: log objects where there were
    /// calls, digest files every hour, calls or none.
    pub fn is_sign_of_life(self) -> bool {
        matches!(self, Kind::Log { .. } | Kind::Digest)
    }

    /// Why there are no records to look for; none where there are.
    pub fn no_records(self) -> Option<&'static str> {
        match self {
            Kind::Log { .. } => None,
            Kind::Digest => Some("a digest file of CloudTrail, not a log object"),
            Kind::Insight => Some("an Insights file of CloudTrail, not a log object"),
            Kind::Folder => Some("a folder marker, not a log object"),
            Kind::Foreign => Some("not named as a log object of CloudTrail"),
        }
    }
}

/// What `key` (decoded) says its object is: by its file name, which CloudTrail always gives, else
/// by its folders.
pub fn kind(key: &str) -> Kind<'_> {
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    if name.is_empty() {
        return Kind::Folder;
    }
    by_name(name).or_else(|| by_folders(folders, name)).unwrap_or(Kind::Foreign)
}

/// When a log object was delivered, to the minute, by its name; none where that does not say so.
pub fn delivered(key: &str) -> Option<Timestamp> {
    let (_, name) = key.rsplit_once('/').unwrap_or(("", key));
    let stamp =
        name.split('_').nth(3).filter(|_| matches!(by_name(name), Some(Kind::Log { .. })))?;
    let minute = DateTime::strptime("%Y%m%dT%H%MZ", stamp).ok()?;
    Offset::UTC.to_timestamp(minute).ok()
}

/// The end of the hour that a digest file tells of, by its name; none where that does not say so.
///
/// Source:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>
pub fn digested(key: &str) -> Option<Timestamp> {
    let (_, name) = key.rsplit_once('/').unwrap_or(("", key));
    if by_name(name) != Some(Kind::Digest) {
        return None;
    }
    let name = name.strip_suffix(".json.gz")?;
    // A trail's name may hold `_` too.
    let (_, stamp) = name.strip_suffix("_backfill").unwrap_or(name).rsplit_once('_')?;
    Offset::UTC.to_timestamp(DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?).ok()
}

fn by_name(name: &str) -> Option<Kind<'_>> {
    let mut parts = name.split('_');
    let account = parts.next()?;
    if !is_account(account) {
        return None;
    }
    let (service, region) = (parts.next()?, parts.next()?);
    of_service(service, region, name)
}

fn by_folders<'a>(folders: &'a str, name: &str) -> Option<Kind<'a>> {
    let (_, below) = folders.rsplit_once("AWSLogs/")?;
    let mut parts = below.split('/').skip_while(|part| part.starts_with("o-"));
    if !is_account(parts.next()?) {
        return None;
    }
    let (service, region) = (parts.next()?, parts.next()?);
    of_service(service, region, name)
}

fn of_service<'a>(service: &str, region: &'a str, name: &str) -> Option<Kind<'a>> {
    match service {
        "CloudTrail" if name.ends_with(".json.gz") || name.ends_with(".json") => {
            Some(Kind::Log { region })
        }
        "CloudTrail-Digest" => Some(Kind::Digest),
        "CloudTrail-Insight" => Some(Kind::Insight),
        _ => None,
    }
}

/// Whether a text is an account id: 12 digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "111122223333_CloudTrail_us-east-1_20260301T1005Z_a1B2c3D4e5F6g7H8.json.gz";

    fn check(key: &str, expected: Kind<'_>) {
        assert_eq!(kind(key), expected, "{key}");
    }

    #[test]
    fn keys_tell_what_their_objects_are() {
        let log = Kind::Log { region: "us-east-1" };
        let day = "CloudTrail/us-east-1/2026/03/01";
        check(&format!("AWSLogs/111122223333/{day}/{NAME}"), log);
        check(&format!("some/prefix/AWSLogs/o-exampleorg/111122223333/{day}/{NAME}"), log);
        check(&format!("o-exampleorg/AWSLogs/111122223333/{day}/{NAME}"), log);
        check(&format!("kept/elsewhere/{NAME}"), log);
        check(NAME, log);
        check(&format!("AWSLogs/111122223333/{day}/renamed.json.gz"), log);
        check(&format!("AWSLogs/111122223333/{day}/notes.txt"), Kind::Foreign);
        check("AWSLogs/111122223333/CloudTrail/", Kind::Folder);
        let digest = "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T100000Z_backfill.json.gz";
        check(
            &format!("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/{digest}"),
            Kind::Digest,
        );
        check(
            "AWSLogs/111122223333/CloudTrail-Insight/us-east-1/2026/03/01/x.json.gz",
            Kind::Insight,
        );
        check(
            "AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/03/01/x.log.gz",
            Kind::Foreign,
        );
        check("AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/03/01/x.log.gz", Kind::Foreign);
        check("report.json.gz", Kind::Foreign);
        check("1234_CloudTrail_us-east-1_x.json.gz", Kind::Foreign);
        check("", Kind::Folder);
    }

    #[test]
    fn names_of_digests_tell_their_hour() {
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
            assert_eq!(digested(&key).map(|time| time.to_string()).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn names_tell_when_their_objects_were_delivered() {
        let time = |key: &str| delivered(key).map(|time| time.to_string());
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
}
